"""The patches of a home as facts, and what a Carbon server makes of them at its next start.

Carbon copies patches over `plugins/` when it starts (carbon-kernel, PatchInstaller.java and PatchUtils.java; Micro
Integrator has the same). Three things are easily forgotten, and all the traps come from them: it decides by the
*names* of the directories whether anything changed; it overlays and never deletes; and `patch0000`, the copy of
`plugins/` from before the first patch, is made once, of whatever `plugins/` holds at that time.

Everything here works on facts alone: of a live home or of a restore point.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from lifeboat.globs import translate
from lifeboat.host import Host

BASELINE = "patch0000"
#: [patches, servicepacks, plugins]: Carbon's own places, then those of Enterprise Integrator 6 and Micro Integrator.
PLACES = (
    ("repository/components/patches", "repository/components/servicepacks", "repository/components/plugins"),
    ("patches", "servicepacks", "wso2/components/plugins"),
)
_NUMBERED = re.compile(r"patch\d+")


@dataclass(frozen=True)
class PatchFile:
    """One file of a patch: `target` is its name in plugins/, taken from the jar's manifest as Carbon does.

    `kind` is f, d (a sub-directory) or l (a link to nowhere); `problem` is empty or one of corrupt, no-manifest
    (both stop Carbon from patching at all) and damaged (applied, but its content is not whole).
    """

    name: str
    kind: str
    target: str
    md5: str | None
    problem: str


@dataclass(frozen=True)
class PatchDirectory:
    """One entry of patches/ or servicepacks/ whose name counts for Carbon; `kind` is d, f or l (link to nowhere)."""

    name: str
    kind: str
    link: str | None = None
    outside: bool = False
    files: tuple[PatchFile, ...] | None = ()
    tree: Mapping[str, str | None] = field(default_factory=dict)
    superseded: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PatchInventory:
    """What a home holds of patches, service packs and plugins. Content is told by MD5, as Carbon does."""

    patches_directory: str
    service_packs_directory: str
    plugins_directory: str
    patches: tuple[PatchDirectory, ...]
    service_packs: tuple[PatchDirectory, ...]
    plugins: Mapping[str, str | None]
    applied: tuple[str, ...] | None
    applied_jars: tuple[str, ...] | None

    @cached_property
    def baseline(self) -> Mapping[str, str | None] | None:
        """The files of patch0000, or None without one."""
        return next((each.tree for each in self.patches if each.name == BASELINE and each.kind == "d"), None)

    @cached_property
    def service_pack(self) -> PatchDirectory | None:
        """The one service pack that counts: the last name of all, if that is a directory."""
        return self.service_packs[-1] if self.service_packs and self.service_packs[-1].kind == "d" else None

    @cached_property
    def effective(self) -> tuple[PatchDirectory, ...]:
        """The patches that Carbon applies, in its order: sorted as text, without superseded ones and patch0000."""
        superseded = (self.service_pack.superseded or ()) if self.service_pack else ()
        return tuple(
            each for each in self.patches if each.kind == "d" and each.name != BASELINE and each.name not in superseded
        )

    @property
    def order(self) -> tuple[str, ...]:
        """The directories that count, in Carbon's order, as it writes them to prePatchedDir.txt."""
        pack = [self.service_pack.name] if self.service_pack else []
        baseline = [BASELINE] if self.baseline is not None else []
        return (*pack, *sorted([*baseline, *(each.name for each in self.effective)]))

    @property
    def patch_names(self) -> list[str]:
        """The names of the patches that Carbon applies."""
        return [each.name for each in self.effective]

    @property
    def sources(self) -> tuple[PatchDirectory, ...]:
        """What is copied over plugins/: the service pack, then the patches."""
        return (self.service_pack, *self.effective) if self.service_pack else self.effective

    @cached_property
    def latest(self) -> dict[str, tuple[str, PatchFile]]:
        """By name in plugins/: the directory and the file that win, because they are copied last."""
        return {file.target: (each.name, file) for each in self.sources for file in each.files or ()}

    @cached_property
    def wanted(self) -> dict[str, str | None] | None:
        """What plugins/ holds if patch0000 and the patches say everything, or None without patch0000."""
        if self.baseline is None:
            return None
        return {**self.baseline, **{target: file.md5 for target, (_, file) in self.latest.items()}}

    @property
    def agrees(self) -> bool:
        """Whether plugins/ holds exactly what patch0000 and the patches say; without patch0000: the patches."""
        if self.wanted is not None:
            return self.plugins == self.wanted
        return all(self.plugins.get(target) == file.md5 for target, (_, file) in self.latest.items())


