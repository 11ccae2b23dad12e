"""The runbook of a tree: restic brings it back; find, sort and sha256sum compare it with the captured facts."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from lifeboat.by_hand import RESTIC, Runbook
from lifeboat.engines._walks import ROOT, Entries
from lifeboat.manifest import MemberSnapshot, sha256

_TOOLS = ("awk", "chmod", "chown", "df", "dirname", "find", "id", "sha256sum", "sort", "wc", "xargs")

_STEPS = """\
# 1. Nothing is overwritten, and there must be room.
[ ! -e "$TARGET" ] || fail "$TARGET is there already; set TARGET to a new path"
parent=$(dirname -- "$TARGET")
[ -d "$parent" ] || fail "there is no directory $parent"
room "$parent" {kibibytes}

# 2. Bring the tree back. Owners come back only if root does this.
{restic} restore {snapshot} --target "$TARGET"
[ "$(id -u)" != 0 ] || chown {uid}:{gid} "$TARGET"
chmod {mode:o} "$TARGET"

# 3. Compare it: how many there are of each kind, the content of every file, every link, modes and owners.
cd "$TARGET"
{compared}"""

_COMPARED = """\
{each}
count() {{ each -type "$1" -printf x | wc -c; }}
digest() {{ sha256sum | {{ read -r found _; printf '%s' "$found"; }}; }}
same "number of files" {files} "$(($(count f)))"
same "number of directories" {directories} "$(($(count d)))"
same "number of links" {links} "$(($(count l)))"
same "content of the files" {content} \\
    "$(each -type f -printf '%P\\0' | sort -z | xargs -0 -r sha256sum -z -- | digest)"
same "targets of the links" {targets} "$(each -type l -printf '%P -> %l\\0' | sort -z | digest)"
same "modes" {modes} "$(each ! -type l -printf '%m %P\\0' | sort -z | digest)"
if [ "$(id -u)" = 0 ]; then
    same "owners" {owners} "$(each -printf '%U:%G %P\\0' | sort -z | digest)"
fi"""

_NOT_COMPARED = """\
# The top of this tree kept changing while it was captured: there is nothing certain to compare it with.
# Look at it yourself.
find . -type f -printf x | wc -c"""


def tree_runbook(member: MemberSnapshot, facts: dict[str, Any], target: str, in_place: str) -> Runbook:
    """Given a tree's snapshot, its facts and a new path, return the runbook; `in_place` tells how to use the result."""
    mode, uid, gid = member.details["root"]
    steps = _STEPS.format(
        kibibytes=member.size_bytes * 11 // 10240 + 1024,
        restic=RESTIC,
        snapshot=member.address.snapshot,
        mode=mode,
        uid=uid,
        gid=gid,
        compared=_comparison(facts),
    )
    return Runbook(
        member=member.member,
        tools=_TOOLS,
        place="TARGET",
        default=target,
        size_bytes=member.size_bytes,
        steps=steps,
        in_place=in_place,
    )


def _comparison(facts: dict[str, Any]) -> str:
    """Return the commands that compare a tree with its facts, but for what moved while it was captured."""
    moved = sorted({*facts["skew"], *facts["restless"]})
    if ROOT in moved:
        return _NOT_COMPARED
    entries: Entries = {
        path: entry for path, entry in facts["entries"].items() if path != ROOT and not _below(path, moved)
    }
    kinds = [entry[0] for entry in entries.values()]
    return _COMPARED.format(
        each=_each(moved),
        files=kinds.count("f"),
        directories=kinds.count("d"),
        links=kinds.count("l"),
        content=_digest(f"{e[6]}  {path}" for path, e in sorted(entries.items(), key=_by_bytes) if e[0] == "f"),
        targets=_digest(_sorted(f"{path} -> {e[6]}" for path, e in entries.items() if e[0] == "l")),
        modes=_digest(_sorted(f"{e[2]:o} {path}" for path, e in entries.items() if e[0] != "l")),
        owners=_digest(_sorted(f"{e[3]}:{e[4]} {path}" for path, e in entries.items())),
    )


def _each(moved: list[str]) -> str:
    """Return the function by which the script finds what is compared."""
    if not moved:
        return 'each() { find . -mindepth 1 "$@"; }'
    pruned = " -o ".join(f"-path {shlex.quote(f'./{_literal(path)}')}" for path in moved)
    return (
        "# What moved while it was captured is left out.\n"
        f'each() {{ find . -mindepth 1 \\( {pruned} \\) -prune -o "$@"; }}'
    )


def _literal(path: str) -> str:
    """Given a path, return the pattern of find that fits it alone."""
    return "".join(f"\\{each}" if each in "\\*?[" else each for each in path)


def _below(path: str, moved: list[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in moved)


def _by_bytes(item: tuple[str, Any]) -> bytes:
    return item[0].encode(errors="surrogateescape")


def _sorted(records: Iterable[str]) -> Iterator[str]:
    yield from sorted(records, key=lambda record: record.encode(errors="surrogateescape"))


def _digest(records: Iterable[str]) -> str:
    """Return the digest of records as sha256sum computes it of lines that end with NUL."""
    return sha256(b"".join(record.encode(errors="surrogateescape") + b"\0" for record in records))
