"""Drills: restore a restore point into a scratch place, prove it again, run the WSO2 checks, record evidence.

Two verdicts. Fidelity: what came back is what was captured. Health: the WSO2 checks find nothing that they
did not find at capture. A restore point is good only when both passed.
"""

import logging
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import humanize

from lifeboat.capture import JOBS, engine_for
from lifeboat.catalog import Catalog, PointState
from lifeboat.deployment import Unit
from lifeboat.documents import SignedManifest, list_point, located, require_manifest, write_evidence
from lifeboat.engines.base import Engine, Facts, Restored, fidelity, load_facts
from lifeboat.errors import ConfigurationError, LifeboatError, PointError, SignatureError, SpaceError, VaultDamagedError
from lifeboat.manifest import (
    Check,
    DrillEvidence,
    Manifest,
    Outcome,
    UnitDrill,
    UnitSnapshot,
    canonical_json,
    content_id,
    sha256,
)
from lifeboat.runbook import by_hand, find_member, runbook_turns
from lifeboat.runtime import Runtime
from lifeboat.scratch import scratch_place
from lifeboat.together import TogetherPool
from lifeboat.vault import Snapshot, Vault
from lifeboat.wso2.check_across import Told, check_across, tell, told_in
from lifeboat.wso2.checks import CheckResult, Verdict, VerdictStatus, new_violations, run_checks

log = logging.getLogger(__name__)

#: What says that a sealed point's manifest is no longer in the vault as it was: a verdict on the point.
_REFUSED = (SignatureError, VaultDamagedError, PointError)


def drill_unit(runtime: Runtime, point: str, unit: Unit, site: str | None = None, *, runbook: str = "") -> UnitDrill:
    """Given a restore point's id and one of its units, restore that unit, prove it and say what was found.

    `runbook` may name a member of the unit: it is brought back by the commands of its runbook, with standard tools
    alone, and the proof is computed on what they restored. If they fail, that is the red check `runbook`, and the
    member is restored as the others are.

    What is wrong with the restore point is a red check, not an error; errors are for what kept the drill from
    being done (no space, no tools, a locked vault) and say nothing about the point.
    """
    started = time.monotonic()
    site = site or runtime.deployment.home_site()
    vault = runtime.vault(site)
    engine = engine_for(runtime, unit)
    engine.at_site = site
    try:
        listing = list_point(vault, runtime.deployment.name, point)
        signed = require_manifest(vault, runtime.signer(), runtime.deployment.name, point, listing)
    except _REFUSED as error:
        name = "manifest-signature" if isinstance(error, SignatureError) else "manifest-readable"
        return _result(engine, [fidelity(name, str(unit), False, error.message)], 0.0, 0, started, runbook)
    manifest = located(signed.manifest, listing)
    snapshot = unit_snapshot(manifest, unit)
    checks = [fidelity("manifest-signature", str(unit), True, "signed by a trusted key")]
    checks += address_checks(listing, snapshot)
    facts = None if any_failed(checks) else sealed_facts(vault, snapshot, checks)
    if facts is None or any_failed(checks):
        return _result(engine, checks, 0.0, 0, started, runbook)
    with scratch_place(Path(runtime.deployment.sites[site].scratch)) as place:
        _require_space(place, engine, snapshot)
        if runbook:
            _take_runbook(engine, vault, manifest, snapshot, facts, place, runbook, checks)
        log.info("Restoring %s of %s into scratch", unit, point)
        restoring = time.monotonic()
        with engine.restore(snapshot, vault, place) as restored:
            restore_seconds = time.monotonic() - restoring
            log.info("Restored %s in %.1f s; proving it", unit, restore_seconds)
            checks += proof_checks(engine, snapshot, facts, restored)
            checks += health_checks(runtime, snapshot, restored)
            checks += _across_checks(runtime, vault, manifest, snapshot, restored)
    checks += _of_runbook(engine, checks)
    return _result(engine, checks, restore_seconds, restored.restored_bytes, started, runbook)


