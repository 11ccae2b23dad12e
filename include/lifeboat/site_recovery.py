"""The recovery of a whole site: another site takes over, or rehearses that.

The order: plan → approve → journal → databases from snapshots and machines from images, side by side → Puppet → members
from the site's vault, beside, proven, rebound to what was made, exchanged → start, health, checks → switch over →
evidence. A rehearsal does the same under names of its own, switches nothing over, and is taken down whatever happened.

Every function may be repeated: names follow from the recovery's id, so a repetition finds what an earlier try has made.
The members are brought back by a recovery of that same id, with everything that holds for one.
"""

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, cast

from lifeboat.aws.leftovers import Cleared
from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment, Unit
from lifeboat.deployment_takeover import Takeover
from lifeboat.documents import read_evidence, write_evidence
from lifeboat.errors import LifeboatError, RecoveryError
from lifeboat.manifest import Check
from lifeboat.puppet_run import run_puppet
from lifeboat.recovery import live_now
from lifeboat.recovery_documents import RecoveryEvidence, RecoveryJournal, RecoveryRequest, bound_to
from lifeboat.recovery_journal import begin as begin_recovery
from lifeboat.recovery_journal import find_journal, refuse_other_recovery
from lifeboat.recovery_journal import lease_point as lease_point_for
from lifeboat.recovery_plan import plan_recovery
from lifeboat.recovery_run import recover
from lifeboat.runtime import Runtime
from lifeboat.site_build import Made, addresses_of, made_by, require_made, standing, take_down
from lifeboat.site_recovery_documents import SiteRecoveryEvidence, SiteRecoveryJournal, SiteRecoveryPlan
from lifeboat.site_recovery_plan import takeover_of
from lifeboat.site_switch import leading_to, read_all, refuse_other_switches, switch_over
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)


def lease_point(runtime: Runtime, catalog: Catalog, plan: SiteRecoveryPlan) -> None:
    """Keep the point of a plan from being deleted while people approve it and until it is brought back."""
    lease_point_for(runtime, catalog, plan, "site recovery")


def begin(
    runtime: Runtime, catalog: Catalog, plan: SiteRecoveryPlan, requested_by: str, approved_by: Sequence[str] = ()
) -> SiteRecoveryJournal:
    """Write the journal into the site's vault: from here on something may stand in AWS. Doing it again gives the
    journal that is there. Raise RecoveryError while another recovery of the site is neither finished nor given up; a
    rehearsal does not mind one."""
    with runtime.at(plan.site) as there:
        for journal in journals(there, plan.id):
            refuse_given_up(there, plan)
            return journal
        if not plan.rehearsal:
            refuse_other(there, plan.id)
            refuse_other_recovery(there, plan.id)
        lease_point(runtime, catalog, plan)
        journal = SiteRecoveryJournal(
            id=uuid.uuid4().hex,
            plan=plan,
            requested_by=requested_by,
            approved_by=tuple(approved_by),
            finished_at=datetime.now(UTC),
            before=() if plan.rehearsal else read_all(there, takeover_of(runtime.deployment, plan.site)),
            **bound_to(plan),
        )
        write_evidence(there.vault(plan.site), there.signer(), journal)
    catalog.add_evidence(journal)
    return journal


def journals(there: Runtime, recovery: str = "") -> list[SiteRecoveryJournal]:
    """Given a runtime at a site, return the journals of its recoveries whose ids begin so, oldest first."""
    found = [each for each in _documents(there, "site-recovery-journal") if each.recovery.startswith(recovery)]
    return cast(list[SiteRecoveryJournal], found)


def require_journal(there: Runtime, recovery: str) -> SiteRecoveryJournal:
    """Given the id of a recovery of the site, or the beginning of it, return its journal. Raise RecoveryError for none
    or several."""
    found = journals(there, recovery)
    if len(found) != 1:
        raise no_journal(there.deployment, recovery, len(found))
    return found[0]


def no_journal(deployment: Deployment, recovery: str, count: int) -> RecoveryError:
    """Given a runtime's deployment at a site, return that so many of its recoveries have an id that begins so."""
    return RecoveryError(
        f"{count or 'No'} recoveries of site '{deployment.home_site()}' have an id that begins with '{recovery}'.",
        next_step=f"List them with `lifeboat site list {deployment.name}`.",
    )


