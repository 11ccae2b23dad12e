"""A database under another name, or one table beside the live one: restored on the live server and proven there."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from lifeboat.by_hand import failure_of
from lifeboat.engines._dumps import load, spool_member
from lifeboat.engines.base import Part, Returned, fidelity
from lifeboat.engines.postgres import facts as proofs
from lifeboat.engines.postgres.access import Access, Row, identifier, maintenance
from lifeboat.engines.postgres.comparison import compare_database
from lifeboat.engines.postgres.facts import version_in
from lifeboat.engines.postgres.restored import UNFIT, RestoredServer, database_facts
from lifeboat.engines.postgres.runbook import MADE
from lifeboat.engines.postgres.tools import tools_directory
from lifeboat.errors import ConfigurationError, PointError, PreflightError
from lifeboat.host import Command
from lifeboat.manifest import Check
from lifeboat.places import require_space
from lifeboat.text import shown

_TOOLS = ("pg_restore", "psql", "pg_dump")
#: A table's name as the facts write it, and as people do: parts that are quoted or not, with a point between.
_NAME = re.compile(r'(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)')

_COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, n.nspname, l.collname
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation
    LEFT JOIN pg_namespace n ON n.oid = l.collnamespace
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

#: How many relations a database has besides PostgreSQL's own and those of extensions.
_OWN_RELATIONS = """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


def restore_into_database(access: Access, part: Part, name: str) -> Returned:
    """Given a server and a name that no database there has, make the database by the member's runbook, the way that
    drills prove, and compare it with its facts."""
    with maintenance(access) as session:
        if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            raise PreflightError(
                f"{access.name}: there is a database '{name}' already.",
                next_step="Name a new one; a restore never overwrites anything.",
            )
        refuse_other_major(session, part)
        tools = _tools(session)
        require_space(part.scratch, _spool_bytes(part), part.member.member)
        environment = {**access.environment(session.info.dbname), "DATABASE": name}
        if not part.by_hand.run(part.member.member, environment, access.secrets(), [tools]):
            if MADE in part.by_hand.stdout.splitlines():  # else it is somebody else's
                drop_database(access, name)
            raise failure_of(part.by_hand, f"{part.member.member} could not be restored into '{name}'")
        size = session.execute("SELECT pg_database_size(%s)", (name,)).fetchone()
    found = database_facts(
        tools,
        access,
        name,
        known_as=part.member.details["database"],
        version=version_in(part.member.proof.algorithm),
    )
    checks = tuple(compare_database(part.member.member, part.facts, found))
    return Returned(f"database {name} of {access.name}", int(size[0]) if size else 0, checks)


def restore_into_table(access: Access, part: Part, table: str, into: str) -> Returned:
    """Given a table of the member, bring its columns and rows back as a new table of the live database.

    It passes through a database of its own on the same server, made of the dump's schema and of that table's rows,
    so that nothing of the dump is run in the live one. The new table has the columns with their exact types, and no
    keys, indexes, defaults or triggers: it is there to compare with and to copy from.
    """
    key = find_table(part.facts["tables"], table)
    schema, name = split_name(key)
    into_schema, into_name = split_name(into)
    target = (into_schema or schema, into_name)
    live = part.member.details["database"]
    with access.connect(live) as session:
        session.execute("SET default_transaction_read_only = off")  # the database may have it on
        refuse_other_major(session, part)
        _refuse_taken(session, live, target)
        require_space(part.scratch, _spool_bytes(part), part.member.member)
        with _aside(access, session, part, (schema, str(name))) as aside, session.transaction():
            _make_table(aside, session, key, target)
            _copy(aside, session, (schema, str(name)), target)
            checks = [_same_rows(session, part, key, target)]
            size = session.execute("SELECT pg_total_relation_size(%s::regclass)", (_text(session, target),)).fetchone()
    where = f"table {'.'.join(map(str, target))} of database {live}"
    return Returned(where, int(size[0]) if size else 0, tuple(checks))


def require_place(access: Access, name: str, *, clear: bool) -> None:
    """Raise PreflightError when a database is there and holds a relation of its own; drop one that is empty, if
    `clear` says so."""
    with maintenance(access) as session:
        if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return
        with access.connect(name) as inside:
            row = inside.execute(_OWN_RELATIONS).fetchone()
        if row and row[0]:
            raise PreflightError(
                f"{access.name}: database '{name}' is not empty; it has {row[0]} tables or views of its own.",
                next_step="Nothing is ever overwritten. Look what it is; rename or drop it, or name another server.",
            )
        if clear:
            session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def drop_database(access: Access, name: str) -> None:
    """Drop a database that a restore left half made, if it is there."""
    with maintenance(access) as session:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def refuse_other_major(session: psycopg.Connection[Row], part: Part) -> None:
    """Raise PreflightError when the server's major version is not that of the capture: nothing could be proven."""
    found, captured = session.info.server_version // 10000, int(part.member.proof.algorithm.rpartition("pg")[2])
    if found != captured:
        raise PreflightError(
            f"{part.member.member} was captured from PostgreSQL {captured}; the server is of version {found}.",
            next_step="Restore to a server of the same version, or load the dump by hand: see `lifeboat runbook`.",
        )


def find_table(tables: dict[str, Any], wanted: str) -> str:
    """Given a database's tables and a name as people write it, return the table's name as the facts write it.

    Raise PointError when there is none, or several schemas have one.
    """
    schema, name = split_name(wanted)
    found = [key for key in tables if split_name(key)[1] == name and schema in (None, split_name(key)[0])]
    if len(found) == 1:
        return found[0]
    near = found or sorted(key for key in tables if name.lower() in key.lower())
    raise PointError(
        f"The restore point has {len(found) or 'no'} tables '{wanted}'.",
        next_step=f"Name one of: {shown(near)}." if near else "Names are case-sensitive; write them schema.table.",
    )