def _take_runbook(
    engine: Engine,
    vault: Vault,
    manifest: Manifest,
    snapshot: UnitSnapshot,
    facts: Facts,
    place: Path,
    member: str,
    checks: list[Check],
) -> None:
    """Let the engine bring a member back by its runbook, if it has one for it."""
    try:
        found = find_member(manifest, member)[1]
        engine.by_hand = by_hand(engine.runtime, manifest, snapshot, found, facts, vault, place / "by-hand")
    except (PointError, ConfigurationError) as error:
        checks.append(_no_runbook(member, error.message))
        return
    log.info("Restoring %s by the commands of its runbook", member)


def _of_runbook(engine: Engine, checks: Sequence[Check]) -> Iterator[Check]:
    """Yield how the runbook did: red as well when what it restored is not what was captured."""
    if engine.by_hand is not None:
        engine.by_hand.distrust(checks)
        yield engine.by_hand.check or _no_runbook(engine.by_hand.runbook.member, "its engine did not execute it")


def _no_runbook(member: str, detail: str) -> Check:
    return Check(name="runbook", verdict="fidelity", outcome="skipped", member=member, detail=detail)


def require_copied(state: PointState, site: str) -> None:
    """Raise PointError when nothing is known of a copy of a point at a site: then a drill there would be about none."""
    name = state.manifest.deployment
    if site not in state.replicas:
        raise PointError(
            f"Restore point '{state.manifest.id}' is not known to be at site '{site}'.",
            next_step=f"Copy it with `lifeboat replicate {name} --site {site}`. If the home vault is out of reach, "
            f"`lifeboat catalog rebuild {name} --site {site}` reads what is there.",
        )


def drill_point(
    runtime: Runtime, catalog: Catalog, point: str, *, jobs: int = JOBS, site: str | None = None
) -> DrillEvidence:
    """Drill a restore point in one go, `jobs` units side by side, as the command line does; with `site` from the vault
    of another site. Raise PointError when it is not known to be there.

    A unit whose drill could not be done leaves the evidence incomplete; its error is logged. Raise it when no
    unit could be drilled.
    """
    started = datetime.now(UTC)
    state = catalog.point(runtime.deployment.name, point)
    site = site or runtime.deployment.home_site()
    if site != runtime.deployment.home_site():
        require_copied(state, site)
    manifest = state.manifest
    turns = runbook_turns(manifest, catalog.drills(runtime.deployment.name))
    with TogetherPool(jobs) as pool:
        futures = [pool.submit(_drill_or_error, runtime, point, unit, site, member) for unit, member in turns.items()]
    results = [future.result() for future in futures]
    drills = [result for result in results if isinstance(result, UnitDrill)]
    errors = [result for result in results if isinstance(result, LifeboatError)]
    if errors and not drills:
        raise errors[0]
    return record_drill(runtime, catalog, point, drills, started, site)


def _drill_or_error(runtime: Runtime, point: str, unit: Unit, site: str, runbook: str) -> UnitDrill | LifeboatError:
    """Drill a unit, and return the error that kept it from being done: other units are drilled all the same."""
    try:
        return drill_unit(runtime, point, unit, site, runbook=runbook)
    except LifeboatError as error:
        log.error("The drill of %s could not be done: %s", unit, error)
        return error


def record_drill(
    runtime: Runtime,
    catalog: Catalog,
    point: str,
    drills: Sequence[UnitDrill],
    started_at: datetime,
    site: str | None = None,
) -> DrillEvidence:
    """Given what the drills of a point's units found, write the evidence: the vault first, then the catalog.

    A unit without a result makes the evidence incomplete: it does not pass, and unless another unit failed, the
    point does not count as drilled. What the catalog lost meanwhile is put back. The same drills recorded again are the
    same evidence.
    """
    site = site or runtime.deployment.home_site()
    vault, signer = runtime.vault(site), runtime.signer()
    name = runtime.deployment.name
    signed = _manifest_or_none(vault, runtime, point)
    if signed is None:
        signed = catalog.signed_manifest(name, point)
    else:
        catalog.add_point(signed)
    manifest = signed.manifest
    checks = [check for drill in drills for check in drill.checks]
    done = {drill.unit for drill in drills}
    missing = tuple(snapshot.unit for snapshot in manifest.units if snapshot.unit not in done)
    evidence = DrillEvidence(
        id=content_id(signed.sha256, site, started_at.isoformat(), *(each.model_dump(mode="json") for each in drills)),
        deployment=manifest.deployment,
        point=manifest.id,
        manifest_sha256=signed.sha256,
        site=site,
        home=site == runtime.deployment.home_site(),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        fidelity=_verdict(checks, "fidelity"),
        health=_verdict(checks, "health"),
        complete=not missing,
        missing_units=missing,
        rto_seconds=sum(drill.restore_seconds for drill in drills),
        rpo_seconds=catalog.exposure_seconds(manifest, started_at),
        units=tuple(drills),
    )
    write_evidence(vault, signer, evidence)
    if not evidence.home:
        _tell_home(runtime, evidence)
    catalog.add_evidence(evidence)
    return evidence


