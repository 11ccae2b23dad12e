"""One MariaDB database with everything that it can hold, and its twin, restored into a scratch server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lifeboat.engines.base import Facts
from lifeboat.engines.mariadb.access import Access, Session, quoted
from lifeboat.engines.mariadb.facts import read_tables, table_facts
from lifeboat.engines.mariadb.restored import RestoredServer
from lifeboat.manifest import UnitSnapshot
from tests.support.engine_bench import Bench, make_bench, red
from tests.support.mariadb_server import MariaDBServer
from tests.support.mariadb_source import MariaDBSource

SQL = Path(__file__).parents[1] / "contract/engines/data/everything-mariadb.sql"
DATABASE = "Every `Thing`; ü/100%"
MANY = 250
LARGE_BYTES = 20 << 20
ACCOUNTS = """
    CREATE ROLE clerk;
    CREATE USER reader@'10.%' IDENTIFIED BY 'reads' REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 5;
    CREATE USER reader IDENTIFIED VIA ed25519 USING PASSWORD('reads');
    CREATE USER `od'd ``user`@localhost ACCOUNT LOCK;
    GRANT PROCESS ON *.* TO `od'd ``user`@localhost;
    GRANT clerk TO reader WITH ADMIN OPTION;
    SET DEFAULT ROLE clerk FOR reader;
    GRANT PROCESS ON *.* TO reader@'10.%' WITH GRANT OPTION;
    CREATE USER stranger IDENTIFIED BY 'x';
    GRANT SELECT ON mysql.user TO stranger;
"""
USERS = "clerk, reader@'10.%', reader, `od'd ``user`@localhost, stranger"


@dataclass
class Everything:
    """The database, what was captured of it, and its restored twin."""

    server: MariaDBServer
    bench: Bench
    captured: Facts
    restored: RestoredServer
    proven: Facts
    snapshot: UnitSnapshot

    @property
    def member(self) -> str:
        """The name of the database's member."""
        return f"{self.bench.unit}/{DATABASE}"

    def twin(self) -> Session:
        """Connect to the restored database as the proof does."""
        return self.restored.access.connect(DATABASE)

    def red_after(self, *statements: str) -> dict[str, str]:
        """Damage rows of the twin in a transaction, and return the checks that are red then."""
        with self.twin() as session:
            session.run("SET SESSION foreign_key_checks = 0")
            session.run("START TRANSACTION")
            for statement in statements:
                session.run(statement)
            tables = table_facts(session, read_tables(session, DATABASE), self.restored.series)
            session.run("ROLLBACK")
        damaged = {**self.proven[self.member], "tables": tables}
        return red(list(self.bench.engine.compare(self.member, self.captured[self.member], damaged)))

    def schema_dump(self, access: Access) -> str:
        """Return what mariadb-dump says of the schema, on the source or on the twin."""
        options = ["--no-data", "--routines", "--triggers", "--events", "--skip-dump-date", "--databases", DATABASE]
        command = ["mariadb-dump", *access.options(), *options]
        done = subprocess.run(command, env={"MYSQL_PWD": access.password}, check=True, capture_output=True, text=True)
        return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("-- Host: "))


@contextmanager
def captured_and_restored(server: MariaDBServer, directory: Path) -> Iterator[Everything]:
    """Given a server and a directory with an empty vault, make the database, and yield it with its restored twin."""
    server.run(f"CREATE DATABASE {quoted(DATABASE)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT 'it''s all'")
    server.run(ACCOUNTS)
    _fill(server)
    settings = {"engine": "mariadb", "connection": "bench_mariadb", "databases": {DATABASE: {"role": "other"}}}
    unit = MariaDBSource.unit
    document = {"database_servers": {unit.name: settings}}
    bench = make_bench(directory, unit, document, {"bench_mariadb": server.connection("bench_mariadb")})
    snapshot = bench.capture()
    with bench.restored(snapshot) as restored:
        assert isinstance(restored, RestoredServer)
        yield Everything(server, bench, bench.facts(snapshot), restored, restored.prove(), snapshot)
    server.run(f"DROP DATABASE {quoted(DATABASE)}")
    server.run(f"DROP USER {USERS.removeprefix('clerk, ')}")
    server.run("DROP ROLE clerk")


def _fill(server: MariaDBServer) -> None:
    server.run(f"SET sql_mode = '', time_zone = '+00:00';\n{SQL.read_text()}", DATABASE)
    server.run("".join(f"CREATE TABLE t{number:03} (id int PRIMARY KEY);\n" for number in range(MANY)), DATABASE)
    large = f"INSERT INTO large VALUES (REPEAT(x'00ff27', {LARGE_BYTES // 3}))"
    server.run(f"CREATE TABLE large (value longblob);\n{large}", DATABASE)
