"""What a MariaDB database has besides tables: views, triggers, routines and events, as statements that make it again.

Tables can be renamed from one database into another; this cannot, and a trigger keeps its table from it. So an
exchange writes it down in a table of its own, drops it, renames, and makes it again where it belongs. The rows of
that table are written in one transaction whose last row says that it is whole: what it holds is dropped only then.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pymysql

from lifeboat.engines.mariadb.access import Session, explain, number_of, quoted
from lifeboat.errors import SwapError

CODE_TABLE = "lifeboat_code"
_END = "end"
#: The order in which things are made; they are dropped in the reverse one.
_ROUTINE_KINDS = ("FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY")
_KINDS = (*_ROUTINE_KINDS, "VIEW", "TRIGGER", "EVENT")
_MISSING = {1305, 1360, 1539, 4092}

_VIEWS = "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s ORDER BY 1"
_TRIGGERS = """
    SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s
    ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER
"""
_ROUTINES = "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s AND ROUTINE_TYPE = %s"
_EVENTS = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s"
#: mysql.procs_priv would tell them too, but not under the names that they have, as soon as one is not ASCII.
_ACCOUNTS = "SELECT User, Host FROM mysql.user ORDER BY is_role DESC, User, Host"

#: An event runs in the live database only. Where it waits, its status is one that primaries do not use.
_LIVE, _WAITING = "ENABLE", "DISABLE ON SLAVE"


@dataclass(frozen=True)
class Thing:
    """One thing, with the statement that makes it and the settings under which that is to be run."""

    kind: str
    name: str
    statement: str
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Code:
    """All that one content has besides its tables, and the names of these."""

    things: list[Thing]
    tables: list[str]


def read_code(session: Session, database: str) -> list[Thing]:
    """Given a database, return all that it has besides tables, in the order in which it can be made again."""
    session.run(f"USE {quoted(database)}")
    found = [thing for kind in _KINDS for thing in _things(session, database, kind)]
    return [*found, *_grants(session, database), _of_database(session, database)]


def _things(session: Session, database: str, kind: str) -> Iterator[Thing]:
    for name in _names(session, database, kind):
        row = session.dictionaries(f"SHOW CREATE {kind} {quoted(name)}")[0]
        statement = row.get(f"Create {kind.title()}") or row.get("SQL Original Statement")
        settings = {
            "sql_mode": row.get("sql_mode"),
            "time_zone": row.get("time_zone"),
            "character_set_client": row.get("character_set_client"),
            "collation_connection": row.get("collation_connection"),
        }
        yield Thing(
            kind, name, str(statement), {key: str(value) for key, value in settings.items() if value is not None}
        )


def _names(session: Session, database: str, kind: str) -> list[str]:
    query, parameters = {
        "VIEW": (_VIEWS, [database]),
        "TRIGGER": (_TRIGGERS, [database]),
        "EVENT": (_EVENTS, [database]),
    }.get(kind, (_ROUTINES, [database, kind]))
    return [row[0] for row in session.rows(query, parameters)]


def _grants(session: Session, database: str) -> Iterator[Thing]:
    """What accounts may do with routines is lost with them."""
    for user, host in session.rows(_ACCOUNTS):
        name = f"{quoted(user)}@{quoted(host)}" if host else quoted(user)
        for (statement,) in session.rows(f"SHOW GRANTS FOR {name}"):
            if any(f" ON {kind} {quoted(database)}." in statement for kind in _ROUTINE_KINDS):
                yield Thing("GRANT", name, str(statement))


def _of_database(session: Session, database: str) -> Thing:
    charset, collation, comment = session.one(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, SCHEMA_COMMENT FROM information_schema.SCHEMATA "
        "WHERE SCHEMA_NAME = %s",
        (database,),
    )
    settings = {"character_set": charset, "collation": collation, "comment": comment}
    return Thing("DATABASE", database, "", settings)


def drop_code(session: Session, database: str) -> None:
    """Drop all that a database has besides tables."""
    session.run(f"USE {quoted(database)}")
    for kind in reversed(_KINDS):
        names = _names(session, database, kind)
        if names:  # packages are known in one mode only
            session.run(f"SET SESSION sql_mode = '{'ORACLE' if kind.startswith('PACKAGE') else ''}'")
        for name in names:
            session.run(f"DROP {kind} IF EXISTS {quoted(name)}")
    session.run("SET SESSION sql_mode = ''")


def make_code(session: Session, database: str, things: list[Thing], *, live: bool) -> None:
    """Make things in a database in the place of those that are there. Events run only where `live`.

    Raise SwapError, naming the thing, for one that cannot be made.
    """
    drop_code(session, database)
    for thing in things:
        if thing.kind in _ROUTINE_KINDS:
            _make(session, database, thing, live)
    _make_views(session, database, [thing for thing in things if thing.kind == "VIEW"])
    for thing in things:
        if thing.kind not in {*_ROUTINE_KINDS, "VIEW"} and (live or thing.kind != "GRANT"):
            _make(session, database, thing, live)


def _make_views(session: Session, database: str, views: list[Thing]) -> None:
    """Make views, of which some stand on others, in whatever order works."""
    while views:
        left = [view for view in views if not _could_make(session, database, view)]
        if len(left) == len(views):
            _make(session, database, left[0], True)  # tells why
        views = left


def _could_make(session: Session, database: str, view: Thing) -> bool:
    try:
        _run(session, database, view, view.statement)
    except pymysql.err.MySQLError:
        return False
    return True


def _make(session: Session, database: str, thing: Thing, live: bool) -> None:
    try:
        _run(session, database, thing, _statement(database, thing, live))
    except pymysql.err.MySQLError as error:
        if thing.kind == "GRANT" and number_of(error) in _MISSING:  # the routine is not there in this version
            return
        told = explain(f"{thing.kind} '{thing.name}' of database '{database}'", error)
        raise SwapError(
            f"It cannot be made again: {told.message}",
            next_step="Give the account of the exchange the right to make it (SUPER for other definers), then run the "
            "same command again: it goes on from here.",
        ) from None


def _statement(database: str, thing: Thing, live: bool) -> str:
    if thing.kind == "DATABASE":
        found = thing.settings
        comment = pymysql.converters.escape_string(found["comment"])
        return (
            f"ALTER DATABASE {quoted(database)} CHARACTER SET {found['character_set']} COLLATE {found['collation']} "
            f"COMMENT '{comment}'"
        )
    return event_status(thing.statement, live=live) if thing.kind == "EVENT" else thing.statement


def event_status(statement: str, *, live: bool) -> str:
    """Given the statement that makes an event, return it for the live database, or for one where it waits."""
    before, after = (_WAITING, _LIVE) if live else (_LIVE, _WAITING)
    for preserve in ("ON COMPLETION NOT PRESERVE", "ON COMPLETION PRESERVE"):
        head, found, tail = statement.partition(f" {preserve} ")
        if found and tail.startswith(f"{before} "):
            return f"{head}{found}{after}{tail.removeprefix(before)}"
    return statement


def _run(session: Session, database: str, thing: Thing, statement: str) -> None:
    """Run a statement under the settings that the server keeps with the thing."""
    session.run(f"USE {quoted(database)}")
    try:
        for key in ("sql_mode", "time_zone"):
            if key in thing.settings:
                session.run(f"SET SESSION {key} = %s", (thing.settings[key],))
        charset, collation = (thing.settings.get(key) for key in ("character_set_client", "collation_connection"))
        if charset and collation:
            session.run_in(charset, collation, statement)
        else:
            session.run(statement)
    finally:
        session.run("SET SESSION sql_mode = '', time_zone = '+00:00'")


# -- the table that holds it -------------------------------------------------------------------------------------


def saved_code(session: Session, database: str) -> Code | None:
    """Given a database, return what is written down in it, or None if that is not there, or not whole."""
    table = quoted(database, CODE_TABLE)
    try:
        rows = session.rows(f"SELECT kind, name, statement, settings FROM {table} ORDER BY id")
    except pymysql.err.MySQLError as error:
        if number_of(error) in {1146, 1049}:
            return None
        raise
    if not rows or rows[-1][0] != _END:
        return None
    things = [Thing(kind, name, statement, json.loads(settings)) for kind, name, statement, settings in rows[:-1]]
    return Code(things, json.loads(rows[-1][2]))


def save_code(session: Session, code: Code, database: str) -> None:
    """Write down what a content has, in a database, all or nothing."""
    table = quoted(database, CODE_TABLE)
    session.run(f"DROP TABLE IF EXISTS {table}")
    session.run(
        f"CREATE TABLE {table} (id int PRIMARY KEY, kind varchar(20), name varchar(300), statement longtext, "
        "settings longtext) ENGINE = InnoDB CHARACTER SET utf8mb4"
    )
    session.run("START TRANSACTION")
    for number, thing in enumerate([*code.things, Thing(_END, "", json.dumps(code.tables))]):
        values: list[Any] = [number, thing.kind, thing.name, thing.statement, json.dumps(thing.settings)]
        session.run(f"INSERT INTO {table.replace('%', '%%')} VALUES (%s, %s, %s, %s, %s)", values)
    session.run("COMMIT")
