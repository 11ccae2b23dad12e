"""Scratch places of drills: 0700 inside, removed whatever happens, and reaped when their run was killed.

Whoever uses one holds a lock on its `lock` file. A killed run's lock is free, so the next drill knows that
place to be dead, ends what still runs in it, and removes it. A lock on the scratch directory itself keeps a
place that is just being made, and has no lock yet, from being taken for a dead one.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lifeboat.errors import PreflightError

log = logging.getLogger(__name__)

_PREFIX = "drill-"
_END_SECONDS = 20.0
#: Accounts that own things below (a database server's) must pass through, but list nothing.
_PASSABLE = 0o711


@contextlib.contextmanager
def scratch_place(root: Path) -> Iterator[Path]:
    """Given the scratch directory of a site, reap dead places there and yield a new one, removed at the end."""
    try:
        if not root.is_dir():
            root.mkdir(parents=True, exist_ok=True)
            root.chmod(_PASSABLE)
        with _locked(root):
            _reap(root)
            place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            lock = (place / "lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise PreflightError(
            f"The scratch directory '{root}' cannot be used: {error.strerror}",
            next_step="Set sites.….scratch to a directory that this worker's account may write to.",
        ) from None
    with lock:
        place.chmod(_PASSABLE)
        try:
            yield place
        finally:
            _remove(place)


def reap(root: Path) -> list[Path]:
    """Given a scratch directory, remove the places of dead runs and return them."""
    with _locked(root):
        return _reap(root)


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reap(root: Path) -> list[Path]:
    dead = []
    for place in sorted(root.glob(f"{_PREFIX}*")):
        try:
            lock = (place / "lock").open("r+")
        except OSError:  # its owner has just removed it
            continue
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if os.fstat(lock.fileno()).st_nlink == 0:  # removed by its owner since it was opened
                continue
            log.warning("Removing the scratch place of a dead drill: %s", place)
            _remove(place)
            dead.append(place)
    return dead


def _remove(place: Path) -> None:
    """Remove a place, its lock last: whoever is killed on the way leaves one that the next drill finds."""
    _end_servers(place)
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            _open_directories(entry)
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != "lock":
            entry.unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        raise PreflightError(
            f"The scratch place '{place}' could not be removed; it may hold production data.",
            next_step=f"Remove it by hand: rm -rf {place}",
        )


def _open_directories(top: Path) -> None:
    """Let their owner empty the directories of a restored tree, whatever their modes are."""
    top.chmod(0o700)
    for directory, names, _ in os.walk(top):
        for path in (Path(directory, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                if not path.is_symlink():
                    path.chmod(0o700)


def _end_servers(place: Path) -> None:
    """End the database servers that still run in a place: whose PID files lie in the data directory that they work
    in, as PostgreSQL's and MariaDB's do."""
    for pid_file in place.glob("*/data/*.pid"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            if _works_in(pid, pid_file.parent):
                _end(pid)


def _works_in(pid: int, directory: Path) -> bool:
    return Path(os.readlink(f"/proc/{pid}/cwd")) == directory.resolve()


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        os.kill(pid, 0)
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