def _tell_home(runtime: Runtime, evidence: DrillEvidence) -> None:
    """Write the evidence of a drill at another site into the home vault as well, if that can be reached."""
    try:
        write_evidence(runtime.vault(runtime.deployment.home_site()), runtime.signer(), evidence)
    except LifeboatError as error:
        log.warning("The home vault gets the evidence of this drill with the next replication: %s", error)


def _manifest_or_none(vault: Vault, runtime: Runtime, point: str) -> SignedManifest | None:
    """Return the genuine manifest, or None when the vault's is forged, damaged or gone: then the catalog's copy
    of the genuine one is what the failed evidence is bound to."""
    try:
        return require_manifest(vault, runtime.signer(), runtime.deployment.name, point)
    except _REFUSED:
        return None


def unit_snapshot(manifest: Manifest, unit: Unit) -> UnitSnapshot:
    try:
        return manifest.unit(unit)
    except KeyError:
        raise PointError(
            f"Restore point '{manifest.id}' has no {unit}.",
            next_step=f"It has {', '.join(str(each.unit) for each in manifest.units)}.",
        ) from None


def red_checks(checks: Sequence[Check], *, unproven: bool) -> list[str]:
    """Return the names of the checks that keep what was restored from being used: those of fidelity that failed, and
    those of health unless it is known that the point is `unproven`."""
    failed = (each for each in checks if each.outcome == "failed" and (each.verdict == "fidelity" or not unproven))
    return sorted({each.name for each in failed})


def any_failed(checks: Sequence[Check]) -> bool:
    return any(check.outcome == "failed" for check in checks)


def _result(
    engine: Engine, checks: list[Check], restore_seconds: float, size: int, started: float, runbook: str
) -> UnitDrill:
    log_checks(checks)
    return UnitDrill(
        unit=engine.unit,
        host_name=socket.gethostname(),
        restore_seconds=restore_seconds,
        seconds=time.monotonic() - started,
        restored_bytes=size,
        checks=tuple(checks),
        runbook=runbook,
    )


def _require_space(place: Path, engine: Engine, snapshot: UnitSnapshot) -> None:
    """Raise SpaceError, before anything is restored, when the scratch place is too small for it."""
    needed = round(sum(member.size_bytes for member in snapshot.members) * engine.scratch_factor)
    free = shutil.disk_usage(place).free
    if free < needed:
        raise SpaceError(
            f"The drill of {snapshot.unit} needs about {humanize.naturalsize(needed)} in {place.parent}; "
            f"{humanize.naturalsize(free)} are free.",
            next_step="Free space there, or set sites.….scratch to a larger file system.",
        )


def address_checks(listing: Sequence[Snapshot], snapshot: UnitSnapshot) -> Iterator[Check]:
    """Check that the vault lists what the manifest names, data and facts: the same tags, the same tree."""
    listed = {found.id: found for found in listing}
    named = [(member.member, "member", member.address) for member in snapshot.members]
    for name, kind, address in [*named, (str(snapshot.unit), "facts", snapshot.facts)]:
        found = listed.get(address.snapshot)
        tags = {"member": name, "kind": kind, "attempt": snapshot.attempt}
        right = found is not None and found.tree == address.tree and tags.items() <= found.tags.items()
        what = "snapshot" if kind == "member" else "snapshot of the facts"
        detail = f"{what} with the sealed tree" if right else f"the vault has no such {what} with the sealed tree"
        yield fidelity("member-address", name, right, detail)


