"""The sample's private MariaDB server, with what tests ask of it."""

import re
import textwrap
from typing import Any

from lifeboat.connections import Connection
from lifeboat.engines.mariadb.access import Access
from lifeboat.sample.mariadb_server import SampleMariaDB

_BETWEEN = re.compile(r";\n+(?=\S)(?!END)")


class MariaDBServer(SampleMariaDB):
    """A MariaDB server in a directory of its own, reached over TCP by password. For root it runs as `mysql`."""

    def run(self, statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements, and return the rows of the last one. A statement ends with its line; inside, lines that end
        with a semicolon are followed by indented ones, or by END."""
        rows: list[tuple[Any, ...]] = []
        with self.connect(database) as session, session.cursor() as cursor:
            for statement in _BETWEEN.split(textwrap.dedent(statements)):
                if statement.strip():
                    cursor.execute(statement.strip().removesuffix(";"))
                    rows = list(cursor.fetchall())
        return rows

    def connection(self, name: str, **changes: Any) -> Connection:
        """Return the administrator's connection as a deployment names it; `changes` replace its fields."""
        fields = {"login": "root", "password": self.password, "port": self.port} | changes
        return Connection(name, "mysql", host="127.0.0.1", **fields)

    def access(self) -> Access:
        """Return how Lifeboat reaches the server as its administrator."""
        return Access("the tests' MariaDB", "127.0.0.1", self.port, "root", self.password)
