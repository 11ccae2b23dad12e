"""A machine over SSH as a host: the OpenSSH client does the work, over one shared connection.

What runs there, and what ends it. A command is started by a small shell, its caretaker, which passes on its
exit status and watches the session's standard output: once nobody reads that any more (the command was ended
here, by a time limit or a killed task, or the connection is lost) the command and its children get SIGINT,
SIGTERM and SIGKILL, five seconds apart. That begins within two seconds. It needs `tail` of GNU coreutils 8.28
or newer there; with another one the command runs to its end, or until it writes. When the network is cut
without a word, the host notices only by its own sshd's ClientAliveInterval, so set that.

Streams go straight through ssh; nothing copies them here. The host needs a POSIX login shell; python3 for
`run_python`; and, for run_as, sudo that lets the login run a shell as that account without a password.
sshd's MaxSessions (10) minus one is how many commands can run on one SshHost at a time.
"""

import atexit
import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from lifeboat import ssh_job
from lifeboat.connections import Connection
from lifeboat.errors import AccessError, LifeboatError, PreflightError
from lifeboat.host import Command, Completed, Host, with_environment
from lifeboat.processes import Process
from lifeboat.ssh_errors import lost_connection
from lifeboat.ssh_master import SshMaster, private_directory
from lifeboat.ssh_settings import SshSettings, bracketed

_NO_DIRECTORY = "lifeboat: cannot enter the directory "
_CARETAKER = f"""\
watch_session() {{
    trap 'kill $! 2>/dev/null; exit' TERM
    tail -f --pid=$$ /dev/null 2>/dev/null &
    wait $!
    [ $? -eq 141 ] || exit
    trap '' INT TERM
    kill -INT 0
    sleep 5
    kill -TERM 0
    sleep 5
    kill -KILL 0
}}
[ -z "$1" ] || cd -- "$1" 2>/dev/null || {{ echo "{_NO_DIRECTORY}$1" >&2; exit 1; }}
shift
watch_session </dev/null 2>/dev/null &
(exec "$@")
status=$?
kill $! 2>/dev/null
exit $status
"""
#: How the messages begin by which ssh itself says that it could not use the connection.
_CLIENT_FAILURES = ("mux_client_", "muxclient: ", "Control socket ", "kex_exchange_identification: ")
#: All was passed on; or the command ended before it had read everything.
_EXPECTED_ENDS_OF_FEEDER = (0, -signal.SIGPIPE, -signal.SIGINT, -signal.SIGTERM)
_LOOPBACK = "127.0.0.1"
_PORT_ATTEMPTS = 3


