"""mariadb-dump at work: its options, and the moment from which its snapshot is open."""

import os
import re
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lifeboat.engines._dumps import failed
from lifeboat.engines.mariadb.access import Access
from lifeboat.engines.mariadb.tools import Tool
from lifeboat.errors import CaptureInterruptedError
from lifeboat.host import Command, LocalHost
from lifeboat.processes import CHUNK_BYTES, Process

#: The first thing that mariadb-dump writes after it has opened its snapshot; before, it writes its own heading only.
_OPENED = re.compile(rb"^-- Current Database: ", re.M)
_OPEN_SECONDS = 30.0
#: The series whose dumps can hold the history of system-versioned tables.
_HISTORY_SERIES = (10, 11)

_OPTIONS = (
    "--single-transaction",
    "--quick",
    "--hex-blob",
    "--tz-utc",
    "--routines",
    "--triggers",
    "--events",
    "--no-tablespaces",
    "--skip-dump-date",
    # A table whose default is a sequence could not be loaded while it alone is locked.
    "--skip-add-locks",
    "--max-allowed-packet=1G",
)


def dump_command(tool: Tool, access: Access, databases: Sequence[str], *, history: bool, rows: bool = False) -> Command:
    """Given databases, return the command that dumps them: with the history of system-versioned tables, if there
    are such, and with one statement for each row if `rows`."""
    more = ["--dump-history"] if history and tool.series >= _HISTORY_SERIES else []
    more += ["--skip-extended-insert"] if rows else []
    argv = [tool.path, *access.options(), *_OPTIONS, *more, "--databases", "--", *databases]
    return Command(argv, secrets=access.secrets())


@dataclass
class RunningDump:
    """A dump that has been started, and what has been read of its output."""

    name: str
    command: Command
    process: Process
    head: bytes = b""
    _taken: bool = field(default=False, repr=False)

    def wait_opened(self) -> None:
        """Return as soon as the dump's snapshot is open. Raise the dump's own error if it ends before, and
        CaptureInterruptedError if nothing comes for half a minute."""
        deadline = time.monotonic() + _OPEN_SECONDS
        while not _OPENED.search(self.head):
            ready, _, _ = select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise CaptureInterruptedError(
                    f"{self.name}: mariadb-dump did not begin within {_OPEN_SECONDS:.0f} s.",
                    next_step="Look what the server is busy with (SHOW FULL PROCESSLIST); the next try starts anew.",
                )
            chunk = os.read(self.process.stdout.fileno(), CHUNK_BYTES)
            if not chunk:
                raise failed(self.name, self.command, self.process, self.process.wait())
            self.head += chunk

    @contextmanager
    def taken(self) -> Iterator[Process]:
        """Yield the process for reading on. Raise CaptureInterruptedError when it is to be read a second time."""
        if self._taken:
            raise self.not_twice()
        self._taken = True
        yield self.process

    def not_twice(self) -> CaptureInterruptedError:
        """Return the error for when a vault that was locked meanwhile wants the dump once more: another one would
        not be of the same instant."""
        return CaptureInterruptedError(
            f"{self.name}: the vault was locked in the middle of the dump, which cannot be repeated for the same "
            "instant.",
            next_step="The next try starts from the beginning.",
        )


def start_dump(name: str, command: Command) -> RunningDump:
    """Start a dump that messages call `name`; it goes on when somebody reads its output."""
    return RunningDump(name, command, LocalHost().start(command))
