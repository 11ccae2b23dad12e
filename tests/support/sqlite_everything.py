"""A SQLite database with everything in it, and any one change of it, chosen from what its own catalogue says."""

import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from lifeboat.sqlitecopy import quoted

SQL = Path(__file__).parents[1] / "contract/engines/data/everything-sqlite.sql"
MANY = 250
_NO_CHANGE = sqlite3.IntegrityError, sqlite3.OperationalError
_VALUES = (
    "NULL",
    "x'00'",
    "''",
    "'1'",
    "1",
    "1.0",
    "{c} || 'a'",
    "{c} || x'61'",
    "CAST({c} AS blob)",
    "CAST({c} AS text)",
    "{c} + 1",
    "-{c}",
    "substr({c}, 2)",
    "replace({c}, char(0), '')",
    "zeroblob(length({c}))",
)


def make(path: Path) -> None:
    """Make the database."""
    with closing(sqlite3.connect(path)) as session:
        session.executescript(SQL.read_text())
        session.executescript("".join(f"CREATE TABLE t{number:03} (id integer PRIMARY KEY);" for number in range(MANY)))


class Changes:
    """Changes of a database, each of them made within a transaction of a session that has no other."""

    def __init__(self, session: sqlite3.Connection, chance: random.Random) -> None:
        self._session = session
        self._chance = chance
        session.text_factory = str
        self._objects: list[tuple[str, str, str]] = session.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' "
            "AND name NOT LIKE 'words%'"
        ).fetchall()
        self._tables = [name for kind, name, _ in self._objects if kind == "table"]
        tables = {*self._tables, "words_content", "sqlite_stat1"} - {"large"}  # which takes long to compare
        self._filled = sorted(name for name in tables if self._content(name))

    def make(self) -> str:
        """Begin a transaction, make one change that is one, and return its statement."""
        way = self._chance.choice((self._value, self._value, self._removed, self._doubled, self._object, self._counter))
        self._session.text_factory = str  # a proof has left another one
        while True:
            self._session.execute("BEGIN")
            try:
                if statement := way():
                    return statement
            except _NO_CHANGE:  # what SQLite refuses
                pass
            self.undo()

    def undo(self) -> None:
        """Undo the change."""
        self._session.execute("ROLLBACK")

    def _content(self, table: str) -> "Counter[tuple[object, ...]]":
        columns = ", ".join(f"typeof({c}), {c}" for c in self._columns(table))
        self._session.text_factory = bytes
        rows = Counter(tuple(map(repr, row)) for row in self._session.execute(f"SELECT {columns} FROM {quoted(table)}"))
        self._session.text_factory = str
        return rows

    def _columns(self, table: str) -> list[str]:
        """Return the columns that can be written."""
        found = self._session.execute(f"PRAGMA table_xinfo({quoted(table)})")
        return [quoted(name) for _, name, _, _, _, _, hidden in found if not hidden]

    def _row(self, table: str) -> str:
        """Return a condition that is true of one row."""
        key = "b" if table == "without" else "rowid"
        values = self._session.execute(f"SELECT {key} FROM {quoted(table)} ORDER BY 1").fetchall()
        return f"{key} = {self._chance.choice(values)[0]}"

    def _run(self, table: str, statement: str) -> str:
        """Run a statement about the rows of a table, and return it if they are others now."""
        before = self._content(table)
        self._session.execute(statement)
        return statement if self._content(table) != before else ""

    def _value(self) -> str:
        table = self._chance.choice(self._filled)
        column = self._chance.choice(self._columns(table))
        value = self._chance.choice(_VALUES).format(c=column)
        return self._run(table, f"UPDATE {quoted(table)} SET {column} = {value} WHERE {self._row(table)}")

    def _removed(self) -> str:
        table = self._chance.choice(self._filled)
        return self._run(table, f"DELETE FROM {quoted(table)} WHERE {self._row(table)}")

    def _doubled(self) -> str:
        table = self._chance.choice(self._filled)
        columns = ", ".join(self._columns(table))
        source = f"SELECT {columns} FROM {quoted(table)} WHERE {self._row(table)}"
        return self._run(table, f"INSERT INTO {quoted(table)} ({columns}) {source}")

    def _counter(self) -> str:
        counted = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'counting'"
        statement = self._chance.choice((counted, "PRAGMA user_version = 43", "PRAGMA application_id = 4712"))
        self._session.execute(statement)
        return statement

    def _object(self) -> str:
        kind, name, text = self._chance.choice(self._objects)
        name = quoted(name)
        changes = [f"DROP {kind} {name}"]
        if kind == "table":
            column = self._chance.choice(self._columns(_unquoted(name)))
            changes += [
                f"ALTER TABLE {name} RENAME TO other",
                f"ALTER TABLE {name} ADD COLUMN other",
                f"ALTER TABLE {name} RENAME COLUMN {column} TO other",
                f"ALTER TABLE {name} DROP COLUMN {column}",
                f"CREATE INDEX other ON {name} ({column})",
            ]
        else:
            changes += [f"DROP {kind} {name}; {text.replace(old, new)}" for old, new in _REPLACED if old in text]
        statement = self._chance.choice(changes)
        for part in statement.split("; ", 1) if kind != "table" else [statement]:
            self._session.execute(part)
        return statement


#: What of a view, an index or a trigger can be replaced.
_REPLACED = (
    (" < ", " <= "),
    ("'1'", "'2'"),
    ("lower", "upper"),
    ("AFTER", "BEFORE"),
    (" DESC", ""),
    ("-- what", "-- as"),
)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"')
