"""Making a restore point: open, capture each unit, seal. A point is made once.

`open_point` mints the identity; `capture_unit` runs once per unit, anywhere; `seal_point` names exactly one
attempt per unit, checks that all is in the vault, and writes the signed manifest last. A retry leaves an
orphan in the vault, never a second snapshot of a member in a point; a sealed point never changes.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lifeboat import __version__
from lifeboat.deployment import DatabaseServer, Deployment, Unit, format_duration
from lifeboat.documents import SignedManifest, find_manifest, list_point, write_manifest
from lifeboat.engines import load_engine
from lifeboat.engines.base import Capture, Engine
from lifeboat.errors import CaptureError, ConfigurationError, PointError
from lifeboat.manifest import Address, Manifest, OpenPoint, PointKind, UnitSnapshot, new_point_id
from lifeboat.runtime import Runtime
from lifeboat.together import TogetherPool
from lifeboat.vault import Snapshot, Vault

log = logging.getLogger(__name__)

JOBS = 2


def engine_for(runtime: Runtime, unit: Unit, *, connected: bool = True) -> Engine:
    """Given a unit, return its engine at work on it; not `connected` for what never reaches the live database.

    Raise ConfigurationError when the deployment file does not name the unit, or the engine that it names
    captures something else, does not offer the method, or wants another type of connection.
    """
    try:
        settings = runtime.deployment.settings_of(unit)
    except KeyError:
        raise _unfit(
            unit,
            f"The deployment file of '{runtime.deployment.name}' does not name it (any more).",
            "Start a new run, which takes the units from the file; to drill a point made before, put it back there.",
        ) from None
    name = getattr(settings, "engine", unit.kind)
    engine = load_engine(name)
    if engine.kind != unit.kind:
        raise _unfit(unit, f"Engine '{name}' captures a {engine.kind}, not a {unit.kind}.", "Name another engine.")
    if isinstance(settings, DatabaseServer):
        if settings.method not in engine.methods:
            offered = ", ".join(engine.methods)
            raise _unfit(unit, f"Engine '{name}' has no method '{settings.method}'.", f"Use one of: {offered}.")
        found = runtime.connection(settings.connection) if connected else None
        if found and found.type != engine.connection_type:
            raise _unfit(
                unit,
                f"Connection '{found.id}' is of type '{found.type}', not '{engine.connection_type}'.",
                "Correct the connection's type, or name another engine.",
            )
    return engine(runtime, unit)


def _unfit(unit: Unit, message: str, next_step: str) -> ConfigurationError:
    return ConfigurationError(f"{unit}: {message}", next_step=next_step)


def open_point(
    deployment: Deployment,
    kind: PointKind,
    *,
    run_after: datetime | None = None,
    seed: str | None = None,
    reason: str = "",
    units: Sequence[Unit] | None = None,
    labels: Mapping[str, str] | None = None,
) -> OpenPoint:
    """Open a restore point of some units, by default of all. A run that may be repeated gives its time and its own
    id as `run_after` and `seed`, so that repeating it means the same point."""
    now = datetime.now(UTC)
    return OpenPoint(
        id=new_point_id(run_after or now, seed),
        deployment=deployment.name,
        kind=kind,
        opened_at=now,
        max_skew_seconds=deployment.max_skew.total_seconds(),
        units=tuple(deployment.units() if units is None else units),
        reason=reason,
        labels=dict(labels or {}),
    )


def make_point(
    runtime: Runtime,
    kind: PointKind,
    *,
    reason: str = "",
    labels: Mapping[str, str] | None = None,
    jobs: int = JOBS,
    units: Sequence[Unit] | None = None,
) -> SignedManifest:
    """Make a restore point of some units, by default of all, in one go, `jobs` units side by side, as the command
    line does."""
    runtime.signer()  # without the key nothing can be sealed: better to know it now than after the captures
    point = open_point(runtime.deployment, kind, reason=reason, labels=labels, units=units)
    log.info("Opened restore point %s", point.id)
    with TogetherPool(jobs) as pool:
        captured = [pool.submit(_capture, runtime, point, unit) for unit in point.units]
    return seal_point(runtime, point, [future.result() for future in captured])


def refuse_sealed(runtime: Runtime, point: OpenPoint) -> None:
    """Raise PointError when the point is sealed: it never changes."""
    vault = runtime.vault(runtime.deployment.home_site())
    if vault.snapshots({"kind": "manifest", "deployment": point.deployment, "point": point.id}):
        raise _sealed(point.id)


def capture_unit(runtime: Runtime, point: OpenPoint, unit: Unit) -> UnitSnapshot:
    """Capture one unit for an open point.

    Raise PointError when the point is sealed or open for too long, CaptureError and others when the unit
    cannot be captured whole; nothing is referenced by a point then.
    """
    refuse_sealed(runtime, point)
    return _capture(runtime, point, unit)


def _capture(runtime: Runtime, point: OpenPoint, unit: Unit) -> UnitSnapshot:
    _refuse_expired(point)
    site = runtime.deployment.home_site()
    capture = Capture(point=point, unit=unit, site=site, vault=runtime.vault(site))
    log.info("Capturing %s for restore point %s (attempt %s)", unit, point.id, capture.attempt)
    snapshot = engine_for(runtime, unit).capture(capture)
    for warning in snapshot.warnings:
        log.warning("%s", warning)
    return snapshot


def seal_point(runtime: Runtime, point: OpenPoint, snapshots: Sequence[UnitSnapshot]) -> SignedManifest:
    """Given what each unit's capture returned, seal the point and return its manifest.

    Sealing again with the same attempts returns the manifest that is there. Raise PointError when the point
    was sealed with others, a unit is missing or doubled, or the captures lie too far apart; CaptureError when
    the vault does not hold what the captures say.
    """
    _refuse_incomplete(point, snapshots)
    skew = _skew_seconds(point, snapshots)
    vault, signer = runtime.vault(runtime.deployment.home_site()), runtime.signer()
    listing = list_point(vault, point.deployment, point.id)
    sealed = find_manifest(vault, signer, point.deployment, point.id, listing)
    if sealed is not None:
        if {unit.attempt for unit in sealed.manifest.units} == {unit.attempt for unit in snapshots}:
            return sealed
        raise _sealed(point.id)
    manifest = Manifest(
        id=point.id,
        deployment=point.deployment,
        kind=point.kind,
        reason=point.reason,
        labels=point.labels,
        opened_at=point.opened_at,
        sealed_at=datetime.now(UTC),
        skew_seconds=skew,
        lifeboat_version=__version__,
        units=tuple(_with_trees(snapshot, listing, vault) for snapshot in snapshots),
    )
    signed = write_manifest(vault, signer, manifest)
    log.info("Sealed restore point %s: %d members", point.id, len(manifest.members()))
    return signed


def _sealed(point: str) -> PointError:
    return PointError(
        f"Restore point '{point}' is sealed; it never changes.",
        next_step="Start a new run of the DAG (Trigger) instead of clearing tasks of this one.",
    )


def _refuse_expired(point: OpenPoint) -> None:
    now = datetime.now(UTC)
    if now > point.expires_at():
        raise PointError(
            f"Restore point '{point.id}' was opened {format_duration(now - point.opened_at)} ago; captures may join "
            f"it for {point.max_skew_seconds:.0f} s (max_skew).",
            next_step="Start a new run; raise max_skew in the deployment file if captures take this long.",
        )


def _refuse_incomplete(point: OpenPoint, snapshots: Sequence[UnitSnapshot]) -> None:
    expected, found = sorted(map(str, point.units)), sorted(str(snapshot.unit) for snapshot in snapshots)
    if expected != found:
        raise PointError(
            f"Restore point '{point.id}' is not whole: expected {', '.join(expected)}; captured {', '.join(found)}.",
            next_step="Start a new run; a point is sealed only with exactly one capture of every unit.",
        )


def _skew_seconds(point: OpenPoint, snapshots: Sequence[UnitSnapshot]) -> float:
    instants = [snapshot.instant for snapshot in snapshots]
    skew = (max(instants) - min(instants)).total_seconds()
    if skew > point.max_skew_seconds:
        first, last = (min, max)
        early, late = first(snapshots, key=lambda s: s.instant), last(snapshots, key=lambda s: s.instant)
        raise PointError(
            f"The captures of restore point '{point.id}' lie {skew:.0f} s apart ({early.unit} to {late.unit}); "
            f"max_skew allows {point.max_skew_seconds:.0f} s.",
            next_step="Start a new run with more slots in the vault's pool, or raise max_skew.",
        )
    return skew


def _with_trees(snapshot: UnitSnapshot, listing: Sequence[Snapshot], vault: Vault) -> UnitSnapshot:
    """Given a unit's snapshot and the vault's listing, return it with whole snapshot ids and tree ids."""

    def complete(where: Address, member: str) -> Address:
        for found in listing:
            tags = found.tags
            mine = tags.get("attempt") == snapshot.attempt and tags.get("member") == member
            if mine and found.id.startswith(where.snapshot):
                return Address(snapshot=found.id, tree=found.tree, path=where.path)
        raise CaptureError(
            f"Vault {vault.name} does not hold snapshot {where.snapshot} of {member} (attempt {snapshot.attempt}).",
            next_step="Start a new run; look who removes snapshots from the vault.",
        )

    return snapshot.model_copy(
        update={
            "facts": complete(snapshot.facts, str(snapshot.unit)),
            "members": tuple(
                member.model_copy(update={"address": complete(member.address, member.member)})
                for member in snapshot.members
            ),
        }
    )