class SshHost(Host):
    """A machine over SSH, described by an Airflow connection of type ssh (see SshSettings.from_connection).

    It connects with its first command and again when the connection was lost in between. Close it, or use it
    as a context, to end the connection and everything on it; the end of this process does the same.
    `known_hosts` is the file to trust when the connection has no host_key; None means ~/.ssh/known_hosts.
    Raise ConfigurationError when the connection cannot be used.
    """

    def __init__(self, name: str, connection: Connection, *, known_hosts: Path | None = None) -> None:
        super().__init__(name)
        self._settings = SshSettings.from_connection(connection)
        self._known_hosts = known_hosts
        self._master: SshMaster | None = None
        self._lock = threading.Lock()

    @property
    def is_local(self) -> bool:
        return False

    def start(
        self,
        command: Command,
        *,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
    ) -> Process:
        """Start a command on the host and return the ssh that runs it, with the command's exit status.

        A file or pipe as `stdin` is passed on by a `cat` beside ssh, behind the environment that goes first.
        Raise AccessError or UnreachableError when the host cannot be logged in to.
        """
        text, environment = self._remote(command)
        argv = self._connected().client(text)
        options: dict[str, Any] = {"name": command.argv[0], "secrets": command.secrets.values(), "stdout": stdout}
        if stdin not in (subprocess.PIPE, subprocess.DEVNULL):
            return _FedProcess(argv, environment, stdin, **options)
        process = Process(argv, stdin=subprocess.PIPE, **options)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(environment)
            process.stdin.flush()
            if stdin == subprocess.DEVNULL:
                process.stdin.close()
        return process

    def run_lasting(
        self,
        command: Command,
        *,
        input: bytes = b"",
        timeout: float = 600,
        accept: Sequence[int] = (0,),
        name: str = "",
    ) -> Completed:
        completed = ssh_job.run_lasting(self, command, input, timeout, name)
        if completed.exit_status not in accept:
            raise self.failure(command, completed)
        return completed

    def remembers(self, name: str, *, run_as: str | None = None) -> bool:
        return ssh_job.is_known(self, name, run_as)

    def forget(self, beginning: str, *, run_as: str | None = None) -> None:
        ssh_job.forget(self, beginning, run_as)

    @contextlib.contextmanager
    def forward(self, address: str, port: int) -> Iterator[tuple[str, int]]:
        """Given an address and port as the host sees them, yield an address and port that reach it from here.

        For the directory of a Unix socket that is a directory of ours which only this account can enter;
        PostgreSQL's peer authentication then sees the login of the SSH connection.
        """
        if address.startswith("/"):
            with self._forward_socket(address, port) as directory:
                yield directory, port
        else:
            with self._forward_port(address, port) as local_port:
                yield _LOOPBACK, local_port

    @contextlib.contextmanager
    def expose(self, port: int) -> Iterator[int]:
        specification = f"{_LOOPBACK}:0:{_LOOPBACK}:{port}"
        with self._connected().forwarding("-R", specification) as answer:
            yield int(answer)

    def classify(self, completed: Completed) -> LifeboatError | None:
        if completed.exit_status == 255 and (lost := self._lost(completed)):
            return lost
        *_, last = completed.stderr.splitlines() or [""]
        if completed.exit_status == 1 and last.startswith(_NO_DIRECTORY):
            return PreflightError(
                f"Directory '{last.removeprefix(_NO_DIRECTORY)}' cannot be entered on host '{self.name}'.",
                next_step="Check the path in the deployment file and that the account may enter it.",
            )
        return super().classify(completed)

    def close(self) -> None:
        """End the connection and every command on it. A later command connects again."""
        with self._lock:
            self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connected(self) -> SshMaster:
        """Return the live connection; make it when there is none."""
        with self._lock:
            if self._master is not None and not self._master.alive:
                self._disconnect()
            if self._master is None:
                self._master = SshMaster.connect(self.name, self._settings, self._known_hosts)
                atexit.register(self._master.close)
            return self._master

    def _disconnect(self) -> None:
        if self._master is not None:
            atexit.unregister(self._master.close)
            self._master.close()
            self._master = None

    def _remote(self, command: Command) -> tuple[str, bytes]:
        """Given a command, return the line for the login shell and the first line of its standard input."""
        caretaker = ["sh", "-c", _CARETAKER, "sh", command.directory or "", *command.argv]
        argv, environment = with_environment(caretaker, {**command.environment, **command.secrets})
        if command.run_as is not None and command.run_as != self._settings.login:
            argv = ["sudo", "-n", "-u", command.run_as, "--", *argv]
        return "exec " + shlex.join(argv), environment

    def _lost(self, completed: Completed) -> LifeboatError | None:
        """Given a command that ended with ssh's own status, return the error if ssh, not the command, failed."""
        if self._master is not None and (lost := self._master.lost()):
            return lost
        if any(line.startswith(_CLIENT_FAILURES) for line in completed.stderr.splitlines()):
            return lost_connection(self.name, self._settings, completed.stderr)
        return None

    @contextlib.contextmanager
    def _forward_socket(self, address: str, port: int) -> Iterator[str]:
        name = f".s.PGSQL.{port}"
        directory = private_directory()
        try:
            with self._connected().forwarding("-L", f"{directory}/{name}:{address}/{name}"):
                yield str(directory)
        finally:
            shutil.rmtree(directory)

    @contextlib.contextmanager
    def _forward_port(self, address: str, port: int) -> Iterator[int]:
        with contextlib.ExitStack() as stack:
            yield self._listen(stack, f"{bracketed(address)}:{port}")

    def _listen(self, stack: contextlib.ExitStack, target: str) -> int:
        """Forward a free port, which another program may take first, to the target; return the port."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            local_port = _free_port()
            try:
                stack.enter_context(self._connected().forwarding("-L", f"{_LOOPBACK}:{local_port}:{target}"))
            except AccessError:
                if attempt == _PORT_ATTEMPTS:
                    raise
            else:
                return local_port
        raise AssertionError("the last attempt returns or raises")


class _FedProcess(Process):
    """An ssh whose standard input is the environment of its command and then a file or pipe.

    `cat` passes the file on. When that fails, the command got less than everything, so `wait` returns the
    status of `cat` even if the command was content.
    """

    def __init__(self, argv: list[str], environment: bytes, stdin: int | IO[bytes] | None, **options: Any) -> None:
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as sink:
            with os.fdopen(reader, "rb") as source:
                super().__init__(argv, stdin=source, **options)
            with contextlib.suppress(BrokenPipeError):
                sink.write(environment)
                sink.flush()
            self._feeder = Process(["cat"], stdin=stdin, stdout=sink)

    def stderr(self) -> str:
        return "\n".join(filter(None, (super().stderr(), self._feeder.stderr())))

    def wait(self) -> int:
        status = super().wait()
        self._feeder.end()
        fed = self._feeder.wait()
        return status if status or fed in _EXPECTED_ENDS_OF_FEEDER else fed

    def end(self, grace: float = 5.0) -> None:
        super().end(grace)
        self._feeder.end(grace)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])
