"""Databases restored beside the live ones, under names of their own, on the server itself."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from lifeboat.engines.postgres.access import Access, Row
from lifeboat.engines.postgres.statements import STATEMENT, for_database, of_role, without_comments
from lifeboat.errors import AccessError, PreflightError
from lifeboat.host import Command, Host, LocalHost
from lifeboat.recovery_documents import Exchange

log = logging.getLogger(__name__)

#: The longest name that PostgreSQL keeps, in bytes.
_NAME_BYTES = 63
#: What a restored database takes for each byte of its dump, where nothing live tells better.
_GROWTH = 1.6

_ACCOUNT = """
    SELECT rolname, rolsuper, rolcreatedb, pg_is_in_recovery(),
           ARRAY(SELECT d.datname FROM pg_database d WHERE d.datname = ANY(%s) AND NOT pg_has_role(d.datdba, 'USAGE'))
    FROM pg_roles WHERE rolname = current_user
"""
_AIRFLOWS = """
    SELECT count(DISTINCT relname) FROM pg_class
    WHERE relkind = 'r' AND relname IN ('dag_run', 'task_instance', 'alembic_version')
"""
_LIVE = "SELECT datname, pg_database_size(datname) FROM pg_database WHERE datname = ANY(%s)"

#: The entries of a dump that speak of the database itself: pg_restore gives them only together with its name.
_OF_DATABASE = re.compile(r"^\d+; \d+ \d+ (?:DATABASE|DATABASE PROPERTIES|(?:ACL|COMMENT|SECURITY LABEL) - DATABASE) ")
_BEFORE_DATA = re.compile(r"CREATE DATABASE |ALTER DATABASE \S+ OWNER ")


def database_exchange(member: str, live: str, there: bool, recovery: str) -> Exchange:
    """Given a database's name and whether it is there, return the exchange; names of its own are at most 63 bytes."""
    tag = recovery.lower().replace("-", "_")
    return Exchange(
        member=member,
        live=live,
        beside=_with_suffix(live, f"_restored_{tag}"),
        kept=_with_suffix(live, f"_before_{tag}") if there else "",
    )


def _with_suffix(name: str, suffix: str) -> str:
    room = _NAME_BYTES - len(suffix)
    return name.encode()[:room].decode(errors="ignore") + suffix


def live_bytes(session: psycopg.Connection[Row], databases: Sequence[str]) -> dict[str, int]:
    """Given databases, return the size in bytes of those that are there."""
    return {row[0]: int(row[1]) for row in session.execute(_LIVE, [list(databases)]).fetchall()}


def needed_bytes(dump_bytes: int, live: int | None) -> int:
    """Given the size of a dump and of the live database, if any, return the room that restoring beside it takes."""
    return max(round(dump_bytes * _GROWTH), live or 0)


def refuse_unable(session: psycopg.Connection[Row], name: str, databases: Sequence[str]) -> None:
    """Raise AccessError or PreflightError when the account, or the server, cannot create and rename databases."""
    row = session.execute(_ACCOUNT, [list(databases)]).fetchone()
    assert row is not None
    account, superuser, creates, standby, foreign = row
    if standby:
        raise PreflightError(
            f"{name} is a standby: its databases cannot be exchanged.",
            next_step="Point the connection at the primary; the standby follows it.",
        )
    if superuser or (creates and not foreign):
        return
    why = f"owns nothing of {', '.join(foreign)}" if creates else "may not create databases"
    raise AccessError(
        f"{name}: account '{account}' {why}; a recovery restores beside the live databases and renames them.",
        next_step="Name an account that may as admin_connection of the database server: a superuser, or one with "
        "CREATEDB that is a member of the databases' owners.",
    )


def refuse_airflows_own(access: Access, names: Sequence[str]) -> None:
    """Raise PreflightError when one of the databases is the metadata database of an Airflow: the recovery would end the
    sessions of the Airflow that runs it, and what comes back would go on with what was under way at its capture."""
    for name in names:
        with access.connect(name) as session:
            row = session.execute(_AIRFLOWS).fetchone()
        if row and row[0] == 3:
            raise PreflightError(
                f"{access.name}: database '{name}' is Airflow's own; a recovery cannot exchange it.",
                next_step="`lifeboat rescue` brings it back into an empty database: docs/self-recovery.md.",
            )


