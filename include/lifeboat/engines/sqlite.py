"""SQLite: one database, by its online backup, while others write to it.

Made for what Lifeboat and Airflow keep about themselves. The copy is made, proven and given out by one small Python
program on the database's host (`lifeboat.sqlitecopy`); a drill proves it again on this worker. Since a recovery of
WSO2 must not set back Airflow or Lifeboat, such a database is exchanged only when it is named.
"""

import hashlib
import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, ClassVar

from lifeboat.by_hand import Runbook
from lifeboat.engines._comparison import compare_objects, compare_tables
from lifeboat.engines._database_unit import DatabaseUnit
from lifeboat.engines._file_runbook import file_runbook
from lifeboat.engines._files import place_file
from lifeboat.engines._tree_beside import DirectoryStep, plan_directory
from lifeboat.engines.base import Capture, Facts, Restored, difference, fidelity, member_snapshot, proof
from lifeboat.engines.tree import restic_version
from lifeboat.errors import (
    CaptureError,
    CaptureInterruptedError,
    CommandError,
    ConfigurationError,
    LifeboatError,
    PreflightError,
)
from lifeboat.host import Completed, Host, LocalHost
from lifeboat.manifest import Check, MemberSnapshot, UnitSnapshot
from lifeboat.processes import pump
from lifeboat.recovery_documents import Replacement
from lifeboat.swap import State, Step
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckedDatabase

ALGORITHM = "sqlite-rows-sha256/1"
#: SQLite's own name for the database of a file.
DATABASE = "main"
FILE = "main.sqlite"
PATH = f"/{FILE}"
#: The write-ahead log and its index, or the journal of a transaction that was interrupted.
SIDES = ("-wal", "-shm", "-journal")
_MODULE = "lifeboat.sqlitecopy"
_IN_PLACE = """\
To put it in the place of the live database:
  1. Stop everything that has it open: of Airflow the scheduler, the triggerer, the API server and the workers.
  2. Ask SQLite: sqlite3 {restored}/main.sqlite 'PRAGMA integrity_check'
  3. Set the live file aside together with its log: what is in {live}-wal belongs to it.
       for each in {live} {live}-wal {live}-shm; do [ ! -e $each ] || mv $each $each.before; done
  4. cp {restored}/main.sqlite {live}; chown {uid}:{gid} {live}; chmod {mode:o} {live}
Lifeboat's own catalog needs none of this: `lifeboat catalog rebuild` makes it again.
"""
_WAIT_SECONDS = 60.0
#: How our program on the host ends when it will not go on, and when it waited in vain.
_REFUSED, _BUSY = 3, 4


@dataclass
class RestoredFile(Restored):
    """A database restored to a file of a host."""

    member: str = ""
    path: str = ""
    host: Host = field(default_factory=LocalHost)
    readable: bool = False
    by_hand: bool = False

    def prove(self) -> Facts:
        if not self.readable:
            return {}
        try:
            found = self.host.run_python(_MODULE, {"action": "prove", "path": self.path})
        except CommandError as error:
            if error.exit_status != _REFUSED:
                raise
            found = {"problems": [error.stderr]}
        problems = "; ".join(found["problems"][:5])
        detail = problems or "SQLite's integrity check finds nothing"
        if problems or not self.by_hand:
            self.checks.append(fidelity("restore-complete", self.member, not problems, detail))
        return {} if problems else {self.member: found["facts"]}

    @contextmanager
    def databases(self) -> Iterator[Mapping[str, CheckedDatabase]]:
        yield {}


class SQLiteStep(DirectoryStep):
    """The exchange of a database's file, with its write-ahead log, while nobody has it open."""

    def forward(self) -> None:
        if self.state() is State.OLD:
            refuse_open(self.host, self.exchange.member, self.exchange.live)
        super().forward()

    def back(self) -> None:
        if self.state() is State.NEW:
            refuse_open(self.host, self.exchange.member, self.exchange.live)
        super().back()


