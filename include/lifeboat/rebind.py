"""Rebinding: the configuration of a home that comes to another site says what stands there, before it is live.

It is done beside the live home, after the proof that what was restored is what was captured, and before the exchange:
a home that still holds an address of another site is not made live, so its server cannot start with it.
"""

import logging

from lifeboat.engines.base import Engine
from lifeboat.errors import RecoveryError
from lifeboat.manifest import Check
from lifeboat.recovery_documents import RecoveryPlan, Replacement
from lifeboat.text import shown
from lifeboat.wso2.layout_rules import CONFIGURATION_SUFFIXES, NO_CONFIGURATION

log = logging.getLogger(__name__)

REBOUND, NONE_LEFT = "configuration-rebound", "addresses-of-other-sites"


def rebind(engine: Engine, plan: RecoveryPlan, replacement: Replacement) -> list[Check]:
    """Given a plan and a unit that was restored beside the live one, rewrite the configuration in it, if it is a home,
    and return what was done as checks. Raise RecoveryError, with each place, while an address of another site is left.
    """
    whole_home = replacement.unit.kind == "home" and not plan.request.patches_from
    if not whole_home or not (plan.rebindings or plan.foreign):
        return []
    member, directory = replacement.exchanges[0].member, replacement.exchanges[0].beside
    payload = {
        "root": directory,
        "skipped": NO_CONFIGURATION,
        "suffixes": CONFIGURATION_SUFFIXES,
        "rules": [[each.old, each.new] for each in plan.rebindings],
        "foreign": [each.address for each in plan.foreign],
    }
    found = engine.host.run_python("lifeboat.rebindfiles", payload, run_as=engine.settings.run_as)  # type: ignore[union-attr]
    changes = [f"{path}:{line}: {old} → {new}" for path, line, old, new in found["changes"]]
    for change in changes:
        log.info("%s: %s", member, change)
    if found["left"]:
        raise _left(plan, member, found["left"])
    return [
        Check(
            name=REBOUND, verdict="health", outcome="passed", member=member, detail=shown(changes) or "nothing to do"
        ),
        Check(
            name=NONE_LEFT,
            verdict="health",
            outcome="passed",
            member=member,
            detail=f"none of {len(plan.rebindings)} replaced and {len(plan.foreign)} other addresses is left",
        ),
    ]


def _left(plan: RecoveryPlan, member: str, left: list[list[str]]) -> RecoveryError:
    of = {each.old.lower(): f"binding '{each.binding}'; the file is UTF-16: change it" for each in plan.rebindings}
    of |= {each.address.lower(): each.of for each in plan.foreign}
    places = [f"{path}:{line}: {address} ({of[address.lower()]})" for path, line, address in left]
    return RecoveryError(
        f"{member}: addresses of other sites are left in its configuration: {shown(places)}. "
        "It was not made live; what is live was not touched.",
        next_step=f"Give sites.{plan.site}.bindings what stands in for each, or list the address under `replaces` of a "
        "binding; then begin again.",
    )
