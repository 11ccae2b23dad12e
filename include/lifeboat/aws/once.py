"""Things are made once: whatever happened to the answer, a repeated task finds what is there."""

import logging
from collections.abc import Callable
from typing import Any

from lifeboat.aws.cloud import Service, tags_of
from lifeboat.aws.names import Mark
from lifeboat.errors import CloudBusyError, CloudExistsError

log = logging.getLogger(__name__)

Found = dict[str, Any]

#: How long something that was made may stay unseen, in seconds.
_SETTLING = 120.0


def made_once(
    service: Service, what: str, mark: Mark, find: Callable[[], Found | None], make: Callable[[], object]
) -> Found:
    """Return the thing that `find` finds; if there is none, make it first.

    AWS refuses a second thing of one name, or knows the request by its ClientToken, so a request whose answer was lost
    is repeated without harm. Raise CloudError when the thing that is there carries another mark.
    """
    found = find()
    if found is None:
        log.info("Making %s", what)
        try:
            make()
        except CloudExistsError:
            log.info("%s is there already: an earlier try made it, and its answer was lost.", what)
        found = _settled(service, what, find)
    else:
        log.info("Found %s, which an earlier try made", what)
    mark.require(tags_of(found.get("TagList") or found.get("Tags")), what)
    return found


def _settled(service: Service, what: str, find: Callable[[], Found | None]) -> Found:
    clock = service.cloud.clock
    until = clock.seconds() + _SETTLING
    while (found := find()) is None:
        if clock.seconds() >= until:
            raise CloudBusyError(
                f"{what} was made, but is not seen yet.", next_step="Repeat the task; it is found by its name."
            )
        clock.sleep(2.0)
    return found
