"""The exchange of a server's databases, table by table: MariaDB renames no database.

All tables of all databases change places in one RENAME TABLE, which the server does whole or not at all. What cannot
be renamed (see `code`) is written down before, in the database that will hold it or holds it, and made again after.
So at any time each content, old or restored, has its code either as objects where its tables are, or written down in
the database that is kept (the old) or beside (the restored). The journal is these tables; nothing else is needed to
go on, forward or back, from wherever a killed process left it. Rights on tables and databases belong to names, and
so to whatever is live.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pymysql

from lifeboat.engines.mariadb.access import Access, Session, explain, explained, number_of, quoted
from lifeboat.engines.mariadb.code import CODE_TABLE, Code, drop_code, make_code, read_code, save_code, saved_code
from lifeboat.errors import SwapError
from lifeboat.recovery_documents import Exchange
from lifeboat.swap import State, Step

log = logging.getLogger(__name__)

_LOCK_SECONDS = 10
_TRIES = 5
_TABLES = """
    SELECT TABLE_NAME FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = %s AND TABLE_TYPE <> 'VIEW' AND TABLE_NAME <> %s ORDER BY 1
"""
_SESSIONS = """
    SELECT ID, USER FROM information_schema.PROCESSLIST
    WHERE DB IN ({}) AND ID <> CONNECTION_ID() AND COMMAND <> 'Daemon'
"""


class DatabasesStep(Step):
    """Databases of one server, live against restored ones."""

    def __init__(
        self, name: str, access: Callable[[], AbstractContextManager[Access]], exchanges: Sequence[Exchange]
    ) -> None:
        super().__init__(exchanges)
        self.name = name
        self._access = access

    def state(self) -> State:
        with explained(self.name), self._access() as access, access.connect() as session:
            return self._state(session)

    def _state(self, session: Session) -> State:
        there = {row[0] for row in session.rows("SHOW DATABASES")}
        states = {_state_of(each, there) for each in self.exchanges}
        if None in states:
            raise SwapError(
                f"{self.name}: {', '.join(each.live for each in self.exchanges)} and what was restored or kept of them "
                "are not there as any exchange of this recovery leaves them.",
                next_step="Look who made or dropped databases; leave the live ones and those that were kept.",
            )
        found = {state for state in states if state}
        return found.pop() if len(found) == 1 else State.BETWEEN

    def forward(self) -> None:
        self._go(State.NEW)

    def back(self) -> None:
        self._go(State.OLD)

    def discard(self) -> None:
        with _refusing(self.name), self._access() as access, access.connect() as session:
            if self._state(session) is State.BETWEEN:
                raise SwapError(
                    f"{self.name}: the exchange was interrupted; nothing is removed before it is ended.",
                    next_step="End it, forward or back, by running the recovery or its undo again.",
                )
            for each in self.exchanges:
                for name in filter(None, (each.beside, each.kept)):
                    session.run(f"DROP DATABASE IF EXISTS {quoted(name)}")

    def _go(self, wanted: State) -> None:
        with _refusing(self.name), self._access() as access, access.connect() as session:
            if self._state(session) is wanted:
                return
            if wanted is State.NEW:
                self._require_restored(session)
            session.run(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")
            there = {row[0] for row in session.rows("SHOW DATABASES")}
            pending = [each for each in self.exchanges if _state_of(each, there) is not wanted]
            renamed = {each.live: _is_renamed(session, each) for each in pending}
            for each in pending:
                _write_down(session, each, renamed[each.live])
            self._rename(session, pending, renamed, wanted is State.NEW)
            for each in pending:
                _make_again(session, each, wanted)
            for each in pending:
                _finish(session, each, wanted)

    def _require_restored(self, session: Session) -> None:
        there = {row[0] for row in session.rows("SHOW DATABASES")}
        missing = sorted(
            each.beside for each in self.exchanges if each.beside not in there and not _is_renamed(session, each)
        )
        if missing:
            raise SwapError(
                f"{self.name}: there is no restored database {', '.join(missing)} to take a live one's place.",
                next_step="Restore it again: run the recovery's restore step once more.",
            )

    def _rename(self, session: Session, pending: Sequence[Exchange], renamed: dict[str, bool], forward: bool) -> None:
        """Let the tables of all databases that are not there yet change places, all at once."""
        moves: list[tuple[str, str, str]] = []
        for each in pending:
            if renamed[each.live] != forward:
                leaving, coming = (each.kept, each.beside) if forward else (each.beside, each.kept)
                _end_sessions(session, [name for name in (each.live, coming) if name])
                for database in filter(None, (each.live, coming)):
                    drop_code(session, database)
                if leaving:
                    moves += [(table, each.live, leaving) for table in _tables(session, each.live)]
                if coming:
                    moves += [(table, coming, each.live) for table in _tables(session, coming)]
        if moves:
            self._rename_all(session, moves)

    def _rename_all(self, session: Session, moves: Sequence[tuple[str, str, str]]) -> None:
        pairs = ", ".join(f"{quoted(old, table)} TO {quoted(new, table)}" for table, old, new in moves)
        names = sorted({name for _, old, new in moves for name in (old, new)})
        for attempt in range(1, _TRIES + 1):
            _end_sessions(session, names)
            try:
                session.run(f"RENAME TABLE {pairs}")
                return
            except pymysql.err.MySQLError as error:
                if number_of(error) != 1205 or attempt == _TRIES:
                    raise self._refused(session, names, error) from None
                log.info("%s: the tables are in use; ending sessions again", self.name)

    def _refused(self, session: Session, names: Sequence[str], error: pymysql.err.MySQLError) -> SwapError:
        who = sorted({str(row[1]) for row in _sessions(session, names)})
        return SwapError(
            f"{self.name}: no table was renamed: {explain(self.name, error).message}"
            + (f" The databases are in use by {', '.join(who)}." if who else ""),
            next_step="Stop what connects to them, or mend what the message names; then run the same command again.",
        )


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turn what a statement raises into a SwapError."""
    try:
        yield
    except pymysql.err.MySQLError as error:
        raise SwapError(
            f"{name}: the exchange was interrupted: {explain(name, error).message}",
            next_step="Stop what uses the databases, or mend what the message names; then run the same command again: "
            "it goes on from here.",
        ) from None