def create_missing_roles(session: psycopg.Connection[Row], roles: str) -> list[str]:
    """Given a session and what pg_dumpall says of the roles, create those that the server lacks, with their
    attributes and memberships; those that are there stay as they are. Return the names of the new ones, quoted."""
    known = {row[0] for row in session.execute("SELECT quote_ident(rolname) FROM pg_roles").fetchall()}
    statements = [without_comments(found) for found in STATEMENT.findall(roles)]
    created: list[str] = []
    for statement in statements:
        if statement.startswith("CREATE ROLE ") and (name := of_role(statement)) and name not in known:
            session.execute(statement.encode())
            created.append(name)
    for statement in statements:
        if any(_is_about(statement, name) for name in created):
            session.execute(statement.encode())
    return created


def _is_about(statement: str, role: str) -> bool:
    altered = statement.startswith(("ALTER ROLE ", "COMMENT ON ROLE ")) and of_role(statement) == role
    return altered or bool(statement.startswith("GRANT ") and re.search(rf" TO {re.escape(role)}[ ;]", statement))


def database_statements(tools: str, spool: Path) -> list[str]:
    """Given a dump, return the statements by which pg_restore would make the database itself: its encoding, owner,
    settings, privileges and comment."""
    host = LocalHost()
    listing = host.run(Command([f"{tools}/pg_restore", "--create", "--list", str(spool)])).stdout.decode()
    wanted = spool.with_suffix(".list")
    wanted.write_text("\n".join(line for line in listing.splitlines() if _OF_DATABASE.match(line)) + "\n")
    argv = [f"{tools}/pg_restore", "--create", f"--use-list={wanted}", "--file=-", str(spool)]
    text = host.run(Command(argv)).stdout.decode()
    statements = [without_comments(found) for found in STATEMENT.findall(text)]
    return [found for found in statements if re.search(r"\bDATABASE\b", found)]


def create_beside(session: psycopg.Connection[Row], statements: Sequence[str], live: str, beside: str) -> list[str]:
    """Given what makes a database, make one of another name in its place, empty, without what an earlier attempt
    left there. Return the statements to be run when it is full."""
    quoted_live, quoted_beside = _quoted(session, live), _quoted(session, beside)
    session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(beside)))
    later = []
    for statement in statements:
        about_beside = for_database(statement, quoted_live, quoted_beside)
        if _BEFORE_DATA.match(statement):
            session.execute(about_beside.encode())
        else:
            later.append(about_beside)
    return later


def _quoted(session: psycopg.Connection[Row], name: str) -> str:
    row = session.execute("SELECT quote_ident(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def server_room(host: Host, session: psycopg.Connection[Row]) -> dict[str, Any]:
    """Return the server's data directory as `where`, its `file_system`, and the `free_bytes` there, None if this host
    does not hold it or may not look: its postmaster.pid must tell the very start that the session tells."""
    row = session.execute(
        "SELECT current_setting('data_directory', true), extract(epoch FROM pg_postmaster_start_time())::bigint"
    ).fetchone()
    directory, started = row if row else (None, 0)
    if not directory:
        return {"where": "the server's data directory", "free_bytes": None}
    pid_file = host.run(Command(["cat", "--", f"{directory}/postmaster.pid"]), accept=(0, 1))
    lines = pid_file.stdout.decode().splitlines()
    if len(lines) < 3 or abs(int(lines[2]) - started) > 2:
        return {"where": str(directory), "free_bytes": None}
    device = host.run(Command(["stat", "--format=%d", "--", str(directory)])).stdout.decode().strip()
    return {
        "where": str(directory),
        "file_system": f"{host.name}:{device}",
        "free_bytes": host.free_bytes(str(directory)),
    }


def loaded(access: Access, beside: str, later: Sequence[str]) -> None:
    """Run what is left when a restored database is full: settings, privileges, comment."""
    with access.connect(beside) as session:
        for statement in later:
            session.execute(statement.encode())


__all__ = [
    "create_beside",
    "create_missing_roles",
    "database_exchange",
    "database_statements",
    "live_bytes",
    "loaded",
    "needed_bytes",
    "refuse_airflows_own",
    "refuse_unable",
    "server_room",
]
