"""Reaching a PostgreSQL server: by psycopg for questions, by environment for its tools."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from lifeboat.errors import (
    AccessError,
    CaptureError,
    ConfigurationError,
    LifeboatError,
    PreflightError,
    UnreachableError,
)

log = logging.getLogger(__name__)

#: Databases of any server, to connect to while another one is made or renamed.
_ALWAYS_THERE = ("postgres", "template1")

#: Pinned in every session, so that a value's text is the same at capture and in a drill.
_SESSION = (
    "SET statement_timeout = 0",
    "SET lock_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    # By name, since an older server refuses the names that it does not know.
    "SELECT set_config(name, '0', false) FROM pg_settings "
    "WHERE name IN ('transaction_timeout', 'idle_session_timeout')",
    "SET TimeZone = 'UTC'",
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'postgres'",
    "SET extra_float_digits = 1",
    "SET bytea_output = 'hex'",
    "SET xmloption = 'content'",
    "SET lc_monetary = 'C'",
    "SET row_security = off",
)
#: The same for PostgreSQL's tools, as far as they do not do it themselves. A database may have settings of its own
#: that would keep a restore from filling it.
_OPTIONS = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "lc_monetary": "C",
    "default_transaction_read_only": "off",
}
TOOL_OPTIONS = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())

#: Oldest supported server: pg_current_snapshot() came with 13, hash_record_extended() with 14.
OLDEST_MAJOR = 14

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Access:
    """Address and account of one PostgreSQL server; `name` is what messages call it."""

    name: str
    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    sslmode: str = ""

    def connect(self, database: str) -> psycopg.Connection[Row]:
        """Given a database's name, return a session on it, in autocommit, with its settings pinned.

        Raise AccessError, ConfigurationError or UnreachableError, naming server and database. A pooler that
        shares sessions between transactions is refused: snapshots live in one session.
        """
        try:
            connection = psycopg.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password or None,
                dbname=database,
                sslmode=self.sslmode or None,
                connect_timeout=15,
                autocommit=True,
                application_name="lifeboat",
            )
        except psycopg.OperationalError as error:
            raise self._explain(database, error) from None
        for statement in _SESSION:
            connection.execute(statement)
        self._refuse_pooler(connection)
        return connection

    def environment(self, database: str) -> dict[str, str]:
        """Given a database's name, return the environment by which PostgreSQL's tools reach it."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": database,
            "PGCONNECT_TIMEOUT": "15",
            "PGSSLMODE": self.sslmode,
            "PGAPPNAME": "lifeboat",
            "PGOPTIONS": TOOL_OPTIONS,
        }
        return {name: value for name, value in values.items() if value}

    def secrets(self) -> dict[str, str]:
        """Return the secret part of that environment."""
        return {"PGPASSWORD": self.password} if self.password else {}

    def _refuse_pooler(self, connection: psycopg.Connection[Row]) -> None:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        if row is None or row[0] != connection.info.backend_pid:
            connection.close()
            raise PreflightError(
                f"{self.name} is reached through a connection pooler, which cannot hold a snapshot open.",
                next_step="Point the connection at the PostgreSQL server itself, not at pgbouncer.",
            )

    def _explain(self, database: str, error: psycopg.OperationalError) -> LifeboatError:
        text = str(error).strip().replace(self.password or "\0", "***")
        where = f"{self.name}: database '{database}'"
        if "authentication failed" in text or "no password supplied" in text or "no pg_hba.conf entry" in text:
            return AccessError(
                f"{where} refused the login of '{self.user}'.",
                next_step="Correct login and password of its connection, and pg_hba.conf on the server.",
            )
        if "permission denied for database" in text:
            return AccessError(
                f"{where} does not let '{self.user}' in.",
                next_step=f"Run on the server: GRANT CONNECT ON DATABASE … TO {self.user};",
            )
        if "does not exist" in text and "database" in text:
            return ConfigurationError(
                f"{where} does not exist on the server.",
                next_step="Correct the names under `databases`; they are case-sensitive.",
            )
        return UnreachableError(
            f"{where} cannot be reached at {self.host}:{self.port}: {text}",
            next_step="Check that the server runs and that this worker reaches its address.",
        )


def maintenance(access: Access, renamed: Sequence[str] = ()) -> psycopg.Connection[Row]:
    """Given a server and the databases that will be renamed, if any, return a session on another one that is always
    there. Raise PreflightError when neither lets us in."""
    for name in _ALWAYS_THERE:
        if name not in renamed:
            try:
                return access.connect(name)
            except (AccessError, ConfigurationError) as error:
                log.debug("No session on '%s': %s", name, error)
    raise PreflightError(
        f"{access.name}: databases are made and renamed from a session on 'postgres' or 'template1', and neither lets "
        "us in.",
        next_step="Create a database called postgres, or let the account connect to it.",
    )


@contextmanager
def session_lasts(name: str) -> Iterator[None]:
    """Turn what a lost session raises into an error that names the server."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise UnreachableError(
            f"{name}: the session with the database was lost: {error}",
            next_step="Look into the server's log; nothing was sealed, and the next try starts from the beginning.",
        ) from None


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what a lost session or a refused statement raises into an error that names server and database."""
    try:
        with session_lasts(name):
            yield
    except psycopg.Error as error:
        raise CaptureError(
            f"{name}: a statement failed: {error}",
            next_step="Look whether the schema changed meanwhile or a privilege is missing, then start a new run.",
        ) from None


def server_major(connection: psycopg.Connection[Row]) -> int:
    """Given a session, return the server's major version. Raise PreflightError when it is not supported."""
    major = connection.info.server_version // 10000
    if major < OLDEST_MAJOR:
        raise PreflightError(
            f"The server is PostgreSQL {major}; Lifeboat supports {OLDEST_MAJOR} and newer.",
            next_step="Upgrade the server; its own community support for that version has ended.",
        )
    return major


def identifier(*names: str) -> sql.Composed:
    """Given the parts of a name, return it quoted by the driver, such as "public"."reg_path"."""
    return sql.SQL(".").join(sql.Identifier(name) for name in names)
