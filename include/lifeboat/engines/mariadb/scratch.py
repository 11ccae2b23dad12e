"""The MariaDB server of a drill: reachable over one Unix socket only, unsynced, gone afterwards."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pymysql

from lifeboat.engines._scratch import ServerAccount, refuse_long_socket, server_account
from lifeboat.engines.mariadb.access import Access, text_of
from lifeboat.engines.mariadb.tools import installer, server
from lifeboat.errors import UnreachableError
from lifeboat.host import Command, LocalHost
from lifeboat.processes import Process

log = logging.getLogger(__name__)

SUPERUSER = "lifeboat_scratch"
_START_SECONDS = 60.0

#: It holds a copy that is thrown away: nothing need survive a crash, and loading is all it does. Its events never
#: run, and what its tables hold is loaded whatever the server thinks of it.
_SETTINGS = {
    "skip-networking": "1",
    "skip-log-bin": "1",
    "skip-slave-start": "1",
    "event-scheduler": "OFF",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "innodb-buffer-pool-size": "256M",
    "innodb-log-file-size": "256M",
    "innodb-strict-mode": "OFF",
    "innodb-stats-auto-recalc": "OFF",
    "max-allowed-packet": "1G",
    "max-connections": "200",
    "max-statement-time": "0",
    "secure-file-priv": "/dev/null",
    "character-set-server": "utf8mb4",
}
#: Settings of the source by which a dump means something else.
CARRIED = ("lower_case_table_names", "explicit_defaults_for_timestamp", "innodb_page_size")


@contextmanager
def scratch_server(
    series: tuple[int, int], directory: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Access]:
    """Given a release series and a directory that does not exist yet, run a server there; `settings` are those of
    the source in CARRIED.

    MariaDB does not run as root; then it runs under the account `mysql`.
    """
    program = server(series)
    account = server_account("MariaDB", "mysql", "mariadb-server")
    socket = directory / "s" / "m"
    refuse_long_socket(socket, directory)
    for path in (directory, socket.parent):
        account.make_directory(path)
    account.refuse_unreachable(directory)
    data = directory / "data"
    _install(installer(program), data, account, settings or {})
    options = {**_SETTINGS, **{name.replace("_", "-"): value for name, value in (settings or {}).items()}}
    argv = [program.path, "--no-defaults", f"--datadir={data}", f"--socket={socket}"]
    argv += [f"--pid-file={data}/mariadbd.pid", f"--tmpdir={data}"]
    argv += [f"--{name}={value}" for name, value in options.items()]
    access = Access(name="scratch MariaDB", host=str(socket), port=0, user=SUPERUSER)
    with LocalHost("scratch").start(Command(argv, run_as=account.name, working_directory="/")) as process:
        try:
            _wait(replace(access, user="root"), process)
            _make_superuser(access)
            yield access
        finally:
            process.end(grace=0)  # it would tidy up first what is thrown away


def _install(program: str, data: Path, account: ServerAccount, settings: Mapping[str, str]) -> None:
    argv = [program, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    # A starting server removes the temporary files of others that it finds.
    argv += [f"--tmpdir={data.parent}", "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=256M"]
    argv += [f"--{name.replace('_', '-')}={settings[name]}" for name in _OF_FILES if name in settings]
    LocalHost("scratch").run(Command(argv, run_as=account.name, working_directory=str(data.parent)), timeout=120)


#: Settings that are fixed when a data directory is made.
_OF_FILES = ("innodb_page_size", "lower_case_table_names")


def _make_superuser(access: Access) -> None:
    """Replace the accounts that a new server has by one superuser: restored accounts are then all there are."""
    with replace(access, user="root").connect() as session:
        session.run("CREATE USER %s@localhost", (SUPERUSER,))
        session.run("GRANT ALL PRIVILEGES ON *.* TO %s@localhost WITH GRANT OPTION", (SUPERUSER,))
    with access.connect() as session:
        users = session.rows("SELECT User, Host FROM mysql.user WHERE is_role = 'N'")
        for user, host in users:
            if user not in {SUPERUSER, "mariadb.sys"}:
                session.run("DROP USER %s@%s", (user, host))


def install_plugins(access: Access, libraries: Sequence[str]) -> None:
    """Given a scratch server and the libraries that the source had loaded, load those that are installed here. What
    is missing shows when something needs it."""
    with access.connect() as session:
        for library in libraries:
            try:
                session.run(f"INSTALL SONAME '{library.removesuffix('.so')}'")
            except pymysql.err.MySQLError as error:
                log.info("Plugin %s cannot be loaded on this worker: %s", library, text_of(error))


def _wait(access: Access, server: Process) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            access.connect().close()
            return
        except UnreachableError as error:
            if not server.running or time.monotonic() > deadline:
                if not server.running:
                    server.wait()  # until all is here that it said
                raise UnreachableError(
                    f"The scratch MariaDB did not start: {server.stderr() or error.message}",
                    next_step="Read the message above; the drill can simply be run again.",
                ) from None
            time.sleep(0.05)
