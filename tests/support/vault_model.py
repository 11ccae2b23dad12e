"""Vaults for tests of what deletes, on a clock of the test: one in memory that behaves like restic, and a real one.

Both can be killed in the middle of a deletion, after so many snapshots are gone.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from lifeboat.deployment import Deployment
from lifeboat.runtime import Runtime
from lifeboat.signing import Signer
from lifeboat.vault import Snapshot, Stored
from lifeboat.vault_upkeep import HousekeeperVault

#: The modules that ask for the time in what is tested.
_CLOCKED = (
    "lifeboat.catalog.leases",
    "lifeboat.hold",
    "lifeboat.housekeeping",
    "lifeboat.orphans",
    "lifeboat.recovery_journal",
    "lifeboat.retention_run",
    "lifeboat.swapped_out",
)


class Killed(BaseException):
    """The process ended here, as by SIGKILL: nothing that would clean up may run in what is tested."""


@dataclass
class Clock:
    """The time as what is tested sees it."""

    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def advance(self, by: timedelta) -> None:
        self.now += by

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Let all modules that decide about deletions ask this clock."""
        clock = self

        class Told(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                clock.now += timedelta(milliseconds=1)  # no two documents are of one instant
                return clock.now.astimezone(tz)

        with pytest.MonkeyPatch.context() as patch:
            for module in _CLOCKED:
                patch.setattr(f"{module}.datetime", Told)
            yield


@dataclass
class Deletions:
    """How many snapshots may still be removed before the process is killed; None for all."""

    left: int | None = None
    done: int = 0

    def allowed(self, ids: Collection[str]) -> list[str]:
        """Return those of some ids that are removed before the process is killed."""
        chosen = list(ids) if self.left is None else list(ids)[: self.left]
        self.done += len(chosen)
        if self.left is not None:
            self.left -= len(chosen)
        return chosen


class MemoryVault:
    """A vault in memory: snapshots with tags, found as restic finds them; forgetting what is gone is no error."""

    name = "'in memory'"

    def __init__(self, clock: Clock) -> None:
        self.clock, self.deletions = clock, Deletions()
        self._stored: dict[str, tuple[Snapshot, dict[str, bytes]]] = {}
        self._number = itertools.count()

    def backup_bytes(self, content: bytes, path: str, tags: Mapping[str, str]) -> Stored:
        number = f"{next(self._number):064x}"
        self._stored[number] = Snapshot(number, f"tree{number}", self.clock.now, dict(tags)), {path: content}
        return Stored(number, len(content), len(content), None)

    def snapshots(self, tags: Mapping[str, str]) -> list[Snapshot]:
        return [each for each, _ in self._stored.values() if tags.items() <= each.tags.items()]

    def read(self, snapshot: str, path: str) -> bytes:
        return self._stored[snapshot][1][path]

    def forget(self, snapshots: Collection[str]) -> None:
        chosen = self.deletions.allowed(snapshots)
        for each in chosen:
            self._stored.pop(each, None)
        if len(chosen) < len(snapshots):
            raise Killed


class ResticVault(HousekeeperVault):
    """A real vault whose snapshots are as old as the test's clock says."""

    def __init__(self, directory: Path, password: str, clock: Clock) -> None:
        super().__init__(str(directory), password)
        self.clock, self.deletions = clock, Deletions()
        self._made: dict[str, tuple[int, datetime]] = {}

    def backup_bytes(self, content: bytes, path: str, tags: Mapping[str, str]) -> Stored:
        stored = super().backup_bytes(content, path, tags)
        self._made[stored.snapshot[:8]] = len(self._made), self.clock.now
        return stored

    def snapshots(self, tags: Mapping[str, str]) -> list[Snapshot]:
        found = sorted(super().snapshots(tags), key=lambda each: self._made[each.id[:8]])
        return [Snapshot(each.id, each.tree, self._made[each.id[:8]][1], each.tags) for each in found]

    def forget(self, snapshots: Collection[str]) -> None:
        chosen = self.deletions.allowed(snapshots)
        super().forget(chosen)
        if len(chosen) < len(snapshots):
            raise Killed


@dataclass
class VaultRuntime(Runtime):
    """A runtime of which only the vault and the key are real."""

    deployment: Deployment
    kept: Any
    key: Signer = field(repr=False)

    def vault(self, site: str, *, housekeeper: bool = False) -> Any:
        return self.kept

    def housekeeper(self, site: str) -> Any:
        return self.kept

    def signer(self) -> Signer:
        return self.key

    def close(self) -> None:
        """Nothing was opened."""
