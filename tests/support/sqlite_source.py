"""What the contract suite captures of SQLite: a database with a write-ahead log, as Airflow has none and others do."""

import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from tests.support.engine_sources import LARGE_BYTES, Change, Source


class SQLiteSource(Source):
    """A file with tables, a view and a trigger, a sequence, and rows of every type that SQLite knows."""

    unit = Unit(kind="database", name="lifeboat")
    changes: ClassVar[tuple[Change, ...]] = (
        Change(lambda it: it.run("UPDATE item SET price = 1 WHERE id = 1"), "table-content", "item"),
        Change(lambda it: it.run("INSERT INTO twins VALUES ('a')"), "table-rows", "twins"),
        Change(
            lambda it: it.run('UPDATE "An ""odd"" one" SET value = CAST(\'x\' AS BLOB)'),
            "table-content",
            'An "odd" one',
        ),
        Change(lambda it: it.run("DROP INDEX by_name"), "schema-objects", "INDEX by_name"),
        Change(lambda it: it.run("DROP VIEW cheap"), "schema-objects", "VIEW cheap"),
        Change(lambda it: it.run("DROP TRIGGER stamp"), "schema-objects", "TRIGGER stamp"),
        Change(lambda it: it.run("PRAGMA user_version = 7"), "schema-objects", "SETTING user_version"),
        Change(lambda it: it.run("UPDATE sqlite_sequence SET seq = 77"), "sequences", "item"),
    )
    _SCHEMA = """
        PRAGMA journal_mode = WAL;
        CREATE TABLE item (id integer PRIMARY KEY AUTOINCREMENT, name text, price);
        CREATE INDEX by_name ON item (name);
        INSERT INTO item (name, price) VALUES ('first', 1.0), ('Zoë', 2.5), (NULL, 9e999);
        CREATE TABLE twins (value text);
        INSERT INTO twins VALUES ('a'), ('a');
        CREATE TABLE "An ""odd"" one" (value);
        INSERT INTO "An ""odd"" one" VALUES ('x');
        CREATE TABLE large (value blob);
        CREATE TABLE empty (value integer, PRIMARY KEY (value)) WITHOUT ROWID;
        CREATE VIEW cheap AS SELECT id FROM item WHERE price < 2;
        CREATE TRIGGER stamp AFTER INSERT ON twins BEGIN UPDATE item SET name = name; END;
    """

    @property
    def path(self) -> Path:
        return self.directory / "with space?" / "lifeboat.db"

    def make(self) -> None:
        self.path.parent.mkdir()
        self.run(self._SCHEMA)
        with closing(self.connect()) as session, session:
            session.execute("INSERT INTO large VALUES (?)", [random.Random(2).randbytes(LARGE_BYTES)])

    def document(self, host: str) -> dict[str, Any]:
        server = {"engine": "sqlite", "connection": "bench_sqlite", "host": host, "databases": {"main": {}}}
        return {"database_servers": {self.unit.name: server}}

    def connections(self) -> Mapping[str, Connection]:
        return {"bench_sqlite": Connection("bench_sqlite", "sqlite", host=str(self.path))}

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path)

    def run(self, statements: str) -> None:
        with closing(self.connect()) as session:
            session.executescript(statements)