def split_name(text: str) -> tuple[str | None, str]:
    """Given a table's name with or without its schema, each part quoted or not, return both. Raise
    ConfigurationError for anything else."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            f"'{text}' is not the name of a table.", next_step='Write it as table, schema.table or "Schema"."Table".'
        )
    schema, name = (part if part is None else _unquoted(part) for part in match.groups())
    assert name is not None
    return schema, name


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _refuse_taken(session: psycopg.Connection[Row], database: str, target: tuple[Any, ...]) -> None:
    if session.execute("SELECT to_regclass(%s)", (_text(session, target),)).fetchone() != (None,):
        raise PreflightError(
            f"Database '{database}' has a table '{'.'.join(target)}' already.",
            next_step="Name a new one; a restore never overwrites anything.",
        )


@contextmanager
def _aside(
    access: Access, live: psycopg.Connection[Row], part: Part, table: tuple[Any, ...]
) -> Iterator[psycopg.Connection[Row]]:
    """Yield a session on a database that lives for this block: the dump's schema, and the rows of one table."""
    name = f"lifeboat_{secrets.token_hex(6)}"
    tools = _tools(live)
    row = live.execute("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()")
    (encoding,) = row.fetchall()[0]
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 LOCALE 'C' ENCODING {}")
    with maintenance(access) as session:
        session.execute(statement.format(sql.Identifier(name), sql.Literal(encoding)))
        try:
            _load(access, tools, part, name, table)
            with access.connect(name) as aside:
                yield aside
        finally:
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _load(access: Access, tools: str, part: Part, database: str, table: tuple[Any, ...]) -> None:
    """Load the schema of a dump, and the rows of one table, into an empty database."""
    holder, spool = RestoredServer(access=access), part.scratch / "dump"
    if not spool_member(holder, part.vault, part.member, spool) or holder.checks[-1].outcome == "failed":
        raise PointError(f"{part.member.member}: {holder.checks[-1].detail}.", next_step="Take another restore point.")
    plain = ["--no-owner", "--no-privileges", "--no-comments", "--no-publications", "--no-subscriptions"]
    whole = ["--section=pre-data", *plain]
    rows = ["--data-only", *plain, f"--schema={table[0]}", f"--table={table[1]}"]
    for arguments in (whole, rows):
        argv = [f"{tools}/pg_restore", "--exit-on-error", f"--dbname={database}", *arguments, str(spool)]
        command = Command(argv, environment=access.environment(database), secrets=access.secrets())
        if not load(holder, part.member.member, command, UNFIT):
            raise PointError(
                f"{part.member.member} could not be loaded: {holder.checks[-1].detail}",
                next_step="Read the message above; nothing that is live was touched.",
            )
    spool.unlink()


def _make_table(
    aside: psycopg.Connection[Row], live: psycopg.Connection[Row], table: str, target: tuple[Any, ...]
) -> None:
    columns = [
        sql.SQL("{} {}{}{}").format(
            sql.Identifier(name),
            sql.SQL(kind),  # as the server writes it, quoted where it must be
            sql.SQL(" COLLATE {}").format(identifier(schema, collation)) if collation else sql.SQL(""),
            sql.SQL(" NOT NULL" if required else ""),
        )
        for name, kind, required, schema, collation in aside.execute(_COLUMNS, (table,)).fetchall()
    ]
    statement = sql.SQL("CREATE TABLE {} ({})").format(identifier(*target), sql.SQL(", ").join(columns))
    try:
        live.execute(statement)
    except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidSchemaName) as error:
        raise PreflightError(
            f"The live database has no longer what table {table} is made of: {error.diag.message_primary}.",
            next_step="Restore the whole database into a new one (--into-database), and copy from there.",
        ) from None


def _copy(
    aside: psycopg.Connection[Row], live: psycopg.Connection[Row], table: tuple[Any, ...], target: tuple[Any, ...]
) -> None:
    """Copy the rows as text, which is exact under the settings that every session pins."""
    names = [sql.Identifier(row[0]) for row in live.execute(_COLUMNS, (_text(live, target),)).fetchall()]
    listed = sql.SQL(", ").join(names)
    # A query, since COPY of a table leaves generated columns out.
    source = sql.SQL("COPY (SELECT {} FROM ONLY {}) TO STDOUT").format(listed, identifier(*table))
    into = sql.SQL("({})").format(listed) if names else sql.SQL("")
    sink = sql.SQL("COPY {} {} FROM STDIN").format(identifier(*target), into)
    with aside.cursor().copy(source) as rows, live.cursor().copy(sink) as copied:
        for chunk in rows:
            copied.write(chunk)


def _same_rows(session: psycopg.Connection[Row], part: Part, key: str, target: tuple[Any, ...]) -> Check:
    """Compare the new table with what was captured of the old one: rows and content."""
    captured = part.facts["tables"][key]
    found = proofs.one_table_facts(session, *target)
    detail = (
        f"{found[0]} rows with the same content"
        if found == captured
        else (
            f"{captured[0]} rows captured, {found[0]} restored" if found[0] != captured[0] else "rows differ in content"
        )
    )
    return fidelity("table-content", f"{part.member.member}: {key}", found == captured, detail)


def _text(session: psycopg.Connection[Row], name: tuple[Any, ...]) -> str:
    return identifier(*name).as_string(session)


def _tools(session: psycopg.Connection[Row]) -> str:
    return tools_directory(session.info.server_version // 10000, *_TOOLS)


def _spool_bytes(part: Part) -> int:
    return round(part.member.size_bytes * 1.1)
