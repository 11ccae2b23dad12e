"""What the contract suite captures of a MariaDB server."""

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from tests.support.engine_sources import LARGE_BYTES, Change, Source
from tests.support.mariadb_server import MariaDBServer


class MariaDBSource(Source):
    """Two databases of one server, of which one has a name that needs care."""

    unit = Unit(kind="database", name="my-db")
    tools = ("mariadb-dump",)
    databases: ClassVar[tuple[str, ...]] = ("orders", 'The "Other" One\'s/100%')
    changes = (
        Change(lambda it: it.run("UPDATE item SET price = 1.00 WHERE id = 1"), "table-content", "item"),
        Change(lambda it: it.run("INSERT INTO twins VALUES ('a')"), "table-rows", "twins"),
        Change(lambda it: it.run("DROP INDEX by_name ON item"), "schema-objects", "TABLE item"),
        Change(lambda it: it.run("DROP VIEW cheap"), "schema-objects", "VIEW cheap"),
        Change(lambda it: it.run("ALTER PROCEDURE tidy COMMENT 'x'"), "schema-objects", "PROCEDURE tidy"),
        Change(lambda it: it.run("ALTER EVENT nightly DISABLE"), "schema-objects", "EVENT nightly"),
        Change(lambda it: it.run("DROP TRIGGER stamp"), "schema-objects", "TRIGGER stamp"),
        Change(lambda it: it.run("ALTER TABLE item AUTO_INCREMENT = 77"), "sequences", "item AUTO_INCREMENT"),
        Change(lambda it: it.run("SELECT SETVAL(numbers, 500)"), "sequences", "numbers"),
        Change(lambda it: it.run("GRANT DELETE ON twins TO bench_user"), "roles", "USER bench_user@%"),
    )

    _SCHEMA = """
        CREATE TABLE item (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20), price double);
        CREATE INDEX by_name ON item (name);
        INSERT INTO item (name, price) VALUES ('first', 1.5), ('second', 2.50), ('third', NULL);
        CREATE TABLE twins (value varchar(5));
        INSERT INTO twins VALUES ('a'), ('a');
        CREATE VIEW cheap AS SELECT id FROM item WHERE price < 2;
        CREATE SEQUENCE numbers;
        CREATE PROCEDURE tidy() SQL SECURITY INVOKER DELETE FROM twins;
        CREATE TRIGGER stamp BEFORE INSERT ON item FOR EACH ROW SET NEW.name = UPPER(NEW.name);
    """
    #: mariadb-dump finds no database with an event and a quote in its name.
    _EVENT = "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DO CALL tidy()"

    @property
    def server(self) -> MariaDBServer:
        server = self.servers("mariadb")
        assert isinstance(server, MariaDBServer)
        return server

    def make(self) -> None:
        self.remove()
        for name in self.databases:
            self.server.run(f"CREATE DATABASE `{name}`")
            self.run(self._SCHEMA, name)
        self.run("CREATE USER bench_user IDENTIFIED BY 'secret';\nGRANT SELECT ON orders.* TO bench_user")
        self.run(self._EVENT)
        noise = random.Random(2).randbytes(LARGE_BYTES)
        with self.server.connect(self.databases[0]) as session, session.cursor() as cursor:
            cursor.execute("CREATE TABLE large (value mediumblob, name varchar(9) DEFAULT 'latin1')")
            cursor.execute("INSERT INTO large (value) VALUES (%s)", [noise])

    def document(self, host: str) -> dict[str, Any]:
        databases = {name: {"role": "other"} for name in self.databases}
        server = {"engine": "mariadb", "connection": "bench_mariadb", "host": host, "databases": databases}
        return {"database_servers": {self.unit.name: server}}

    def connections(self) -> Mapping[str, Connection]:
        return {"bench_mariadb": self.server.connection("bench_mariadb")}

    def remove(self) -> None:
        for name in self.databases:
            self.server.run(f"DROP DATABASE IF EXISTS `{name}`")
        self.server.run("DROP USER IF EXISTS bench_user")

    def run(self, statements: str, database: str | None = None) -> None:
        self.server.run(statements, database or self.databases[0])
