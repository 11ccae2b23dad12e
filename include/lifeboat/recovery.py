"""Recovery: back to a restore point, by restoring beside what is live, proving it, and exchanging the two.

The order: plan → approve → journal → safety point, and restore beside and prove → stop → swap → start → check →
evidence. Everything that takes long or can fail happens while the servers still run; what was live is kept. Each
function here may be called again after an interruption and goes on from what it finds.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from lifeboat.capture import JOBS, engine_for, make_point
from lifeboat.catalog import Catalog
from lifeboat.deployment import Unit
from lifeboat.documents import list_point, read_evidence, require_manifest, write_evidence
from lifeboat.drill import (
    address_checks,
    any_failed,
    health_checks,
    live_checks,
    log_checks,
    proof_checks,
    sealed_facts,
    unit_snapshot,
)
from lifeboat.engines.base import fidelity
from lifeboat.errors import LifeboatError, RecoveryError
from lifeboat.manifest import Check, new_point_id
from lifeboat.recovery_documents import (
    RecoveryEvidence,
    RecoveryJournal,
    RecoveryPlan,
    RecoveryRequest,
    bound_to,
)
from lifeboat.recovery_plan import plan_recovery
from lifeboat.runtime import Runtime
from lifeboat.scratch import scratch_place
from lifeboat.swap import State, Step, outcome, roll_back, roll_forward
from lifeboat.together import TogetherPool
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)


def new_recovery_id(run_after: datetime | None = None, seed: str | None = None) -> str:
    """Return a recovery's id; a run that may be repeated gives its time and its own id, so that repeating it means
    the same recovery, with the same names beside the live ones."""
    return new_point_id(run_after or datetime.now(UTC), f"recovery {seed}" if seed is not None else None)


def refuse_changed(runtime: Runtime, catalog: Catalog, plan: RecoveryPlan) -> None:
    """Given a plan that was approved, raise RecoveryError when the same request would mean something else by now."""
    now = plan_recovery(runtime, catalog, plan.request, plan.id)
    if now.digest != plan.digest:
        what = ", ".join(name for name in RecoveryPlan.model_fields if getattr(now, name) != getattr(plan, name))
        raise RecoveryError(
            f"The plan of recovery '{plan.id}' changed while it waited for its approval: {what}. It approved restore "
            f"point '{plan.point}'; now it would be '{now.point}'. Nothing was touched.",
            next_step="Start a new recovery and approve what it plans; name the point to keep it.",
        )


def refuse_other_recovery(runtime: Runtime, recovery: str = "") -> None:
    """Raise RecoveryError when another recovery of the deployment was begun and neither finished nor undone."""
    for journal in interrupted(runtime):
        if journal.recovery != recovery:
            name = runtime.deployment.name
            raise RecoveryError(
                f"Recovery '{journal.recovery}' of deployment '{name}' was begun at {journal.finished_at:%Y-%m-%d %H:%M} "
                "UTC and is neither finished nor undone.",
                next_step=f"Finish it with `lifeboat recover {name} --resume {journal.recovery}`, or put back what was "
                f"live with `lifeboat undo {name} {journal.recovery}`.",
            )


def begin(
    runtime: Runtime, catalog: Catalog, plan: RecoveryPlan, requested_by: str, approved_by: Sequence[str] = ()
) -> RecoveryJournal:
    """Write the journal of a recovery into the vault: from here on it is finished or undone. Doing it again gives
    the journal that is there. Raise RecoveryError while another one is open."""
    refuse_other_recovery(runtime, plan.id)
    for journal in _journals(runtime, plan.id):
        return journal
    for server in plan.servers:
        ServerControl(runtime, server).preflight()
    journal = RecoveryJournal(
        id=uuid.uuid4().hex,
        plan=plan,
        requested_by=requested_by,
        approved_by=tuple(approved_by),
        finished_at=datetime.now(UTC),
        **bound_to(plan),
    )
    write_evidence(runtime.vault(plan.site), runtime.signer(), journal)
    catalog.add_evidence(journal)
    return journal


def interrupted(runtime: Runtime) -> list[RecoveryJournal]:
    """Return the journals of recoveries that have no evidence of an end at which all was new or all old."""
    vault, signer = runtime.vault(runtime.deployment.home_site()), runtime.signer()
    listing = [s for s in vault.snapshots({"deployment": runtime.deployment.name}) if "recovery" in s.tags]
    ended = {s.tags["recovery"] for s in listing if s.tags.get("live") in ("new", "old")}
    found = [s for s in listing if s.tags["type"] == "recovery-journal" and s.tags["recovery"] not in ended]
    return [cast(RecoveryJournal, read_evidence(vault, signer, snapshot)) for snapshot in found]


def require_journal(runtime: Runtime, recovery: str) -> RecoveryJournal:
    """Given a recovery's id, or the beginning of it, return its journal. Raise RecoveryError for none or several."""
    found = _journals(runtime, recovery)
    if len(found) != 1:
        raise RecoveryError(
            f"Deployment '{runtime.deployment.name}' has {len(found) or 'no'} recoveries whose id begins with '{recovery}'.",
            next_step=f"List them with `lifeboat recoveries {runtime.deployment.name}`.",
        )
    return found[0]


