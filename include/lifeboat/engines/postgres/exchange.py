"""The exchange of a server's databases: all of them renamed in one transaction."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from lifeboat.engines.postgres.access import Access, Row, maintenance
from lifeboat.errors import PreflightError, SwapError, UnreachableError
from lifeboat.recovery_documents import Exchange
from lifeboat.swap import State, Step

log = logging.getLogger(__name__)

_TRIES = 5

_NAMES = "SELECT datname FROM pg_database WHERE datname = ANY(%s)"
_END_SESSIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ANY(%s)"
_PREPARED = "SELECT database || ': ' || gid FROM pg_prepared_xacts WHERE database = ANY(%s) ORDER BY 1"
_SLOTS = "SELECT database || ': ' || slot_name FROM pg_replication_slots WHERE database = ANY(%s) ORDER BY 1"
_SUBSCRIPTIONS = """
    SELECT datname || ': ' || subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid
    WHERE datname = ANY(%s) ORDER BY 1
"""


def refuse_bound(session: psycopg.Connection[Row], name: str, databases: Sequence[str]) -> None:
    """Raise PreflightError, naming them, when something is bound to one of the databases and would follow the old
    one, or block the renaming: prepared transactions, logical replication slots, subscriptions."""
    for query, what, next_step in (
        (
            _PREPARED,
            "prepared transactions",
            "End them in their database: ROLLBACK PREPARED or COMMIT PREPARED '<name>'.",
        ),
        (
            _SLOTS,
            "logical replication slots",
            "A slot follows the old database. Stop its consumer, drop it (SELECT pg_drop_replication_slot('<name>')), "
            "and make it anew afterwards.",
        ),
        (
            _SUBSCRIPTIONS,
            "subscriptions",
            "A subscription follows the old database. Drop it there, and create it in the new one afterwards.",
        ),
    ):
        found = [str(row[0]) for row in session.execute(query, [list(databases)]).fetchall()]
        if found:
            raise PreflightError(f"{name}: the databases have {what}: {', '.join(found)}.", next_step=next_step)


class DatabasesStep(Step):
    """The exchange of databases of one server. `access` opens how an account reaches it that may rename them."""

    def __init__(
        self, name: str, access: Callable[[], AbstractContextManager[Access]], exchanges: Sequence[Exchange]
    ) -> None:
        super().__init__(exchanges)
        self.name = name
        self._access = access

    def state(self) -> State:
        with self._session() as session:
            return self._state(session)

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Row]]:
        """Yield a session on a database that is not exchanged; explain what its statements raise."""
        next_step = "Look into the server's log, then run the same command again: it goes on from what it finds."
        try:
            with (
                self._access() as access,
                maintenance(access, [exchange.live for exchange in self.exchanges]) as session,
            ):
                yield session
        except psycopg.OperationalError as error:
            message = f"{self.name}: the session was lost during the exchange: {error}"
            raise UnreachableError(message, next_step=next_step) from None
        except psycopg.Error as error:
            message = f"{self.name}: a statement of the exchange failed: {error}"
            raise SwapError(message, next_step=next_step) from None

    def _state(self, session: psycopg.Connection[Row]) -> State:
        names = [name for each in self.exchanges for name in (each.live, each.beside, each.kept) if name]
        there = {row[0] for row in session.execute(_NAMES, [names]).fetchall()}
        states = {_state_of(exchange, there) for exchange in self.exchanges}
        if len(states) != 1 or None in states:
            raise SwapError(
                f"{self.name} has the databases {', '.join(sorted(there)) or 'none of these'}; no exchange of this "
                "recovery leaves that.",
                next_step="Look who made or renamed them; leave the live ones and those that were kept; run again.",
            )
        return State(states.pop() or State.OLD)

    def forward(self) -> None:
        with self._session() as session:
            if self._state(session) is State.OLD:
                refuse_bound(session, self.name, [each.live for each in self.exchanges])
                self._require_beside(session)
                renames = [(each.live, each.kept) for each in self.exchanges if each.kept]
                renames += [(each.beside, each.live) for each in self.exchanges]
                self._rename(session, renames)

    def back(self) -> None:
        with self._session() as session:
            if self._state(session) is State.NEW:
                renames = [(each.live, each.beside) for each in self.exchanges]
                renames += [(each.kept, each.live) for each in self.exchanges if each.kept]
                self._rename(session, renames)
            else:  # a renaming that was interrupted before its transaction keeps sessions out
                for each in self.exchanges:
                    if each.kept:
                        _allow(session, each.live, True)

    def discard(self) -> None:
        with self._session() as session:
            self._state(session)
            for each in self.exchanges:
                for name in filter(None, (each.beside, each.kept)):
                    session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _require_beside(self, session: psycopg.Connection[Row]) -> None:
        wanted = {each.beside for each in self.exchanges}
        missing = wanted - {row[0] for row in session.execute(_NAMES, [sorted(wanted)]).fetchall()}
        if missing:
            raise SwapError(
                f"{self.name}: there is no restored database {', '.join(sorted(missing))} to take a live one's place.",
                next_step="Restore it again: run the recovery's restore step once more.",
            )

    def _rename(self, session: psycopg.Connection[Row], renames: Sequence[tuple[str, str]]) -> None:
        """Rename databases in one transaction, with nobody in them; those that end up live let people in, those
        that are kept do not."""
        involved = [old for old, _ in renames]
        live = {each.live for each in self.exchanges}
        for name in involved:
            _allow(session, name, False)
        for attempt in range(1, _TRIES + 1):
            session.execute(_END_SESSIONS, [involved])
            try:
                with session.transaction():
                    for old, new in renames:
                        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                        session.execute(statement.format(sql.Identifier(old), sql.Identifier(new)))
                        _allow(session, new, new in live)
                return
            except psycopg.errors.ObjectInUse as error:
                log.info("%s: %s; ending sessions again", self.name, error.diag.message_primary)
                if attempt == _TRIES:
                    _let_in(session, live & set(involved))
                    raise self._in_use(session, involved) from None

    def _in_use(self, session: psycopg.Connection[Row], names: Sequence[str]) -> SwapError:
        query = "SELECT DISTINCT usename || ' (' || coalesce(application_name, '') || ')' FROM pg_stat_activity"
        who = [str(row[0]) for row in session.execute(f"{query} WHERE datname = ANY(%s)".encode(), [list(names)])]
        return SwapError(
            f"{self.name}: the databases are still in use by {', '.join(who) or 'somebody'}; nothing was renamed.",
            next_step="Stop what connects to them, then run the same command again.",
        )


def _let_in(session: psycopg.Connection[Row], names: set[str]) -> None:
    for name in sorted(names):
        _allow(session, name, True)


def _allow(session: psycopg.Connection[Any], name: str, allowed: bool) -> None:
    """Let sessions into a database, or keep them out; superusers, too."""
    statement = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    session.execute(statement.format(sql.Identifier(name), sql.Literal(allowed)))


def _state_of(exchange: Exchange, there: set[str]) -> State | None:
    """Given an exchange and the names that exist, return its state, or None if no exchange leaves that."""
    live, beside, kept = (name in there for name in (exchange.live, exchange.beside, exchange.kept))
    if not exchange.kept:
        return State.NEW if live and not beside else None if live else State.OLD
    if not live:
        return None
    return State.OLD if not kept else None if beside else State.NEW
