"""The vault as its housekeeper sees it: what deletes, frees space, and reads the data against its checksums."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from lifeboat.deployment_values import format_duration
from lifeboat.errors import VaultBusyError, VaultDamagedError, VaultError
from lifeboat.host import Completed
from lifeboat.restic_errors import essence
from lifeboat.vault import Snapshot, Vault, not_loaded, parse_snapshots

#: So many ids go into one command.
_AT_ONCE = 500
_DAMAGED = "repository contains errors"
_PACK = re.compile(r"\b(?:pack|want|data file)\W+([0-9a-f]{8,64})\b", re.IGNORECASE)
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
