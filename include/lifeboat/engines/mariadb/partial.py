"""A database under another name, or one table beside the live one: restored on the live server and proven there."""

import functools
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lifeboat.by_hand import failure_of
from lifeboat.engines._comparison import compare_objects, compare_tables
from lifeboat.engines._dumps import spool_member
from lifeboat.engines.base import Part, Returned
from lifeboat.engines.mariadb import stream, tools
from lifeboat.engines.mariadb.access import Access, Session, quoted, server_series
from lifeboat.engines.mariadb.beside import as_live, live_bytes
from lifeboat.engines.mariadb.comparison import compare_database
from lifeboat.engines.mariadb.facts import series_in
from lifeboat.engines.mariadb.restored import RestoredServer, database_facts
from lifeboat.engines.mariadb.runbook import MADE
from lifeboat.errors import ConfigurationError, PointError, PreflightError
from lifeboat.manifest import Check
from lifeboat.places import require_space
from lifeboat.text import shown

#: A table's name as it is, or between backticks.
_NAME = re.compile(r"`((?:[^`]|``)+)`|([^`.]+)", re.S)

_FOREIGN_KEYS = """
    SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = %s AND TABLE_NAME = %s
"""
_SIZE = """
    SELECT DATA_LENGTH + INDEX_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
"""


def restore_into_database(access: Access, part: Part, name: str) -> Returned:
    """Given a server and a name that no database there has, make the database by the member's runbook, the way that
    drills prove, and compare it with its facts. Its events do not run: it is not the live one."""
    member = part.member.member
    with access.connect() as session:
        series = server_series(session)
        if (name,) in session.rows("SHOW DATABASES"):
            raise PreflightError(
                f"{access.name}: there is a database '{name}' already.",
                next_step="Name a new one; a restore never overwrites anything.",
            )
        _refuse_other_series(part, series)
        require_space(part.scratch, round(part.member.size_bytes * 1.1), member)
        client = tools.client(series)
        environment = {**access.environment(), "DATABASE": name}
        if not part.by_hand.run(member, environment, access.secrets(), [str(Path(client.path).parent)]):
            if MADE in part.by_hand.stdout.splitlines():  # else it is somebody else's
                session.run(f"DROP DATABASE IF EXISTS {quoted(name)}")
            raise failure_of(part.by_hand, f"{member} could not be restored into '{name}'")
        size = live_bytes(session, [name]).get(name, 0)
    found = _facts(access, part, series, name)
    return Returned(f"database {name} of {access.name}", size, tuple(compare_database(member, part.facts, found)))


def restore_into_table(access: Access, part: Part, table: str, into: str) -> Returned:
    """Given a table of the member, bring it back as a new table of the live database.

    It is loaded into a database of its own on the same server, proven there, and then renamed into the live one, so
    that nothing of the dump is run in there. The new table has the keys, indexes and defaults of the old one, and
    neither triggers nor foreign keys.
    """
    name, target = _find_table(part.facts["tables"], table), _plain_name(into)
    live = part.member.details["database"]
    with access.connect(live) as session:
        series = server_series(session)
        _refuse_other_series(part, series)
        if session.rows(_SIZE, (live, target)):
            raise PreflightError(
                f"Database '{live}' has a table '{target}' already.",
                next_step="Name a new one; a restore never overwrites anything.",
            )
        require_space(part.scratch, round(part.member.size_bytes * 1.1), part.member.member)
        with _aside(session) as aside:
            _load(access, part, series, aside, name)
            checks = _compare(part, name, _facts(access, part, series, aside))
            for (constraint,) in session.rows(_FOREIGN_KEYS, (aside, name)):
                session.run(f"ALTER TABLE {quoted(aside, name)} DROP FOREIGN KEY {quoted(constraint)}")
            session.run(f"RENAME TABLE {quoted(aside, name)} TO {quoted(live, target)}")
        size = sum(int(row[0] or 0) for row in session.rows(_SIZE, (live, target)))
    return Returned(f"table {target} of database {live}", size, tuple(checks))


def _refuse_other_series(part: Part, series: tuple[int, int]) -> None:
    captured = series_in(part.member.proof.algorithm)
    if captured != series:
        then, now = (".".join(map(str, each)) for each in (captured, series))
        raise PreflightError(
            f"{part.member.member} was captured from MariaDB {then}; the server is of {now}.",
            next_step="Restore to a server of the same release, or load the dump by hand: see `lifeboat runbook`.",
        )


