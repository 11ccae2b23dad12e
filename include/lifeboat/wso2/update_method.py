"""What a method of updating a home is. The server is down when it runs; a snapshot is taken before and a rollback made
after by others (`lifeboat.update`), so a method only updates, or raises.

Exit codes are what WSO2 documents for its tools: 0 updated, 1 failed, 2 the tool replaced itself and is run again,
3 conflicts, 4 reverted. None of them is believed alone: afterwards the home's own files must tell the level.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from lifeboat.connections import Connection
from lifeboat.deployment import Server, UpdateSettings, format_duration
from lifeboat.errors import ConfigurationError, ConflictError, LifeboatError, PreflightError, UpdateError
from lifeboat.host import Command, Completed, Host
from lifeboat.processes import mask
from lifeboat.text import shown
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.server_waiting import Waiting

log = logging.getLogger(__name__)

UPDATED, FAILED, AGAIN, CONFLICTS, REVERTED = range(5)
#: How often a tool may replace itself in one update.
_SELF_UPDATES = 3
_POLL_SECONDS = 5.0
#: How `flock` ends when another holds the lock.
_HELD = 75
_TAIL_CHARACTERS = 4000


@dataclass(frozen=True)
class Target:
    """What an update shall reach: an update level, or the newest when it is None; `pack` is the path of a new pack on
    the server's host. With `wait`, a person is given time to resolve conflicts; else the tool reverts."""

    level: int | None = None
    pack: str = ""
    wait: bool = False


