"""The known traps of Carbon's patches, found in an inventory before they spring: each with its name and next step.

The traps are judged by what will run after the next start, since that is what Carbon makes of a home.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lifeboat.text import printable, shown
from lifeboat.wso2.check_model import KEPT_KEYS, CheckResult, Findings, Severity, Status
from lifeboat.wso2.identity import ProductIdentity, UpdateKind
from lifeboat.wso2.patches import (
    BASELINE,
    PROBLEMS,
    Action,
    NextStart,
    PatchFile,
    PatchInventory,
    already_patched,
    misordered,
    next_start,
    odd_names,
)

CHECK = "patches-agree"
_SHOWN = 3


@dataclass(frozen=True)
class PatchWarning:
    """One trap: a stable name, what it is about, what it means here, and what to do."""

    trap: str
    subjects: tuple[str, ...]
    message: str
    next_step: str

    @property
    def key(self) -> str:
        """What tells this warning from any other, by which a drill knows it again."""
        return f"{self.trap}: {', '.join(self.subjects)}"


def patch_warnings(found: PatchInventory, identity: ProductIdentity | None = None) -> list[PatchWarning]:
    """Given an inventory and, if known, the home's identity, return every trap that the home is in."""
    start = next_start(found)
    general: tuple[Callable[[PatchInventory], Iterator[PatchWarning]], ...] = (
        _jars,
        _names,
        _links,
        _doubled,
        _poisoned_baseline,
    )
    warnings = [warning for trap in general for warning in trap(found)]
    warnings += _start(found, start)
    warnings += _missing_baseline(found, start)
    mixed = list(_mixed(found, identity))
    # What an update changed in plugins is no leftover, and making them as patch0000 again would undo the update.
    leftovers = [each for each in _leftovers(found, start) if not mixed or each.trap == "not-applied"]
    return [*warnings, *leftovers, *mixed]


def patches_agree(found: PatchInventory, identity: ProductIdentity | None = None) -> CheckResult:
    """Given an inventory, return the WSO2 check of it: each warning is a violation."""
    findings = Findings()
    for warning in patch_warnings(found, identity):
        findings.add(printable(warning.key))
    return CheckResult(
        name=CHECK,
        title="Patches, baseline and plugins agree",
        databases=[found.patches_directory],
        severity=Severity.ERROR,
        status=Status.FAILED if findings.count else Status.PASSED,
        violation_count=findings.count,
        violation_digest=findings.digest,
        violation_keys=sorted(findings.keys)[:KEPT_KEYS],
    )


def _some(names: list[str]) -> str:
    return shown(names, _SHOWN)


def _files(found: PatchInventory) -> Iterator[tuple[str, PatchFile]]:
    for each in found.sources:
        yield from ((f"{each.name}/{file.name}", file) for file in each.files or ())


def _jars(found: PatchInventory) -> Iterator[PatchWarning]:
    for path, file in _files(found):
        if file.kind == "d":
            yield PatchWarning(
                "sub-directory",
                (path,),
                f"{path} is a directory: Carbon stops there, in the middle of applying the patches.",
                "Take it out of the patch; what lies in `resources` is copied to its place by hand.",
            )
        elif file.problem == "damaged":
            yield PatchWarning(
                "damaged-jar",
                (path,),
                f"{path} is {PROBLEMS['damaged']}: Carbon applies it all the same.",
                "Get the patch again.",
            )
        elif file.problem:
            yield PatchWarning(
                "corrupt-jar",
                (path,),
                f"{path} is {PROBLEMS[file.problem]}: Carbon applies no patch at all, and the server starts without.",
                "Get the patch again, or take it away.",
            )


def _names(found: PatchInventory) -> Iterator[PatchWarning]:
    for name in odd_names(found):
        yield PatchWarning(
            "leftover-directory",
            (name,),
            f"{name} counts as a patch: Carbon applies it in the order of names, over those before it.",
            f"Move it out of {found.patches_directory}; a copy must not begin with 'patch'.",
        )
    order = misordered(found)
    if order:
        yield PatchWarning(
            "string-order",
            tuple(order),
            f"Names are sorted as text, so {order[-1]} wins over all others: the order is {', '.join(order)}.",
            "Give the patches numbers of the same length.",
        )
    if found.service_packs and found.service_pack is None:
        name = found.service_packs[-1].name
        yield PatchWarning(
            "service-pack-hidden",
            (name,),
            f"{name} is no directory and the last name in {found.service_packs_directory}: no service pack counts.",
            "Take it away.",
        )


def _links(found: PatchInventory) -> Iterator[PatchWarning]:
    for each in (*found.patches, *found.service_packs):
        if each.kind == "l":
            yield PatchWarning(
                "dangling-link",
                (each.name,),
                f"{each.name} leads to {each.link}, where there is nothing: Carbon passes over it without a word.",
                "Mount or restore what it leads to, or take the link away.",
            )
        elif each.outside:
            yield PatchWarning(
                "linked-directory",
                (each.name,),
                f"{each.name} leads out of the home, to {each.link}: its content is not part of the home.",
                "Put a directory in its place.",
            )


