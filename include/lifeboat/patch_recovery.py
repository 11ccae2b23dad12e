"""Patch restore: the patches of one server at a restore point, brought to that server or another of its type.

It is a recovery of parts of one home: planned, approved, journalled, proven beside, exchanged, undone and recorded like
any other (`lifeboat.recovery`). What is its own is here: what the plan replaces, by the recipe of
`lifeboat.wso2.patch_restore`, and the check of what the server really runs after its start.
"""

import logging
from collections.abc import Iterator
from typing import Any

from lifeboat.capture import engine_for
from lifeboat.deployment import Deployment, Server, Unit
from lifeboat.documents import located_at
from lifeboat.engines._home_parts import plan_exchange, planned_parts
from lifeboat.engines.base import load_facts
from lifeboat.engines.home import HomeEngine
from lifeboat.errors import ConfigurationError, PreflightError
from lifeboat.manifest import Check, Manifest, Outcome, UnitSnapshot, canonical_json, sha256
from lifeboat.recovery_documents import RecoveryPlan, RecoveryRequest, Replacement
from lifeboat.runtime import Runtime
from lifeboat.text import shown
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.patch_restore import PatchPlan, Recipe, plan_patch_restore, plugins_of, refuse_foreign
from lifeboat.wso2.patches import PatchInventory, inventory
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)

#: Carbon's log of what it does with patches, and what it says there (carbon-kernel, PatchInstaller.java). The words
#: for levels are those of the JVM's language; these are not.
PATCHES_LOG = "repository/logs/patches.log"
_CHANGED, _VERIFIED = "Patch changes detected", "Patch verification successfully completed"


def patch_request(
    server: str,
    *,
    from_server: str = "",
    point: str = "",
    reason: str = "",
    unproven: bool = False,
    force: bool = False,
) -> RecoveryRequest:
    """Given what a person asks for, return it as the request of a recovery; by default a server's own patches of the
    last known good come back. Nothing is captured first: what was live of the patches is kept beside."""
    return RecoveryRequest(
        point=point,
        units=(f"home/{server}",),
        reason=reason,
        unproven=unproven,
        safety_point=False,
        patches_from=from_server or server,
        force=force,
    )


def plan_patches(runtime: Runtime, manifest: Manifest, request: RecoveryRequest, recovery: str) -> Replacement:
    """Given a restore point and a request for a server's patches, return what would be replaced of its home.

    Raise ConfigurationError for servers that there are not, PreflightError for a home of another product unless
    forced, or patches that nobody can bring back.
    """
    (unit,) = select_home(runtime.deployment, request)
    source = Unit(kind="home", name=request.patches_from)
    site = runtime.deployment.home_site()
    vault = runtime.vault(site)
    snapshot = _captured(located_at(vault, manifest, site), source)
    engine = engine_for(runtime, unit)
    assert isinstance(engine, HomeEngine)
    facts = load_facts(vault, snapshot)[str(source)]
    live, identity = engine.read_patches()
    captured = _require_patches(source, inventory(facts["patches"]))
    wanted = ProductIdentity.model_validate(facts["identity"])
    refuse_foreign(wanted, identity, force=request.force, types=_types(runtime, wanted, source, unit))
    plan = plan_patch_restore(captured, _require_patches(unit, live), facts["entries"], engine.web_archives())
    root, parts, exchanges, room = plan_exchange(
        engine.host, unit, engine.root, planned_parts(plan, facts["entries"]), recovery, engine.run_as
    )
    return Replacement(
        unit=unit,
        source=source if source != unit else None,
        host=engine.host.name,
        exchanges=exchanges,
        needed_bytes=_needed_bytes(parts, facts["entries"]),
        notes=tuple(_notes(plan)),
        details={
            "root": root,
            "recovery": recovery,
            "parts": parts,
            "recipe": str(plan.recipe),
            "entries": sha256(canonical_json(facts)),
            "changes": sha256(canonical_json([[each.path, each.before, each.after] for each in plan.changes])),
        },
        **room,
    )


def select_home(deployment: Deployment, request: RecoveryRequest) -> dict[Unit, list[str]]:
    """Given a request for a server's patches, return the home that gets them. Raise ConfigurationError for none."""
    (name,) = request.units
    unit = Unit.parse(name)
    if unit.kind != "home" or unit.name not in deployment.servers:
        known = ", ".join(deployment.servers)
        raise ConfigurationError(
            f"Deployment '{deployment.name}' has no server '{unit.name}'.", next_step=f"Use one of: {known}."
        )
    return {unit: [name]}


