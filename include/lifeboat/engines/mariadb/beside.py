"""Databases restored beside the live ones, under names of their own, on the server itself."""

import logging
import re
from collections.abc import Sequence

import pymysql

from lifeboat.engines.mariadb.access import Session, quoted, text_of
from lifeboat.engines.mariadb.accounts import account_in, statements_of
from lifeboat.engines.mariadb.code import event_status
from lifeboat.engines.mariadb.privileges import account_of, read_rights
from lifeboat.errors import AccessError, PreflightError
from lifeboat.recovery_documents import Exchange

log = logging.getLogger(__name__)

#: The longest name that MariaDB keeps, in characters.
_NAME_LENGTH = 64
#: What a restored database takes for each byte of its dump, where nothing live tells better.
_GROWTH = 1.6
_NEEDED = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "LOCK TABLES"),
    *("CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT", "TRIGGER", "SUPER"),
)

_LIVE = """
    SELECT s.SCHEMA_NAME, COALESCE(SUM(t.DATA_LENGTH + t.INDEX_LENGTH), 0) FROM information_schema.SCHEMATA s
    LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME
    WHERE s.SCHEMA_NAME IN ({}) GROUP BY s.SCHEMA_NAME
"""
_CROSSING = """
    SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, ' (', CONSTRAINT_NAME, ')') FROM information_schema.KEY_COLUMN_USAGE
    WHERE REFERENCED_TABLE_SCHEMA <> TABLE_SCHEMA AND (TABLE_SCHEMA IN ({0}) OR REFERENCED_TABLE_SCHEMA IN ({0}))
    ORDER BY 1
"""
_EVENT = re.compile(rb"^/\*!50106 CREATE\*/ ")
_CREATE_DATABASE = re.compile(rb"^CREATE DATABASE (?:/\*!32312 IF NOT EXISTS\*/ )?")


def database_exchange(member: str, live: str, there: bool, recovery: str) -> Exchange:
    """Given a database's name and whether it is there, return the exchange."""
    tag = recovery.lower().replace("-", "_")
    return Exchange(
        member=member,
        live=live,
        beside=_with_suffix(live, f"_restored_{tag}"),
        kept=_with_suffix(live, f"_before_{tag}") if there else "",
    )


def _with_suffix(name: str, suffix: str) -> str:
    return name[: _NAME_LENGTH - len(suffix)] + suffix


def live_bytes(session: Session, databases: Sequence[str]) -> dict[str, int]:
    """Given databases, return the size in bytes of those that are there."""
    rows = session.rows(_LIVE.format(_marks(databases)), list(databases))
    return {name: int(size) for name, size in rows}


def needed_bytes(dump_bytes: int, live: int | None) -> int:
    """Given the size of a dump and of the live database, if any, return the room that restoring beside it takes."""
    return max(round(dump_bytes * _GROWTH), live or 0)


def refuse_unable(session: Session, name: str) -> None:
    """Raise AccessError or PreflightError when the account, or the server, cannot make and exchange databases."""
    if session.dictionaries("SHOW ALL SLAVES STATUS"):
        raise PreflightError(
            f"{name} is a replica: its databases cannot be exchanged.",
            next_step="Point the connection at the primary; the replica follows it.",
        )
    rights = read_rights(session)
    missing = [right for right in _NEEDED if not rights.may(right)]
    if missing:
        raise AccessError(
            f"{name}: account '{account_of(session)}' lacks {', '.join(missing)} on *.*; a recovery restores beside "
            "the live databases and exchanges them.",
            next_step="Name an account that has these as admin_connection of the database server.",
        )


def refuse_bound(session: Session, name: str, databases: Sequence[str]) -> None:
    """Raise PreflightError, naming them, for foreign keys between one of the databases and another: they follow the
    old tables."""
    rows = session.rows(_CROSSING.format(_marks(databases)), [*databases, *databases])
    if rows:
        raise PreflightError(
            f"{name}: foreign keys lead from one database to another: {', '.join(str(row[0]) for row in rows)}.",
            next_step="They would follow the old tables. Drop them, and make them anew after the recovery.",
        )


def create_missing_accounts(session: Session, script: str) -> list[str]:
    """Given the script of the accounts, create those that the server lacks, with what they may do; those that are
    there stay as they are. Return the names of the new ones, quoted."""
    known = {
        quoted(user) if is_role else f"{quoted(user)}@{quoted(host)}"
        for user, host, is_role in session.rows("SELECT User, Host, is_role = 'Y' FROM mysql.user")
    }
    lines = statements_of(script)
    created = []
    for line in lines:
        found = re.match(r"CREATE (?:USER|ROLE) IF NOT EXISTS (`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?)", line)
        if found and found[1] not in known:
            session.run(line)
            created.append(found[1])
    for line in lines:
        if any(re.search(rf" (?:TO|FOR) {re.escape(name)}(?: |$)", line) for name in created):
            _grant(session, line)
    return created


def _grant(session: Session, statement: str) -> None:
    try:
        session.run(statement)
    except pymysql.err.MySQLError as error:  # such as one on a table that is not live yet
        log.warning("A right of the new account %s was not given: %s", account_in(statement), text_of(error))


def as_beside(line: bytes, live: str, beside: str) -> bytes:
    """Given a line of a live database's dump, return it for the database beside: its name where the dump makes and
    uses it, and its events waiting. Rows and bodies stay as they are."""
    name, other = quoted(live).encode(), quoted(beside).encode()
    if line == b"USE " + name + b";\n":
        return b"USE " + other + b";\n"
    if line.startswith(b"ALTER DATABASE " + name + b" CHARACTER SET "):  # around what was made under another one
        return line.replace(name, other, 1)
    if (found := _CREATE_DATABASE.match(line)) and line[found.end() :].startswith(name):
        return found[0] + other + line[found.end() + len(name) :]
    if _EVENT.match(line):
        return event_status(line.decode(errors="surrogateescape"), live=False).encode(errors="surrogateescape")
    return line


def as_live(text: str, *, beside: str, live: str) -> str:
    """Given what makes an object of a database beside, return it as of the live one."""
    text = text.replace(quoted(beside), quoted(live))
    return event_status(text, live=True) if "EVENT" in text else text


def _marks(values: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(values))
