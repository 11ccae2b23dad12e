"""The database that the catalog lies in: where it is, its engine, its tables brought up to date."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from lifeboat.connections import ConnectionResolver
from lifeboat.errors import ConfigurationError, UnreachableError

_MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST_REVISION = "0003"
#: The key of the advisory lock under which PostgreSQL lets one process at a time change the tables.
_MIGRATION_LOCK = 6_184_531_977
#: How long a transaction waits for another one's on SQLite.
_BUSY_SECONDS = 30
_REBUILD = "The restore points are safe in the vault; `lifeboat catalog rebuild` indexes them again."


def catalog_url(resolve: ConnectionResolver) -> URL:
    """Return where the catalog is, as LIFEBOAT_CATALOG says. Raise ConfigurationError when it cannot be there."""
    setting = os.environ.get("LIFEBOAT_CATALOG", "")
    if setting.startswith("connection:"):
        found = resolve(setting.removeprefix("connection:"))
        return URL.create(
            "postgresql+psycopg",
            username=found.login,
            password=found.password,
            host=found.require("host"),
            port=found.port,
            database=found.schema or "lifeboat",
        )
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    path = Path(setting) if setting else Path(data) / "lifeboat/catalog.db"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The catalog cannot be at {path}: {error.strerror}.",
            next_step="Set LIFEBOAT_CATALOG to a file that this account may write, or to connection:<id>.",
        ) from None
    return URL.create("sqlite", database=str(path))


def open_engine(url: URL) -> Engine:
    """Return the engine of a catalog. On SQLite a transaction of an engine with the option `writing` holds the
    write lock from its begin: one that took it later could fail for what others wrote meanwhile."""
    engine = create_engine(url)
    if url.get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def _settings(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions begin below, not where the driver thinks fit
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
            connection.execute("PRAGMA foreign_keys = ON")
            _keep_a_log(connection)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            writing = connection.get_execution_options().get("writing")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _keep_a_log(connection: Any) -> None:
    """Let readers and a writer of SQLite work side by side. Where others open a new file as well, the first one makes
    the change; SQLite refuses the others at once while it does, whatever `busy_timeout` says."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn what a database that cannot be used raises into an error that says where it is."""
    where = url.render_as_string(hide_password=True)
    try:
        yield
    except OperationalError as error:
        raise UnreachableError(
            f"The catalog {where} cannot be used: {error.orig}",
            next_step=f"Check LIFEBOAT_CATALOG, and that the database is there for this account. {_REBUILD}",
        ) from None
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        raise ConfigurationError(
            f"The catalog {where} is damaged, or is something else: {error.orig}",
            next_step=f"Correct LIFEBOAT_CATALOG, or move that file away. {_REBUILD}",
        ) from None


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, one process at a time; Alembic, slow to import, is only asked when they are
    not. Raise ConfigurationError for the tables of a newer version."""
    with engine.connect() as connection:
        if _revision(connection) == NEWEST_REVISION:
            return
    with engine.execution_options(writing=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if _revision(connection) != NEWEST_REVISION:
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigurationError(
            f"The catalog's tables cannot be brought up to date: {error}",
            next_step="They may be of a newer Lifeboat: use that one, or an empty catalog, which "
            "`lifeboat catalog rebuild` fills from the vault.",
        ) from None
