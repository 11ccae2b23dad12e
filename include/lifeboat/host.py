"""Hosts: where commands run and files lie.

Engines never touch a server's files or processes directly; they ask its host. `LocalHost` is the machine of
this worker, `lifeboat.ssh_host.SshHost` a machine over SSH; both pass the same contract suite.
"""

import contextlib
import getpass
import importlib.util
import json
import logging
import os
import pwd
import shlex
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lifeboat.errors import CommandError, LifeboatError, PreflightError, ToolError, UnreachableError
from lifeboat.processes import Process, mask
from lifeboat.sudo import sudo_error

log = logging.getLogger(__name__)

#: Runs a program that arrives on standard input behind its own length, so that no file is left on the host.
_PYTHON_LOADER = (
    "import sys; n = int(sys.stdin.buffer.readline()); "
    "exec(compile(sys.stdin.buffer.read(n), 'lifeboat-remote', 'exec'), {'__name__': '__main__'})"
)
#: Reads one line of shell assignments from standard input, then becomes the command: secrets never reach argv.
_ENVIRONMENT_LOADER = 'IFS= read -r assignments && eval "$assignments" && unset assignments && exec "$@"'


@dataclass(frozen=True)
class Command:
    """What to run: argv, plain environment, secret environment (masked in every message), account, directory."""

    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    run_as: str | None = None
    working_directory: str | None = None

    @property
    def directory(self) -> str | None:
        """Where it starts: its working directory, or / under another account, which may not enter ours."""
        return self.working_directory or ("/" if self.run_as else None)

    def __str__(self) -> str:
        return mask(shlex.join(self.argv), self.secrets.values())


@dataclass(frozen=True)
class Completed:
    """What a command left: its exit status, standard output (bytes) and the end of its standard error."""

    exit_status: int
    stdout: bytes
    stderr: str


