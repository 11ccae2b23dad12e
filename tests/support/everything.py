"""One PostgreSQL database with everything that it can hold, and its twin, restored into a scratch server."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from lifeboat.engines.base import Facts
from lifeboat.engines.postgres import facts as proofs
from lifeboat.engines.postgres.access import Access
from lifeboat.engines.postgres.restored import RestoredServer, roles_command
from lifeboat.engines.postgres.statements import role_facts
from lifeboat.host import LocalHost
from lifeboat.manifest import UnitSnapshot
from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.engine_bench import Bench, make_bench, red
from tests.support.engine_sources import PostgresSource, connection_to

SQL = Path(__file__).parents[1] / "contract/engines/data/everything.sql"
DATABASE = 'Every "Thing" it\'s; ü/100%'
ROLES = """
    CREATE ROLE "Owner Ärger" NOLOGIN; CREATE ROLE reader LOGIN PASSWORD 'reads'; CREATE ROLE clerk CONNECTION LIMIT 3;
    CREATE ROLE granter SUPERUSER; CREATE ROLE "we""ird; -- role" VALID UNTIL '2099-01-01' IN ROLE clerk;
    ALTER ROLE reader SET work_mem TO '5MB'; COMMENT ON ROLE clerk IS E'first line\\nsecond ''line'';';
    GRANT clerk TO reader WITH ADMIN OPTION;
    SET ROLE granter; GRANT "Owner Ärger" TO clerk; RESET ROLE; DROP ROLE granter;
"""
OF_DATABASE = (
    "ALTER DATABASE {} SET timezone TO 'Asia/Tokyo'",
    "ALTER DATABASE {} SET DateStyle TO 'German'",
    "ALTER DATABASE {} SET IntervalStyle TO 'iso_8601'",
    "ALTER DATABASE {} SET bytea_output TO 'escape'",
    "ALTER DATABASE {} SET extra_float_digits TO -3",
    "ALTER DATABASE {} SET search_path TO 'Mixed Case', public",
    "ALTER DATABASE {} SET statement_timeout TO '20ms'",
    "ALTER DATABASE {} SET default_transaction_read_only TO on",
    "ALTER DATABASE {} CONNECTION LIMIT 17",
    "ALTER ROLE reader IN DATABASE {} SET work_mem TO '6MB'",
    "COMMENT ON DATABASE {} IS 'what it is'",
    "REVOKE ALL ON DATABASE {} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {} TO reader WITH GRANT OPTION",
)
#: Whatever a database sets for its sessions, these are the tests' own.
OWN_SETTINGS = "-c statement_timeout=0 -c default_transaction_read_only=off -c search_path=public"


@dataclass
class Everything:
    """The database, what was captured of it, and its restored twin."""

    conninfo: str = field(repr=False)
    bench: Bench
    snapshot: UnitSnapshot
    captured: Facts
    restored: RestoredServer
    proven: Facts

    @property
    def member(self) -> str:
        """The name of the database's member."""
        return f"{self.bench.unit}/{DATABASE}"

    def source(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.conninfo, dbname=DATABASE, autocommit=True, options=OWN_SETTINGS)

    def twin(self) -> psycopg.Connection[Any]:
        """Connect to the restored database as the proof does."""
        return self.restored.access.connect(DATABASE)

    def schema_dump(self, access: Access) -> str:
        """Return what pg_dump says of the schema, on the source or on the twin, without the keys that it makes up."""
        argv = [f"{self.restored.tools}/pg_dump", "--schema-only", "--create"]
        environment = {**access.environment(DATABASE), **access.secrets()}
        text = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout
        return re.sub(r"^\\(?:un)?restrict .*$", "", text, flags=re.M)

    def role_facts(self) -> dict[str, str]:
        """Return what proves the roles of the scratch server, as they are now."""
        command = roles_command(self.restored.tools, self.restored.access, "template1", passwords=True)
        return role_facts(LocalHost().run(command).stdout.decode())

    def red_after(self, statement: str) -> dict[str, str]:
        """Damage rows of the twin for a moment, and return the checks that are red then."""
        with self.twin() as session:
            session.execute("BEGIN READ WRITE")
            session.execute("SET LOCAL session_replication_role = replica")
            session.execute(statement.encode())
            damaged = {**self.proven[self.member], "tables": proofs.table_facts(session)}
            session.execute("ROLLBACK")
        checks = self.bench.engine.compare(self.member, self.captured[self.member], damaged)
        return red(list(checks))


@contextmanager
def captured_and_restored(postgres: SamplePostgres, directory: Path) -> Iterator[Everything]:
    """Given a server and a directory with an empty vault, make the database, and yield it with its restored twin."""
    _make(postgres, directory)
    server = {"engine": "postgres", "connection": "bench_postgres", "databases": {DATABASE: {"role": "other"}}}
    unit = PostgresSource.unit
    document = {"database_servers": {unit.name: server}}
    bench = make_bench(directory, unit, document, {"bench_postgres": connection_to(postgres)})
    snapshot = bench.capture()
    with bench.restored(snapshot) as restored:
        assert isinstance(restored, RestoredServer)
        facts = bench.facts(snapshot)
        yield Everything(postgres.admin_conninfo, bench, snapshot, facts, restored, restored.prove())
    _remove(postgres)


def _make(postgres: SamplePostgres, directory: Path) -> None:
    tablespace = directory / "tablespace"
    tablespace.mkdir()
    if os.geteuid() == 0:
        shutil.chown(tablespace, "postgres", "postgres")
    name = sql.Identifier(DATABASE)
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute(ROLES.encode())
        admin.execute(sql.SQL('CREATE TABLESPACE "Own Space" LOCATION {}').format(sql.Literal(str(tablespace))))
        owner = sql.Identifier("Owner Ärger")
        admin.execute(
            sql.SQL('CREATE DATABASE {} OWNER {} TEMPLATE template0 TABLESPACE "Own Space"').format(name, owner)
        )
        for statement in OF_DATABASE:
            admin.execute(sql.SQL(statement).format(name))
    with psycopg.connect(postgres.admin_conninfo, dbname=DATABASE, autocommit=True, options=OWN_SETTINGS) as session:
        for statement in (SQL).read_text().split(";\n"):
            session.execute(statement.encode())


def _remove(postgres: SamplePostgres) -> None:
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(DATABASE)))
        admin.execute('DROP TABLESPACE "Own Space"')
        admin.execute('DROP ROLE "Owner Ärger", reader, clerk, "we""ird; -- role"')