def read_patches(
    host: Host,
    home: str,
    *,
    excluded: Sequence[str] = (),
    cache: str | None = None,
    run_as: str | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Given a home on a host and the globs that are passed over, return its patches as facts (JSON), and what
    tells a change of each file that was read; see `lifeboat.wso2.patchwalk`."""
    payload = {
        "root": home,
        "places": PLACES,
        "excluded": [translate(glob).pattern for glob in excluded],
        "cache": cache,
    }
    facts: dict[str, Any] = host.run_python("lifeboat.wso2.patchwalk", payload, run_as=run_as)
    return facts, facts.pop("stamps")


def inventory(facts: Mapping[str, Any]) -> PatchInventory | None:
    """Given facts, return the inventory, or None for a home without a plugins directory."""
    places = facts["directories"]
    if places is None:
        return None
    return PatchInventory(
        patches_directory=places["patches"],
        service_packs_directory=places["servicepacks"],
        plugins_directory=places["plugins"],
        patches=tuple(map(_directory, facts["patches"])),
        service_packs=tuple(map(_directory, facts["servicepacks"])),
        plugins=facts["plugins"],
        applied=_lines(facts["applied"]),
        applied_jars=_lines(facts["applied_jars"]),
    )


def contents(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Given facts, return them as one mapping from paths to what is there, to be compared.

    Of what is behind a link only the link counts: a restored one may lead to somewhere else.
    """
    places = facts["directories"]
    if places is None:
        return {}
    found: dict[str, Any] = {f"{places['plugins']}/{path}": md5 for path, md5 in facts["plugins"].items()}
    for kind in ("patches", "servicepacks"):
        for each in facts[kind]:
            path = f"{places[kind]}/{each['name']}"
            found[path] = [each["kind"], each.get("superseded")]
            found.update({f"{path}/{name}": md5 for name, md5 in each.get("tree", {}).items()})
            found.update({f"{path}/{file[0]}": file[1:] for file in each.get("files") or ()})
    for name, lines in (("prePatchedDir.txt", facts["applied"]), ("prePatchedJARs.txt", facts["applied_jars"])):
        found[f"{places['patches']}/.metadata/{name}"] = lines
    below = tuple(f"{link}/" for link in facts["links"])
    return {**{path: what for path, what in found.items() if not path.startswith(below)}, **facts["links"]}


def _directory(facts: Mapping[str, Any]) -> PatchDirectory:
    files = facts.get("files", ())
    return PatchDirectory(
        name=facts["name"],
        kind=facts["kind"],
        link=facts["link"],
        outside=facts["outside"],
        files=None if files is None else tuple(PatchFile(*each) for each in files),
        tree=facts.get("tree", {}),
        superseded=_lines(facts.get("superseded")),
    )


def _lines(lines: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if lines is None else tuple(lines)


class Action(StrEnum):
    """What Carbon does with the patches at its next start."""

    NOTHING = "nothing"
    APPLY = "apply"  #: patches are copied over plugins/
    REVERT = "revert"  #: patch0000 is copied back, because a directory went away, and then the patches
    POISON = "poison"  #: patch0000 is made anew of plugins that already hold patches
    FAIL = "fail"  #: an error is logged, and the server starts all the same


@dataclass(frozen=True)
class NextStart:
    """What the next start does, why, and what plugins/ holds afterwards; None if that cannot be told."""

    action: Action
    reason: str
    plugins: Mapping[str, str | None] | None


class _Stopped(Exception):
    """Carbon's code runs into an error before it touches plugins/."""


def next_start(found: PatchInventory) -> NextStart:
    """Given an inventory, return what Carbon will do at the next start."""
    try:
        reason = _changed_directories(found)
        _open_all_jars(found)
        reason = reason or _changed_jars(found)
    except _Stopped as stopped:
        return NextStart(Action.FAIL, str(stopped), found.plugins)
    unreadable = next(_not_copied(found), None)
    if unreadable:
        return NextStart(Action.FAIL, f"{unreadable} cannot be copied", None if reason else found.plugins)
    if not reason:
        return NextStart(Action.NOTHING, "no patch directory and no patched jar changed", found.plugins)
    return _applied(found, reason)


def _changed_directories(found: PatchInventory) -> str:
    """Say which directories came or went since the last start; empty if none did."""
    pack, order = found.service_pack, found.order
    if pack and pack.superseded is None:
        raise _Stopped(f"{pack.name} has no servicepack_patches.txt")
    if found.applied is None:
        added = [name for name in order if name != BASELINE]
        return f"new: {', '.join(added)}" if added else ""
    if found.applied and found.applied[0].startswith("s") and not order:
        raise _Stopped(f"{found.applied[0]} and {BASELINE} are gone, which Carbon's code does not expect")
    if order == found.applied:
        return ""
    words = (("new", set(order) - set(found.applied)), ("gone", set(found.applied) - set(order)))
    said = "; ".join(f"{word}: {', '.join(sorted(names))}" for word, names in words if names)
    return said or "the order of prePatchedDir.txt is another"


def _open_all_jars(found: PatchInventory) -> None:
    """Raise what Carbon runs into when it reads the manifest of every jar of the patches."""
    for each in found.sources:
        if each.files is None:
            raise _Stopped(f"{each.name} has no lib directory")
        for file in each.files:
            if file.problem in {"corrupt", "no-manifest"}:
                raise _Stopped(f"{each.name}/{file.name} is {PROBLEMS[file.problem]}")


#: The problems of a jar, for people.
PROBLEMS = {
    "corrupt": "no readable jar",
    "no-manifest": "a jar without manifest",
    "damaged": "a jar whose content is damaged",
}


def _changed_jars(found: PatchInventory) -> str:
    """Say which patched jar has another content than at the last start; a jar that is gone is not noticed."""
    if found.applied_jars is None:
        return ""
    broken = [line for line in found.applied_jars if ":" not in line]
    if broken:
        raise _Stopped("prePatchedJARs.txt has a line without MD5")
    known = dict(line.split(":", 1) for line in found.applied_jars)
    changed = [target for target, (_, file) in found.latest.items() if known.get(target, "") != file.md5]
    return f"changed: {', '.join(sorted(changed))}" if changed else ""


def _not_copied(found: PatchInventory) -> Iterator[str]:
    """Yield what a copy fails on: sub-directories, and links to nowhere."""
    for each in found.sources:
        yield from (f"{each.name}/{file.name}" for file in each.files or () if file.kind != "f")


def _applied(found: PatchInventory, reason: str) -> NextStart:
    patched = {target: file.md5 for target, (_, file) in found.latest.items()}
    after = {**found.plugins, **(found.baseline or {}), **patched}
    if any(each.name == BASELINE and each.kind != "d" for each in found.patches):
        return NextStart(Action.FAIL, f"{BASELINE} is no directory", found.plugins)
    if found.baseline is None:
        before = already_patched(found)
        action = Action.POISON if before else Action.APPLY
        return NextStart(action, f"{reason}; {BASELINE} is made of plugins/ as they are now", after)
    revert = found.applied is not None and bool(set(found.applied) - set(found.order))
    return NextStart(Action.REVERT if revert else Action.APPLY, reason, after)


def already_patched(found: PatchInventory) -> list[str]:
    """Given an inventory without patch0000, return what shows that plugins/ are not those of the pack: patches
    that were applied before, or bundles that already are those of a patch."""
    applied = [name for name in found.applied or () if name]
    same = [target for target, (_, file) in found.latest.items() if file.md5 and found.plugins.get(target) == file.md5]
    return applied or sorted(same)


def odd_names(found: PatchInventory) -> list[str]:
    """Return the directories that Carbon applies though their names are not patch and a number: copies."""
    return [each.name for each in found.effective if not _NUMBERED.fullmatch(each.name)]


def misordered(found: PatchInventory) -> list[str]:
    """Return the numbered patches, in Carbon's order, if that is not the order of their numbers; else nothing."""
    numbered = [each.name for each in found.effective if _NUMBERED.fullmatch(each.name)]
    return numbered if numbered != sorted(numbered, key=lambda name: int(name[5:])) else []
