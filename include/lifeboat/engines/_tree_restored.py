"""A tree restored from the vault into a directory: of this worker, or beside the live one on its host."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lifeboat.engines._walks import walk
from lifeboat.engines.base import Facts, Restored
from lifeboat.errors import SpaceError
from lifeboat.host import Command, Host, LocalHost
from lifeboat.manifest import MemberSnapshot
from lifeboat.vault import Vault


@dataclass
class RestoredTree(Restored):
    """A tree restored into a directory of a host; `owners` is whether the account there may give files away."""

    member: str = ""
    directory: str = ""
    host: Host = field(default_factory=LocalHost)
    run_as: str | None = None
    owners: bool = False

    def prove(self) -> Facts:
        if not self.host.is_directory(self.directory, run_as=self.run_as):
            return {}
        found = walk(self.host, self.directory, [], digest=True, run_as=self.run_as)
        self.restored_bytes = sum(entry[5] for entry in found.entries.values())
        return {self.member: {"entries": found.entries, "skew": [], "owners": self.owners}}

    @contextmanager
    def databases(self) -> Iterator[dict[str, Any]]:
        yield {}


def restore_tree(
    member: MemberSnapshot, vault: Vault, host: Host, directory: str, run_as: str | None, path: str | None = None
) -> bool:
    """Restore a tree, or the part at `path`, into a new directory of the vault's host and give its root the metadata
    that it had, which a snapshot of its content does not hold. Return whether owners came back, too."""
    try:
        vault.restore_directory(member.address.snapshot, directory, only=() if path is None else (path,), run_as=run_as)
    except SpaceError as error:
        raise SpaceError(
            f"{member.member} does not fit into '{directory.rpartition('/')[0]}' on host '{host.name}': "
            f"{error.message}",
            next_step="Free space there. Drills restore to sites.….scratch, which may be a larger file system.",
        ) from None
    mode, uid, gid = member.details["root"]
    owners = is_root(host, run_as)
    if owners:
        host.run(Command(["chown", f"{uid}:{gid}", "--", directory], run_as=run_as))
    host.run(Command(["chmod", f"{mode:04o}", "--", directory], run_as=run_as))
    return owners


def is_root(host: Host, run_as: str | None) -> bool:
    """Return whether the account on the host may give files away."""
    return host.run(Command(["id", "-u"], run_as=run_as)).stdout.strip() == b"0"