def refuse_given_up(there: Runtime, plan: SiteRecoveryPlan) -> None:
    """Raise RecoveryError when a recovery was given up: it does not go on by making everything again."""
    if any(each.given_up for each in _evidence(there, plan.id)):
        raise RecoveryError(
            f"Site recovery '{plan.id}' was given up; what it made is gone.",
            next_step=f"Start a new one: `lifeboat site recover {plan.deployment} {plan.site}`.",
        )


def _evidence(there: Runtime, recovery: str = "") -> list[SiteRecoveryEvidence]:
    found = cast(list[SiteRecoveryEvidence], _documents(there, "site-recovery"))
    return [each for each in found if recovery in ("", each.recovery)]


def refuse_other(there: Runtime, recovery: str) -> None:
    """Raise RecoveryError when another recovery of the site was begun and is neither finished nor given up."""
    ended = {each.recovery for each in _evidence(there) if each.ended}
    for journal in journals(there):
        if journal.recovery not in {recovery, *ended} and not journal.plan.rehearsal:
            raise RecoveryError(
                f"Site recovery '{journal.recovery}' of '{journal.deployment}' at '{journal.site}' is neither finished "
                f"nor given up.",
                next_step=journal.plan.site_ways_on,
            )


def _documents(there: Runtime, kind: str) -> list[Any]:
    deployment, signer = there.deployment, there.signer()
    vault = there.vault(deployment.home_site())
    found = vault.snapshots({"deployment": deployment.name, "type": kind})
    read = [read_evidence(vault, signer, snapshot) for snapshot in found]
    return sorted(read, key=lambda each: each.finished_at)


@contextmanager
def at_made(runtime: Runtime, plan: SiteRecoveryPlan) -> Iterator[tuple[Runtime, Mapping[str, Made]]]:
    """Given a runtime at home, yield one at the site, with the addresses of what the plan has made, and those. Raise
    RecoveryError when something of it is missing."""
    with runtime.at(plan.site) as there:
        made = require_made(there, plan)
    with runtime.at_made(plan.site, addresses_of(made), alone=plan.rehearsal) as there:
        yield there, made


def lay_down(there: Runtime, catalog: Catalog, plan: SiteRecoveryPlan, server: str) -> Check:
    """Let Puppet make a machine what it must be, and return what it did. A home that stood there before is captured;
    one on a machine that was made a moment ago came out of an image. Puppet is kept away once members are exchanged:
    it may delete what was restored."""
    journal = find_journal(there, plan.id)
    if journal is not None and live_now(there, journal.plan) != "old":
        detail = "not run again: what was restored is live, or is being exchanged"
        return Check(name="puppet", verdict="health", outcome="skipped", member=f"home/{server}", detail=detail)
    host = there.deployment.hosts.get(there.deployment.servers[server].host)
    new = any(host is not None and host.ssh in each.connections for each in plan.machines)
    done = run_puppet(there, catalog, server, safety_point=not new)
    detail = f"{done.run}; the home: {done.home}"
    return Check(name="puppet", verdict="health", outcome="passed", member=f"home/{server}", detail=detail)


def recover_members(
    there: Runtime, catalog: Catalog, plan: SiteRecoveryPlan, requested_by: str, approved_by: Sequence[str] = ()
) -> RecoveryEvidence | None:
    """Given a runtime at the site with the made addresses, bring back what comes from the site's vault, by a recovery
    of the same id; one that was interrupted goes on, one that is done is told again. None when nothing comes from
    there."""
    if not plan.units:
        return None
    journal = find_journal(there, plan.id)
    if journal is not None and (done := _done(there, journal)):
        return done
    if journal is None:
        journal = _begin_members(there, catalog, plan, requested_by, approved_by)
    return recover(there, catalog, journal)


def _begin_members(
    there: Runtime, catalog: Catalog, plan: SiteRecoveryPlan, requested_by: str, approved_by: Sequence[str]
) -> RecoveryJournal:
    request = RecoveryRequest(
        point=plan.point,
        units=plan.units,
        reason=plan.request.reason or f"recovery of site {plan.site}",
        unproven=plan.request.unproven,
        safety_point=False,  # what was live is at the site that is lost
        part_of="site rehearsal" if plan.rehearsal else "site recovery",
    )
    for name in (unit.name for unit in map(Unit.parse, plan.units) if unit.kind == "home"):
        if there.deployment.servers[name].control is not None:
            ServerControl.of(there, name).preflight()
    members = plan_recovery(there, catalog, request, plan.id)
    return begin_recovery(there, catalog, members, requested_by, approved_by)


