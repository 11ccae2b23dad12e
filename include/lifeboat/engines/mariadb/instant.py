"""One instant for all databases of a server.

MariaDB has no snapshots that sessions could share. So commits stand still for a moment (BACKUP STAGE BLOCK_COMMIT)
while every session of the proof and every mariadb-dump opens a snapshot of its own, and go on as soon as the last
one is open. All of them see the same. Reading and writing go on meanwhile; only a COMMIT waits.

A table that is altered, truncated or dropped meanwhile makes mariadb-dump or the proof fail: no snapshot shows it any
more as it was.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pymysql

from lifeboat.engines.mariadb.access import Access, Session, explain
from lifeboat.engines.mariadb.dumping import RunningDump
from lifeboat.errors import AccessError


class CommitsForbiddenError(AccessError):
    """The account may not hold up commits, as on servers that a cloud manages."""


log = logging.getLogger(__name__)

#: How long a capture waits for running commits.
_COMMIT_SECONDS = 10


@dataclass(frozen=True)
class Holder:
    """One database at the captured instant: a session for its proof, and one for the WSO2 checks."""

    database: str
    proof: Session
    checks: Session


@dataclass(frozen=True)
class Instant:
    """All databases of a server at one instant; `locked_ms` is how long commits waited for it.

    `dumps` has one dump for each database, or a single one of all of them where the account may not hold up
    commits: then the dump alone is of one instant, and `skew_ms` says how far the sessions are from it.
    """

    holders: tuple[Holder, ...]
    dumps: tuple[RunningDump, ...]
    time: datetime
    locked_ms: float
    skew_ms: float

    @property
    def is_exact(self) -> bool:
        """Whether dumps and sessions see the same."""
        return self.skew_ms == 0


#: Given databases, and whether the proof of the rows is taken from the dump, start their dump.
StartDump = Callable[[Sequence[str], bool], RunningDump]


@contextmanager
def one_instant(access: Access, databases: Sequence[str], start: StartDump, *, locked: bool) -> Iterator[Instant]:
    """Given a server and its databases, hold all of them at one instant for as long as the context lasts.

    `locked` says whether commits may be held up for it. Raise CaptureInterruptedError when something is in the way.
    """
    with ExitStack() as stack:
        sessions = {
            name: (stack.enter_context(access.connect(name)), stack.enter_context(access.connect(name)))
            for name in databases
        }
        locker = stack.enter_context(access.connect())
        dumps: list[RunningDump] = []

        def begin(names: Sequence[str]) -> None:
            dump = start(names, not locked)
            stack.enter_context(dump.process)
            dumps.append(dump)

        if locked:
            at, locked_ms = _open_locked(locker, sessions, begin, dumps)
            skew_ms = 0.0
        else:
            at, skew_ms = _open_unlocked(sessions, begin, dumps)
            locked_ms = 0.0
        log.info(
            "%s: %d databases at one instant; commits waited %.1f ms, skew %.1f ms",
            access.name,
            len(databases),
            locked_ms,
            skew_ms,
        )
        holders = tuple(Holder(name, sessions[name][0], sessions[name][1]) for name in databases)
        yield Instant(holders, tuple(dumps), at, locked_ms, skew_ms)


def _open_locked(
    locker: Session,
    sessions: Mapping[str, Sequence[Session]],
    begin: Callable[[Sequence[str]], None],
    dumps: Sequence[RunningDump],
) -> tuple[datetime, float]:
    """Open all snapshots while commits wait. Return the instant, and for how many milliseconds they waited."""
    locker.run(f"SET SESSION lock_wait_timeout = {_COMMIT_SECONDS}")
    began = _hold_up_commits(locker)
    try:
        for database in sessions:
            begin([database])
        at = datetime.now(UTC)
        for each in (session for pair in sessions.values() for session in pair):
            each.hold_snapshot()
        for dump in dumps:
            dump.wait_opened()
    finally:
        locker.run("BACKUP STAGE END")
    return at, (time.monotonic() - began) * 1000


def _hold_up_commits(locker: Session) -> float:
    """Let commits wait from now on. Return the time. Raise CommitsForbiddenError when the account may not do that."""
    try:
        locker.run("BACKUP STAGE START")
        began = time.monotonic()
        locker.run("BACKUP STAGE BLOCK_COMMIT")
        return began
    except pymysql.err.MySQLError as error:
        found = explain("Holding up commits for one instant", error)
        if isinstance(found, AccessError):
            raise CommitsForbiddenError(found.message, next_step=found.next_step) from None
        raise found from None


def _open_unlocked(
    sessions: Mapping[str, Sequence[Session]],
    begin: Callable[[Sequence[str]], None],
    dumps: Sequence[RunningDump],
) -> tuple[datetime, float]:
    """Open one dump of all databases, and the sessions' snapshots right before. Return the instant of the dump, and
    how many milliseconds may lie between."""
    began = time.monotonic()
    for each in (session for pair in sessions.values() for session in pair):
        each.hold_snapshot()
    begin(list(sessions))
    dumps[0].wait_opened()
    return datetime.now(UTC), max((time.monotonic() - began) * 1000, 0.1)