def _journals(runtime: Runtime, recovery: str) -> list[RecoveryJournal]:
    vault, signer = runtime.vault(runtime.deployment.home_site()), runtime.signer()
    tags = {"deployment": runtime.deployment.name, "type": "recovery-journal"}
    found = [s for s in vault.snapshots(tags) if s.tags.get("recovery", "").startswith(recovery)]
    return [cast(RecoveryJournal, read_evidence(vault, signer, snapshot)) for snapshot in found]


def restore_unit(runtime: Runtime, plan: RecoveryPlan, unit: Unit) -> list[Check]:
    """Restore one unit beside the live one and prove it; return the checks, all of them passed.

    What has been exchanged already is left alone. Raise RecoveryError, and leave nothing beside, when a check of
    fidelity is red, or one of health and the plan does not say that the point is not proven.
    """
    engine, replacement = engine_for(runtime, unit), plan.replacement(unit)
    if engine.step(replacement).state() is not State.OLD:
        log.info("%s is exchanged already, or is being exchanged; it is not restored again", unit)
        return []
    vault, started = runtime.vault(plan.site), time.monotonic()
    listing = list_point(vault, plan.deployment, plan.point)
    signed = require_manifest(vault, runtime.signer(), plan.deployment, plan.point, listing)
    same = signed.sha256 == plan.manifest_sha256
    checks = [fidelity("manifest-signature", str(unit), same, "the approved one" if same else "not the approved one")]
    snapshot = _only(unit_snapshot(signed, unit), {exchange.member for exchange in replacement.exchanges})
    checks += address_checks(listing, unit_snapshot(signed, unit))
    facts = None if any_failed(checks) else sealed_facts(vault, unit_snapshot(signed, unit), checks)
    _refuse_red(plan, unit, checks)
    with scratch_place(Path(runtime.deployment.sites[plan.site].scratch)) as place:
        log.info("Restoring %s of %s beside what is live", unit, plan.point)
        with engine.restore_beside(unit_snapshot(signed, unit), replacement, vault, place) as restored:
            log.info("Restored %s in %.1f s; proving it", unit, time.monotonic() - started)
            checks += proof_checks(engine, snapshot, facts or {}, restored)
            checks += health_checks(runtime, snapshot, restored)
    log_checks(checks)
    try:
        _refuse_red(plan, unit, checks)
    except RecoveryError:
        engine.step(replacement).discard()
        raise
    return checks


def _only(snapshot: Any, members: set[str]) -> Any:
    """Given a unit's snapshot, return it with these members alone."""
    return snapshot.model_copy(update={"members": tuple(m for m in snapshot.members if m.member in members)})


def _refuse_red(plan: RecoveryPlan, unit: Unit, checks: Sequence[Check]) -> None:
    unhealthy_too = not plan.request.unproven
    red = sorted(
        {
            check.name
            for check in checks
            if check.outcome == "failed" and (check.verdict == "fidelity" or unhealthy_too)
        }
    )
    if red:
        raise RecoveryError(
            f"{unit} of restore point '{plan.point}' is not proven: {', '.join(red)} failed; see the log above. "
            "What is live was not touched.",
            next_step=f"Recover from another point: `lifeboat points {plan.deployment}` shows which ones are good.",
        )


def steps(runtime: Runtime, plan: RecoveryPlan, units: Sequence[Unit] | None = None) -> list[Step]:
    """Return the exchanges of a plan, those of databases first; `units` limits them to what this worker reaches."""
    return [
        engine_for(runtime, each.unit).step(each)
        for each in plan.replacements
        if units is None or each.unit in units
    ]


