"""Recovery of embedded databases: each file restored beside the live one, and exchanged by renaming.

A home that is exchanged in the same recovery goes first. It carries over the live databases and what lies beside them,
so that they are exchanged inside of the new home, and the old home stays as it was.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifeboat.engines._files import place_file
from lifeboat.engines._tree_beside import DirectoryStep, plan_directory
from lifeboat.engines.base import Restored
from lifeboat.engines.h2.restored import RestoredDatabases, RestoredOne
from lifeboat.engines.h2.source import H2Source
from lifeboat.errors import SwapError
from lifeboat.manifest import MemberSnapshot, UnitSnapshot
from lifeboat.recovery_documents import Exchange, Replacement
from lifeboat.swap import State, Step
from lifeboat.vault import Vault


class H2Step(Step):
    """The exchange of the databases of one home, one file after the other."""

    def __init__(self, source: H2Source, exchanges: Sequence[Exchange]) -> None:
        super().__init__(exchanges)
        self.source = source
        self.files = [DirectoryStep(source.host, exchange, source.run_as, {}) for exchange in exchanges]

    def state(self) -> State:
        states = {self._state(file) for file in self.files}
        return states.pop() if len(states) == 1 else State.BETWEEN

    def _state(self, file: DirectoryStep) -> State:
        folder = file.exchange.live.rpartition("/")[0]
        if file.exchange.kept and not self.source.host.exists(folder, run_as=self.source.run_as):
            return State.BETWEEN  # the home around it is being exchanged
        return file.state()

    def forward(self) -> None:
        self._refuse_hot(State.OLD)
        for file in self.files:
            file.forward()

    def back(self) -> None:
        self._refuse_hot(State.NEW)
        for file in reversed(self.files):
            file.back()

    def discard(self) -> None:
        for file in self.files:
            file.discard()

    def _refuse_hot(self, before: State) -> None:
        """Raise SwapError when somebody has a database open that would be renamed under it."""
        live = [file.exchange.live for file in self.files if self._state(file) is before]
        hot = self.source.hot(live)
        if hot:
            raise SwapError(
                f"{self}: not exchanged while it is open: {'; '.join(hot)}.",
                next_step="Stop what uses it; remove a lock file only when nothing does. Then run it again.",
            )


class H2Recovery(H2Source):
    """The recovery of the databases of one home."""

    inside_a_home = True

    def plan_replacement(self, snapshot: UnitSnapshot, members: Sequence[str], recovery: str) -> Replacement:
        chosen = [member for member in snapshot.members if member.member in members]
        planned = [self._plan(member, recovery) for member in chosen]
        return Replacement(
            unit=self.unit,
            host=self.host.name,
            exchanges=tuple(exchange for exchange, _ in planned),
            needed_bytes=sum(member.details["bytes"] for member in chosen),
            # A safety point is made while the server still runs.
            **{**planned[0][1], "capturable": False},
        )

    def _plan(self, member: MemberSnapshot, recovery: str) -> tuple[Exchange, dict[str, Any]]:
        """Plan the exchange of one file; when its home is gone, it waits beside the home until that is back."""
        file = member.details["file"]
        path = f"{self.paths_of(member.details['database'])[0].rpartition('/')[0]}/{file}"
        if self.host.exists(path.rpartition("/")[0], run_as=self.run_as):
            return plan_directory(self.host, member.member, path, recovery, self.run_as)
        home = self.home_server.home
        _, room = plan_directory(self.host, member.member, home, recovery, self.run_as)
        beside = f"{home}.restored-{recovery}.{file}"
        return Exchange(member=member.member, live=path, beside=beside, kept=""), room

    @contextmanager
    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> Iterator[Restored]:
        restored = RestoredDatabases(connection=self.runtime.connection(self.server.connection), role_of=self.role_of)
        members = {member.member: member for member in snapshot.members}
        for number, exchange in enumerate(replacement.exchanges):
            member = members[exchange.member]
            place = scratch / str(number)
            place.mkdir(mode=0o700)
            one = RestoredOne(member, place, host=self.host, path=exchange.beside, run_as=self.run_as)
            path = f"/{member.details['file']}"
            if place_file(restored, vault, member, path, self.host, exchange.beside, self.run_as):
                one.fetch_jar(vault)
                restored.found.append(one)
        yield restored

    def step(self, replacement: Replacement) -> Step:
        return H2Step(self, replacement.exchanges)