def _captured(manifest: Manifest, source: Unit) -> UnitSnapshot:
    try:
        return manifest.unit(source)
    except KeyError:
        known = ", ".join(each.unit.name for each in manifest.units if each.unit.kind == "home")
        raise ConfigurationError(
            f"Restore point '{manifest.id}' has no server '{source.name}'.", next_step=f"It has {known or 'none'}."
        ) from None


def _types(runtime: Runtime, captured: ProductIdentity, source: Unit, unit: Unit) -> tuple[str, str]:
    """Return the server types of both; that of a server which the file no longer names is what its files tell."""
    servers = runtime.deployment.servers
    known: Server | None = servers.get(source.name)
    return (known.type if known else captured.server_type or "unknown"), servers[unit.name].type


def _require_patches(unit: Unit, found: PatchInventory | None) -> PatchInventory:
    if found is None:
        raise PreflightError(
            f"{unit} has no plugins directory, so there are no patches.", next_step="Choose a Carbon server."
        )
    return found


def _needed_bytes(parts: list[dict[str, Any]], entries: dict[str, list[Any]]) -> int:
    """Return the room that the parts take, twice: as they come out of the vault, and as they will be."""
    sources = [part["source"] for part in parts if part["then"]]
    sizes: list[int] = [
        entry[5] for path, entry in entries.items() for s in sources if path == s or path.startswith(f"{s}/")
    ]
    return 2 * sum(sizes) + 4096 * len(sizes)


def _notes(plan: PatchPlan) -> Iterator[str]:
    words = {
        Recipe.FROM_BASELINE: "plugins become as patch0000, and the next start applies the patches anew",
        Recipe.AS_CAPTURED: "patches, their records and plugins come back as they were captured",
    }
    yield f"By the recipe {plan.recipe}: {words[plan.recipe]}."
    groups = (
        ("change", [each.path for each in plan.changes if each.before and each.after]),
        ("come", [each.path for each in plan.changes if not each.before]),
        ("go", [each.path for each in plan.changes if not each.after]),
    )
    for word, paths in groups:
        if paths:
            yield f"{len(paths)} bundles {word}: {shown(paths, 5)}."
    if not plan.changes:
        yield "The bundles in plugins stay the same."
    yield from plan.notes


def patch_checks(runtime: Runtime, plan: RecoveryPlan, manifest: Manifest, replacement: Replacement) -> Iterator[Check]:
    """Given a patch restore whose server was started, check what plugins hold now against the restore point, and what
    Carbon says in its log of patches. Without a start nothing can be said: then it is skipped."""
    unit = replacement.unit
    engine = engine_for(runtime, unit)
    assert isinstance(engine, HomeEngine)
    if not ServerControl.of(runtime, unit.name).state().running:
        yield _check("patches-restored", "skipped", unit, "the server does not run, so it applied nothing yet")
        return
    facts = load_facts(runtime.vault(plan.site), manifest.unit(replacement.source or unit))
    captured = _require_patches(unit, inventory(facts[str(replacement.source or unit)]["patches"]))
    live = _require_patches(unit, engine.read_patches()[0])
    goal = plugins_of(captured)
    wrong = [path for path in sorted(goal.keys() | live.plugins.keys()) if goal.get(path, "") != live.plugins.get(path)]
    told = f"other bundles than planned: {shown(wrong)}" if wrong else f"{len(goal)} bundles as in the restore point"
    yield _check("patches-restored", "failed" if wrong else "passed", unit, told)
    if replacement.details["recipe"] == Recipe.FROM_BASELINE and live.sources:
        yield _log_check(engine, unit, live)


def _log_check(engine: HomeEngine, unit: Unit, live: PatchInventory) -> Check:
    """Carbon's records did not come back, so that there are any shows that its code ran at this start."""
    if live.applied != live.order:
        return _check("patches-log", "failed", unit, "Carbon did not apply the patches at this start")
    content = engine.host.read_file(f"{engine.root}/{PATCHES_LOG}", run_as=engine.run_as) or b""
    *_, last = content.decode(errors="replace").rpartition(_CHANGED)
    if _VERIFIED not in last:
        return _check("patches-log", "failed", unit, f"{PATCHES_LOG} does not say '{_VERIFIED}' since")
    return _check("patches-log", "passed", unit, f"{PATCHES_LOG}: {_VERIFIED}")


def _check(name: str, outcome: Outcome, unit: Unit, detail: str) -> Check:
    return Check(name=name, verdict="health", outcome=outcome, member=str(unit), detail=detail)
