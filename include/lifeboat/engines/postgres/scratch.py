"""A PostgreSQL server of a drill's own: reachable over one Unix socket only, unsynced, gone afterwards."""

import getpass
import logging
import os
import pwd
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from lifeboat.engines.postgres.access import Access
from lifeboat.errors import PreflightError, UnreachableError
from lifeboat.host import Command, LocalHost
from lifeboat.processes import Process

log = logging.getLogger(__name__)

SUPERUSER = "lifeboat_scratch"
SOCKET_PATH_LIMIT = 107
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
    if len(f"{sockets}/.s.PGSQL.{_PORT}") > SOCKET_PATH_LIMIT:
        raise PreflightError(
            f"The path of the scratch directory is too long for a Unix socket: {directory}",
            next_step="Set sites.….scratch to a shorter path.",
        )
    for path in (directory, sockets):
        _make_directory(path, account)
    host = LocalHost("scratch")
    _refuse_unreachable(host, directory, account)
    data = str(directory / "data")
    initdb = [f"{tools}/initdb", "-D", data, "-U", SUPERUSER, "--no-sync", "--encoding=UTF8", "--locale=C"]
    host.run(
        Command([*initdb, "--auth-local=trust", "--auth-host=reject"], run_as=account, working_directory="/"),
        timeout=120,
    )
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = Command(
        [f"{tools}/postgres", "-D", data, "-k", str(sockets), *settings],
        run_as=account,
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
            _make_directory(place, account)
            statement = sql.SQL("CREATE TABLESPACE {} LOCATION {}")
            session.execute(statement.format(sql.Identifier(name), sql.Literal(str(place))))


def _make_directory(path: Path, account: str | None) -> None:
    try:
        path.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise _unreachable(path, account, error.strerror or "") from None
    if account:
        found = pwd.getpwnam(account)
        os.chown(path, found.pw_uid, found.pw_gid)


def _refuse_unreachable(host: LocalHost, directory: Path, account: str | None) -> None:
    if host.run(Command(["test", "-w", str(directory)], run_as=account), accept=(0, 1)).exit_status != 0:
        raise _unreachable(directory, account, "no access")


def _unreachable(directory: Path, account: str | None, reason: str) -> PreflightError:
    return PreflightError(
        f"The account '{account or getpass.getuser()}', under which PostgreSQL runs, cannot use the scratch directory "
        f"{directory}: {reason}.",
        next_step="Set sites.….scratch to a directory whose parents every account may enter (mode 0711 will do).",
    )


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


def _account() -> str | None:
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise PreflightError(
            "PostgreSQL does not run as root, and there is no account 'postgres' on this worker.",
            next_step="Create that account (the package postgresql-common does), or run the worker as another one.",
        ) from None
    return "postgres"
