"""The schema of a MariaDB database: every object with a digest of the statement that makes it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pymysql

from lifeboat.engines.mariadb.access import Session, explain, quoted
from lifeboat.errors import AccessError
from lifeboat.manifest import sha256

#: The next value of a table's counter is a fact of its own.
_COUNTER = re.compile(r"^(\) ENGINE=\S+) AUTO_INCREMENT=\d+", re.M)

_TABLES = """
    SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME
"""
_ROUTINES = """
    SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s ORDER BY 1, 2
"""
_EVENTS = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s ORDER BY 1"
_TRIGGERS = """
    SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, ACTION_STATEMENT,
           SQL_MODE, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION
    FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s ORDER BY TRIGGER_NAME
"""


def schema_facts(session: Session, database: str, spelled: Callable[[str], str] = lambda text: text) -> dict[str, str]:
    """Given a database, return every object of its schema with a digest of what makes it: definers, SQL modes,
    character sets, collations and comments count. `spelled` gives a text the database's name that it had.

    Raise AccessError for a routine whose body the account may not see.
    """
    session.run(f"USE {quoted(database)}")
    return {name: sha256(spelled(text).encode(errors="surrogateescape")) for name, text in _objects(session, database)}


def _objects(session: Session, database: str) -> Iterator[tuple[str, str]]:
    yield "DATABASE", session.one(f"SHOW CREATE DATABASE {quoted(database)}")[1]
    for name, kind in session.rows(_TABLES, (database,)):
        yield from _table(session, database, name, kind)
    for name, *parts in session.rows(_TRIGGERS, (database,)):
        yield f"TRIGGER {name}", _text(parts)
    for kind, name in session.rows(_ROUTINES, (database,)):
        _, mode, body, *rest = session.one(f"SHOW CREATE {kind} {quoted(database, name)}")
        if body is None:
            raise AccessError(
                f"The account of the connection may not see the body of {kind} '{name}' of database '{database}'.",
                next_step="Run on the server: GRANT SELECT ON mysql.* TO that account.",
            )
        yield f"{kind} {name}", _text([mode, body, *rest])
    for (name,) in session.rows(_EVENTS, (database,)):
        yield f"EVENT {name}", _text(session.one(f"SHOW CREATE EVENT {quoted(database, name)}"))


def _table(session: Session, database: str, name: str, kind: str) -> Iterator[tuple[str, str]]:
    shown = kind if kind in {"VIEW", "SEQUENCE"} else "TABLE"
    try:
        row = session.one(f"SHOW CREATE {shown} {quoted(database, name)}")
    except pymysql.err.MySQLError as error:
        raise explain(f"{session.name}: {shown.lower()} '{name}' of database '{database}'", error) from None
    text = _COUNTER.sub(r"\1", str(row[1])) if shown == "TABLE" else _text(row[1:])
    yield f"{shown} {name}", text


def _text(parts: Any) -> str:
    """Return what an object is made of as one text. A dump adds white space at the end of a body."""
    return "\0".join("" if part is None else str(part).rstrip() for part in parts)
