"""What a recovery would do: which restore point, what is replaced by what, which servers stop, and what to think of.

A plan is made twice: for the people who approve it, and again just before anything happens. Only a plan that
still means the same goes ahead.
"""

import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import humanize

from lifeboat.capture import engine_for
from lifeboat.catalog import Catalog, PointState, last_instant
from lifeboat.catalog.last_good import described
from lifeboat.deployment import Deployment, Unit
from lifeboat.drill import require_copied
from lifeboat.engines import load_engine
from lifeboat.errors import ConfigurationError, RecoveryError, SpaceError
from lifeboat.manifest import Manifest
from lifeboat.patch_recovery import plan_patches, select_home
from lifeboat.recovery_documents import RecoveryPlan, RecoveryRequest, Replacement
from lifeboat.runtime import Runtime
from lifeboat.times import in_utc

log = logging.getLogger(__name__)

#: Members of a point that are not exchanged: what of them is missing is made.
_NEVER_EXCHANGED = "roles/"


def plan_recovery(runtime: Runtime, catalog: Catalog, request: RecoveryRequest, recovery: str) -> RecoveryPlan:
    """Given what a person asks for and the recovery's id, return what would be done; nothing is changed.

    Raise PointError when there is no such point, ConfigurationError for units that it does not have, SpaceError
    when there is no room, and whatever else stands in the way.
    """
    deployment = runtime.deployment
    state, chosen = resolve(catalog, deployment.name, request, runtime.away)
    if request.patches_from:
        selection = select_home(deployment, request)
    else:
        selection = select_members(state.manifest, request.units)
        if not request.units:
            selection = _of_this_place(deployment, selection)
    refuse_other_workers(deployment, selection)
    replacements = [
        _replacement(runtime, state, request, unit, members, recovery) for unit, members in selection.items() if members
    ]
    servers = affected_servers(deployment, selection)
    if runtime.away:  # those of the site that is lost are not to be stopped from here
        servers = [name for name in servers if deployment.servers[name].site == runtime.away]
    _refuse_full(runtime, state.manifest, replacements)
    moves = (runtime.away or request.rebuild) and any(unit.kind == "home" for unit in selection)
    rebindings, foreign = runtime.rebindings() if moves else ((), ())
    return RecoveryPlan(
        id=recovery,
        deployment=deployment.name,
        site=deployment.home_site(),
        request=request,
        point=state.manifest.id,
        manifest_sha256=state.manifest_sha256,
        point_instant=last_instant(state.manifest),
        verdict=state.verdict,
        chosen=chosen,
        replacements=tuple(replacements),
        servers=tuple(servers),
        warnings=tuple(_warnings(deployment, state, request, selection, replacements, servers)),
        rebindings=rebindings,
        foreign=foreign,
    )


def resolve(catalog: Catalog, deployment: str, request: RecoveryRequest, site: str = "") -> tuple[PointState, str]:
    """Given a request, and perhaps another site than home from whose vault it is met, return its restore point and how
    it was chosen, in words. At another site what counts are the drills there.

    Raise PointError when there is none, and RecoveryError when the point that was named is not proven and the
    request does not say that this is known.
    """
    at, there = (f" at site '{site}'", f" --site {site}") if site else ("", "")
    if not request.point:
        state = catalog.require_last_known_good(deployment, request.as_of, site)
        when = f" as of {in_utc(request.as_of)}" if request.as_of else ""
        return state, f"the last known good{at}{when}"
    if request.as_of:
        raise ConfigurationError(
            f"Both a restore point ({request.point}) and a time ({in_utc(request.as_of)}) are given.",
            next_step="Give one of them; without both, it is the last known good.",
        )
    state = catalog.point(deployment, request.point)
    if site:
        require_copied(state, site)
        state = state.at(site)
    if state.verdict != "good" and not request.unproven:
        raise RecoveryError(
            f"Restore point {described(state)} is not proven{at}: no drill of it passed.",
            next_step=f"Prove it with `lifeboat drill {deployment} {state.manifest.id}{there}`, choose a good one, or "
            "say that you know it: unproven.",
        )
    return state, "named"


