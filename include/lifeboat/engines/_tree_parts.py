"""A tree, or a part of it, compared with its facts."""

from collections.abc import Iterator
from typing import Any

from lifeboat.engines._walks import ROOT, Entries, came_and_went
from lifeboat.engines.base import difference, fidelity
from lifeboat.errors import PointError
from lifeboat.manifest import Check
from lifeboat.text import printable, shown


def facts_of_part(member: str, facts: dict[str, Any], path: str | None) -> dict[str, Any]:
    """Given a tree's facts and the path of a part, or None for the whole, return the facts of that part.

    Raise PointError when the tree has no such path: nothing but what was captured can be asked for.
    """
    if path is None:
        return facts
    if path not in facts["entries"] or path == ROOT:
        near = sorted(each for each in facts["entries"] if path and each.endswith(path.rpartition("/")[2]))
        raise PointError(
            f"{member} has no '{printable(path)}'.",
            next_step=f"Did you mean {shown(near)}?" if near else "Name a path below its root.",
        )
    kept = {each: entry for each, entry in facts["entries"].items() if is_in(each, path)}
    moved = {name: [each for each in facts[name] if is_in(each, path)] for name in ("skew", "restless")}
    return {**facts, "entries": kept, **moved}


def is_in(path: str, top: str) -> bool:
    """Given two paths, return whether the first is the second or below it."""
    return path == top or path.startswith(f"{top}/")


def size_of(facts: dict[str, Any]) -> int:
    """Given facts, return the bytes of their files."""
    return sum(entry[5] for entry in facts["entries"].values())


def found_part(facts: dict[str, Any], path: str | None) -> dict[str, Any]:
    """Given the facts of a directory that a tree or its part was restored to, return those of the part, with whatever
    is there and is neither of it nor leads to it."""
    if path is None:
        return facts
    entries = facts["entries"]
    kept = {each: entry for each, entry in entries.items() if is_in(each, path)}
    return {**facts, "entries": {**kept, **dict(_strays(entries, path))}}


def compare_files(member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
    """Given the facts of a tree or of its part, yield a check for paths, content and metadata each."""
    passed_over, moving = set(captured["skew"]), set(captured["restless"])
    passed_over |= {path for path in restored["entries"] if came_and_went(path, captured["entries"], moving)}
    before = {path: entry for path, entry in captured["entries"].items() if path not in passed_over}
    after = {path: entry for path, entry in restored["entries"].items() if path not in passed_over}
    common = before.keys() & after.keys()
    kinds = difference(_column(before, 0), _column(after, 0))
    moved = f"; {len(passed_over)} that moved during the capture are not compared" if passed_over else ""
    yield fidelity("tree-files", member, not kinds, kinds or f"{len(before)} paths of the same kind{moved}")
    contents = difference(_column(before, 5, 6, only=common), _column(after, 5, 6, only=common))
    yield fidelity("tree-content", member, not contents, contents or "every file and link has the same content")
    owners = restored["owners"]
    columns = (2, 3, 4) if owners else (2,)
    metadata = difference(_column(before, *columns, only=common), _column(after, *columns, only=common))
    what = "mode, owner and group" if owners else "mode (owners need a drill that runs as root)"
    yield fidelity("tree-metadata", member, not metadata, metadata or f"same {what}")


def _column(entries: Entries, *columns: int, only: Any = None) -> dict[str, list[Any]]:
    return {path: [entry[c] for c in columns] for path, entry in entries.items() if only is None or path in only}


def _strays(entries: dict[str, list[Any]], path: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield what is neither the part nor a directory that leads to it."""
    for each, entry in entries.items():
        if each != ROOT and not is_in(each, path) and not is_in(path, each):
            yield each, entry
