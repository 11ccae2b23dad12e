"""Real PostgreSQL servers behind moto's DB instances: made, copied, restored and removed with them.

Behind an instance of another engine, a member of a cluster, a read replica and an automated snapshot is nothing.
"""

import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import psycopg
import pytest
from moto.rds.exceptions import RDSClientError
from moto.rds.models import DBInstance, RDSBackend
from psycopg import sql

from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.cloud_time import takes_time

#: Given the directory of a new server, put the data of another one there.
Fill = Callable[[Path], None]


class CloudDatabases:
    """The databases of a fake cloud, and the copies of them that are its snapshots, by their ARNs."""

    def __init__(self, directory: Path, seconds: float) -> None:
        self._directory, self._seconds = directory, seconds
        self._numbers = itertools.count(1)
        self._servers: dict[str, _Server] = {}
        self._copies: dict[str, Path] = {}
        self._fill: ContextVar[Fill | None] = ContextVar("fill", default=None)

    def serve(self, patch: pytest.MonkeyPatch) -> None:
        """Let moto's databases be real, until the patch is undone."""
        for name, wrap in {
            "create_db_instance": self._created,
            "modify_db_instance": self._modified,
            "delete_db_instance": self._deleted,
            "create_db_snapshot": self._taken,
            "copy_db_snapshot": self._copied,
            "delete_db_snapshot": self._forgotten,
            "restore_db_instance_from_db_snapshot": self._from_snapshot,
            "restore_db_instance_to_point_in_time": self._from_live,
        }.items():
            patch.setattr(RDSBackend, name, wrap(getattr(RDSBackend, name)))
        told = DBInstance.endpoint.fget  # type: ignore[attr-defined]
        patch.setattr(DBInstance, "endpoint", property(lambda database: self._endpoint(database, told)))

    def stop(self) -> None:
        """Stop and remove them all, with the snapshots."""
        while self._servers:
            self._servers.popitem()[1].remove()
        for place in set(self._copies.values()):
            shutil.rmtree(place)
        self._copies.clear()

    def _place(self) -> Path:
        return self._directory / str(next(self._numbers))

    def _endpoint(self, database: Any, told: Any) -> Any:
        if database.db_instance_arn not in self._servers:
            return told(database)
        return None if database.status == "creating" else {"Address": "127.0.0.1", "Port": database.port}

    def _created(self, create: Any) -> Any:
        def created(backend: Any, parameters: Any) -> Any:
            database = create(backend, parameters)
            if database.engine != "postgres" or database.db_cluster_identifier is not None:
                takes_time(database, "status", "creating", "available", self._seconds)
                return database
            fill, server = self._fill.get(), _Server(self._place())
            if fill is not None:
                fill(server.directory)
            database.port = server.postgres.port
            self._servers[database.db_instance_arn] = server
            login = (database.master_username, database._master_user_password, database.db_name)
            start = server.start if fill is not None else lambda: server.make(*login)
            takes_time(database, "status", "creating", "available", self._seconds, start)
            return database

        return created

    def _modified(self, modify: Any) -> Any:
        def modified(backend: Any, name: str, parameters: Any) -> Any:
            _refuse_while_made(backend, name)
            database = modify(backend, name, parameters)
            server = self._servers.get(database.db_instance_arn)
            if server is not None and parameters.get("master_user_password"):
                server.set_password(database.master_username, database._master_user_password)
            return database

        return modified

    def _deleted(self, delete: Any) -> Any:
        def deleted(backend: Any, db_instance_identifier: str, **more: Any) -> Any:
            _refuse_while_made(backend, db_instance_identifier)
            database = delete(backend, db_instance_identifier, **more)
            server = self._servers.pop(database.db_instance_arn, None)
            if server is not None:
                server.remove()
            return database

        return deleted

    def _taken(self, take: Any) -> Any:
        def taken(backend: Any, db_instance_identifier: str, *arguments: Any, **more: Any) -> Any:
            database = backend.databases.get(db_instance_identifier)
            manual = more.get("snapshot_type", "manual") == "manual"
            if manual:
                _refuse_while_made(backend, db_instance_identifier)
            snapshot = take(backend, db_instance_identifier, *arguments, **more)
            server = self._servers.get(database.db_instance_arn)
            if server is not None and manual:
                place = self._place()
                server.copy(place)
                self._copies[snapshot.db_snapshot_arn] = place
            takes_time(snapshot, "status", "creating", "available", self._seconds)
            return snapshot

        return taken

    def _copied(self, copy: Any) -> Any:
        def copied(backend: Any, source_db_snapshot_identifier: str, *arguments: Any, **more: Any) -> Any:
            source = _ready(backend, source_db_snapshot_identifier)
            target = copy(backend, source_db_snapshot_identifier, *arguments, **more)
            if source.db_snapshot_arn in self._copies:
                self._copies[target.db_snapshot_arn] = self._copies[source.db_snapshot_arn]
            takes_time(target, "status", "creating", "available", self._seconds)
            return target

        return copied

    def _forgotten(self, forget: Any) -> Any:
        def forgotten(backend: Any, name: str) -> Any:
            snapshot = forget(backend, name)
            place = self._copies.pop(snapshot.db_snapshot_arn, None)
            if place is not None and place not in self._copies.values():
                shutil.rmtree(place)
            return snapshot

        return forgotten

    def _from_snapshot(self, restore: Any) -> Any:
        def restored(backend: Any, name: str, overrides: Any) -> Any:
            snapshot = _ready(backend, name)
            place = self._copies.get(snapshot.db_snapshot_arn)
            if place is None and snapshot.engine == "postgres":
                raise RDSClientError("InvalidDBSnapshotState", f"Nothing is behind the automated snapshot {name}.")
            return self._filled(lambda to: _copy(place, to) if place else None, restore, backend, name, overrides)

        return restored

    def _from_live(self, restore: Any) -> Any:
        def restored(backend: Any, source: str, target: str, overrides: Any) -> Any:
            server = self._servers.get(backend.describe_db_instances(source)[0].db_instance_arn)
            fill = server.copy if server is not None else lambda to: None
            return self._filled(fill, restore, backend, source, target, overrides)

        return restored

    def _filled(self, fill: Fill, restore: Any, *arguments: Any) -> Any:
        before = self._fill.set(fill)
        try:
            return restore(*arguments)
        finally:
            self._fill.reset(before)


