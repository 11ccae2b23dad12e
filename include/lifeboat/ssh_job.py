"""Long work on a host over SSH that outlives its connection: started once, followed, and found again after a cut.

The host itself knows the state of the work (`lifeboat.remotejob`). Here it is started, its output is followed into the
task's log, and when the connection is lost, another one is made; the work goes on meanwhile. When this process is ended
by a person or by Airflow, so is the work.
"""

import base64
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from lifeboat.errors import CommandError, UnreachableError
from lifeboat.host import Command, Completed, Host
from lifeboat.processes import STDERR_TAIL_BYTES, mask, when_ending

log = logging.getLogger(__name__)

#: How long a host may stay out of reach before its work is given up.
PATIENCE_SECONDS = 600.0
_LOOK_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 15.0
#: One look transports little; what takes longer is a connection that is dead.
_CALL_SECONDS = 90.0


def run_lasting(host: Host, command: Command, input: bytes, timeout: float, name: str = "") -> Completed:
    """Run a command on a host to its end, whatever becomes of the connection, and return what it left.

    With a name the host remembers it until it is told to forget: who asks for it again, after this process was killed,
    gets what the first one left, or waits for that.

    Raise TimeoutError when it did not end within `timeout` seconds (it was ended), UnreachableError when the host was
    out of reach for too long (the work may go on there), CommandError when its end is unknown: the host was restarted.
    """
    job = _Job(host, command, name)
    with when_ending(job.end):
        try:
            job.start(input, timeout)
            return job.follow(timeout)
        except UnreachableError:
            raise
        except BaseException:
            job.end()
            raise


def is_known(host: Host, name: str, run_as: str | None) -> bool:
    """Return whether a host remembers a piece of work of this name."""
    return bool(patiently(lambda: _call(host, run_as, "look", name), host.name)["known"])


def forget(host: Host, beginning: str, run_as: str | None) -> None:
    """Let a host forget all work whose name begins so and that is over."""
    _call(host, run_as, "forget", beginning)


class _Job:
    """One piece of work on a host; by its name it is started once however often that is asked for."""

    def __init__(self, host: Host, command: Command, name: str) -> None:
        self.host, self.command = host, command
        self.name, self._remembered = name or uuid.uuid4().hex, bool(name)
        self._secrets = tuple(command.secrets.values())
        self._output, self._messages = bytearray(), bytearray()
        self._told = 0

    def start(self, input: bytes, timeout: float) -> None:
        environment = {**self.command.environment, **self.command.secrets}
        self._ask(
            "start",
            argv=list(self.command.argv),
            directory=self.command.directory or "",
            environment=environment,
            input=base64.b64encode(input).decode(),
            seconds=timeout,
        )

    def follow(self, timeout: float) -> Completed:
        while True:
            found = self._ask("look", seen=[len(self._output), len(self._messages)], patience=_LOOK_SECONDS)
            output, messages = (base64.b64decode(found[name]) for name in ("output", "messages"))
            self._output += output
            self._messages += messages
            self._tell()
            if output or messages:
                continue
            if found["ended"]:
                return self._ended(*found["ended"], timeout=timeout)
            if not found["running"]:
                raise CommandError(
                    f"'{self.command.argv[0]}' on host '{self.host.name}' is gone, and nothing says how it ended: was "
                    "the host restarted?",
                    exit_status=-1,
                    next_step="See there what it has done; then try again.",
                )

    def end(self) -> None:
        """End the work with all its children, if the host can be told."""
        try:
            self._call("end")
            self._call("forget")
        except (UnreachableError, CommandError, TimeoutError) as error:
            log.warning("%s may go on on host %s: %s", self.command.argv[0], self.host.name, error)

    def _ended(self, status: int, timed_out: bool, *, timeout: float) -> Completed:
        if not self._remembered:
            self._ask("forget")
        if timed_out:
            raise TimeoutError(f"'{self.command.argv[0]}' did not finish within {timeout:g} seconds")
        messages = bytes(self._messages[-STDERR_TAIL_BYTES:]).decode(errors="replace").strip()
        return Completed(status, bytes(self._output), mask(messages, self._secrets))

    def _tell(self) -> None:
        """Put whole new lines of the output into the log."""
        until = self._output.rfind(b"\n") + 1
        text = bytes(self._output[self._told : until]).decode(errors="replace")
        self._told = max(until, self._told)
        for line in mask(text, self._secrets).splitlines():
            if line.strip():
                log.info("%s: %s", self.host.name, line)

    def _ask(self, action: str, **more: Any) -> Any:
        """Ask the host, and again with a new connection while that is lost, with longer and longer pauses."""
        return patiently(lambda: self._call(action, **more), self.host.name)

    def _call(self, action: str, **more: Any) -> Any:
        return _call(self.host, self.command.run_as, action, self.name, **more)


def _call(host: Host, run_as: str | None, action: str, name: str, **more: Any) -> Any:
    payload = {"action": action, "job": name, **more}
    return host.run_python("lifeboat.remotejob", payload, run_as=run_as, timeout=_CALL_SECONDS)


def patiently(call: Callable[[], Any], host: str) -> Any:
    """Call until the host is reached. Raise UnreachableError when it was not for PATIENCE_SECONDS."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.5
    while True:
        try:
            return call()
        except (UnreachableError, TimeoutError) as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("The connection to host %s is lost; what runs there goes on. Trying again: %s", host, error)
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
