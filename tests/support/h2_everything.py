"""An H2 database with everything in it, and any one change of it, chosen from what its own script says is there."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifeboat.engines.h2.script import facts_of
from tests.support.h2_source import run_sql

SQL = Path(__file__).parents[1] / "contract/engines/data/everything-h2.sql"
MANY = 250
_NAME = r'(?:U&)?"(?:[^"]|"")*"'
_TABLE = re.compile(rf"^CREATE CACHED TABLE ({_NAME}\.{_NAME})[^(]*\(\n((?:    .*\n)+)\)", re.M)
_COLUMN = re.compile(rf"^    ({_NAME}) (?!.*GENERATED ALWAYS)", re.M)
_ROW = "INSERT INTO {}"
#: What can be dropped, and made again by the statement that the script has of it.
_DROPPED = re.compile(
    rf"^(?:CREATE (?:FORCE )?(?P<kind>ALIAS|CONSTANT|INDEX|TRIGGER) (?P<name>{_NAME}\.{_NAME})[^;]*"
    rf"|ALTER TABLE (?P<table>{_NAME}\.{_NAME}) ADD CONSTRAINT (?P<constraint>{_NAME}\.{_NAME}) "
    r"(?:FOREIGN|CHECK|UNIQUE)[^;]*);",
    re.M,
)


def make(path: Path) -> None:
    """Make the database."""
    many = "".join(f"CREATE TABLE t{number:03} (id int PRIMARY KEY);\n" for number in range(MANY))
    run_sql(path, SQL.read_text() + many)


def schema_script(file: Path) -> str:
    """Return what H2's own script says of the schema of a database that nobody has open."""
    target = file.with_name("schema.sql")
    run_sql(Path(str(file).removesuffix(".mv.db")), f"SCRIPT NODATA TO '{target}';")
    text = target.read_text()
    target.unlink()
    return text


@dataclass(frozen=True)
class Tried:
    """A change, the facts with it and after it was undone, and whether the rows that it is about were others."""

    statement: str
    changed: dict[str, Any]
    undone: dict[str, Any]
    is_change: bool


def try_changes(path: Path, directory: Path, chance: random.Random, number: int) -> tuple[dict[str, Any], list[Tried]]:
    """Given a database, a directory and a number, make that many changes, undoing each, in one Java process; return
    the facts of before, and what came of them. What H2 refuses is no change, nor is a value that was there before."""
    first = directory / "before.sql"
    run_sql(path, f"DROP TABLE large; SET REFERENTIAL_INTEGRITY FALSE; SCRIPT SIMPLE TO '{first}';")
    text = first.read_text()
    chosen = [chance.choice((_row_change, _row_change, _object_change))(text, chance) for _ in range(number)]
    steps = ["SET REFERENTIAL_INTEGRITY FALSE"]
    for index, (rows_of, do, undo) in enumerate(chosen):
        rows = [f"CALL CSVWRITE('{directory}/{index}.{when}.csv', 'SELECT {rows_of}')" for when in ("was", "is")]
        scripts = [f"SCRIPT SIMPLE TO '{directory}/{index}.{when}.sql'" for when in ("changed", "undone")]
        save = f"CREATE LOCAL TEMPORARY TABLE saved AS SELECT {rows_of}"  # a script ends the transaction
        steps += (
            [save, rows[0], do, rows[1], scripts[0], undo, scripts[1]]
            if rows_of
            else [do, scripts[0], undo, scripts[1]]
        )
    run_sql(path, ";\n".join(steps) + ";\n", "-continueOnError")
    tried = []
    for index, (rows_of, do, _) in enumerate(chosen):
        was, now = (directory / f"{index}.{when}.csv" for when in ("was", "is"))
        changed, undone = (_facts(directory / f"{index}.{when}.sql") for when in ("changed", "undone"))
        tried.append(Tried(do, changed, undone, not rows_of or was.read_bytes() != now.read_bytes()))
    return _facts(first), tried


def _facts(script: Path) -> dict[str, Any]:
    with script.open(encoding="utf-8") as lines:
        return facts_of(lines)


def _row_change(text: str, chance: random.Random) -> tuple[str, str, str]:
    """Return columns and table, a statement, and what undoes it with what was saved of that table."""
    tables = [(name, _COLUMN.findall(body)) for name, body in _TABLE.findall(text) if _ROW.format(name) in text]
    name, columns = chance.choice(tables)
    row = f"_ROWID_ = {chance.randint(1, text.count(_ROW.format(name)))}"
    column, listed = chance.choice(columns), ", ".join(columns)
    statements = [f"UPDATE {name} SET {column} = {value} WHERE {row}" for value in ("NULL", "1", "'a'", "'1.5'")]
    statements += [f"DELETE FROM {name} WHERE {row}"]
    statements += [f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {name} WHERE {row}"]
    back = f"DELETE FROM {name}; INSERT INTO {name} ({listed}) SELECT {listed} FROM saved; DROP TABLE saved"
    return f"{listed} FROM {name}", chance.choice(statements), back


def _object_change(text: str, chance: random.Random) -> tuple[str, str, str]:
    return ("", *chance.choice(list(_object_changes(text))))


def _object_changes(text: str) -> Iterator[tuple[str, str]]:
    """Yield statements and what undoes them."""
    for name, body in _TABLE.findall(text):
        if "COMMENT" not in body + name and '"CHECKED"' not in name:
            yield f"COMMENT ON TABLE {name} IS 'x'", f"COMMENT ON TABLE {name} IS NULL"
        yield f"ALTER TABLE {name} RENAME TO other", f"ALTER TABLE {_schema(name)}.other RENAME TO {_own(name)}"
        yield f"ALTER TABLE {name} ADD COLUMN other int", f"ALTER TABLE {name} DROP COLUMN other"
        yield f"GRANT DELETE ON {name} TO clerk", f"REVOKE DELETE ON {name} FROM clerk"
        for column in _COLUMN.findall(body):
            yield (
                f"ALTER TABLE {name} ALTER COLUMN {column} RENAME TO other",
                f"ALTER TABLE {name} ALTER COLUMN other RENAME TO {column}",
            )
    for found in _DROPPED.finditer(text):
        if "SYSTEM_" in found[0]:
            continue
        if found["table"]:
            yield f"ALTER TABLE {found['table']} DROP CONSTRAINT {found['constraint']}", found[0].rstrip(";")
        else:
            yield f"DROP {found['kind']} {found['name']}", found[0].rstrip(";")
    yield "ALTER SEQUENCE upwards INCREMENT BY 6", "ALTER SEQUENCE upwards INCREMENT BY 5"
    yield "REVOKE clerk FROM reader", "GRANT clerk TO reader"
    yield "ALTER USER reader ADMIN TRUE", "ALTER USER reader ADMIN FALSE"
    yield "CREATE VIEW other AS SELECT 1 AS one", "DROP VIEW other"


def _schema(name: str) -> str:
    return re.findall(_NAME, name)[0]


def _own(name: str) -> str:
    return re.findall(_NAME, name)[1]
