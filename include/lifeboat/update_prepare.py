"""Making the packs of an update ready, before its snapshot and long before a server is touched."""

import logging

from lifeboat.errors import UpdateError
from lifeboat.runtime import Runtime
from lifeboat.update_delivery import Deliveries
from lifeboat.update_documents import UpdatePlan
from lifeboat.update_journal import updated
from lifeboat.update_packs import Packs, ReadyPack
from lifeboat.update_plan import home_engine, method_for

log = logging.getLogger(__name__)


def prepare(runtime: Runtime, plan: UpdatePlan) -> list[ReadyPack]:
    """Given a plan, make its packs ready and deliver them to every host; return them, none if the method needs none.

    Doing it again finds what is there. Raise UpdateError when a pack cannot be made, is not what one of the servers
    needs, or does not arrive; no server was touched then.
    """
    packs = Packs.of(runtime, plan)
    if packs is None:
        log.info("Method %s needs no pack that is made ready first", plan.request.method)
        return []
    deliveries = Deliveries(packs)
    packs.remove_older()
    deliveries.remove_older()
    ready = {each.product: packs.ready(each.product) for each in plan.packs}
    for each in plan.servers:
        if updated(runtime, plan.id, each.server) is None:
            _require_suitable(runtime, plan, each.server, ready[each.product])
            deliveries.deliver(each.server)
    return list(ready.values())


def _require_suitable(runtime: Runtime, plan: UpdatePlan, server: str, pack: ReadyPack) -> None:
    """Raise UpdateError when the pack would not make of the server's home what the update should."""
    _, identity = home_engine(runtime, server).read_patches()
    problems = method_for(runtime, plan.request, server).unmet(identity, pack.identity)
    if problems:
        raise UpdateError(
            f"The pack {pack} would not update server '{server}': {'; '.join(problems)}. No server was touched.",
            next_step="If there is nothing newer, there is nothing to do; else choose another level or pack.",
        )
