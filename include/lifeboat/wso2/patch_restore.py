"""What has to be replaced in a home so that its server runs the bundles of a restore point again: as data, a plan.

Putting an older `patches/` back is not enough: Carbon compares names, sees no change, and runs the newer plugins
(see `lifeboat.wso2.patches`). So plugins are replaced as well, always exactly: nothing else may be left in them.

Two recipes lead there. *From the baseline*: patches and service packs without Carbon's records, and plugins as
patch0000; the next start then applies everything anew. *As captured*: patches with their records and plugins, all of
the same restore point, never mixed; for a home without patch0000, and for one whose plugins were not what its patches
say (after an update of WSO2 Updates 2.0, for one). The first is taken when it leads to the same bundles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lifeboat.errors import PreflightError
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.patches import BASELINE, Action, PatchInventory, next_start

METADATA = ".metadata"
WEBAPPS = "repository/deployment/server/webapps/"

#: A walk's entries: path to [kind, class, mode, uid, gid, size, content], as in the facts of a home.
Entries = Mapping[str, list[Any]]


class Recipe(StrEnum):
    """How the bundles come back."""

    FROM_BASELINE = "from_baseline"
    AS_CAPTURED = "as_captured"


@dataclass(frozen=True)
class ExactDirectory:
    """A directory that has to become, with owners and modes, what `source` is in the restore point, without the
    entries in `without`; absent where that is absent. Nothing else may be left in it."""

    path: str
    source: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class BundleChange:
    """A file of plugins that will be another than now: MD5 before and after, None where there is none."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class PatchPlan:
    """What to do to a home whose server is down (by its PID and by its ports), before it is started again.

    `directories` are replaced whole, `files` come from the same path of the restore point, `removed` are deleted,
    `emptied` are left as empty directories. `plugins` is what plugins hold after the start, by MD5, and `changes` how
    that differs from now; `notes` are for people.
    """

    recipe: Recipe
    directories: tuple[ExactDirectory, ...]
    files: tuple[str, ...]
    removed: tuple[str, ...]
    emptied: tuple[str, ...]
    plugins: Mapping[str, str | None]
    changes: tuple[BundleChange, ...]
    notes: tuple[str, ...]

    def unmet(self, found: PatchInventory) -> list[BundleChange]:
        """Given the inventory after the start, return the bundles that are not as planned: none, if all is well."""
        return _changes(found.plugins, self.plugins)


def plan_patch_restore(
    captured: PatchInventory, live: PatchInventory, captured_files: Entries, live_files: Entries
) -> PatchPlan:
    """Given the patches of a restore point and of the home that they are to come to, and the files of both, return
    the plan.

    Raise PreflightError when the homes have different layouts, or when the point's own server would fail in the
    middle of applying its patches: then nobody can say which bundles it would run.
    """
    _refuse_layout(captured, live)
    goal = plugins_of(captured)
    recipe = Recipe.FROM_BASELINE if _from_baseline(captured) == goal else Recipe.AS_CAPTURED
    wars = _changed_wars(captured_files, live_files)
    exploded = [war.removesuffix(".war") for war in wars if _kind(live_files, war.removesuffix(".war")) == "d"]
    return PatchPlan(
        recipe=recipe,
        directories=_directories(captured, recipe),
        files=tuple(wars),
        removed=("wso2carbon.pid", *exploded),
        emptied=("tmp",),
        plugins=goal,
        changes=tuple(_changes(live.plugins, goal)),
        notes=tuple(_notes(captured, recipe)),
    )


