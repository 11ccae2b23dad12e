"""A PostgreSQL server of a drill's own: reachable over one Unix socket only, unsynced, gone afterwards."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from lifeboat.engines._scratch import ServerAccount, refuse_long_socket, server_account
from lifeboat.engines.postgres.access import Access
from lifeboat.errors import UnreachableError
from lifeboat.host import Command, LocalHost
from lifeboat.processes import Process

log = logging.getLogger(__name__)

SUPERUSER = "lifeboat_scratch"
_START_SECONDS = 60.0
_PORT = 5432

#: It holds a copy that is thrown away: nothing need survive a crash, and loading is all it does.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_connections": "200",
    "logging_collector": "off",
}


@contextmanager
def scratch_server(tools: str, directory: Path) -> Iterator[Access]:
    """Given the tools of a major version and a directory that does not exist yet, run a server there.

    PostgreSQL refuses to run as root; then it runs under the account `postgres`.
    """
    account = _account()
    sockets = directory / "s"
    refuse_long_socket(sockets / f".s.PGSQL.{_PORT}", directory)
    for path in (directory, sockets):
        account.make_directory(path)
    host = LocalHost("scratch")
    account.refuse_unreachable(directory)
    data = str(directory / "data")
    initdb = [f"{tools}/initdb", "-D", data, "-U", SUPERUSER, "--no-sync", "--encoding=UTF8", "--locale=C"]
    host.run(
        Command([*initdb, "--auth-local=trust", "--auth-host=reject"], run_as=account.name, working_directory="/"),
        timeout=120,
    )
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = Command(
        [f"{tools}/postgres", "-D", data, "-k", str(sockets), *settings],
        run_as=account.name,
        working_directory="/",
    )
    access = Access(name="scratch PostgreSQL", host=str(sockets), port=_PORT, user=SUPERUSER)
    with host.start(command) as server:
        _wait(access, server)
        yield access


def make_tablespaces(access: Access, directory: Path, names: Iterable[str]) -> None:
    """Given a scratch server and its directory, make tablespaces of these names there."""
    account = _account()
    with access.connect("template1") as session:
        for number, name in enumerate(names):
            place = directory / f"tablespace-{number}"
            account.make_directory(place)
            statement = sql.SQL("CREATE TABLESPACE {} LOCATION {}")
            session.execute(statement.format(sql.Identifier(name), sql.Literal(str(place))))


def _wait(access: Access, server: Process) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            access.connect("postgres").close()
            return
        except UnreachableError as error:
            if not server.running or time.monotonic() > deadline:
                if not server.running:
                    server.wait()  # until all is here that it said
                raise UnreachableError(
                    f"The scratch PostgreSQL did not start: {server.stderr() or error.message}",
                    next_step="Read the message above; the drill can simply be run again.",
                ) from None
            time.sleep(0.05)


def _account() -> ServerAccount:
    return server_account("PostgreSQL", "postgres", "postgresql-common")
