"""A private MariaDB server for tests: made in a directory, started, stopped."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pymysql

from lifeboat.connections import Connection
from lifeboat.engines.mariadb.access import Access
from tests.support.sshd import free_port

_ACCOUNT = "mysql"
_BETWEEN = re.compile(r";\n+(?=\S)(?!END)")
_SECONDS = 60
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-log-bin": "1",
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "32M",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "max-allowed-packet": "256M",
    "character-set-server": "latin1",
    "plugin-load-add": "auth_ed25519",
    "event-scheduler": "OFF",
}


class MariaDBServer:
    """A MariaDB server in a directory of its own, reached over TCP by password. For root it runs as `mysql`."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self._settings: Mapping[str, str] = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        return str(self.directory / "socket")

    def start(self) -> None:
        """Make the server if it is new, start it and wait until it accepts connections."""
        new = not self.directory.exists()
        if new:
            self.directory.mkdir(mode=0o755)
            if os.geteuid() == 0:
                shutil.chown(self.directory, _ACCOUNT, _ACCOUNT)
            install = ["mariadb-install-db", "--no-defaults", f"--datadir={self.directory}/data", "--skip-test-db"]
            subprocess.run(
                [*_as_account(), *install, "--auth-root-authentication-method=normal", "--innodb-log-file-size=32M"],
                check=True,
                capture_output=True,
                cwd="/",
            )
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        places = [f"--datadir={self.directory}/data", f"--socket={self.socket}", f"--port={self.port}"]
        places.append(f"--pid-file={self.directory}/pid")
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_account(), str(program), "--no-defaults", *places, *options], stdout=log, stderr=log, cwd="/"
            )
        self._wait(new)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process
        self._process.send_signal(number)
        self._process.wait(_SECONDS)

    def connect(self, database: str | None = None, **changes: Any) -> "pymysql.connections.Connection[Any]":
        """Connect as the administrator, or as somebody else."""
        account = {"user": "root", "password": self.password, "charset": "utf8mb4"} | changes
        return pymysql.connect(
            host="127.0.0.1", port=self.port, database=database, autocommit=True, ssl_disabled=True, **account
        )

    def run(self, statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements, and return the rows of the last one. A statement ends with its line; inside, lines that end
        with a semicolon are followed by indented ones, or by END."""
        rows: list[tuple[Any, ...]] = []
        with self.connect(database) as session, session.cursor() as cursor:
            for statement in _BETWEEN.split(textwrap.dedent(statements)):
                if statement.strip():
                    cursor.execute(statement.strip().removesuffix(";"))
                    rows = list(cursor.fetchall())
        return rows

    def connection(self, name: str, **changes: Any) -> Connection:
        """Return the administrator's connection as a deployment names it; `changes` replace its fields."""
        fields = {"login": "root", "password": self.password, "port": self.port} | changes
        return Connection(name, "mysql", host="127.0.0.1", **fields)

    def access(self) -> Access:
        """Return how Lifeboat reaches the server as its administrator."""
        return Access("the tests' MariaDB", "127.0.0.1", self.port, "root", self.password)

    def _wait(self, new: bool) -> None:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                with pymysql.connect(unix_socket=self.socket, user="root", password="" if new else self.password) as s:
                    if new:
                        s.query("DROP USER IF EXISTS root@'127.0.0.1', root@'::1'")
                        s.query(f"CREATE USER root@'127.0.0.1' IDENTIFIED BY '{self.password}'")
                        s.query("GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1' WITH GRANT OPTION")
                        s.query(f"ALTER USER root@localhost IDENTIFIED BY '{self.password}'")
                    return
            except pymysql.err.OperationalError:
                assert self._process and self._process.poll() is None, (self.directory / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--init-groups", "--"]
