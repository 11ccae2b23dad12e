"""What the contract suite captures: one source for each engine. A new vendor joins with one more class here.

A source makes something that the engine captures, small and with no two things alike, says what a deployment file
and the connections tell of it, and knows changes that a capture must see.
"""

import os
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.patched_home import jar

#: More than a pipe and restic's smallest chunk hold, so that a tool that is killed is killed in the middle.
LARGE_BYTES = 700_000


@dataclass(frozen=True)
class Change:
    """One change of a source, the check that it turns red, and the name that the check then tells."""

    alter: Callable[[Any], object]
    check: str
    name: str


class Source(ABC):
    """Something that an engine captures."""

    unit: ClassVar[Unit]
    changes: ClassVar[tuple[Change, ...]]
    #: What the engine runs to read the data, besides restic.
    tools: ClassVar[tuple[str, ...]] = ()

    def __init__(self, directory: Path, servers: Callable[[str], Any]) -> None:
        self.directory = directory
        #: Given the name of a vendor, return its running server.
        self.servers = servers
        self.make()

    @abstractmethod
    def make(self) -> None:
        """Make the source."""

    @abstractmethod
    def document(self, host: str) -> dict[str, Any]:
        """Given the name of its host, return the part of a deployment file that describes the source."""

    def connections(self) -> Mapping[str, Connection]:
        """Return the connections that the document names."""
        return {}

    def remove(self) -> None:  # noqa: B027 (a source may have nothing there)
        """Remove what lies outside of the directory."""


class TreeSource(Source):
    """A tree of files."""

    unit = Unit(kind="tree", name="documents")
    changes = (
        Change(lambda it: (it.root / "a/changed").write_text("other"), "tree-content", "a/changed"),
        Change(lambda it: it.rewrite_unseen("a/same size and time"), "tree-content", "a/same size and time"),
        Change(lambda it: it.link("retargeted", "a/changed"), "tree-content", "retargeted"),
        Change(lambda it: (it.root / "mode").chmod(0o640), "tree-metadata", "mode"),
        Change(lambda it: os.chown(it.root / "owner", 4711, -1), "tree-metadata", "owner"),
        Change(lambda it: os.chown(it.root / "a", -1, 4711), "tree-metadata", "a"),
        Change(lambda it: it.root.chmod(0o750), "tree-metadata", "."),
        Change(lambda it: (it.root / "missing").unlink(), "tree-files", "missing"),
        Change(lambda it: (it.root / "empty").rmdir(), "tree-files", "empty"),
        Change(lambda it: it.write("added", b""), "tree-files", "added"),
        Change(lambda it: it.link("link or file", None), "tree-files", "link or file"),
    )
    files: ClassVar[Mapping[str, bytes]] = {
        "a/changed": b"content",
        "a/same size and time": b"before",
        "mode": b"mode",
        "owner": b"owner",
        "missing": b"missing",
        "Müller & Söhne/Rechnung 1.pdf": b"%PDF",
        "large": random.Random(1).randbytes(LARGE_BYTES),
    }

    @property
    def root(self) -> Path:
        return self.directory / "root"

    def make(self) -> None:
        for name, content in self.files.items():
            self.write(name, content)
        (self.root / "empty").mkdir()
        self.link("retargeted", "mode")
        self.link("link or file", "mode")
        self.root.chmod(0o755)

    def document(self, host: str) -> dict[str, Any]:
        return {"business_data": {self.unit.name: {"path": str(self.root), "host": host}}}

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def link(self, name: str, target: str | None) -> None:
        """Make a link, or a file if it has no target, in the place of what is there."""
        path = self.root / name
        path.unlink(missing_ok=True)
        if target is None:
            path.touch()
        else:
            path.symlink_to(target)

    def rewrite_unseen(self, name: str) -> None:
        """Change a file in place and set its time back: its size and time are what they were."""
        path = self.root / name
        status = path.stat()
        path.write_bytes(bytes(reversed(path.read_bytes())))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


PATCH = "repository/components/patches/patch0001"