class _Server:
    """A PostgreSQL server in a directory. The administrator's role is `postgres`, so no master's may be."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.postgres = SamplePostgres(directory)
        self._lock = threading.Lock()
        self._gone = False

    def start(self) -> None:
        with self._lock:
            if not self._gone:
                self.postgres.start()

    def make(self, login: str, password: str, name: str | None) -> None:
        """Start it new, with the master's account and perhaps a database, which are the master's own."""
        self.start()
        role = sql.Identifier(login)
        with psycopg.connect(self.postgres.admin_conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE").format(role))
            connection.execute(sql.SQL("GRANT pg_monitor, pg_signal_backend TO {}").format(role))
            connection.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(role))
            if name and name != "postgres":
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), role))
        self.set_password(login, password)

    def set_password(self, login: str, password: str) -> None:
        command = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(password))
        with psycopg.connect(self.postgres.admin_conninfo, autocommit=True) as connection:
            connection.execute(command)

    def copy(self, to: Path) -> None:
        """Copy it, as it is now, to a directory that another server can be started in."""
        to.mkdir(exist_ok=True)
        options = ["-D", str(to / "data"), "-X", "fetch", "-c", "fast", "--no-sync"]
        environment = {**os.environ, **self.postgres.client_environment()}
        subprocess.run(["pg_basebackup", *options], env=environment, check=True)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres:postgres", str(to / "data")], check=True)
        shutil.copy(self.directory / "admin-password", to)

    def remove(self) -> None:
        with self._lock:
            self._gone = True
            self.postgres.stop()
            shutil.rmtree(self.postgres.socket_directory, ignore_errors=True)
            shutil.rmtree(self.directory)


def _copy(place: Path, to: Path) -> None:
    to.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", str(place / "data"), str(place / "admin-password"), str(to)], check=True)


def _refuse_while_made(backend: Any, name: str) -> None:
    database = backend.databases.get(name)
    if database is not None and database.status != "available":
        raise RDSClientError("InvalidDBInstanceState", f"Instance {name} is not in available state.")


def _ready(backend: Any, name: str) -> Any:
    """Return a snapshot, which must be one that is made."""
    snapshot = backend.get_db_snapshot(name)
    if snapshot.status != "available":
        raise RDSClientError("InvalidDBSnapshotState", f"The snapshot {name} is {snapshot.status}.")
    return snapshot
