"""A place in which dumps of PostgreSQL are altered by hand."""

import os
import subprocess
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from lifeboat.engines.postgres.access import Access, server_major
from lifeboat.engines.postgres.restored import database_facts
from lifeboat.engines.postgres.tools import tools_directory
from lifeboat.sample.postgres_server import SamplePostgres


class Workshop:
    """A PostgreSQL server of the tests' own, in which dumps are loaded, altered and dumped again."""

    def __init__(self, server: SamplePostgres) -> None:
        self._server = server

    def load(self, dump: bytes) -> None:
        """Load a dump under its own name, in place of what was loaded before."""
        self._run(["pg_restore", "--create", "--clean", "--if-exists", "--exit-on-error", "--dbname=postgres"], dump)

    def load_roles(self, text: bytes) -> None:
        """Make the roles of a member, but for the administrator, who is there with a password of this server."""
        lines = [line for line in text.splitlines(keepends=True) if b" postgres" not in line]
        self._run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--dbname=postgres"], b"".join(lines))

    def execute(self, database: str, statements: str) -> None:
        with psycopg.connect(self._server.admin_conninfo, dbname=database, autocommit=True) as session:
            session.execute(statements.encode())

    def dump(self, database: str) -> bytes:
        """Dump a database as a capture does."""
        return self._run(["pg_dump", "--format=custom", "--compress=0", f"--dbname={database}"], b"")

    def facts(self, database: str) -> dict[str, Any]:
        """Return the facts that a drill computes of a database."""
        account = self._account()
        access = Access("workshop", str(account["host"]), int(account["port"]), account["user"], account["password"])
        with access.connect(database) as session:
            tools = tools_directory(server_major(session), "pg_dump")
        return database_facts(tools, access, database)

    def _account(self) -> dict[str, Any]:
        return conninfo_to_dict(self._server.admin_conninfo)

    def _run(self, command: list[str], data: bytes) -> bytes:
        account = self._account()
        environment = {
            **os.environ,
            "PGHOST": str(account["host"]),
            "PGPORT": str(account["port"]),
            "PGUSER": str(account["user"]),
            "PGPASSWORD": str(account["password"]),
        }
        done = subprocess.run(command, input=data, env=environment, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