class Host(ABC):
    """A place where commands run. Every exit status is checked; the caller names the ones it expects.

    Nothing here retries: a caller knows whether its command may run twice. An UnreachableError may pass.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def start(
        self,
        command: Command,
        *,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
    ) -> Process:
        """Start a command and return its running process; `stdin=PIPE` when the caller writes to it."""

    @abstractmethod
    def forward(self, address: str, port: int) -> AbstractContextManager[tuple[str, int]]:
        """Given an address and port as this host sees them, yield an address and port that reach it from here.

        An address that starts with / is the directory of a Unix socket of PostgreSQL.
        """

    @abstractmethod
    def expose(self, port: int) -> AbstractContextManager[int]:
        """Given a port of this worker's loopback, yield the loopback port of the host that reaches it."""

    @property
    @abstractmethod
    def is_local(self) -> bool:
        """Whether commands run on this worker's machine."""

    def classify(self, completed: Completed) -> LifeboatError | None:
        """Given a failed command, return the error if the host itself, not the command, is the cause."""
        return sudo_error(self.name, completed.exit_status, completed.stderr)

    def run(
        self,
        command: Command,
        *,
        input: bytes | None = None,
        timeout: float | None = 600,
        accept: Sequence[int] = (0,),
    ) -> Completed:
        """Run a command to its end and return what it left.

        Raise CommandError when its exit status is not in `accept`, ToolError when the program is not there,
        UnreachableError when the host is not, AccessError when it does not let us, TimeoutError after `timeout`
        seconds (the command ended).
        """
        stdin = subprocess.PIPE if input is not None else subprocess.DEVNULL
        with self.start(command, stdin=stdin) as process, process.time_limit(timeout):
            if input is not None:
                process.feed(input)
            stdout = process.stdout.read()
            status = process.wait()
        completed = Completed(status, stdout, process.stderr())
        if status not in accept:
            raise self.failure(command, completed)
        if status != 0 and (error := self.classify(completed)):
            raise error
        return completed

    def run_lasting(
        self,
        command: Command,
        *,
        input: bytes = b"",
        timeout: float = 600,
        accept: Sequence[int] = (0,),
        name: str = "",
    ) -> Completed:
        """Do the same with a command that takes long and must not run twice: it goes on while a connection is cut, and
        ends when this process is ended. On this machine there is no connection to cut.

        With a name a host that is reached by a connection remembers it, until `forget`: asked again, it does not run it
        again, and tells what it left. This machine remembers nothing.
        """
        return self.run(command, input=input or None, timeout=timeout, accept=accept)

    def remembers(self, name: str, *, run_as: str | None = None) -> bool:
        """Return whether the host remembers a command of this name, which runs or has ended."""
        return False

    def forget(self, beginning: str, *, run_as: str | None = None) -> None:  # noqa: B027 (there may be nothing)
        """Let the host forget all commands whose names begin so and that have ended."""

    def failure(self, command: Command, completed: Completed) -> LifeboatError:
        """Given a command and what it left, return the error that describes its failure best."""
        if error := self.classify(completed):
            return error
        program = command.argv[0]
        if completed.exit_status == 127:
            return ToolError(
                f"'{program}' is not installed on host '{self.name}'.",
                next_step=f"Install '{program}' there, or put it on the PATH of the account that runs it.",
            )
        detail = f":\n{completed.stderr}" if completed.stderr else "."
        return CommandError(
            f"'{program}' on host '{self.name}' ended with status {completed.exit_status}{detail}",
            exit_status=completed.exit_status,
            stderr=completed.stderr,
            next_step=f"Read the message above; the command was: {command}",
        )

    def run_python(self, module: str, payload: Any, *, run_as: str | None = None, timeout: float | None = None) -> Any:
        """Given the name of a stdlib-only module of ours, run it on the host and return the JSON it prints.

        The source and the JSON payload travel on standard input; the host needs python3 and nothing of ours.
        """
        command, message = _python(module, payload, run_as)
        return json.loads(self.run(command, input=message, timeout=timeout).stdout)

    def run_python_lasting(
        self, module: str, payload: Any, *, run_as: str | None, timeout: float, name: str = ""
    ) -> Any:
        """Do the same with what takes long and must not run twice, see `run_lasting`."""
        command, message = _python(module, payload, run_as)
        return json.loads(self.run_lasting(command, input=message, timeout=timeout, name=name).stdout)

    @contextlib.contextmanager
    def start_python(
        self, module: str, payload: Any, *, run_as: str | None = None
    ) -> Iterator[tuple[Process, Command]]:
        """Start what `run_python` runs, and yield the process, whose standard output is the caller's, and its
        command, for `failure`."""
        command, message = _python(module, payload, run_as)
        with self.start(command, stdin=subprocess.PIPE) as process:
            process.feed(message)
            yield process, command

    def find_tool(self, name: str) -> str | None:
        """Given a program's name, return its path on the host, or None."""
        found = self.run(Command(["sh", "-c", 'command -v "$1"', "sh", name]), accept=(0, 1, 127))
        return found.stdout.decode().strip() or None

    def is_directory(self, path: str, *, run_as: str | None = None) -> bool:
        """Return whether `path` is a directory that the account can list."""
        done = self.run(Command(["test", "-d", path, "-a", "-r", path, "-a", "-x", path], run_as=run_as), accept=(0, 1))
        return done.exit_status == 0

    def exists(self, path: str, *, run_as: str | None = None) -> bool:
        """Return whether there is anything at `path`."""
        return self.run(Command(["test", "-e", path], run_as=run_as), accept=(0, 1)).exit_status == 0

    def read_file(self, path: str, *, run_as: str | None = None) -> bytes | None:
        """Return the content of a small file, or None if there is none."""
        exists = self.run(Command(["test", "-f", path], run_as=run_as), accept=(0, 1))
        return self.run(Command(["cat", "--", path], run_as=run_as)).stdout if exists.exit_status == 0 else None

    def free_bytes(self, path: str) -> int:
        """Given an existing path, return the bytes that are free on its file system for an ordinary account."""
        done = self.run(Command(["df", "--output=avail", "-B1", "--", path]))
        return int(done.stdout.split()[-1])

    def host_name(self) -> str:
        """Return the name that the machine calls itself."""
        return self.run(Command(["uname", "-n"])).stdout.decode().strip()


