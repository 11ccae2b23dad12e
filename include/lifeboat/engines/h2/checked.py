"""WSO2 checks on an H2 database: its rows are laid into SQLite, and the checks' statements run there.

H2 has no client that a statement could be sent through from here, and each start of its Java costs half a second. So
one process tells the columns of the database, a second one writes the columns that the checks of its role read, and
Python's own SQLite answers. The jar is that of the capture, as in `script`.
"""

import contextlib
import csv
import secrets
import sqlite3
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lifeboat.connections import Connection
from lifeboat.engines.h2 import script
from lifeboat.wso2.check_model import Dialect
from lifeboat.wso2.checks import CheckedDatabase, Role, needed_tables

_COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, {type} FROM INFORMATION_SCHEMA.COLUMNS
    WHERE TABLE_SCHEMA = 'PUBLIC' ORDER BY TABLE_NAME, ORDINAL_POSITION"""
_INTEGERS = {"BIGINT", "INTEGER", "SMALLINT", "TINYINT"}
_BYTES = {"BINARY LARGE OBJECT", "BINARY VARYING", "BINARY", "BLOB", "VARBINARY"}

SQLITE = Dialect(
    columns="SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    generic_checks=(),
)


@contextmanager
def checked_database(file: Path, jar: Path, connection: Connection, name: str, role: Role) -> Iterator[CheckedDatabase]:
    """Given a copy of a data file, its jar and an administrator of the database, yield the database for the checks of
    its role. Raise CommandError when H2 cannot open it."""
    with contextlib.closing(sqlite3.connect(":memory:")) as session:
        session.create_function("CHAR_LENGTH", 1, len, deterministic=True)
        session.create_function("CONCAT", -1, lambda *parts: "".join(map(str, parts)), deterministic=True)
        if needed := needed_tables(role):
            _fill(session, _Reader(file, jar, connection), needed)

        def query(sql: str, parameters: Sequence[object]) -> list[tuple[object, ...]]:
            return session.execute(sql.replace("%s", "?"), parameters).fetchall()

        yield CheckedDatabase(name, role, query, SQLITE)


@dataclass(frozen=True)
class _Reader:
    """Reads what statements return on a copy of a data file, in one process for all of them."""

    file: Path
    jar: Path
    connection: Connection
    null: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def is_2(self) -> bool:
        """Whether it is an H2 2, which names types otherwise than H2 1, and tells bytes otherwise."""
        return self.jar.name.removeprefix("h2").lstrip("-_").startswith("2")

    def read(self, statements: Sequence[str]) -> list[list[list[str | None]]]:
        """Return the rows of each statement, as texts."""
        with tempfile.TemporaryDirectory(dir=self.file.parent) as place:
            targets = [Path(place, f"{number}.csv") for number in range(len(statements))]
            options = f"charset=UTF-8 null={self.null}"
            calls = [
                f"CALL CSVWRITE({_text(str(target))}, {_text(statement)}, {_text(options)});\n"
                for target, statement in zip(targets, statements, strict=True)
            ]
            script_file = Path(place, "read.sql")
            script_file.write_text("".join(calls))
            login = self.connection.login, self.connection.password
            script.run_tool("RunScript", self.file, self.jar, *login, "-script", str(script_file))
            return [self._rows(target) for target in targets]

    def _rows(self, path: Path) -> list[list[str | None]]:
        with path.open(encoding="utf-8", newline="") as file:
            header_and_rows = list(csv.reader(file))
        return [[None if text == self.null else text for text in row] for row in header_and_rows[1:]]


def _fill(session: sqlite3.Connection, reader: _Reader, needed: Mapping[str, Collection[str]]) -> None:
    """Lay the needed columns of the needed tables into SQLite, under the names that they have."""
    found: dict[str, dict[str, str]] = {}
    statement = _COLUMNS.format(type="DATA_TYPE" if reader.is_2 else "TYPE_NAME")
    for table, column, kind in reader.read([statement])[0]:
        if table and column and kind and column.lower() in needed.get(table.lower(), ()):
            found.setdefault(table, {})[column] = kind.upper()
    if not found:
        return
    contents = reader.read([_select(table, kinds, reader) for table, kinds in found.items()])
    for (table, kinds), rows in zip(found.items(), contents, strict=True):
        columns = ", ".join(f"{_name(column)} {_affinity(kind)}" for column, kind in kinds.items())
        session.execute(f"CREATE TABLE {_name(table)} ({columns})")
        values = ([_value(text, kind) for text, kind in zip(row, kinds.values(), strict=True)] for row in rows)
        session.executemany(f"INSERT INTO {_name(table)} VALUES ({', '.join('?' * len(kinds))})", values)


def _select(table: str, kinds: Mapping[str, str], reader: _Reader) -> str:
    as_hex = "RAWTOHEX(CAST({} AS VARBINARY))" if reader.is_2 else "CAST({} AS VARCHAR)"
    chosen = [as_hex.format(_name(column)) if kind in _BYTES else _name(column) for column, kind in kinds.items()]
    return f"SELECT {', '.join(chosen)} FROM PUBLIC.{_name(table)}"


def _value(text: str | None, kind: str) -> str | bytes | None:
    return bytes.fromhex(text) if text is not None and kind in _BYTES else text


def _affinity(kind: str) -> str:
    return "INTEGER" if kind in _INTEGERS else "BLOB" if kind in _BYTES else "TEXT"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
