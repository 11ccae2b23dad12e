"""Whether a copied restore point is what was captured, read from the vault that it was copied to.

A copy that ended well proves nothing about what the destination stored. So everything that the manifest names is read
back from there: a stream (a dump) is held against the SHA-256 that was computed while it was captured and that the
manifest signs; of a directory all content is read below the tree id that the manifest signs, which is a digest over
the digests of all parts, and restic holds each part that it reads against its own. Reading packs (`check --read-data`)
would say as much about packs, but neither that a point needs them nor that a stream is the captured one; and it would
read again, for each point, whatever else the vault holds.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from lifeboat.drill import address_checks
from lifeboat.engines.base import load_facts
from lifeboat.errors import VaultDamagedError
from lifeboat.manifest import Manifest, MemberSnapshot
from lifeboat.processes import CHUNK_BYTES
from lifeboat.vault import Snapshot, Vault


@dataclass
class Reading:
    """What was read from a site's vault of one point, and what of it is not as it was sealed."""

    streams: int = 0
    trees: int = 0
    size_bytes: int = 0
    failures: list[str] = field(default_factory=list)


class Verifying:
    """Reads points in one vault. A directory that did not change between points is one tree, and is read once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._sizes: dict[str, int] = {}

    def read(self, manifest: Manifest, listing: Sequence[Snapshot]) -> Reading:
        """Given a manifest with the addresses of this vault, and the listing of its point, read all that it names."""
        found = Reading()
        for unit in manifest.units:
            red = [check for check in address_checks(listing, unit) if check.outcome == "failed"]
            found.failures += [f"{check.member}: {check.detail}" for check in red]
            if not red:
                with _damage_told(str(unit.unit), found):
                    load_facts(self._vault, unit)
                for member in unit.members:
                    with _damage_told(member.member, found):
                        self._read_member(member, found)
        return found

    def _read_member(self, member: MemberSnapshot, found: Reading) -> None:
        where = member.address
        if member.stream_sha256 is None:
            if where.tree not in self._sizes:
                self._sizes[where.tree] = self._vault.pour(where.snapshot, "/", _digest)[1]
            found.trees += 1
            found.size_bytes += self._sizes[where.tree]
            return
        digest, size = self._vault.pour(where.snapshot, where.path, _digest)
        found.streams += 1
        found.size_bytes += size
        if digest != member.stream_sha256:
            found.failures.append(f"{member.member}: its bytes are not those that were captured")


@contextmanager
def _damage_told(what: str, found: Reading) -> Iterator[None]:
    """Let damage be a finding; what keeps the vault from being read is an error."""
    try:
        yield
    except VaultDamagedError as error:
        found.failures.append(f"{what}: {error.message}")


def _digest(stream: IO[bytes]) -> tuple[str, int]:
    """Read a stream to its end and return its SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