def sealed_facts(vault: Vault, snapshot: UnitSnapshot, checks: list[Check]) -> Facts | None:
    """Return the captured facts, and check that they are those whose digests the manifest signs."""
    try:
        facts = load_facts(vault, snapshot)
    except VaultDamagedError as error:
        checks.append(fidelity("facts-readable", str(snapshot.unit), False, error.message))
        return None
    for member in snapshot.members:
        same = sha256(canonical_json(facts.get(member.member))) == member.proof.digest
        checks.append(fidelity("facts-readable", member.member, same, "facts as sealed" if same else "facts changed"))
    return facts


def proof_checks(engine: Engine, snapshot: UnitSnapshot, captured: Facts, restored: Restored) -> Iterator[Check]:
    proven = restored.prove()
    yield from restored.checks
    for member in snapshot.members:
        if member.member in proven:
            yield from engine.compare(member.member, captured[member.member], proven[member.member])
        else:
            yield fidelity("member-proven", member.member, False, "could not be restored, so nothing is proven")


def health_checks(runtime: Runtime, snapshot: UnitSnapshot, restored: Restored) -> Iterator[Check]:
    """Run the WSO2 checks on restored databases; only what is new against the capture is red. Nothing for what this
    worker does not reach: then nothing is known of its health, which a check of its own says."""
    if restored.unreached:
        return
    with restored.databases() as databases:
        results = [*(run_checks(databases) if databases else []), *restored.examine()]
    yield from _new_violations(runtime, snapshot, results, snapshot.checks)


def live_checks(runtime: Runtime, engine: Engine, snapshot: UnitSnapshot) -> Iterator[Check]:
    """Run the WSO2 checks on a live unit; only what is new against the capture is red. Nothing for a unit that cannot
    be asked while it is live: its checks ran when it was restored."""
    if not engine.checked_live:
        return
    with engine.live_databases() as databases:
        results = [*(run_checks(databases) if databases else []), *engine.examine()]
    yield from _new_violations(runtime, snapshot, results, snapshot.checks)


def _across_checks(
    runtime: Runtime, vault: Vault, manifest: Manifest, snapshot: UnitSnapshot, restored: Restored
) -> Iterator[Check]:
    """Check the relations of restored databases with those of other units, as these told of themselves at capture."""
    captured: dict[str, list[Told]] = {}
    for unit in manifest.units:
        if unit.unit.kind == "database":
            try:
                captured[str(unit.unit)] = told_in(load_facts(vault, unit))
            except VaultDamagedError as error:
                yield fidelity("facts-readable", str(unit.unit), False, error.message)
    about = str(snapshot.unit)
    if not captured.get(about):
        return
    with restored.databases() as databases:
        now = {**captured, about: tell(databases)}
    before, after = check_across(captured, about), check_across(now, about)
    yield from _new_violations(runtime, snapshot, after, before)


def _new_violations(
    runtime: Runtime, snapshot: UnitSnapshot, results: Sequence[CheckResult], before: Sequence[CheckResult]
) -> Iterator[Check]:
    for verdict in new_violations(before, results, runtime.deployment.known_violations):
        yield Check(
            name=verdict.name,
            verdict="health",
            outcome=_outcome(verdict),
            member=f"{snapshot.unit}: {', '.join(verdict.databases)}",
            detail=_explain(verdict),
        )


def _outcome(verdict: Verdict) -> Outcome:
    if verdict.red:
        return "failed"
    return "skipped" if verdict.status is VerdictStatus.SKIPPED else "passed"


def _explain(verdict: Verdict) -> str:
    new = f": {', '.join(verdict.new_keys[:5])}" if verdict.new_keys else ""
    reason = f" ({verdict.reason})" if verdict.reason else ""
    return verdict.title if verdict.status is VerdictStatus.PASSED else f"{verdict.status}{new}{reason}"


def _verdict(checks: Sequence[Check], verdict: str) -> Outcome:
    outcomes = {check.outcome for check in checks if check.verdict == verdict}
    if "failed" in outcomes:
        return "failed"
    return "passed" if "passed" in outcomes else "skipped"


def log_checks(checks: Sequence[Check]) -> None:
    for check in checks:
        level = logging.ERROR if check.outcome == "failed" else logging.INFO
        log.log(level, "%-7s %-28s %s: %s", check.outcome, check.name, check.member, check.detail)