class SQLiteEngine(DatabaseUnit):
    """Captures one SQLite database."""

    name: ClassVar[str] = "sqlite"
    connection_type: ClassVar[str | None] = "sqlite"
    only_by_name: ClassVar[bool] = True

    @property
    def path(self) -> str:
        """The path of the database on its host, as Airflow's connections tell it."""
        connection = self.runtime.connection(self.server.connection)
        path = connection.host or connection.schema
        if not path.startswith("/"):
            raise ConfigurationError(
                f"Connection '{connection.id}' has no absolute path of a database as its host, but '{path}'.",
                next_step="Set its host to the path of the file, such as /opt/airflow/airflow.db.",
            )
        return path

    @property
    def database_member(self) -> str:
        return self.member(DATABASE)

    def preflight(self) -> dict[str, str]:
        if list(self.server.databases) != [DATABASE]:
            raise ConfigurationError(
                f"{self.unit}: databases are {', '.join(self.server.databases)}, but a SQLite file holds just one.",
                next_step=f"Name it '{DATABASE}', and give every other file a database server of its own.",
            )
        found = self._ask("look")
        return {"sqlite": found["sqlite"], "python": found["python"], "restic": restic_version(LocalHost())}

    def _ask(self, action: str) -> Any:
        payload = {"action": action, "path": self.path}
        try:
            return self.host.run_python(_MODULE, payload)
        except CommandError as error:
            raise _explained(error, self._where(), PreflightError) from None

    def _where(self) -> str:
        return f"{self.database_member} ('{self.path}' on host '{self.host.name}')"

    def capture(self, capture: Capture) -> UnitSnapshot:
        tools = self.preflight()
        began = time.monotonic()
        found: dict[str, Any] = {}
        instant = datetime.now(UTC)

        def feed(sink: IO[bytes]) -> None:
            nonlocal instant
            instant = datetime.now(UTC)
            found.update(self._copy(sink))

        stored = capture.vault.backup_stream(feed, PATH, capture.tags(self.database_member))
        facts = found["facts"]
        where, digest = capture.store_facts({self.database_member: facts})
        rows = sum(table[0] for table in facts["tables"].values())
        member = member_snapshot(
            self.database_member,
            self.name,
            stored,
            PATH,
            proof(ALGORITHM, facts, {"tables": len(facts["tables"]), "rows": rows}),
            stream_sha256=found["sha256"],
            details={"database": DATABASE, "path": self.path, "metadata": [found["mode"], found["uid"], found["gid"]]},
        )
        return UnitSnapshot(
            unit=self.unit,
            site=capture.site,
            attempt=capture.attempt,
            host_name=self.host.host_name(),
            instant=instant,
            skew_ms=0.0,
            started_at=capture.started_at,
            finished_at=datetime.now(UTC),
            proof_seconds=time.monotonic() - began,
            tools=tools,
            facts=where,
            facts_sha256=digest,
            members=(member,),
        )

    def _copy(self, sink: IO[bytes]) -> dict[str, Any]:
        """Copy the live database into a stream, and return what proves it. Raise CaptureError when it is damaged."""
        payload = {"action": "copy", "path": self.path, "wait": _WAIT_SECONDS}
        digest = hashlib.sha256()
        with self.host.start_python(_MODULE, payload) as (process, command):
            head = process.stdout.readline()
            found: dict[str, Any] = json.loads(head) if head.endswith(b"\n") else {}
            if found.get("problems"):
                raise CaptureError(
                    f"{self._where()} is damaged: {'; '.join(found['problems'][:5])}",
                    next_step="Recover the last good restore point of it, or export what is readable by `.recover`.",
                )
            size = pump(process.stdout, sink, digest.update)
            status = process.wait()
            if status != 0 or not found:
                failure = self.host.failure(command, Completed(status, b"", process.stderr()))
                raise _explained(failure, self._where(), CaptureError)
        if size != found["size"]:
            raise CaptureError(
                f"{self._where()}: {size} bytes of {found['size']} arrived.", next_step="Run the capture again."
            )
        return {**found, "sha256": digest.hexdigest()}

    # -- drill ----------------------------------------------------------------------------------------------

    @contextmanager
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> Iterator[Restored]:
        directory, member = scratch / "by-runbook", snapshot.members[0]
        if self.by_hand and self.by_hand.run(member.member, {"TARGET": str(directory)}):
            path = str(directory / FILE)
            yield RestoredFile([], member.size_bytes, member.member, path, readable=True, by_hand=True)
        else:
            yield self._restore(snapshot, vault, LocalHost(), str(scratch / FILE))

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        live, (mode, uid, gid) = member.details["path"], member.details["metadata"]
        target = f"{live}.{suffix}"
        names = {"live": shlex.quote(live), "restored": shlex.quote(target)}
        in_place = _IN_PLACE.format(**names, mode=mode, uid=uid, gid=gid)
        return file_runbook(member, {FILE: str(member.stream_sha256)}, target, in_place)

    def _restore(self, snapshot: UnitSnapshot, vault: Vault, host: Host, path: str) -> RestoredFile:
        restored = RestoredFile(member=self.database_member, path=path, host=host)
        restored.readable = place_file(restored, vault, snapshot.members[0], PATH, host, path, None)
        return restored

    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        yield from compare_tables(member, captured["tables"], restored["tables"])
        yield from compare_objects(member, captured["schema"], restored["schema"])
        before, after = captured["sequences"], restored["sequences"]
        differs = difference(before, after)
        yield fidelity("sequences", member, not differs, differs or f"{len(before)} sequences")

    # -- recovery -------------------------------------------------------------------------------------------

    def plan_replacement(self, snapshot: UnitSnapshot, members: Sequence[str], recovery: str) -> Replacement:
        exchange, room = plan_directory(self.host, self.database_member, self.path, recovery, None)
        if exchange.kept:
            refuse_open(self.host, self.database_member, exchange.live)
        needed = snapshot.members[0].size_bytes
        return Replacement(unit=self.unit, host=self.host.name, exchanges=(exchange,), needed_bytes=needed, **room)

    @contextmanager
    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> Iterator[Restored]:
        yield self._restore(snapshot, vault, self.host, replacement.exchanges[0].beside)

    def step(self, replacement: Replacement) -> Step:
        return SQLiteStep(self.host, replacement.exchanges[0], None, {"sides": list(SIDES)})


def refuse_open(host: Host, member: str, path: str) -> None:
    """Raise PreflightError when a process has the file open: it would go on writing to the one that was set aside."""
    users = host.run_python(_MODULE, {"action": "users", "path": path})
    if users:
        raise PreflightError(
            f"{member}: '{path}' on host '{host.name}' is in use by {', '.join(users)}.",
            next_step="Stop what uses it (Airflow: scheduler, API server, triggerer), then run the same command again. "
            "Lifeboat's own catalog is made again by `lifeboat catalog rebuild`.",
        )


def _explained(error: LifeboatError, what: str, kind: type[LifeboatError]) -> LifeboatError:
    """Given the error of our program on the host, return the one that says what is wrong with the database."""
    if not isinstance(error, CommandError) or error.exit_status not in (_REFUSED, _BUSY):
        return error
    if error.exit_status == _BUSY:
        return CaptureInterruptedError(f"{what}: {error.stderr}", next_step="Look who locks it; then run it again.")
    return kind(f"{what}: {error.stderr}", next_step="Correct the path, the mode or the space there, and run it again.")


ENGINE = SQLiteEngine