def refuse_foreign(
    captured: ProductIdentity,
    live: ProductIdentity,
    *,
    force: bool = False,
    types: tuple[str, str] | None = None,
) -> None:
    """Given the identity of a restore point's home and of the home that its patches are to come to, and if known
    their server types, raise PreflightError when they are not the same product, version, kernel, update level and
    type, unless forced. What is unknown on either side is not the same."""
    pairs = [
        ("product", captured.product, live.product),
        ("version", captured.version, live.version),
        ("Carbon kernel", captured.carbon_kernel, live.carbon_kernel),
        ("update level", _level(captured), _level(live)),
    ]
    if types:
        pairs.insert(0, ("server type", *types))
    foreign = [f"{what} {one or 'unknown'}, there {other or 'unknown'}" for what, one, other in pairs if one != other]
    unknown = [what for what, one, other in pairs[:3] if one is None and other is None]
    if (foreign or unknown) and not force:
        foreign += [f"{what} unknown" for what in unknown]
        raise PreflightError(
            f"These patches are of another product than the home: {'; '.join(foreign)}.",
            next_step="Choose a server and restore point of the same type, version and level, or force it.",
        )


def _level(identity: ProductIdentity) -> str | None:
    known = identity.wum_timestamp if identity.update_level is None else identity.update_level
    return None if known is None else str(known)


def _refuse_layout(captured: PatchInventory, live: PatchInventory) -> None:
    if captured.plugins_directory != live.plugins_directory:
        raise PreflightError(
            f"The restore point has its plugins in {captured.plugins_directory}, the home in {live.plugins_directory}.",
            next_step="Choose a home of the same product and layout.",
        )


def plugins_of(captured: PatchInventory) -> Mapping[str, str | None]:
    """Given the patches of a restore point, return what its own server would run after its next start, by MD5.
    Raise PreflightError when that server would fail in the middle of applying its patches."""
    start = next_start(captured)
    if start.plugins is None:
        raise PreflightError(
            f"The patches of the restore point are broken, and chance decides what runs: {start.reason}.",
            next_step="Choose an older restore point; `lifeboat patches` shows the traps of each.",
        )
    return start.plugins


def _from_baseline(captured: PatchInventory) -> Mapping[str, str | None] | None:
    """Return what runs when patches come back without records and plugins as patch0000; None if that fails."""
    if captured.baseline is None:
        return None
    start = next_start(replace(captured, plugins=captured.baseline, applied=None, applied_jars=None))
    return None if start.action is Action.FAIL else start.plugins


def _directories(captured: PatchInventory, recipe: Recipe) -> tuple[ExactDirectory, ...]:
    patches, plugins = captured.patches_directory, captured.plugins_directory
    packs = ExactDirectory(captured.service_packs_directory, captured.service_packs_directory)
    if recipe is Recipe.AS_CAPTURED:
        return ExactDirectory(patches, patches), packs, ExactDirectory(plugins, plugins)
    baseline = ExactDirectory(plugins, f"{patches}/{BASELINE}")
    return ExactDirectory(patches, patches, without=(METADATA,)), packs, baseline


def _changed_wars(captured: Entries, live: Entries) -> list[str]:
    """Return the web archives that both have and that differ: patches bring them, put there by hand."""
    return sorted(
        path
        for path in captured.keys() & live.keys()
        if path.startswith(WEBAPPS) and path.endswith(".war") and captured[path][5:] != live[path][5:]
    )


def _kind(files: Entries, path: str) -> str | None:
    return files[path][0] if path in files else None


def _changes(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> list[BundleChange]:
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path, "") != after.get(path, ""))
    return [BundleChange(path, before.get(path), after.get(path)) for path in paths]


def _notes(captured: PatchInventory, recipe: Recipe) -> list[str]:
    notes = [
        f"{each.name} is a link out of the home, to {each.link}: what is there now will be applied."
        for each in captured.sources
        if each.outside
    ]
    if recipe is Recipe.AS_CAPTURED and captured.baseline is not None:
        notes.append(f"At that time plugins were not what {BASELINE} and the patches say; they come back as they were.")
    if captured.baseline is None and captured.sources:
        notes.append(f"The restore point has no {BASELINE}: these patches cannot be removed by themselves later.")
    return notes
