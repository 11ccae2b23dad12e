"""The vault as its housekeeper sees it: what deletes, frees space, and reads the data against its checksums."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from lifeboat.deployment_values import format_duration
from lifeboat.errors import VaultBusyError, VaultDamagedError, VaultError
from lifeboat.host import Completed
from lifeboat.processes import CHUNK_BYTES
from lifeboat.restic_errors import essence
from lifeboat.vault import Snapshot, Vault, not_loaded, parse_snapshots
from lifeboat.vault_files import VaultFiles, vault_files

#: So many ids go into one command.
_AT_ONCE = 500
_DAMAGED = "repository contains errors"
_PACK = re.compile(r"\b(?:pack|want|data file)\W+([0-9a-f]{8,64})\b", re.IGNORECASE)
_PACK_ID = re.compile(r"\bpack ([0-9a-f]{64})\b")
#: How `stats` says that a snapshot cannot be had: one of its trees, or the content of a file.
_LOST = re.compile(r"(^error walking snapshot: id [0-9a-f]{64} not found|^blob <data/\w+> not found)")
_PRUNED = re.compile(r"^total prune:.* / ([0-9.]+) ([KMGTP]?i?B)", re.MULTILINE)
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}


class HousekeeperVault(Vault):
    """One site's vault, as the holder of the housekeeper's password sees it.

    What deletes takes restic's exclusive lock: captures wait for it, and it waits for captures.
    """

    def snapshots(self, tags: Mapping[str, str]) -> list[Snapshot]:
        """Return the snapshots that carry all tags, oldest first. Raise VaultDamagedError when one cannot be read: it
        may be the manifest without which a restore point looks like what a failed backup left."""
        done = self._list(tags)
        if lost := not_loaded(done):
            raise VaultDamagedError(
                f"Vault {self.name} holds {len(lost)} snapshots that cannot be read, so nothing is removed from it: "
                f"{lost[0]}",
                next_step="Bring the file below snapshots/ back from a copy of the storage, or remove it if it is "
                "known what it was; `restic snapshots` names it.",
            )
        return parse_snapshots(done)

    def forget(self, snapshots: Collection[str]) -> None:
        """Remove snapshots for good; those that are gone already are no error. Raise VaultError when one is there
        afterwards all the same."""
        ids = sorted(snapshots)
        for first in range(0, len(ids), _AT_ONCE):
            self._run(["forget", *ids[first : first + _AT_ONCE]])
        if left := set(snapshots) & {found.id for found in self.snapshots({})} if snapshots else set():
            raise VaultError(
                f"{len(left)} snapshots were to be removed from vault {self.name}, and are still there.",
                next_step="Look whether the storage keeps what is deleted (object lock, append-only).",
            )

    def unlock(self) -> list[str]:
        """Remove the locks of dead processes, and return their names; those of living ones stay."""
        before = self._locks()
        if before:
            self._run(["unlock"])
        return sorted(before - self._locks())

    def _locks(self) -> set[str]:
        return set(self._run(["list", "locks", "--no-lock"]).stdout.decode().split())

    def prune(self, at_most: str, limit: timedelta) -> int | None:
        """Give the space of what no snapshot uses back to the storage, writing at most `at_most` (such as 5G) anew;
        return the bytes, if restic tells. Raise VaultBusyError when it takes longer than `limit`; nothing is lost
        then, and the next time begins anew."""
        arguments = ["prune", "--max-repack-size", at_most]

        def once() -> Completed:
            with self._start(arguments) as process, process.time_limit(limit.total_seconds()):
                return self._check(process, process.stdout.read())

        try:
            done = self._retry_locked(once)
        except TimeoutError:
            self.unlock()
            raise VaultBusyError(
                f"Freeing space in vault {self.name} took longer than {format_duration(limit)} and was ended, so that "
                "captures go on; nothing is lost.",
                next_step="Lower retention.prune_at_most, or raise retention.prune_time, if this comes again.",
            ) from None
        found = _PRUNED.search(done.stdout.decode())
        return round(float(found[1]) * _UNITS[found[2]]) if found else None

    def size(self) -> int:
        """Return the bytes of all data that snapshots use, as they are stored."""
        done = self._run(["stats", "--mode", "raw-data", "--json", "--no-lock"])
        return int(json.loads(done.stdout)["total_size"])

    def check(self, part: int, of: int) -> str:
        """Check the structure of the vault, and read one of so many parts of its data against the checksums. Return
        what is damaged, in words; nothing for what is whole. No lock is taken: captures go on."""
        arguments = ["check", f"--read-data-subset={part}/{of}", "--no-lock"]
        with self._start(arguments) as process:
            output = process.stdout.read()
            completed = Completed(process.wait(), output, process.stderr())
        lines = list(essence(completed.stderr))
        if completed.exit_status == 0:
            return ""
        if not any(_DAMAGED in line for line in lines):
            raise self._failure(completed)
        packs = dict.fromkeys(pack for line in lines for pack in _PACK.findall(line))
        told = [line for line in lines if _DAMAGED not in line]
        named = f"pack {', pack '.join(packs)}: " if packs else ""
        return f"{named}{'; '.join(told[:5])}"

    # -- repair ---------------------------------------------------------------------------------------------

    def files(self) -> VaultFiles:
        """Return the files of this vault. Raise ConfigurationError when only restic reaches its storage."""
        return vault_files(self.repository, self._backend_secrets)

    def is_damaged(self, pack: str) -> bool:
        """Given a pack that a check named, read it and return whether it is there and is not what its name says."""
        with self._start(["cat", "pack", pack, "--no-lock", "--no-cache"]) as process:
            digest = hashlib.sha256()
            while chunk := process.stdout.read(CHUNK_BYTES):
                digest.update(chunk)
            self._check(process, b"")
        return digest.hexdigest() != pack

    def rebuild_index(self) -> None:
        """Make the index anew from the packs that are there."""
        self._run(["rebuild-index"])

    def holds(self, snapshot: str) -> bool:
        """Return whether the vault holds all that a snapshot consists of, by its index; nothing of it is read but the
        trees."""
        with self._start(["stats", "--mode", "raw-data", "--json", "--no-lock", snapshot]) as process:
            output = process.stdout.read()
            completed = Completed(process.wait(), output, process.stderr())
        if completed.exit_status == 0:
            return True
        if any(_LOST.search(line) for line in essence(completed.stderr)):
            return False
        raise self._failure(completed)


def named_packs(damage: str) -> list[str]:
    """Given what a check found, in words, return the packs that it names."""
    return list(dict.fromkeys(_PACK_ID.findall(damage)))