def swap(runtime: Runtime, plan: RecoveryPlan, units: Sequence[Unit] | None = None) -> None:
    """Exchange what is live for what was restored: all of it, or, when a part fails, nothing."""
    refuse_running(runtime, plan)
    roll_forward(steps(runtime, plan, units))


def put_back(runtime: Runtime, plan: RecoveryPlan, units: Sequence[Unit] | None = None) -> None:
    """Make live again what was live before, whatever has been exchanged."""
    refuse_running(runtime, plan)
    roll_back(steps(runtime, plan, units))


def live_now(runtime: Runtime, plan: RecoveryPlan) -> Literal["new", "old", "mixed"]:
    """Say what is live: all that was restored, all that was there before, or some of each."""
    return cast(Literal["new", "old", "mixed"], outcome([step.state() for step in steps(runtime, plan)]))


def refuse_running(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Raise RecoveryError when a server that must be down runs: somebody may have started it again meanwhile."""
    running = [name for name in plan.servers if ServerControl(runtime, name).state().running]
    if running:
        raise RecoveryError(
            f"Server {', '.join(running)} runs; homes and databases are exchanged only while it is down.",
            next_step="Stop it, find out who starts it (a watchdog, Puppet), and run the same command again.",
        )


def check_live(runtime: Runtime, plan: RecoveryPlan) -> list[Check]:
    """Run the WSO2 checks on the databases that are live now; only what is new against the point's capture is red."""
    vault = runtime.vault(plan.site)
    manifest = require_manifest(vault, runtime.signer(), plan.deployment, plan.point).manifest
    checks: list[Check] = []
    for replacement in plan.replacements:
        checks += live_checks(runtime, engine_for(runtime, replacement.unit), manifest.unit(replacement.unit))
    log_checks(checks)
    return checks


def record(
    runtime: Runtime,
    catalog: Catalog,
    journal: RecoveryJournal,
    *,
    action: Literal["recover", "undo"] = "recover",
    started_at: datetime,
    error: str = "",
    **found: Any,
) -> RecoveryEvidence:
    """Write how an attempt ended into the vault, then into the catalog; one document an attempt, never rewritten."""
    plan = journal.plan
    live = live_now(runtime, plan)
    evidence = RecoveryEvidence(
        id=uuid.uuid4().hex,
        action=action,
        live=live,
        succeeded=not error and live == ("new" if action == "recover" else "old"),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        requested_by=found.pop("requested_by", journal.requested_by),
        approved_by=journal.approved_by,
        reason=plan.request.reason,
        replaced=tuple(exchange for each in plan.replacements for exchange in each.exchanges),
        error=error,
        **bound_to(plan),
        **found,
    )
    write_evidence(runtime.vault(plan.site), runtime.signer(), evidence)
    catalog.add_evidence(evidence)
    return evidence


class Watch:
    """Seconds that each phase of an attempt took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase, and say that it begins."""
        log.info("— %s", name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 1)


def recover(
    runtime: Runtime, catalog: Catalog, journal: RecoveryJournal, *, jobs: int = JOBS, safety: bool = True
) -> RecoveryEvidence:
    """Carry out a recovery whose journal is written, in one go, as the command line does; or go on with one that
    was interrupted. Its end is recorded whatever it is. Raise what made it fail, after that."""
    plan, watch, started = journal.plan, Watch(), datetime.now(UTC)
    servers: dict[str, str] = {}
    found: dict[str, Any] = {"seconds": watch.seconds, "servers": servers}
    try:
        if safety and plan.request.safety_point and live_now(runtime, plan) == "old":
            with watch.phase("safety point"):
                found["safety_point"] = make_safety_point(runtime, catalog, plan, jobs=jobs)
        with watch.phase("restore beside and prove"):
            found["checks"] = tuple(_restore_all(runtime, plan, jobs))
        with watch.phase("stop"), _started_again(runtime, plan, servers):
            stop_servers(runtime, plan)
            with watch.phase("swap"):
                swap(runtime, plan)
        with watch.phase("start"):
            start_servers(runtime, plan.servers, servers)
        with watch.phase("checks"):
            found["checks"] += tuple(check_live(runtime, plan))
        _refuse_unhealthy(found["checks"])
    except LifeboatError as error:
        record(runtime, catalog, journal, started_at=started, error=error.message, **found)
        raise
    return record(runtime, catalog, journal, started_at=started, **found)


def _restore_all(runtime: Runtime, plan: RecoveryPlan, jobs: int) -> list[Check]:
    with TogetherPool(jobs) as pool:
        futures = [pool.submit(restore_unit, runtime, plan, each.unit) for each in plan.replacements]
    return [check for future in futures for check in future.result()]


def _refuse_unhealthy(checks: Sequence[Check]) -> None:
    red = sorted({check.name for check in checks if check.outcome == "failed" and check.verdict == "health"})
    if red:
        raise RecoveryError(
            f"What was restored is live, but these WSO2 checks find what they did not find before: {', '.join(red)}.",
            next_step="Look at the checks above; `lifeboat undo` puts back what was live before.",
        )


def make_safety_point(runtime: Runtime, catalog: Catalog, plan: RecoveryPlan, *, jobs: int = JOBS) -> str:
    """Capture what is live of the plan's units as a restore point of its own, and return its id."""
    units = [each.unit for each in plan.replacements]
    signed = make_point(runtime, "safety", reason=f"before recovery {plan.id}", jobs=jobs, units=units)
    catalog.add_point(signed)
    return signed.manifest.id


def stop_servers(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Stop the plan's servers, the last one in start order first."""
    for name in reversed(plan.servers):
        ServerControl(runtime, name).stop()


def start_servers(runtime: Runtime, names: Sequence[str], told: dict[str, str]) -> None:
    """Start servers in start order, and wait for each to be healthy; `told` gets what became of each."""
    for name in names:
        control = ServerControl(runtime, name)
        if runtime.deployment.servers[name].control is None:
            told[name] = "not started: it has no control in the deployment file"
            continue
        told[name] = "did not start"
        control.start()
        control.health()
        told[name] = "started and healthy"


@contextmanager
def _started_again(runtime: Runtime, plan: RecoveryPlan, told: dict[str, str]) -> Iterator[None]:
    """When stopping or exchanging fails and all is as it was, start the servers that ran before."""
    ran = [name for name in plan.servers if ServerControl(runtime, name).state().running]
    try:
        yield
    except LifeboatError:
        if live_now(runtime, plan) == "old":
            log.warning("Nothing was exchanged; the servers that ran before are started again")
            start_servers(runtime, ran, told)
        raise


def undo(
    runtime: Runtime, catalog: Catalog, journal: RecoveryJournal, *, requested_by: str
) -> RecoveryEvidence:
    """Put back what was live before a recovery: stop, exchange back, start. What was restored stays beside."""
    plan, watch, started = journal.plan, Watch(), datetime.now(UTC)
    servers: dict[str, str] = {}
    found: dict[str, Any] = {"seconds": watch.seconds, "servers": servers, "requested_by": requested_by}
    attempt: dict[str, Any] = {"action": "undo", "started_at": started}
    try:
        with watch.phase("stop"):
            stop_servers(runtime, plan)
        with watch.phase("put back"):
            put_back(runtime, plan)
        with watch.phase("start"):
            start_servers(runtime, plan.servers, servers)
    except LifeboatError as error:
        record(runtime, catalog, journal, error=error.message, **attempt, **found)
        raise
    return record(runtime, catalog, journal, **attempt, **found)


def discard(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Remove for good what a recovery left that is not live: what was kept, or what was restored and put back."""
    if (live := live_now(runtime, plan)) == "mixed":
        raise RecoveryError(
            f"Recovery '{plan.id}' is neither finished nor undone ({live}); nothing of it is removed.",
            next_step=f"Finish it with `lifeboat recover {plan.deployment} --resume {plan.id}`, or undo it.",
        )
    for step in steps(runtime, plan):
        step.discard()


def plan_and_begin(
    runtime: Runtime, catalog: Catalog, request: RecoveryRequest, requested_by: str, confirm: Callable[[RecoveryPlan], bool]
) -> RecoveryJournal | None:
    """Plan a recovery, let `confirm` decide, and write its journal; None when it was not confirmed."""
    refuse_other_recovery(runtime)
    plan = plan_recovery(runtime, catalog, request, new_recovery_id())
    if not confirm(plan):
        return None
    return begin(runtime, catalog, plan, requested_by, [requested_by])
