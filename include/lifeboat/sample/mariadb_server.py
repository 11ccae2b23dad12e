"""A private MariaDB server for the sample and for tests: made in a directory, started, stopped."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pymysql

from lifeboat.errors import CommandError, ToolError
from lifeboat.sample.ports import free_port

ADMINISTRATOR = "root"
_ACCOUNT = "mysql"
_TIME_LIMIT_SECONDS = 60
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-log-bin": "1",
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "32M",
    # What is lost with the machine is generated again.
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "max-allowed-packet": "256M",
    "character-set-server": "latin1",
    "plugin-load-add": "auth_ed25519",
    "event-scheduler": "OFF",
}


class SampleMariaDB:
    """A MariaDB server in a directory of its own, reached over TCP by password; it outlives this process.

    MariaDB does not want to run as root, so for root it runs as the account `mysql`, which must be able to reach the
    directory. Port and password are chosen once.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory.absolute()
        self._settings: Mapping[str, str] = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1: a free one, chosen once and remembered."""
        return int(self._remembered("port", lambda: str(free_port())))

    @property
    def password(self) -> str:
        """The administrator's password."""
        return self._remembered("admin-password", lambda: secrets.token_urlsafe(12))

    @property
    def socket(self) -> str:
        return str(self.directory / "socket")

    def start(self) -> None:
        """Make the server if it is new, start it and wait until it accepts connections; nothing if it runs.

        Raise ToolError if MariaDB is not installed, and CommandError if it does not start.
        """
        if self.is_running():
            return
        program = _program("mariadbd")
        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.directory, _ACCOUNT, _ACCOUNT)
        if not self._data.exists():
            self._initialize()
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        places = [f"--datadir={self._data}", f"--socket={self.socket}", f"--port={self.port}"]
        # A starting server removes the temporary files of others that it finds.
        places += [f"--pid-file={self.directory}/pid", f"--tmpdir={self._data}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_account(), program, "--no-defaults", *places, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        self._wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server, and return when it has ended. Raise CommandError if it does not end."""
        deadline = time.monotonic() + _TIME_LIMIT_SECONDS
        asked: set[int] = set()
        while processes := self._processes():
            for process in processes - asked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            asked |= processes
            if time.monotonic() > deadline:
                raise self._failure("does not end")
            time.sleep(0.05)
        if self._process:
            self._process.wait(_TIME_LIMIT_SECONDS)
            self._process = None

    def is_running(self) -> bool:
        """Return whether the server's process is there."""
        return bool(self._processes())

    def connect(self, database: str | None = None, **changes: Any) -> "pymysql.connections.Connection[Any]":
        """Connect as the administrator, or as somebody else."""
        account = {"user": ADMINISTRATOR, "password": self.password, "charset": "utf8mb4"} | changes
        return pymysql.connect(
            host="127.0.0.1", port=self.port, database=database, autocommit=True, ssl_disabled=True, **account
        )

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _initialize(self) -> None:
        """Make the data directory aside, with the administrator's password in it, and rename it when it is whole."""
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        argv = [_program("mariadb-install-db"), "--no-defaults", f"--datadir={unfinished}", "--skip-test-db"]
        argv += [f"--tmpdir={self.directory}", "--auth-root-authentication-method=normal"]
        argv += ["--innodb-log-file-size=32M"]
        done = subprocess.run([*_as_account(), *argv], check=False, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise CommandError(
                f"mariadb-install-db failed for the MariaDB server in {self.directory}: {done.stderr.strip()}",
                exit_status=done.returncode,
                stderr=done.stderr,
                next_step="Choose a directory whose parents every account may enter, as in /var/tmp.",
            )
        unfinished.rename(self._data)

    def _wait(self) -> None:
        deadline = time.monotonic() + _TIME_LIMIT_SECONDS
        while not self._accepts():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise self._failure("does not start")
            time.sleep(0.05)

    def _accepts(self) -> bool:
        """Return whether the administrator gets in; a new server is given the password first."""
        for password in (self.password, ""):
            with contextlib.suppress(pymysql.err.OperationalError):
                with pymysql.connect(unix_socket=self.socket, user=ADMINISTRATOR, password=password) as session:
                    if not password:
                        self._protect(session)
                return True
        return False

    def _protect(self, session: "pymysql.connections.Connection[Any]") -> None:
        session.query("DROP USER IF EXISTS root@'127.0.0.1', root@'::1'")
        session.query(f"CREATE USER root@'127.0.0.1' IDENTIFIED BY '{self.password}'")
        session.query("GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1' WITH GRANT OPTION")
        session.query(f"ALTER USER root@localhost IDENTIFIED BY '{self.password}'")

    def _remembered(self, name: str, make: Callable[[], str]) -> str:
        file = self.directory / name
        if not file.exists():
            self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(make() + "\n")
        return file.read_text().strip()

    def _processes(self) -> set[int]:
        """Return the processes of this server, also those that another run has started."""
        wanted, found = f"--datadir={self._data}".encode(), set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if wanted in (entry / "cmdline").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
        return found

    def _failure(self, what: str) -> CommandError:
        log = self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""
        return CommandError(
            f"The MariaDB server in {self.directory} {what}: {log.strip()}",
            exit_status=1,
            stderr=log,
            next_step=f"Read {self._log}; port {self.port} may be taken.",
        )


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        raise ToolError(
            f"The MariaDB server cannot run: {name} is not installed.",
            next_step="Install a MariaDB server (Debian package mariadb-server).",
        )
    return found


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--init-groups", "--"]
