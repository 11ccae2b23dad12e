"""One instant for all databases of a server.

PostgreSQL exports snapshots within one database only. But `pg_current_snapshot()` speaks of the whole server:
one REPEATABLE READ transaction is opened per database until all of them see the same one.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from lifeboat.engines.postgres.access import Access, Row, identifier
from lifeboat.engines.postgres.facts import USER_RELATIONS
from lifeboat.errors import CaptureInterruptedError

log = logging.getLogger(__name__)

TRIES = 200
_LOCK_SECONDS = 30
_LOCKABLE = f"""
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND {USER_RELATIONS} ORDER BY 1, 2
"""
_OPEN = "SELECT pg_export_snapshot(), pg_current_snapshot()::text, clock_timestamp()"


@dataclass(frozen=True)
class Holder:
    """A transaction that keeps one database's snapshot open; pg_dump joins it by its id."""

    database: str
    connection: psycopg.Connection[Row]
    snapshot: str


@dataclass(frozen=True)
class Instant:
    """All databases of a server at one instant. `skew_ms` is 0 when all saw the very same snapshot."""

    holders: tuple[Holder, ...]
    time: datetime
    skew_ms: float


@contextmanager
def one_instant(access: Access, databases: Sequence[str], tries: int = TRIES) -> Iterator[Instant]:
    """Given a server and its databases, hold all of them at one instant for as long as the context lasts.

    When `tries` rounds never saw one snapshot everywhere, the last round is used and its skew, the time
    between the first and the last opening, is told.
    """
    with ExitStack() as stack:
        sessions = [(name, stack.enter_context(access.connect(name))) for name in databases]
        for number in range(1, tries + 1):
            opened = [_open(session) for _, session in sessions]
            same = len({global_snapshot for _, global_snapshot, _ in opened}) == 1
            if same or number == tries:
                break
            for _, session in sessions:
                session.execute("ROLLBACK")
        times = [time for _, _, time in opened]
        skew_ms = 0.0 if same else (max(times) - min(times)).total_seconds() * 1000
        log.info(
            "%s: %d databases at one instant after %d tries, skew %.1f ms",
            access.name,
            len(times),
            number,
            skew_ms,
        )
        holders = tuple(
            Holder(name, session, snapshot) for (name, session), (snapshot, _, _) in zip(sessions, opened, strict=True)
        )
        yield Instant(holders, min(times), skew_ms)


def _open(session: psycopg.Connection[Row]) -> tuple[str, str, datetime]:
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    row = session.execute(_OPEN).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def lock_tables(holder: Holder) -> None:
    """Keep the tables of a holder's database from being dropped, truncated or rewritten while its transaction
    lasts: a snapshot taken before shows such a table empty. Reading and writing go on.

    Raise CaptureInterruptedError when another session keeps a table to itself, or has dropped one just now.
    """
    session = holder.connection
    tables = session.execute(_LOCKABLE).fetchall()
    if not tables:
        return
    names = sql.SQL(", ").join(sql.SQL("ONLY {}").format(identifier(*names)) for names in tables)
    session.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'".encode())
    try:
        session.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable) as error:
        raise CaptureInterruptedError(
            f"Database '{holder.database}': the tables cannot be kept as they are: {error.diag.message_primary}",
            next_step="Another session alters, truncates or drops tables (pg_stat_activity tells which); "
            "the next try starts from the beginning.",
        ) from None
    session.execute("SET LOCAL lock_timeout = 0")
