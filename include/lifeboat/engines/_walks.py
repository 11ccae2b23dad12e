"""Walks of a tree on its host, and what changed between two of them."""

from dataclasses import dataclass
from typing import Any

from lifeboat.globs import translate
from lifeboat.host import Host

#: What a walk calls the root itself.
ROOT = "."

#: A walk: path to [kind, class, mode, uid, gid, size, content].
Entries = dict[str, list[Any]]


@dataclass(frozen=True)
class Walked:
    """What one walk found: the root's real path, the entries with the root among them, what tells a change of
    each, what tells a change in each directory, and what was passed over."""

    root: str
    entries: Entries
    stamps: dict[str, str]
    contents: dict[str, str]
    unreadable: list[list[str]]
    links_out: list[list[str]]
    excluded: list[str]


def walk(
    host: Host,
    root: str,
    rules: list[tuple[str, str]],
    *,
    digest: bool,
    cache: str | None = None,
    run_as: str | None = None,
    known: list[str] | None = None,
) -> Walked:
    """Given a directory on a host, (class, glob) rules and the directories that links may lead to, return what
    is there; see `lifeboat.treewalk`."""
    payload = {
        "root": root,
        "rules": [[label, translate(glob).pattern] for label, glob in rules],
        "digest": digest,
        "cache": cache,
        "known": known or [],
    }
    found = host.run_python("lifeboat.treewalk", payload, run_as=run_as)
    real_root = found["root"].pop("path")
    items = [{"path": ROOT, "kind": "d", "class": "compared", "size": 0, "content": "", **found["root"]}]
    items += found["entries"]
    return Walked(
        root=real_root,
        entries={
            item["path"]: [item[key] for key in ("kind", "class", "mode", "uid", "gid", "size", "content")]
            for item in items
        },
        stamps={item["path"]: _stamp(item) for item in items},
        contents={item["path"]: item["stamp"] for item in items if item["kind"] == "d"},
        unreadable=found["unreadable"],
        links_out=found["links_out"],
        excluded=found["excluded"],
    )


def _stamp(item: dict[str, Any]) -> str:
    # A directory's ctime moves with its entries, which have stamps of their own.
    return f"{item['mode']}:{item['uid']}:{item['gid']}" if item["kind"] == "d" else str(item["stamp"])


def changes(before: Walked, after: Walked) -> list[str]:
    """Given the walks before and after a backup, return the paths that changed, came or went in between."""
    return _differing(before.stamps, after.stamps)


def restless(before: Walked, after: Walked) -> list[str]:
    """Given the walks before and after a backup, return the directories in which something came or went in
    between: also what neither walk saw, and the backup may have."""
    return _differing(before.contents, after.contents)


def _differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def came_and_went(path: str, entries: Entries, restless_directories: set[str]) -> bool:
    """Given a restored path, return whether the walks may have missed it: no entry, but in a restless directory."""
    if path in entries:
        return False
    while path not in entries:
        path = path.rpartition("/")[0] or ROOT
    return path in restless_directories