class HomeSource(TreeSource):
    """A product home; what the server writes while it runs does not count."""

    unit = Unit(kind="home", name="apim-cp-1")
    changes = (
        *TreeSource.changes,
        Change(lambda it: it.write("repository/conf/deployment.toml", b"[x]"), "tree-content", "deployment.toml"),
        Change(lambda it: it.write(f"{PATCH}/b_1.0.0.jar", jar("b_1.0.0.jar", "x")), "patch-inventory", "b_1.0.0.jar"),
    )
    files: ClassVar[Mapping[str, bytes]] = {
        **TreeSource.files,
        "bin/version.txt": b"WSO2 API Manager v4.5.0\n",
        "updates/product.txt": b"wso2am-acp-4.5.0\n",
        "repository/conf/deployment.toml": b'[server]\nhostname = "localhost"\n',
        "repository/components/plugins/org.example_1.0.0.jar": bytes(range(256)),
        f"{PATCH}/a-1.0.0.jar": jar("a_1.0.0.jar", "a patch"),
        "repository/logs/wso2carbon.log": b"not captured\n",
        "tmp/unpacked/x": b"not captured\n",
        "wso2carbon.pid": b"1\n",
    }

    def document(self, host: str) -> dict[str, Any]:
        home = {"type": "apim-control-plane", "home": str(self.root), "host": host}
        return {"servers": {self.unit.name: home}}


class PostgresSource(Source):
    """Two databases of one server, of which one has a name that needs care."""

    unit = Unit(kind="database", name="main-db")
    tools = ("pg_dump",)
    databases: ClassVar[tuple[str, ...]] = ("orders", 'The "Other" One\'s/100%')
    changes = (
        Change(lambda it: it.run("UPDATE item SET price = 1.00 WHERE id = 1"), "table-content", "public.item"),
        Change(lambda it: it.run("INSERT INTO twins VALUES ('a')"), "table-rows", "public.twins"),
        Change(lambda it: it.run("DROP INDEX by_name"), "schema-objects", "INDEX public.by_name"),
        Change(lambda it: it.run("COMMENT ON TABLE item IS 'x'"), "schema-objects", "TABLE item"),
        Change(lambda it: it.run("SELECT setval('item_id_seq', 2)"), "sequences", "public.item_id_seq"),
        Change(lambda it: it.run("SELECT lo_put(4711, 0, 'X')"), "large-objects", "1 captured, 1 restored"),
        Change(lambda it: it.run("ALTER ROLE bench_role CONNECTION LIMIT 5"), "roles", "ALTER ROLE bench_role"),
    )

    _SCHEMA = """
        CREATE TABLE item (id serial PRIMARY KEY, name text, price numeric);
        CREATE INDEX by_name ON item (name);
        INSERT INTO item (name, price) VALUES ('first', 1.0), ('second', 2.50), ('third', NULL);
        CREATE TABLE twins (value text);
        INSERT INTO twins VALUES ('a'), ('a');
        SELECT lo_from_bytea(4711, 'large object');
    """

    def postgres(self) -> SamplePostgres:
        server = self.servers("postgres")
        assert isinstance(server, SamplePostgres)
        return server

    def make(self) -> None:
        self._administrate("DROP ROLE IF EXISTS bench_role", "CREATE ROLE bench_role LOGIN PASSWORD 'secret'")
        for name in self.databases:
            self._administrate(
                *(self._named(text, name) for text in ("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}"))
            )
            self.run(self._SCHEMA, name)
        noise = random.Random(2).randbytes(LARGE_BYTES)
        with self.connect(self.databases[0]) as session:
            session.execute("CREATE TABLE large AS SELECT %s::bytea AS value", [noise])

    def document(self, host: str) -> dict[str, Any]:
        databases = {name: {"role": "other"} for name in self.databases}
        server = {"engine": "postgres", "connection": "bench_postgres", "host": host, "databases": databases}
        return {"database_servers": {self.unit.name: server}}

    def connections(self) -> Mapping[str, Connection]:
        return {"bench_postgres": connection_to(self.postgres())}

    def remove(self) -> None:
        self._administrate(*(self._named("DROP DATABASE IF EXISTS {} WITH (FORCE)", name) for name in self.databases))

    def connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.postgres().admin_conninfo, dbname=database, autocommit=True)

    def run(self, statements: str, database: str | None = None) -> None:
        with self.connect(database or self.databases[0]) as session:
            session.execute(statements.encode())

    def _administrate(self, *statements: str | sql.Composed) -> None:
        with self.connect("postgres") as session:
            for statement in statements:
                session.execute(statement if isinstance(statement, sql.Composed) else statement.encode())

    @staticmethod
    def _named(statement: str, name: str) -> sql.Composed:
        return sql.SQL(statement).format(sql.Identifier(name))


def connection_to(postgres: SamplePostgres, **changes: Any) -> Connection:
    """Return the connection of a server's administrator; `changes` replace its fields."""
    known = conninfo_to_dict(postgres.admin_conninfo)
    fields = {"login": str(known["user"]), "password": str(known["password"]), "port": postgres.port} | changes
    return Connection("bench_postgres", "postgres", host="127.0.0.1", **fields)
