"""One authenticated SSH connection to a host, shared by everything that runs there (OpenSSH multiplexing).

The master is `ssh -M` in the foreground, a child like any other, so it ends with the task that started it. It
runs a keeper on the host that waits for the end of its standard input and then ends the connection: even when
this process is killed without a chance to clean up, its pipe closes, the connection goes, and with it
everything on it.
"""

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from lifeboat.errors import LifeboatError, ToolError
from lifeboat.processes import Process
from lifeboat.ssh_errors import login_error, lost_connection, refused_request
from lifeboat.ssh_login import BASE_OPTIONS, Login, address_options, login_files
from lifeboat.ssh_settings import SshSettings

log = logging.getLogger(__name__)

_READY = b"lifeboat-ready"
_KEEPER = f"exec sh -c 'echo {_READY.decode()}; cat >/dev/null; kill \"$PPID\"'"
#: A socket's path has at most 107 bytes (103 elsewhere), and ssh adds 17 while it makes the socket.
_LONGEST_PARENT = 60
_LOGIN_SECONDS = 30
_CONTROL_SECONDS = 30
#: How long the master may take to notice that the connection of a client that failed is lost.
_NOTICE_SECONDS = 3.0


class SshMaster:
    """A live connection. Make it with `connect`; it belongs to the process that made it."""

    def __init__(self, host: str, settings: SshSettings, directory: Path) -> None:
        self._host = host
        self._settings = settings
        self._directory = directory
        self._process: Process | None = None
        self._owner = os.getpid()

    @classmethod
    def connect(cls, host: str, settings: SshSettings, known_hosts: Path | None) -> Self:
        """Given a host's name and settings, log in to it and return the connection.

        Raise AccessError when the host's key or our login is refused, UnreachableError when the host does not
        answer, ToolError when this machine has no ssh.
        """
        master = cls(host, settings, private_directory())
        try:
            with login_files(settings, known_hosts, master._directory) as login:
                master._start(login)
        except BaseException:
            master.close()
            raise
        return master

    @property
    def alive(self) -> bool:
        """Whether this process can use the connection."""
        return self._owner == os.getpid() and self._process is not None and self._process.running

    def client(self, text: str) -> list[str]:
        """Given a command line for the login shell there, return the command that runs it over the connection."""
        return [*self._client_options(), "--", self._settings.address, text]

    def lost(self) -> LifeboatError | None:
        """Given that a client of this connection failed, return the error if that is why."""
        if self._process is not None and self._process.ends_within(_NOTICE_SECONDS):
            return lost_connection(self._host, self._settings, self._process.stderr())
        return None

    @contextlib.contextmanager
    def forwarding(self, *specification: str) -> Iterator[str]:
        """Given -L or -R and what belongs to it, keep the forwarding for as long as the context lasts.

        Yield ssh's answer: the allocated port when -R asked for port 0. Raise AccessError if it is refused.
        """
        answer = self._control("forward", *specification)
        try:
            yield answer
        finally:
            if self.alive:
                self._cancel(*specification)

    def close(self) -> None:
        """End the connection and everything on it. In a process forked from the owner, do nothing."""
        if self._owner != os.getpid():
            return
        if self._process is not None:
            self._process.end()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _client_options(self) -> list[str]:
        """Return the start of a command that uses the connection; it fails rather than open another one."""
        options = ["-S", self._control_path, "-o", "ControlMaster=no", "-o", "ProxyCommand=false"]
        options += ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        return ["ssh", *BASE_OPTIONS, *options, *address_options(self._settings)]

    @property
    def _control_path(self) -> str:
        return str(self._directory / "control").replace("%", "%%")

    def _start(self, login: Login) -> None:
        options = ["-M", "-S", self._control_path, *address_options(self._settings), *login.options]
        try:
            self._process = Process(
                ["ssh", *BASE_OPTIONS, *options, "--", self._settings.address, _KEEPER],
                environment={**os.environ, **login.variables},
                secrets=login.secrets,
                stdin=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise ToolError(
                "'ssh' is not installed on this worker.",
                next_step="Install the OpenSSH client (package openssh-client or openssh-clients).",
            ) from None
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: Process) -> None:
        seconds = self._settings.connect_seconds + _LOGIN_SECONDS
        try:
            with process.time_limit(seconds):
                while (line := process.stdout.readline()) and line.strip() != _READY:
                    log.debug("Host '%s' greets with %d bytes before our command", self._host, len(line))
        except TimeoutError:
            raise lost_connection(self._host, self._settings, f"no session in {seconds} seconds") from None
        if not line:
            process.wait()
            raise login_error(self._host, self._settings, process.stderr())

    def _control(self, request: str, *specification: str) -> str:
        """Make a request to the master and return the answer."""
        client = self._client_options()
        argv = [*client, "-O", request, *specification, "--", self._settings.address]
        with Process(argv) as process, process.time_limit(_CONTROL_SECONDS):
            answer = process.stdout.read().decode()
            status = process.wait()
        if status == 0:
            return answer
        what = f"{request} {' '.join(specification)}"
        raise self.lost() or refused_request(self._host, self._settings, what, process.stderr())

    def _cancel(self, *specification: str) -> None:
        try:
            self._control("cancel", *specification)
        except LifeboatError as error:
            log.warning("A forwarding of host '%s' stays until its session ends: %s", self._host, error)


def private_directory() -> Path:
    """Make a directory of mode 0700 whose path is short enough for the sockets in it, and return it."""
    parent = tempfile.gettempdir()
    short = parent if len(os.fsencode(parent)) <= _LONGEST_PARENT else "/tmp"
    return Path(tempfile.mkdtemp(prefix="lifeboat-ssh-", dir=short))
