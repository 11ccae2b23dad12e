"""A private PostgreSQL server for the sample and for tests: made in a directory, started, stopped."""

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lifeboat.errors import CommandError, PreflightError, ToolError
from lifeboat.sample.ports import free_port

_ACCOUNT = "postgres"
_ADMINISTRATOR = "postgres"
_INSTALLATIONS = Path("/usr/lib/postgresql")
_TIME_LIMIT_SECONDS = 60
# A Unix socket's path holds at most 107 bytes; the file in the directory is named after the port.
_LONGEST_SOCKET_DIRECTORY = 107 - len("/.s.PGSQL.65535")
_SETTINGS_FILE = "sample.conf"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "password_encryption": "scram-sha-256",
    # What is lost with the machine is generated again.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class SamplePostgres:
    """A PostgreSQL server in a directory of its own, reached by password only; it outlives this process.

    The newest server in /usr/lib/postgresql is used. PostgreSQL refuses to run as root, so for root it runs
    as the account `postgres`, which must be able to reach the directory. The port is chosen once.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self._directory = directory.absolute()
        self._data = self._directory / "data"
        self._wanted_port = port
        # Every process of the server has this in its title, by which those left after a crash are found.
        self._cluster = f"lifeboat-{hashlib.sha256(os.fsencode(self._directory)).hexdigest()[:12]}"

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1: the one asked for, else a free one, chosen once and remembered."""
        if self._wanted_port is not None:
            return self._wanted_port
        file = self._directory / "port"
        if not file.exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{free_port()}\n")
        return int(file.read_text())

    @property
    def socket_directory(self) -> Path:
        """The directory of the Unix socket: in the server's directory if that is short enough."""
        own = self._directory / "socket"
        if len(os.fsencode(own)) <= _LONGEST_SOCKET_DIRECTORY:
            return own
        file = self._directory / "socket-directory"
        if not file.exists() or not Path(file.read_text().strip()).is_dir():
            self._directory.mkdir(parents=True, exist_ok=True)
            file.write_text(tempfile.mkdtemp(prefix="lifeboat-", dir="/tmp") + "\n")
        return Path(file.read_text().strip())

    @property
    def admin_conninfo(self) -> str:
        """The administrator's connection to the maintenance database; it has the password in it."""
        return make_conninfo(
            host="127.0.0.1",
            port=self.port,
            user=_ADMINISTRATOR,
            password=self._password_file.read_text().strip(),
            dbname="postgres",
        )

    def client_environment(self) -> dict[str, str]:
        """The environment by which PostgreSQL's own tools reach the server as its administrator."""
        given = conninfo_to_dict(self.admin_conninfo)
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
        return {names[key]: str(value) for key, value in given.items()}

    def start(self) -> None:
        """Make the server if it is new, start it and wait until it accepts connections; nothing if it runs.

        Raise ToolError if PostgreSQL is not installed, PreflightError if its account cannot reach the
        directory, and CommandError if it does not start.
        """
        if self.is_running():
            return
        _programs()
        self._end_leftovers()
        self._prepare()
        if not self._data.exists():
            self._initialize()
        self._forget_dead_process()
        self._write_settings()
        log = str(self._directory / "server.log")
        title = f"-c cluster_name={self._cluster}"
        self._run(["pg_ctl", "start", "-w", "-D", str(self._data), "-l", log, "-o", title])

    def stop(self) -> None:
        """Stop the server, which ends its connections, and wait until none of its processes is left."""
        try:
            if self.is_running():
                self._run(["pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data)])
        finally:
            self._end_leftovers()

    def is_running(self) -> bool:
        """Return whether the server's main process is there."""
        return any(self._is_postmaster(title) for _, title in self._processes())

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._own(self._directory)
        self.socket_directory.mkdir(exist_ok=True)
        self._own(self.socket_directory)
        if self._as_account(["test", "-w", str(self._directory)]).returncode != 0:
            raise PreflightError(
                f"PostgreSQL cannot be made: the account {_ACCOUNT} cannot reach {self._directory}.",
                next_step="Choose a directory whose parents every account may enter, as in /var/tmp.",
            )

    def _initialize(self) -> None:
        """Make the data directory aside and rename it, so that one half made is never started."""
        unfinished = self._directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._password_file.unlink(missing_ok=True)
        self._password_file.touch(mode=0o600)
        self._own(self._password_file)
        self._password_file.write_text(secrets.token_urlsafe(24) + "\n")
        locale = ("--encoding", "UTF8", "--locale", "C.UTF-8")
        access = (
            "--username",
            _ADMINISTRATOR,
            "--auth",
            "scram-sha-256",
            "--pwfile",
            str(self._password_file),
        )
        self._run(["initdb", "-D", str(unfinished), "--no-sync", *locale, *access])
        with (unfinished / "postgresql.conf").open("a") as file:
            file.write(f"\ninclude '{_SETTINGS_FILE}'\n")
        unfinished.rename(self._data)

    def _forget_dead_process(self) -> None:
        """Remove the lock files of a crashed server: the process number in them may be another's by now."""
        locks = (self._data / "postmaster.pid", *self.socket_directory.glob(".s.PGSQL.*"))
        for lock in locks:
            lock.unlink(missing_ok=True)

    def _write_settings(self) -> None:
        settings = {
            **_SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_directory),
        }
        quoted = {name: value.replace("\\", "\\\\").replace("'", "''") for name, value in settings.items()}
        lines = (f"{name} = '{value}'\n" for name, value in quoted.items())
        (self._data / _SETTINGS_FILE).write_text("".join(lines))

    @property
    def _password_file(self) -> Path:
        return self._directory / "admin-password"

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, user=_ACCOUNT, group=_ACCOUNT)

    def _run(self, argv: Sequence[str]) -> None:
        """Run a program of PostgreSQL; what it prints has no secret in it."""
        done = self._as_account([str(_programs() / argv[0]), *argv[1:]])
        if done.returncode != 0:
            raise CommandError(
                f"{argv[0]} failed for the PostgreSQL server in {self._directory}: {done.stderr.strip()}",
                exit_status=done.returncode,
                stderr=done.stderr,
                next_step=f"Read {self._directory / 'server.log'}; port {self.port} may be taken.",
            )

    def _as_account(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        prefix = ["setpriv", "--reuid", _ACCOUNT, "--regid", _ACCOUNT, "--init-groups", "--"]
        return subprocess.run(
            [*(prefix if os.geteuid() == 0 else []), *argv],
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIME_LIMIT_SECONDS + 30,
        )

    def _processes(self) -> list[tuple[int, str]]:
        """Return the processes of this server: the main one, started on our data, and its titled children."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if self._is_postmaster(title) or title.startswith(f"postgres: {self._cluster}: "):
                    found.append((int(entry.name), title))
        return found

    def _is_postmaster(self, title: str) -> bool:
        return "/bin/postgres " in title and f"cluster_name={self._cluster}" in title

    def _end_leftovers(self) -> None:
        """End what a crash of the main process left: children that still hold the server's shared memory."""
        deadline = time.monotonic() + _TIME_LIMIT_SECONDS
        while processes := self._processes():
            if time.monotonic() > deadline:
                raise CommandError(
                    f"Processes of the PostgreSQL server in {self._directory} do not end: {processes}",
                    exit_status=1,
                    next_step="End them by hand, then start again.",
                )
            for number, _ in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.05)


def _programs() -> Path:
    """Return the directory of the newest installed server's programs."""
    found = {int(file.parents[1].name): file.parent for file in _INSTALLATIONS.glob("[0-9]*/bin/postgres")}
    if not found:
        raise ToolError(
            f"The sample's PostgreSQL server cannot run: no server is installed in {_INSTALLATIONS}.",
            next_step="Install a PostgreSQL server (Debian package postgresql).",
        )
    return found[max(found)]