def _done(there: Runtime, journal: RecoveryJournal) -> RecoveryEvidence | None:
    """Return the evidence that the members were brought back, if that is still what is live: a machine may have been
    made anew since."""
    tags = {"deployment": journal.deployment, "type": "recovery", "recovery": journal.recovery, "passed": "yes"}
    vault, signer = there.vault(journal.site), there.signer()
    read = (cast(RecoveryEvidence, read_evidence(vault, signer, each)) for each in vault.snapshots(tags))
    done = [each for each in read if each.action == "recover"]
    return done[-1] if done and live_now(there, journal.plan) == "new" else None


def switch(runtime: Runtime, plan: SiteRecoveryPlan) -> list[str]:
    """Bring the traffic to the site, once all that it takes is healthy there; return what was switched."""
    takeover: Takeover = takeover_of(runtime.deployment, plan.site)
    refuse_other_switches(plan, takeover)
    with at_made(runtime, plan) as (there, made):
        return switch_over(there, plan, takeover, made)


def record(
    runtime: Runtime,
    catalog: Catalog,
    plan: SiteRecoveryPlan,
    *,
    started_at: datetime,
    requested_by: str,
    action: Literal["recover", "rehearse", "switch-back", "give-up"] | None = None,
    error: str = "",
    cleared: Cleared | None = None,
    removed: Sequence[str] = (),
    **found: Any,
) -> SiteRecoveryEvidence:
    """Write how an attempt ended into the site's vault, then into the catalog, with what stands in AWS by then
    and what was `cleared`, or `removed` by name. A rehearsal has succeeded only if nothing is left of it."""
    with runtime.at(plan.site) as there:
        stands = _stands(there, plan)
        not_gone = [f"{each}: {why.message}" for each, why in cleared.failed] if cleared else []
        over = plan.rehearsal or action == "give-up"
        if over and (stands or not_gone):
            left = "; ".join([*not_gone, *(f"{name} ({what})" for name, what in stands.items())])
            error = "; ".join(filter(None, (error, f"not all was taken down: {left}")))
        evidence = SiteRecoveryEvidence(
            id=uuid.uuid4().hex,
            action=action or ("rehearse" if plan.rehearsal else "recover"),
            succeeded=not error,
            started_at=started_at,
            finished_at=datetime.now(UTC),
            requested_by=requested_by,
            reason=plan.request.reason,
            stands=stands,
            removed=tuple(str(each) for each in cleared.removed) if cleared else tuple(removed),
            error=error,
            **bound_to(plan),
            **found,
        )
        write_evidence(there.vault(plan.site), there.signer(), evidence)
    catalog.add_evidence(evidence)
    catalog.give_back(plan.deployment, f"site recovery {plan.id}")
    return evidence


def _stands(there: Runtime, plan: SiteRecoveryPlan) -> dict[str, str]:
    """Return what of a plan stands in AWS, by name; what cannot be asked may stand."""
    try:
        return standing(there, plan)
    except LifeboatError as error:
        names = [*(each.identifier for each in plan.databases), *(each.machine for each in plan.machines)]
        return dict.fromkeys(names, f"is not known: {error.message}")


def give_up(
    runtime: Runtime, catalog: Catalog, journal: SiteRecoveryJournal, requested_by: str
) -> SiteRecoveryEvidence:
    """Take down all that a recovery or a rehearsal has made, and record it. Raise RecoveryError while traffic leads to
    it, or while it took over and the traffic was not brought back."""
    plan, began = journal.plan, datetime.now(UTC)
    with runtime.at(plan.site) as there:
        if not plan.rehearsal:
            _refuse_in_use(there, plan, takeover_of(runtime.deployment, plan.site))
        cleared = take_down(there, plan)
    return record(
        runtime, catalog, plan, started_at=began, requested_by=requested_by, action="give-up", cleared=cleared
    )


def _refuse_in_use(there: Runtime, plan: SiteRecoveryPlan, takeover: Takeover) -> None:
    done = [each.action for each in _evidence(there, plan.id) if each.succeeded and each.action != "give-up"]
    used = leading_to(there, takeover, made_by(there, plan))
    if done[-1:] == ["recover"] or used:
        why = (
            f"traffic leads to it: {', '.join(used)}" if used else "it took over, and the traffic was not brought back"
        )
        raise RecoveryError(
            f"What site recovery '{plan.id}' made is not removed: {why}.",
            next_step="Bring the traffic back first: "
            f"`lifeboat site switch-back {plan.deployment} {plan.site} {plan.id}`.",
        )
