"""Waiting for something to happen, and looking at processes that may end meanwhile."""

import time
from collections.abc import Callable
from pathlib import Path


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> bool:
    """Return whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits for its parent does not."""
    return _read(pid, "stat").rpartition(b")")[2].split()[:1] not in ([], [b"Z"])


def command_line(pid: int) -> bytes:
    """Return the arguments of a process, each with a zero byte behind it, or nothing when it has ended."""
    return _read(pid, "cmdline")


def command_lines() -> list[bytes]:
    """Return the command line of every process of this machine."""
    return [command_line(int(path.name)) for path in Path("/proc").glob("[0-9]*")]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