def _state_of(exchange: Exchange, there: set[str]) -> State | None:
    """Given an exchange and the databases that exist, return its state, or None if no exchange leaves that. What is
    to become live or kept is there from the beginning to the end of an exchange, both of it only meanwhile."""
    live, beside, kept = (name in there for name in (exchange.live, exchange.beside, exchange.kept))
    if not exchange.kept:
        return State.OLD if not live else State.BETWEEN if beside else State.NEW
    if not live:
        return None
    return State.OLD if not kept else State.BETWEEN if beside else State.NEW


def _tables(session: Session, database: str) -> list[str]:
    return [row[0] for row in session.rows(_TABLES, (database, CODE_TABLE))]


def _is_renamed(session: Session, exchange: Exchange) -> bool:
    """Whether the restored tables are in the live database. What is written down tells which tables a content has,
    for it may have none; it is written beside first, then where the old is kept, and stays there."""
    there = {row[0] for row in session.rows("SHOW DATABASES")}
    if exchange.live not in there or (exchange.kept and exchange.kept not in there):
        return False
    if exchange.beside not in there:
        return True
    restored = saved_code(session, exchange.beside)
    if exchange.kept:
        old = saved_code(session, exchange.kept)
        if old is None or restored is None:
            return old is not None
        if old.tables:
            return bool(_tables(session, exchange.kept))
    elif restored is None:
        return not _tables(session, exchange.beside) and bool(_tables(session, exchange.live))
    return bool(restored.tables) and not _tables(session, exchange.beside)


def _write_down(session: Session, exchange: Exchange, renamed: bool) -> None:
    """Write down the code of both contents, each from where its tables are, unless it is written down."""
    for name in filter(None, (exchange.live, exchange.beside, exchange.kept)):
        session.run(f"CREATE DATABASE IF NOT EXISTS {quoted(name)}")
    if saved_code(session, exchange.beside) is None:
        _save(session, exchange.live if renamed else exchange.beside, exchange.beside)
    if exchange.kept and saved_code(session, exchange.kept) is None:
        _save(session, exchange.kept if renamed else exchange.live, exchange.kept)


def _save(session: Session, source: str, database: str) -> None:
    save_code(session, Code(read_code(session, source), _tables(session, source)), database)


def _make_again(session: Session, exchange: Exchange, wanted: State) -> None:
    """Make the code of both contents where their tables are now; the rights on routines belong to the live name."""
    restored = saved_code(session, exchange.beside)
    old = saved_code(session, exchange.kept) if exchange.kept else None
    contents = [restored, old] if wanted is State.NEW else [old, restored]
    grants = [thing for each in contents if each for thing in each.things if thing.kind == "GRANT"]
    waiting = exchange.kept if wanted is State.NEW else exchange.beside
    if contents[0]:
        things = [thing for thing in contents[0].things if thing.kind != "GRANT"]
        make_code(session, exchange.live, [*things, *grants], live=True)
    if contents[1] and waiting:
        make_code(session, waiting, contents[1].things, live=False)


def _finish(session: Session, exchange: Exchange, wanted: State) -> None:
    """Drop the database that holds nothing any more."""
    emptied = exchange.beside if wanted is State.NEW else exchange.kept or exchange.live
    if left := _tables(session, emptied):
        raise SwapError(
            f"Database '{emptied}' should be empty now, but has {', '.join(left[:5])}.",
            next_step="Look who made tables there; move them away, then run the same command again.",
        )
    session.run(f"DROP DATABASE IF EXISTS {quoted(emptied)}")


def _sessions(session: Session, databases: Sequence[str]) -> list[tuple[int, str]]:
    marks = ", ".join(["%s"] * len(databases))
    return [(int(number), user) for number, user in session.rows(_SESSIONS.format(marks), list(databases))]


def _end_sessions(session: Session, databases: Sequence[str]) -> None:
    for number, user in _sessions(session, databases):
        log.info("Ending session %d of '%s'", number, user)
        try:
            session.run(f"KILL CONNECTION {number}")
        except pymysql.err.MySQLError as error:
            log.info("Session %d: %s", number, error)
