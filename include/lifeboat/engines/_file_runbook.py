"""The runbook of a database that is one file: restic brings it back, sha256sum compares it with what was captured."""

import shlex
from collections.abc import Mapping

from lifeboat.by_hand import RESTIC, Runbook
from lifeboat.manifest import MemberSnapshot

_TOOLS = ("awk", "df", "dirname", "mkdir", "sha256sum")
_STEPS = """\
# 1. Nothing is overwritten, and there must be room.
[ ! -e "$TARGET" ] || fail "$TARGET is there already; set TARGET to a new path"
parent=$(dirname -- "$TARGET")
[ -d "$parent" ] || fail "there is no directory $parent"
room "$parent" {kibibytes}

# 2. Bring back what the snapshot holds, and compare it with what was captured.
mkdir -- "$TARGET"
digest() {{ sha256sum -- "$1" | {{ read -r found _; printf '%s' "$found"; }}; }}
{files}"""
_FILE = """\
{restic} dump {snapshot} {path} > "$TARGET"/{name}
same {name} {sha256} "$(digest "$TARGET"/{name})"
"""


def file_runbook(member: MemberSnapshot, digests: Mapping[str, str], target: str, in_place: str) -> Runbook:
    """Given a member and the files of its snapshot with their SHA-256, return the runbook that brings them back into
    a new directory; `in_place` tells how to use them."""
    files = (
        _FILE.format(
            restic=RESTIC,
            snapshot=member.address.snapshot,
            path=shlex.quote(f"/{name}"),
            name=shlex.quote(name),
            sha256=digest,
        )
        for name, digest in digests.items()
    )
    return Runbook(
        member=member.member,
        tools=_TOOLS,
        place="TARGET",
        default=target,
        size_bytes=member.size_bytes,
        steps=_STEPS.format(kibibytes=member.size_bytes * 11 // 10240 + 8192, files="".join(files)),
        in_place=in_place,
    )
