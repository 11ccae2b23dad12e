"""The time that a fake cloud takes to make things, in real seconds."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def takes_time(
    thing: Any, attribute: str, making: str, ready: str, seconds: float, work: Callable[[], object] = lambda: None
) -> None:
    """Let a thing's state be that of one being made, for so many seconds and until the work is done; if that fails, it
    is `failed` for good. A state that it got meanwhile stays."""
    setattr(thing, attribute, making)

    def make() -> None:
        began, state = time.monotonic(), ready
        try:
            work()
        except Exception:
            log.exception("%s cannot be made", thing)
            state = "failed"
        else:
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        if getattr(thing, attribute) == making:
            setattr(thing, attribute, state)

    threading.Thread(target=make, daemon=True).start()
