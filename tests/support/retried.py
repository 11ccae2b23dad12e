"""Failures that restic meets ten times, for 45 seconds, before it tells them, so that tests begin them early."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

from lifeboat.vault import Vault
from tests.support.kept_vaults import Kept, SmallDisk, change
from tests.support.quick_vault import PASSWORD

Work = Callable[[], object]
#: Given a kind of vault, return a filled one.
FilledVaults = Callable[[str], Kept]


def retried_failures(directory: Path, filled: FilledVaults) -> dict[str, Work]:
    """Given a directory that every account may enter and what makes vaults, return the failures by name. Each is
    prepared, and begins when it is called."""
    return {
        "lost pack, dump": _dump(_lose(filled("local"))),
        "lost pack, restore": _restore(_lose(filled("local")), directory / "lost"),
        "lost pack on S3": _restore(_lose(filled("s3")), directory / "lost on S3"),
        "lost pack behind the tunnel": _restore(_lose(filled("ssh")), directory / "lost behind the tunnel"),
        "cut pack": _restore(_cut(filled("local"), 1500), directory / "cut"),
        "cut pack on S3": _restore(_cut(filled("s3"), 1500), directory / "cut on S3"),
        "empty pack": _dump(_cut(filled("local"), 0)),
        "no right to write": _without_right_to_write(filled("local"), directory / "home"),
        "read-only disk": _read_only(filled("local"), directory / "disk"),
    }


def _lose(kept: Kept) -> Kept:
    """Remove the pack that holds the content of files."""
    kept.files("data")[0].unlink()
    return kept


def _cut(kept: Kept, length: int) -> Kept:
    """Cut that pack to a length."""
    pack = kept.files("data")[0]
    change(pack, pack.read_bytes()[:length])
    return kept


def _dump(kept: Kept) -> Work:
    return lambda: kept.vault.read("latest", "/a")


def _restore(kept: Kept, target: Path) -> Work:
    return lambda: kept.vault.restore_directory("latest", str(target))


def _without_right_to_write(kept: Kept, home: Path) -> Work:
    """Let another account, if we are root, use a vault that it may read and not write."""
    home.mkdir()
    account = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    for path in [kept.directory, *kept.directory.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return lambda: kept.vault.backup_directory(str(home), {}, run_as=account)


def _read_only(kept: Kept, disk: Path) -> Work:
    host = SmallDisk(disk, 1 << 20, kept.directory, SmallDisk.PROTECT)
    return lambda: Vault(str(disk), PASSWORD, host=host).read("latest", "/a")