def _doubled(found: PatchInventory) -> Iterator[PatchWarning]:
    for each in found.sources:
        by_target: dict[str, list[str]] = {}
        for file in each.files or ():
            by_target.setdefault(file.target, []).append(file.name)
        for target, names in by_target.items():
            if len(names) > 1:
                yield PatchWarning(
                    "doubled-bundle",
                    (each.name, target),
                    f"{each.name} has {_some(sorted(names))} for the one bundle {target}: chance decides which is run.",
                    "Keep one of them.",
                )


def _poisoned_baseline(found: PatchInventory) -> Iterator[PatchWarning]:
    baseline = found.baseline or {}
    same = sorted({file.target for _, file in _files(found) if file.md5 and baseline.get(file.target) == file.md5})
    if same:
        yield PatchWarning(
            "poisoned-baseline",
            tuple(same),
            f"{BASELINE} holds patched bundles ({_some(same)}): it was made of plugins that were patched already, "
            "and removing the patches will not bring the originals back.",
            f"Put {BASELINE} back from a restore point of before, or from the pack.",
        )


def _start(found: PatchInventory, start: NextStart) -> Iterator[PatchWarning]:
    explained = any(file.problem or file.kind == "d" for _, file in _files(found))
    if start.action is Action.FAIL and not explained:
        yield PatchWarning(
            "start-fails",
            (start.reason,),
            f"The next start applies and reverts nothing: {start.reason}.",
            f"Restore {found.patches_directory} and {found.service_packs_directory} whole, from one restore point.",
        )
    changed = start.action in {Action.APPLY, Action.REVERT} and start.plugins != found.plugins
    if changed:
        yield PatchWarning(
            "pending",
            (start.reason,),
            f"The next start will {start.action} patches ({start.reason}): other bundles will run than now.",
            "Start the server when that is wanted, and look again.",
        )


def _missing_baseline(found: PatchInventory, start: NextStart) -> Iterator[PatchWarning]:
    if found.baseline is not None:
        return
    patched = already_patched(found)
    if start.action is Action.POISON:
        yield PatchWarning(
            "poison",
            tuple(patched),
            f"The next start makes {BASELINE} of plugins that are patched already ({_some(patched)}): the originals "
            "are then nowhere in the home.",
            f"Put {BASELINE} back from a restore point or the pack before the server is started.",
        )
    elif patched:
        yield PatchWarning(
            "missing-baseline",
            tuple(patched),
            f"Patches were applied ({_some(patched)}) and there is no {BASELINE}: they cannot be removed, and the next "
            "change makes it of patched plugins.",
            f"Put {BASELINE} back from a restore point or from the pack.",
        )


def _leftovers(found: PatchInventory, start: NextStart) -> Iterator[PatchWarning]:
    """What plugins/ will hold after the next start though neither patch0000 nor a patch says so."""
    after = start.plugins
    if after is None:
        return
    if start.action is not Action.FAIL:
        yield from _not_applied(found, after)
    if found.wanted is not None:
        yield from _orphans(sorted(after.keys() - found.wanted.keys()))
        unpatched = after.keys() & found.wanted.keys() - found.latest.keys()
        yield from _newer(found, sorted(path for path in unpatched if after[path] != found.wanted[path]))


def _orphans(orphans: list[str]) -> Iterator[PatchWarning]:
    if orphans:
        yield PatchWarning(
            "orphan-bundle",
            tuple(orphans),
            f"{_some(orphans)}: in plugins, and neither in {BASELINE} nor in a patch. It came with a patch that is "
            "gone, or was put there by hand; Carbon deletes nothing, so it stays and is run.",
            "Restore the patches by Lifeboat, which makes plugins an exact copy, or delete it with the server down.",
        )


def _newer(found: PatchInventory, newer: list[str]) -> Iterator[PatchWarning]:
    if newer:
        yield PatchWarning(
            "silently-newer",
            tuple(newer),
            f"{_some(newer)}: another content than in {BASELINE}, though no patch brings it. Carbon sees no change, "
            "so these bundles stay and are run.",
            "Restore the patches by Lifeboat; by hand: make plugins an exact copy of "
            f"{BASELINE} and delete {found.patches_directory}/.metadata while the server is down.",
        )


def _not_applied(found: PatchInventory, after: Mapping[str, str | None]) -> Iterator[PatchWarning]:
    missed = sorted(
        target for target, (_, file) in found.latest.items() if file.md5 and after.get(target, "") != file.md5
    )
    if missed:
        yield PatchWarning(
            "not-applied",
            tuple(missed),
            f"{_some(missed)}: plugins hold another content than the newest patch, and the next start will not change "
            "that; it only writes a warning to patches.log.",
            f"Delete {found.patches_directory}/.metadata while the server is down: the next start applies all patches.",
        )


def _mixed(found: PatchInventory, identity: ProductIdentity | None) -> Iterator[PatchWarning]:
    if identity is None or identity.update_kind is not UpdateKind.UPDATES_2 or not identity.update_level:
        return
    held = [each.name for each in (*found.patches, *found.service_packs) if each.kind == "d"]
    if held:
        yield PatchWarning(
            "mixed-with-updates",
            tuple(held),
            f"{_some(held)} beside update level {identity.update_level}: an update changes plugins themselves, and the "
            f"next change of patches copies {BASELINE} over them, bundles of before the update.",
            "Change no patch here. Ask WSO2 for a level that contains them; then remove the patches, "
            f"{BASELINE} and .metadata together while the server is down.",
        )
