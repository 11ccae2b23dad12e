"""A PostgreSQL server of its own for the WSO2 checks, and two small, sound databases to damage."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from lifeboat.wso2.checks import CheckedDatabase, CheckResult, Role, run_checks

DATA = Path(__file__).parent / "data"


def postgresql_tool(name: str) -> str:
    candidates = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(candidates[-1]) if candidates else None)
    assert found, f"{name} is not installed: install PostgreSQL's server package"
    return found


def as_postgres(*command: str) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The connection string of a running server without its database."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    data = str(directory / "data")
    initdb = [postgresql_tool("initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "-N"]
    subprocess.run(as_postgres(*initdb), check=True, capture_output=True, cwd=directory)
    options = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync=off"
    start = [postgresql_tool("pg_ctl"), "-D", data, "-w", "-l", f"{directory}/log", "-o", options, "start"]
    subprocess.run(as_postgres(*start), check=True, stdout=subprocess.DEVNULL, cwd=directory)
    try:
        yield f"host={directory} user=tester"
    finally:
        stop = [postgresql_tool("pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop"]
        subprocess.run(as_postgres(*stop), check=True, stdout=subprocess.DEVNULL, cwd=directory)
        shutil.rmtree(directory)


@dataclass(frozen=True)
class Databases:
    """The databases shared_db and apim_db of one test."""

    server: str
    names: dict[str, str]

    def connect(self, name: str, **options: object) -> psycopg.Connection:
        return psycopg.connect(f"{self.server} dbname={self.names[name]}", **options)

    def execute(self, name: str, sql: str) -> None:
        """Run statements as a tool that loads a dump does: with foreign keys off."""
        with self.connect(name, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(sql)

    def check(self, **roles: Role) -> list[CheckResult]:
        """Run the checks in a transaction per database, as capture does."""
        roles = roles or {"shared_db": Role.SHARED, "apim_db": Role.APIM}
        with ExitStack() as stack:
            checked = {}
            for name, role in roles.items():
                connection = stack.enter_context(self.connect(name))
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True

                def query(sql, parameters, connection=connection):
                    return connection.execute(sql, parameters or None).fetchall()

                checked[name] = CheckedDatabase(name, role, query)
            return run_checks(checked)


@pytest.fixture(scope="session")
def templates(postgresql: str) -> str:
    """Make the sound databases once; every test gets copies."""
    with psycopg.connect(f"{postgresql} dbname=postgres", autocommit=True) as server:
        for name in ("shared", "apim"):
            server.execute(f"CREATE DATABASE sound_{name}")
            with psycopg.connect(f"{postgresql} dbname=sound_{name}", autocommit=True) as connection:
                connection.execute((DATA / f"{name}.sql").read_text())
                connection.execute((DATA / f"{name}-rows.sql").read_text())
    return postgresql


@pytest.fixture
def databases(templates: str) -> Iterator[Databases]:
    names = {"shared_db": "test_shared", "apim_db": "test_apim"}
    with psycopg.connect(f"{templates} dbname=postgres", autocommit=True) as server:
        server.execute("CREATE DATABASE test_shared TEMPLATE sound_shared")
        server.execute("CREATE DATABASE test_apim TEMPLATE sound_apim")
        yield Databases(templates, names)
        for name in names.values():
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