class LocalHost(Host):
    """The machine of this worker."""

    def __init__(self, name: str = "worker") -> None:
        super().__init__(name)

    @property
    def is_local(self) -> bool:
        return True

    def start(
        self,
        command: Command,
        *,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
    ) -> Process:
        environment = {**os.environ, **_home_of(command.run_as), **command.environment, **command.secrets}
        names, directory = [*command.environment, *command.secrets], command.directory
        argv = [*account_prefix(command.run_as, names), *command.argv]
        try:
            return Process(
                argv,
                name=command.argv[0],
                account_prefix=account_prefix(command.run_as),
                environment=environment,
                secrets=command.secrets.values(),
                working_directory=directory,
                stdin=stdin,
                stdout=stdout,
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            if error.filename == directory:
                raise PreflightError(
                    f"Directory '{directory}' cannot be entered on host '{self.name}': {error.strerror}.",
                    next_step="Check the path in the deployment file and that this worker sees it.",
                ) from None
            raise ToolError(
                f"'{error.filename}' cannot be run on host '{self.name}': {error.strerror}.",
                next_step=f"Install '{error.filename}', or put it on the PATH of this worker.",
            ) from None

    @contextlib.contextmanager
    def forward(self, address: str, port: int) -> Iterator[tuple[str, int]]:
        yield address, port

    @contextlib.contextmanager
    def expose(self, port: int) -> Iterator[int]:
        yield port

    def find_tool(self, name: str) -> str | None:
        return shutil.which(name)

    def host_name(self) -> str:
        return socket.gethostname()


def _python(module: str, payload: Any, run_as: str | None) -> tuple[Command, bytes]:
    """Given a stdlib-only module of ours and its payload, return the command that runs it and its input."""
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, f"no source for {module}"
    source = Path(spec.origin).read_bytes()
    message = b"%d\n" % len(source) + source + json.dumps(payload).encode()
    return Command(["python3", "-c", _PYTHON_LOADER], run_as=run_as), message


def _home_of(run_as: str | None) -> dict[str, str]:
    """Given an account, return the environment that leads programs to its own directories, not to ours."""
    if run_as is None or run_as == getpass.getuser():
        return {}
    with contextlib.suppress(KeyError):
        return {"HOME": pwd.getpwnam(run_as).pw_dir, "XDG_CACHE_HOME": ""}
    return {}


def account_prefix(run_as: str | None, variables: Sequence[str] = ()) -> list[str]:
    """Given an account, return the argv prefix that runs a command under it on this machine.

    Root changes to the account by setpriv; anybody else asks sudo, which must need no password and, where
    `variables` names environment variables to carry over, allow that (the SETENV tag in sudoers).
    Raise PreflightError if there is no such account.
    """
    if run_as is None or run_as == getpass.getuser():
        return []
    try:
        account = pwd.getpwnam(run_as)
    except KeyError:
        raise PreflightError(
            f"Account '{run_as}' does not exist on this machine.",
            next_step="Correct run_as in the deployment file, or create the account.",
        ) from None
    if os.geteuid() == 0:
        return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--"]
    carried = [f"--preserve-env={','.join(variables)}"] if variables else []
    return ["sudo", "-n", "-u", run_as, *carried, "--"]


def with_environment(argv: Sequence[str], assignments: Mapping[str, str]) -> tuple[list[str], bytes]:
    """Given a command and an environment, return an argv and the first line of its standard input.

    The line carries the environment where it cannot travel otherwise (over SSH, through sudo) and where
    argv would show it to every account of the machine.
    """
    exports = [f"export {name}={_shell_word(value)}" for name, value in assignments.items()]
    line = "; ".join(["newline=$(printf '\\nx')", "newline=${newline%x}", *exports])
    return ["sh", "-c", _ENVIRONMENT_LOADER, "sh", *argv], os.fsencode(line) + b"\n"


def _shell_word(value: str) -> str:
    """Given a value, return it quoted for a shell, on one line."""
    return '"$newline"'.join(shlex.quote(part) for part in value.split("\n"))


def unreachable(host: str, detail: str, next_step: str) -> UnreachableError:
    """Return the error for a host that does not answer."""
    return UnreachableError(f"Host '{host}' cannot be reached: {detail}", next_step=next_step)