class UpdateMethod(ABC):
    """One way to update the home of one server."""

    name: ClassVar[str]
    #: Suffixes of the files that the tool leaves beside a file that it cannot merge.
    helpers: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        host: Host,
        server_name: str,
        server: Server,
        settings: UpdateSettings,
        connection: Callable[[str], Connection],
        target: Target,
    ) -> None:
        self.host, self.server_name, self.server = host, server_name, server
        self.settings, self.target = settings, target
        self._connection = connection
        #: The attempt by whose name the host remembers the runs of a tool; empty if it need not.
        self.attempt, self._runs = "", 0

    @abstractmethod
    def preflight(self, before: ProductIdentity) -> list[str]:
        """Check, and change nothing, that the home can be updated in this way; return notes for people."""

    @abstractmethod
    def update(self, before: ProductIdentity) -> None:
        """Update the home, whose server is down. Raise UpdateError, or ConflictError, when that failed; then the home
        may be in any state."""

    def unmet(self, before: ProductIdentity, after: ProductIdentity) -> list[str]:
        """Given the home's identity before and after, say what of it is not as the update should have made it."""
        problems = self.other_product(before, after)
        wanted, level = self.target.level, after.update_level
        if wanted is not None and level != wanted:
            problems.append(f"update level {wanted} was wanted, and is {level}")
        if wanted is None and (level or 0) <= (before.update_level or 0):
            problems.append(f"the update level was {before.update_level}, and is {level}")
        return problems

    # What methods share

    @property
    def subject(self) -> str:
        """What is updated, in words."""
        return f"server '{self.server_name}'"

    def other_product(self, before: ProductIdentity, after: ProductIdentity) -> list[str]:
        """Say what of the product and its version is not what it was."""
        pairs = (("product", before.product, after.product), ("version", before.version, after.version))
        return [f"{what} was {one}, and is {other}" for what, one, other in pairs if one != other]

    def login(self) -> Connection:
        """Return the connection of the tools' account. Raise ConfigurationError without one."""
        if self.settings.connection is None:
            raise ConfigurationError(
                f"The method {self.name} needs an account for updates, and the deployment file names none.",
                next_step="Set update.connection to a connection with the login and password of WSO2's updates.",
            )
        found = self._connection(self.settings.connection)
        found.require("login")
        found.require("password")
        return found

    def require_tool(self, path: str) -> str:
        """Given a program's path in the home, return its whole path. Raise PreflightError if it is not there."""
        tool = f"{self.server.home}/{path}"
        if self._is_at_work():
            raise PreflightError(
                f"An update tool is at work on the home of server '{self.server_name}'.",
                next_step="Let it end first.",
            )
        done = self.host.run(self._command(["test", "-f", tool, "-a", "-x", tool]), accept=(0, 1))
        if done.exit_status:
            raise PreflightError(
                f"{self.subject[0].upper()}{self.subject[1:]} has no update tool that can be run: '{tool}' on host "
                f"'{self.host.name}'.",
                next_step="Get it from WSO2 (bin/update_tool_setup.sh), or choose another method.",
            )
        return tool

    def run_again(self, run: Callable[[], Completed]) -> Completed:
        """Run a tool, and again when it has replaced itself; return its last end."""
        for _ in range(_SELF_UPDATES):
            done = run()
            if done.exit_status != AGAIN:
                return done
            log.info("The update tool of server %s replaced itself; it is run again", self.server_name)
        raise UpdateError(
            f"The update tool of {self.subject} replaced itself {_SELF_UPDATES} times, and did nothing else.",
            next_step="Run it by hand once; see whether it may write to its own file.",
        )

    def run_tool(self, argv: Sequence[str], **more: Any) -> Completed:
        """Run a tool in the home's bin with its standard input closed and a time limit; log what it said."""
        command = self._command(self.locked(argv), working_directory=f"{self.server.home}/bin", **more)
        log.info("Server %s: %s", self.server_name, command)
        try:
            done = self.host.run_lasting(
                command, timeout=self.settings.timeout.total_seconds(), accept=range(256), name=self.next_run()
            )
        except TimeoutError:
            raise self.took_too_long(argv[0]) from None
        stdout = mask(done.stdout.decode(errors="replace"), command.secrets.values())
        return self.told(Completed(done.exit_status, stdout.encode(), done.stderr))

    def next_run(self) -> str:
        """Return the name of the next run of a tool in this attempt: one that goes on after its worker was killed asks
        for the same runs in the same order, and so for none twice."""
        self._runs += 1
        return f"{self.attempt}-{self._runs}" if self.attempt else ""

    def is_remembered(self) -> bool:
        """Return whether the host remembers that a tool was started in this attempt."""
        return self.host.remembers(f"{self.attempt}-1", run_as=self.server.run_as)

    def forget_runs(self) -> None:
        """Let the host forget the runs of this attempt; what it cannot be told goes by itself, later."""
        try:
            self.host.forget(f"{self.attempt}-", run_as=self.server.run_as)
        except (LifeboatError, TimeoutError) as error:
            log.warning("Host %s still remembers the runs of attempt %s: %s", self.host.name, self.attempt, error)

    def locked(self, argv: Sequence[str]) -> list[str]:
        """Return the command that holds the home's lock while the tool of `argv`, or any child of it, is there: the
        kernel's own record of who works on the home, which outlives a worker that was killed."""
        return ["flock", "--nonblock", "--conflict-exit-code", str(_HELD), f"{self.server.home}/.", *argv]

    def wait_for_the_tool(self) -> None:
        """Wait until no tool that an interrupted attempt started works on the home any more; else it would go on in
        what is restored there. Raise UpdateError when that takes longer than a tool may."""
        if not self._is_at_work():
            return
        what = f"The update tool of server {self.server_name}, left by an interrupted attempt, is still at work"
        log.warning("%s", what)
        waiting = Waiting(what, self.settings.timeout.total_seconds())
        while self._is_at_work():
            if waiting.is_over():
                raise UpdateError(
                    f"An interrupted attempt left an update tool at work on the home of server '{self.server_name}', "
                    f"and it did not end within {waiting.limit}.",
                    next_step=f"See who it is with `fuser -v {self.server.home}` on host '{self.host.name}', end it, "
                    "then run the update again.",
                )

    def _is_at_work(self) -> bool:
        # The dot keeps flock from making a file where a home is gone.
        if not self._exists("."):
            return False
        return self.host.run(self._command(self.locked(["true"])), accept=(0, _HELD)).exit_status == _HELD

    def told(self, done: Completed) -> Completed:
        log.info("It ended with status %d: %s", done.exit_status, said(done) or "(nothing)")
        return done

    def took_too_long(self, tool: str) -> UpdateError:
        limit = format_duration(timedelta(seconds=self.settings.timeout.total_seconds()))
        return UpdateError(
            f"'{tool}' of {self.subject} was ended: it was not done after {limit}.",
            next_step="See its log in updates/logs; raise update.timeout if it only needs longer.",
        )

    def failed(self, done: Completed) -> UpdateError:
        return UpdateError(
            f"The update of {self.subject} failed with status {done.exit_status}: {said(done)}",
            next_step="Read what the tool said, and its log in updates/logs of the home that is kept.",
        )

    def conflicts(self) -> list[str]:
        """Return the files of the home that the tool could not merge, by what it left beside them."""
        first = f"*.{self.helpers[0]}"
        argv = ["find", self.server.home, "-name", first, "-type", "f", "-printf", "%P\\0"]
        found = self.host.run(self._command(argv)).stdout.decode(errors="surrogateescape").split("\0")
        return sorted(path[: -len(first) + 1] for path in found if path)

    def wait_until_resolved(self, conflicts: Sequence[str]) -> None:
        """Wait until a person has written `<file>.final` for each conflict. Raise ConflictError when it takes too
        long."""
        log.warning(
            "Server %s has conflicts; write <file>.final for each below %s: %s",
            self.server_name,
            self.server.home,
            ", ".join(conflicts),
        )
        deadline = time.monotonic() + self.settings.conflict_timeout.total_seconds()
        while missing := [path for path in conflicts if not self._exists(f"{path}.final")]:
            if time.monotonic() > deadline:
                raise self.conflict(missing, "nobody resolved them in time")
            time.sleep(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0.1)))

    def conflict(self, conflicts: Sequence[str], what: str) -> ConflictError:
        return ConflictError(
            f"The update of {self.subject} meets {len(conflicts)} conflicts, and {what}: {shown(list(conflicts), 10)}",
            conflicts=conflicts,
            next_step="Update again with conflicts: wait, and write <file>.final for each of them meanwhile.",
        )

    def _exists(self, path: str) -> bool:
        return self.host.exists(f"{self.server.home}/{path}", run_as=self.server.run_as)

    def _command(self, argv: Sequence[str], **more: Any) -> Command:
        return Command(argv, run_as=self.server.run_as, **more)


def said(done: Completed) -> str:
    """Return the end of what a tool printed, on one line."""
    text = "\n".join(part for part in (done.stdout.decode(errors="replace").strip(), done.stderr.strip()) if part)
    return " | ".join(text[-_TAIL_CHARACTERS:].splitlines())
