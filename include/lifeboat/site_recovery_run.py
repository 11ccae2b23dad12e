"""A recovery of a site from its journal to its evidence, as the command line does it: in one go, and back."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lifeboat.aws.sites import cloud_of_site
from lifeboat.aws.work import Work, finish
from lifeboat.catalog import Catalog
from lifeboat.errors import LifeboatError, RecoveryError
from lifeboat.manifest import Check
from lifeboat.recovery_run import Watch
from lifeboat.runtime import Runtime
from lifeboat.site_build import (
    Made,
    launch_machine,
    made_by,
    prove_database,
    restore_database,
    take_down,
    wait_for_machine,
)
from lifeboat.site_recovery import at_made, lay_down, no_journal, record, recover_members, require_journal, switch
from lifeboat.site_recovery_documents import SiteRecoveryEvidence, SiteRecoveryJournal, SiteRecoveryPlan
from lifeboat.site_recovery_plan import TAKEN_DOWN, takeover_of
from lifeboat.site_switch import switch_back as switch_all_back
from lifeboat.together import TogetherPool

log = logging.getLogger(__name__)

MADE, LAID_DOWN, MEMBERS, SWITCHED = "make", "Puppet", "members", "switch over"
#: Most of it waits for AWS.
_SIDE_BY_SIDE = 16


def carry_out(runtime: Runtime, catalog: Catalog, journal: SiteRecoveryJournal) -> SiteRecoveryEvidence:
    """Carry out a recovery or a rehearsal whose journal is written, or go on with one that was interrupted. Its end is
    recorded whatever it is; a rehearsal is taken down whatever it is. Raise what made it fail, after that;
    KeyboardInterrupt with what stands and what to do."""
    plan, watch, began = journal.plan, Watch(), datetime.now(UTC)
    found: dict[str, Any] = {"seconds": watch.seconds, "checks": ()}
    found |= {"requested_by": journal.requested_by, "approved_by": journal.approved_by}
    cleared = None
    failure: LifeboatError | KeyboardInterrupt | None = None
    try:
        _make_and_recover(runtime, catalog, journal, watch, found)
    except (LifeboatError, KeyboardInterrupt) as error:
        failure = error
    finally:
        if plan.rehearsal:
            try:
                with watch.phase(TAKEN_DOWN), runtime.at(plan.site) as there:
                    cleared = take_down(there, plan)
            except LifeboatError as error:
                log.error("Nothing could be taken down: %s", error)
                failure = failure or error
    told = getattr(failure, "message", "interrupted") if failure else ""
    evidence = record(runtime, catalog, plan, started_at=began, error=told, cleared=cleared, **found)
    if isinstance(failure, KeyboardInterrupt):
        raise KeyboardInterrupt(what_now(plan, evidence).strip())
    if failure:
        failure.next_step += what_now(plan, evidence)
        raise failure
    return evidence


def _make_and_recover(
    runtime: Runtime, catalog: Catalog, journal: SiteRecoveryJournal, watch: Watch, found: dict[str, Any]
) -> None:
    plan = journal.plan
    with watch.phase(MADE):
        _make_all(runtime, plan)
    with at_made(runtime, plan) as (made, _):
        for machine in plan.machines:
            wait_for_machine(made, plan, machine.name)
        with watch.phase("check databases"):
            for database in plan.databases:
                found["checks"] += tuple(prove_database(made, plan, database.name))
        with watch.phase(LAID_DOWN):
            found["checks"] += tuple(_side_by_side(plan.servers, lambda name: lay_down(made, catalog, plan, name)))
        with watch.phase(MEMBERS):
            members = recover_members(made, catalog, plan, journal.requested_by, journal.approved_by)
    if members:
        found["checks"] += members.checks
        found["servers"] = members.servers
    if not plan.rehearsal:
        with watch.phase(SWITCHED):
            found["switched"] = tuple(switch(runtime, plan))


def _make_all(runtime: Runtime, plan: SiteRecoveryPlan) -> None:
    pool = TogetherPool(_SIDE_BY_SIDE)

    def make(work: Callable[[Runtime, SiteRecoveryPlan, str], Work[Any]], name: str) -> None:
        # An account's clients are of one thread.
        with runtime.at(plan.site) as own:
            cloud = cloud_of_site(own, plan.site)
            cloud.clock = replace(cloud.clock, sleep=pool.pausing(cloud.clock.sleep))
            finish(cloud, work(own, plan, name))

    with pool:
        for database in plan.databases:
            pool.submit(make, restore_database, database.name)
        for machine in plan.machines:
            pool.submit(make, launch_machine, machine.name)


def _side_by_side(names: tuple[str, ...], work: Callable[[str], Check]) -> list[Check]:
    with TogetherPool(_SIDE_BY_SIDE) as pool:
        futures: list[Future[Check]] = [pool.submit(work, name) for name in names]
    return [future.result() for future in futures]


def what_now(plan: SiteRecoveryPlan, evidence: SiteRecoveryEvidence) -> str:
    """Return what a person does after an attempt that failed: what stands costs money."""
    if plan.rehearsal:
        return (
            f" Of the rehearsal stands: {', '.join(evidence.stands)}; "
            f"`lifeboat site give-up {plan.deployment} {plan.site} {plan.id}` removes it."
            if evidence.stands
            else " Nothing of the rehearsal is left in AWS."
        )
    stands = "; ".join(f"{name}: {what}" for name, what in evidence.stands.items()) or "nothing in AWS"
    return f" What stands: {stands}. {plan.site_ways_on}"


def switch_back(
    runtime: Runtime, catalog: Catalog, site: str, recovery: str, requested_by: str
) -> SiteRecoveryEvidence:
    """Bring the traffic back to where it was before a recovery of a site, and record it. What was made stays. The site
    may be out of reach by then: the catalog has its journal. Raise RecoveryError for what is not back."""
    began = datetime.now(UTC)
    with runtime.at(site) as there:
        journal = _journal_of(there, catalog, recovery)
        plan, takeover = journal.plan, takeover_of(runtime.deployment, site)
        if plan.rehearsal:
            raise RecoveryError(
                f"'{plan.id}' was a rehearsal, which switches nothing over.",
                next_step=f"`lifeboat site list {plan.deployment}` shows the recoveries.",
            )
        done, failure = switch_all_back(there, plan, takeover, journal.before, _made_if_known(there, plan))
    try:
        evidence = record(
            runtime,
            catalog,
            plan,
            action="switch-back",
            started_at=began,
            requested_by=requested_by,
            switched=tuple(done),
            error=failure.message if failure else "",
        )
    except LifeboatError as error:
        log.error("It could not be recorded: %s", error)
        raise failure or RecoveryError(
            f"The traffic is back ({', '.join(done)}), and that could not be recorded: {error.message}",
            next_step="Repeat this once the site answers: it changes nothing, and `give-up` asks for that record.",
        ) from None
    if failure:
        raise failure
    return evidence


def _journal_of(there: Runtime, catalog: Catalog, recovery: str) -> SiteRecoveryJournal:
    try:
        return require_journal(there, recovery)
    except RecoveryError:
        raise
    except LifeboatError as error:
        log.warning("The site's vault cannot be read, so the journal is that of the catalog: %s", error.message)
    name, site = there.deployment.name, there.deployment.home_site()
    known = [each for each in catalog.site_recoveries(name) if isinstance(each, SiteRecoveryJournal)]
    found = [each for each in known if each.site == site and each.recovery.startswith(recovery)]
    if len(found) != 1:
        raise no_journal(there.deployment, recovery, len(found))
    return found[0]


def _made_if_known(there: Runtime, plan: SiteRecoveryPlan) -> dict[str, Made]:
    """Return what stands; it is only told to programs that switch, so a site that does not answer keeps nothing."""
    try:
        return made_by(there, plan)
    except LifeboatError as error:
        log.warning("What stands at the site cannot be asked: %s", error.message)
        return {}
