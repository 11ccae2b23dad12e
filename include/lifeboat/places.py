"""Places on this worker that something is restored into: new, large enough, and whole or not there."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import humanize

from lifeboat.errors import PreflightError, SpaceError


def require_new(target: Path) -> None:
    """Raise PreflightError unless a directory can be made at `target`: nothing there, or an empty directory."""
    if not target.parent.is_dir():
        raise PreflightError(
            f"There is no directory '{target.parent}' to restore into.",
            next_step="Make it, or name another place.",
        )
    empty = target.is_dir() and not target.is_symlink() and not any(target.iterdir())
    if (target.exists() or target.is_symlink()) and not empty:
        raise PreflightError(
            f"'{target}' is there already, and it is not an empty directory.",
            next_step="Name a new place; a restore never overwrites anything.",
        )


def require_space(directory: Path, needed: int, what: str) -> None:
    """Raise SpaceError when an existing directory has less than `needed` bytes free."""
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise SpaceError(
            f"{what} needs about {humanize.naturalsize(needed)} in '{directory}'; "
            f"{humanize.naturalsize(free)} are free.",
            next_step="Free space there, or name a place on a larger file system.",
        )


@contextlib.contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Given a place for which `require_new` holds, yield the path of a directory, not made yet, that becomes
    `target` when all went well; else nothing is left of it."""
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    try:
        whole = aside / "whole"
        yield whole
        whole.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
