"""Run one command and let nothing of it outlive the process that asked for it.

`python process_keeper.py GRACE COMMAND ...` runs the command until it ends or until standard input closes. The
asker holds the other end of that pipe, so it closes when the asker wants the end, and also when the asker
dies, even by SIGKILL. Then the command gets SIGINT, and whatever descends from it and is still there after the
grace time (in seconds) gets SIGKILL. Ending one process group would not do: Airflow gives each task a group of its own.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

POLL_SECONDS = 0.2
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class ProcessKeeper:
    """One command and everything that descends from it."""

    def __init__(self, command: list[str]) -> None:
        # Orphans among the descendants become this process's children, not init's: so they stay findable.
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
        self.exit_status: int | None = None
        no_input = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        self.process_id = os.posix_spawnp(command[0], command, os.environ, file_actions=no_input, setsid=True)

    def wait(self) -> None:
        """Return when the command has ended or standard input has closed."""
        while self.exit_status is None:
            readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
            if readable and not os.read(sys.stdin.fileno(), 4096):
                return
            self._reap()

    def end_all(self, grace_seconds: float) -> None:
        """End the command and its descendants: first by SIGINT, after `grace_seconds` by SIGKILL."""
        if self.exit_status is None:
            # To the command alone: Airflow's scheduler blocks for ever when its workers get the signal too.
            os.kill(self.process_id, signal.SIGINT)
        deadline = time.monotonic() + grace_seconds
        while self._reap() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        while descendants := self._reap():
            for process_id in descendants:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)
            time.sleep(POLL_SECONDS)

    def _reap(self) -> set[int]:
        """Collect what has ended and return the process ids of all descendants that are left."""
        with contextlib.suppress(ChildProcessError):
            while True:
                process_id, status = os.waitpid(-1, os.WNOHANG)
                if process_id == 0:
                    break
                if process_id == self.process_id:
                    self.exit_status = os.waitstatus_to_exitcode(status)
        return descendants_of(os.getpid())


def descendants_of(ancestor: int) -> set[int]:
    """Given a process id, return the ids of all living processes that descend from it, without itself."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                # "pid (name) state parent ...": the name may hold blanks and brackets.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    pending = [ancestor]
    while pending:
        for child in children.get(pending.pop(), []):
            found.add(child)
            pending.append(child)
    return found


def main(grace_seconds: float, command: list[str]) -> int:
    """Keep `command`; return its exit status, or 0 when it was ended on request."""
    keeper = ProcessKeeper(command)
    try:
        keeper.wait()
    finally:
        ended_by_itself = keeper.exit_status
        keeper.end_all(grace_seconds)
    return 0 if ended_by_itself is None else ended_by_itself % 256


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