def _facts(access: Access, part: Part, series: tuple[int, int], name: str) -> dict[str, Any]:
    """Compute the facts of what was restored into another database, told as of the live one."""
    spelled = functools.partial(as_live, beside=name, live=part.member.details["database"])
    dump = tools.dump_tool(series) if f"-{stream.KIND}/" in part.member.proof.algorithm else None
    return database_facts(access, name, series, dump, spelled)


def _find_table(tables: dict[str, Any], wanted: str) -> str:
    """Given a database's tables and a name as people write it, return the table's name. Raise PointError when there
    is none."""
    if wanted in tables:
        return wanted
    match = _NAME.fullmatch(wanted)
    name = _name_in(match) if match else wanted
    if name in tables:
        return name
    near = sorted(each for each in tables if name.lower() in each.lower())
    raise PointError(
        f"The restore point has no table '{wanted}'.",
        next_step=f"Name one of: {shown(near)}." if near else "Write it without its database, as the server does.",
    )


def _plain_name(text: str) -> str:
    """Given the name of a new table, in backticks or not, return it. Raise ConfigurationError for anything else."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            f"'{text}' is not the name of a table.",
            next_step="Write it without its database, between backticks if it holds one or a point.",
        )
    return _name_in(match)


def _name_in(match: re.Match[str]) -> str:
    return match[1].replace("``", "`") if match[1] else match[2]


@contextmanager
def _aside(session: Session) -> Iterator[str]:
    """Yield the name of a database that lives for this block."""
    name = f"lifeboat_{secrets.token_hex(6)}"
    session.run(f"CREATE DATABASE {quoted(name)}")
    try:
        yield name
    finally:
        session.run(f"DROP DATABASE {quoted(name)}")


def _load(access: Access, part: Part, series: tuple[int, int], database: str, table: str) -> None:
    """Load one table of a dump into an empty database."""
    holder, spool = RestoredServer(access=access, client=tools.client(series), series=series), part.scratch / "dump"
    if not spool_member(holder, part.vault, part.member, spool) or holder.checks[-1].outcome == "failed":
        raise PointError(f"{part.member.member}: {holder.checks[-1].detail}.", next_step="Take another restore point.")
    if not holder.load_from(part.member.member, functools.partial(_feed, spool, database, table)):
        raise PointError(
            f"Table {table} of {part.member.member} could not be loaded: {holder.checks[-1].detail}",
            next_step="Read the message above; nothing that is live was touched. What the table needs of its database "
            "comes with the whole of it (--into-database).",
        )
    spool.unlink()


def _feed(spool: Path, database: str, table: str, sink: IO[bytes]) -> None:
    """Write the head of a dump, which sets the session, and what it has of one table."""
    with spool.open("rb") as file:
        for line in file:
            if line.startswith(b"-- Current Database: "):
                break
            sink.write(line)
        sink.write(f"USE {quoted(database)};\n".encode())
        for line in _section(file, quoted(table).encode()):
            sink.write(line)
    sink.write(b"COMMIT;\n")


def _section(dump: Iterator[bytes], name: bytes) -> Iterator[bytes]:
    """Given the lines of a dump and a table's quoted name, yield those that make the table and fill it; its triggers
    come after them. Lines with rows begin with a parenthesis or INSERT."""
    begin, end = b"-- Table structure for table " + name, b"/*!40000 ALTER TABLE " + name + b" ENABLE KEYS */;"
    within = False
    for line in dump:
        within = within or line.rstrip(b"\n") == begin
        if within:
            yield line
            if line.rstrip(b"\n") == end:
                return


def _compare(part: Part, table: str, found: dict[str, Any]) -> list[Check]:
    """Compare a table with what was captured of it: rows, content, and the statement that makes it."""
    name, thing = f"{part.member.member}: {table}", f"TABLE {table}"
    captured, restored = (
        ({table: facts["tables"][table]}, {thing: facts["schema"][thing]}) if table in facts["tables"] else ({}, {})
        for facts in (part.facts, found)
    )
    return [
        *compare_tables(name, captured[0], restored[0], part.facts["unsteady"]),
        *compare_objects(name, captured[1], restored[1]),
    ]
