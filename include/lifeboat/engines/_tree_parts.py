"""A tree, or a part of it, brought back into a directory beside what is live, and compared with its facts."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lifeboat.engines._walks import ROOT, walk
from lifeboat.engines.base import printable, shown
from lifeboat.errors import PointError
from lifeboat.host import LocalHost


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


def found_in(directory: Path, path: str | None) -> dict[str, Any]:
    """Given a directory that a tree or its part was restored to, return the facts of what is there."""
    entries = walk(LocalHost(), str(directory), [], digest=True).entries
    kept = entries if path is None else {each: entry for each, entry in entries.items() if is_in(each, path)}
    stray = {} if path is None else dict(_strays(entries, path))
    return {"entries": {**kept, **stray}, "skew": [], "owners": os.geteuid() == 0}


def _strays(entries: dict[str, list[Any]], path: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield what is neither the part nor a directory that leads to it."""
    for each, entry in entries.items():
        if each != ROOT and not is_in(each, path) and not is_in(path, each):
            yield each, entry
