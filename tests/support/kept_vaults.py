"""A vault together with the place where its files lie, so that tests can look behind it and damage it."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lifeboat.host import Command, LocalHost
from lifeboat.processes import Process
from lifeboat.vault import Vault
from tests.support.quick_vault import PASSWORD
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Kept:
    """A vault as a test uses it, and the directory that is its storage in the end."""

    vault: Vault
    directory: Path

    def files(self, kind: str) -> list[Path]:
        """Return the files of a kind (data, index, keys, locks, snapshots), the largest first; without those that
        restic is writing under another name."""
        found = [path for path in (self.directory / kind).rglob("*") if "-tmp-" not in path.name and path.is_file()]
        return sorted(found, key=lambda path: path.stat().st_size, reverse=True)

    def restic(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run restic on the directory, past Lifeboat and without a cache, and return what it left."""
        return subprocess.run(
            ["restic", "-r", str(self.directory), "--no-cache", *arguments],
            env={**os.environ, "RESTIC_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )


def change(path: Path, content: bytes) -> None:
    """Write other content into a file of a vault, which is read-only."""
    path.chmod(0o600)
    path.write_bytes(content)


def flip(path: Path, offset: int) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    change(path, bytes(content))


@dataclass(frozen=True)
class Lock:
    """An exclusive lock that a real restic holds."""

    kept: Kept
    holder: "subprocess.Popen[bytes]"

    def kill_holder(self) -> None:
        """Kill the process that holds the lock; the lock stays."""
        self.holder.kill()
        self.holder.wait()

    def release(self) -> None:
        """End the lock and its holder. Asked to end, restic might wait for what it reads so slowly."""
        self.kill_holder()
        for path in self.kept.files("locks"):
            path.unlink()


@contextlib.contextmanager
def locked(kept: Kept) -> Iterator[Lock]:
    """Have a vault locked: by a check that reads the data, of which there must be some, slowly."""
    command = ["restic", "-r", str(kept.directory), "--no-cache", "check", "--read-data", "--limit-download", "1"]
    environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as holder:
        lock = Lock(kept, holder)
        try:
            assert eventually(lambda: kept.files("locks"))
            time.sleep(0.3)  # restic looks for other locks again after 200 ms, and then it has its own
            assert holder.poll() is None
            yield lock
        finally:
            lock.release()


class SmallDisk(LocalHost):
    """This machine, but each command has a disk of its own: `size` bytes at `mount_point`, with a copy of `source`.

    `then` is run on the disk before the command: it fills it, or makes it read-only. No disk outlives its command.
    """

    FILL = 'head -c 100M /dev/zero >"$1/filler" 2>/dev/null || true'
    PROTECT = 'mount -o remount,ro "$1"'
    _SCRIPT = 'mount -t tmpfs -o size="$2" none "$1" && cp -a "$3/." "$1" && eval "$4" && shift 4 && exec "$@"'

    def __init__(self, mount_point: Path, size: int, source: Path, then: str = ":") -> None:
        super().__init__()
        mount_point.mkdir(exist_ok=True)
        script = [self._SCRIPT, "sh", str(mount_point), str(size), str(source), then]
        self._prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c", *script]

    def start(self, command: Command, **options: Any) -> Process:
        return super().start(replace(command, argv=[*self._prefix, *command.argv]), **options)
