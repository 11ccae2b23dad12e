"""Disks that are nearly full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: H2's jar alone takes three million.
_BYTES = 8 << 20


@contextmanager
def small_disk(directory: Path, *, free: int) -> Iterator[Path]:
    """Given a directory, put its content on a disk of its own with so many bytes free; yield the file that fills it.

    Needs root, or sudo without a password, for mounting.
    """
    aside = directory.with_name(f"{directory.name} on a large disk")
    directory.rename(aside)
    directory.mkdir()
    _as_root("mount", "-t", "tmpfs", "-o", f"size={_BYTES},mode=0755,uid={os.geteuid()}", "tmpfs", str(directory))
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(directory)], check=True)
        filler = directory / "filler"
        with filler.open("wb") as file:
            file.write(bytes(os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize - free))
        yield filler
    finally:
        _as_root("umount", str(directory))
        directory.rmdir()
        aside.rename(directory)


def _as_root(*command: str) -> None:
    subprocess.run(["sudo", "-n", *command] if os.geteuid() else command, check=True)