def select_members(manifest: Manifest, wanted: Sequence[str]) -> dict[Unit, list[str]]:
    """Given a manifest and names of units or members, by default all, return each unit with its members to bring
    back; what a recovery of all leaves alone is not among them. Raise ConfigurationError, listing what there is, for a
    name that it does not have."""
    exchanged = {
        unit.unit: [each.member for each in unit.members if not each.member.startswith(_NEVER_EXCHANGED)]
        for unit in manifest.units
    }
    if not wanted:
        named = {each.unit for each in manifest.units for m in each.members if load_engine(m.engine).only_by_name}
        return {unit: members for unit, members in exchanged.items() if unit not in named}
    known = {str(unit) for unit in exchanged} | {member for members in exchanged.values() for member in members}
    unknown = sorted(set(wanted) - known)
    if unknown:
        raise ConfigurationError(
            f"Restore point '{manifest.id}' has no {', '.join(unknown)}.",
            next_step=f"It has {', '.join(sorted(known))}.",
        )
    chosen = {
        unit: [member for member in members if str(unit) in wanted or member in wanted]
        for unit, members in exchanged.items()
    }
    return {unit: members for unit, members in chosen.items() if members}


def affected_servers(deployment: Deployment, units: Iterable[Unit]) -> list[str]:
    """Given units, return the servers that must be down while they are exchanged, in start order: a home's own
    server, that of an embedded database, and all servers when another database is among them, for all of them hold
    sessions with it."""
    chosen = list(units)
    databases = [deployment.database_servers.get(unit.name) for unit in chosen if unit.kind == "database"]
    if any(database is None or database.server is None for database in databases):
        names = set(deployment.servers)
    else:
        names = {unit.name for unit in chosen if unit.kind == "home"} & deployment.servers.keys()
        names |= {database.server for database in databases if database and database.server}
    return sorted(names, key=lambda name: (deployment.servers[name].start_order, name))


def _of_this_place(deployment: Deployment, selection: dict[Unit, list[str]]) -> dict[Unit, list[str]]:
    """Given all units, return those behind the queue whose worker this is, if it is one."""
    queue = os.environ.get("LIFEBOAT_QUEUE")
    return {u: members for u, members in selection.items() if not queue or deployment.queue_of(u) == queue}


def is_reached(deployment: Deployment, unit: Unit) -> bool:
    """Return whether this worker reaches a unit: it is behind no queue, or behind the one whose worker this is."""
    return deployment.queue_of(unit) in (None, os.environ.get("LIFEBOAT_QUEUE"))


def refuse_other_workers(deployment: Deployment, units: Iterable[Unit]) -> None:
    """Raise ConfigurationError for what only the worker behind a queue reaches: a swap is made in one place."""
    for unit in units:
        if not is_reached(deployment, unit):
            queue = deployment.queue_of(unit)
            raise ConfigurationError(
                f"{unit} is on the host behind queue '{queue}', which a recovery from here does not reach.",
                next_step=f"Run `LIFEBOAT_QUEUE={queue} lifeboat recover {deployment.name} --only {unit}` on that "
                "host, or give it an ssh connection in `hosts` instead of the queue.",
            )


def _replacement(
    runtime: Runtime, state: PointState, request: RecoveryRequest, unit: Unit, members: Sequence[str], recovery: str
) -> Replacement:
    if request.patches_from:
        return plan_patches(runtime, state.manifest, request, recovery)
    engine = engine_for(runtime, unit)
    replacement = engine.plan_replacement(state.manifest.unit(unit), members, recovery)
    return replacement.model_copy(update={"expected_seconds": _expected_seconds(state, unit)})


def _expected_seconds(state: PointState, unit: Unit) -> float | None:
    """Return how long the newest drill of the point took to restore the unit, if there was one."""
    drills = state.drill.units if state.drill else ()
    return next((drill.restore_seconds for drill in drills if drill.unit == unit), None)


