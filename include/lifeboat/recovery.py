"""Recovery: back to a restore point, by restoring beside what is live, proving it, and exchanging the two.

The order: plan → approve → journal → safety point, and restore beside and prove → stop → swap → start → check →
evidence. Everything that takes long or can fail happens while the servers still run; what was live is kept. Each
function here may be called again after an interruption and goes on from what it finds. `lifeboat.recovery_plan` plans,
`lifeboat.recovery_journal` writes what must not be lost, `lifeboat.recovery_run` does all of it in one go.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

from lifeboat.capture import JOBS, engine_for, make_point
from lifeboat.catalog import Catalog
from lifeboat.deployment import Unit
from lifeboat.documents import list_point, located, manifest_there, require_manifest
from lifeboat.drill import (
    address_checks,
    any_failed,
    health_checks,
    live_checks,
    log_checks,
    proof_checks,
    red_checks,
    sealed_facts,
    unit_snapshot,
)
from lifeboat.engines.base import fidelity
from lifeboat.errors import LifeboatError, RecoveryError, SwapError
from lifeboat.manifest import Check, UnitSnapshot
from lifeboat.patch_recovery import patch_checks
from lifeboat.rebind import rebind
from lifeboat.recovery_documents import RecoveryPlan, Replacement
from lifeboat.recovery_plan import is_reached, plan_recovery
from lifeboat.runtime import Runtime
from lifeboat.scratch import scratch_place
from lifeboat.swap import State, Step, outcome, roll_back, roll_forward
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)


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
    whole = unit_snapshot(located(signed.manifest, listing), replacement.source or unit)
    checks += address_checks(listing, whole)
    facts = None if any_failed(checks) else sealed_facts(vault, whole, checks)
    _refuse_red(plan, unit, checks)
    with scratch_place(Path(runtime.deployment.sites[plan.site].scratch)) as place:
        log.info("Restoring %s of %s beside what is live", unit, plan.point)
        with engine.restore_beside(whole, replacement, vault, place) as restored:
            log.info("Restored %s in %.1f s; proving it", unit, time.monotonic() - started)
            checks += proof_checks(engine, _only(whole, replacement), facts or {}, restored)
            checks += health_checks(runtime, _only(whole, replacement), restored)
    log_checks(checks)
    try:
        _refuse_red(plan, unit, checks)
        checks += rebind(engine, plan, replacement)
    except RecoveryError:
        engine.step(replacement).discard()
        raise
    return checks


def _only(snapshot: UnitSnapshot, replacement: Replacement) -> UnitSnapshot:
    """Given a unit's snapshot, return it with the members alone that are exchanged, and what was checked of them."""
    members = {exchange.member for exchange in replacement.exchanges}
    databases = {exchange.live for exchange in replacement.exchanges}
    return snapshot.model_copy(
        update={
            "members": tuple(member for member in snapshot.members if member.member in members),
            "checks": tuple(check for check in snapshot.checks if databases.issuperset(check.databases)),
        }
    )


def _refuse_red(plan: RecoveryPlan, unit: Unit, checks: Sequence[Check]) -> None:
    red = red_checks(checks, unproven=plan.request.unproven)
    if red:
        raise RecoveryError(
            f"{unit} of restore point '{plan.point}' is not proven: {', '.join(red)} failed; see the log above. "
            "What is live was not touched.",
            next_step=f"Recover from another point: `lifeboat points {plan.deployment}` shows which ones are good.",
        )


def steps(runtime: Runtime, plan: RecoveryPlan) -> list[Step]:
    """Return the exchanges of a plan, those of databases first; but what lies inside a home comes after the homes."""
    engines = [(engine_for(runtime, each.unit), each) for each in plan.replacements]
    return [engine.step(each) for engine, each in sorted(engines, key=lambda pair: pair[0].inside_a_home)]


def swap(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Exchange what is live for what was restored: all of it, or, when a part fails, nothing."""
    refuse_running(runtime, plan)
    roll_forward(steps(runtime, plan))


def put_back(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Make live again what was live before, whatever has been exchanged."""
    refuse_running(runtime, plan)
    roll_back(steps(runtime, plan))


def live_now(runtime: Runtime, plan: RecoveryPlan) -> Literal["new", "old", "mixed"]:
    """Say what is live: all that was restored, all that was there before, or some of each, also where somebody has
    made what no exchange leaves."""
    try:
        return cast(Literal["new", "old", "mixed"], outcome([step.state() for step in steps(runtime, plan)]))
    except SwapError as error:
        log.error("%s", error)
        return "mixed"


def refuse_running(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Raise RecoveryError when a server that must be down runs: somebody may have started it again meanwhile. Those
    behind a queue are seen by its worker alone, which has stopped them."""
    seen = [name for name in plan.servers if is_reached(runtime.deployment, Unit(kind="home", name=name))]
    running = [name for name in seen if ServerControl.of(runtime, name).state().running]
    if running:
        raise RecoveryError(
            f"Server {', '.join(running)} runs; homes and databases are exchanged only while it is down.",
            next_step="Stop it, find out who starts it (a watchdog, Puppet), and run the same command again.",
        )


def check_live(runtime: Runtime, plan: RecoveryPlan) -> list[Check]:
    """Run the WSO2 checks on the databases that are live now; only what is new against the point's capture is red."""
    vault = runtime.vault(plan.site)
    manifest = manifest_there(vault, runtime.signer(), plan.deployment, plan.point)
    checks: list[Check] = []
    for replacement in plan.replacements:
        source = manifest.unit(replacement.source or replacement.unit)
        checks += live_checks(runtime, engine_for(runtime, replacement.unit), source)
        if plan.request.patches_from:
            checks += patch_checks(runtime, plan, manifest, replacement)
    log_checks(checks)
    return checks


def make_safety_point(runtime: Runtime, catalog: Catalog, plan: RecoveryPlan, *, jobs: int = JOBS) -> str:
    """Capture what is live of the plan's units as a restore point of its own, and return its id; none, and an empty
    text, when nothing is live that could be captured."""
    if not plan.safety_units:
        log.info("Nothing is live that a safety point could hold")
        return ""
    reason = f"before recovery {plan.id}"
    try:
        signed = make_point(runtime, "safety", reason=reason, jobs=jobs, units=plan.safety_units)
    except LifeboatError as error:
        error.next_step += " If what is live cannot be captured any more: start again with --no-safety-point."
        raise
    catalog.add_point(signed)
    return signed.manifest.id


def puppet_reason(plan: RecoveryPlan) -> str:
    """Return why the agents of Puppet are disabled while a plan is carried out; by it they are known again."""
    return f"Lifeboat: recovery {plan.id} of {plan.deployment}"


def stop_servers(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Stop the plan's servers, the last one in start order first."""
    for name in reversed(plan.servers):
        ServerControl.of(runtime, name).stop()


def start_servers(runtime: Runtime, names: Sequence[str], told: dict[str, str]) -> None:
    """Start servers in start order, and wait for each to be healthy; `told` gets what became of each."""
    for name in names:
        control = ServerControl.of(runtime, name)
        if runtime.deployment.servers[name].control is None:
            told[name] = "not started: it has no control in the deployment file"
            continue
        told[name] = "did not start"
        told[name] = f"healthy by {control.bring_up()}"