def _refuse_full(runtime: Runtime, manifest: Manifest, replacements: Sequence[Replacement]) -> None:
    """Raise SpaceError when a file system has no room for all that would be restored to it, or the scratch place
    none for the dumps that are spooled there."""
    needed: dict[str, int] = defaultdict(int)
    free: dict[str, tuple[int, str]] = {}
    for each in replacements:
        if each.free_bytes is not None:
            needed[each.file_system] += each.needed_bytes
            free[each.file_system] = each.free_bytes, f"{each.where} on host '{each.host}'"
    scratch = Path(runtime.deployment.sites[runtime.deployment.home_site()].scratch)
    exchanged = {
        exchange.member for each in replacements if each.unit.kind == "database" for exchange in each.exchanges
    }
    needed["scratch"] = sum(member.size_bytes for member in manifest.members() if member.member in exchanged)
    there = next(path for path in (scratch, *scratch.parents) if path.exists())
    free["scratch"] = shutil.disk_usage(there).free, f"the scratch directory {scratch}"
    for system, (available, where) in free.items():
        if needed[system] > available:
            raise SpaceError(
                f"The recovery needs about {humanize.naturalsize(needed[system])} in {where}; "
                f"{humanize.naturalsize(available)} are free. What is live stays until it is exchanged, and after.",
                next_step="Free space there, remove what earlier recoveries kept, or recover fewer units.",
            )


def _warnings(
    deployment: Deployment,
    state: PointState,
    request: RecoveryRequest,
    selection: dict[Unit, list[str]],
    replacements: Sequence[Replacement],
    servers: Sequence[str],
) -> Iterable[str]:
    if state.verdict != "good":
        yield f"Restore point {state.manifest.id} is {state.verdict}: no drill of it passed."
    if request.patches_from:
        yield from _patch_warnings(deployment, servers)
        return
    age = datetime.now(UTC) - last_instant(state.manifest)
    if age > deployment.objectives.rpo:
        yield "The restore point is older than the RPO: what came after it will be gone from what is live."
    yield from _uncoupled(state.manifest, selection)
    yield from _uncontrolled(deployment, servers)
    for replacement in replacements:
        if not replacement.capturable:
            yield (
                f"{replacement.unit}: not all of it is live, or it is open while its server runs; a safety point "
                "leaves it out."
            )
    if any(unit.kind == "tree" for unit in selection):
        yield "Trees are exchanged while whoever uses them may have files open: stop it by hand."


def _uncontrolled(deployment: Deployment, servers: Sequence[str]) -> Iterable[str]:
    for name in servers:
        if deployment.servers[name].control is None:
            yield f"Server '{name}' has no control in the deployment file: stop it by hand before, start it after."


def _patch_warnings(deployment: Deployment, servers: Sequence[str]) -> Iterable[str]:
    yield from _uncontrolled(deployment, servers)
    types = {deployment.servers[name].type for name in servers}
    left = [name for name, server in deployment.servers.items() if server.type in types and name not in servers]
    if left:
        yield f"{', '.join(left)} of the same type is left as it is: `lifeboat patches {deployment.name}` shows drift."


def _uncoupled(manifest: Manifest, selection: dict[Unit, list[str]]) -> Iterable[str]:
    """Say what belongs together and is not all chosen."""
    whole = select_members(manifest, ())
    for unit, members in selection.items():
        left = [member for member in whole[unit] if member not in members]
        if left:
            yield f"{', '.join(members)} without {', '.join(left)}: WSO2's databases refer to each other."
    kinds = {unit.kind for unit in selection}
    homes = [str(unit) for unit in whole if unit.kind == "home" and unit not in selection]
    databases = [str(unit) for unit in whole if unit.kind == "database" and unit not in selection]
    if "database" in kinds and homes:
        yield f"Databases without {', '.join(homes)}: secrets in them open only with the keystores of that time."
    if "home" in kinds and databases:
        yield f"Homes without {', '.join(databases)}: their keystores must still be those that the databases need."
    if "home" in kinds and homes:
        yield f"Homes without {', '.join(homes)}: servers of one deployment must have the same update level."
