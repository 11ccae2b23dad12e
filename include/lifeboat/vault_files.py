"""The files of a vault, past restic: what is damaged is moved aside, and back.

Only the housekeeper does so. restic takes no notice of the directory `damaged` beside its own ones.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lifeboat.errors import CommandError, ConfigurationError, VaultError
from lifeboat.host import Command, LocalHost
from lifeboat.vault_tunnel import rclone_account, rclone_target

#: Where damaged files lie, below the vault's own directory or prefix.
ASIDE = "damaged"


class VaultFiles(Protocol):
    """Files by their paths within a vault."""

    def names(self, directory: str) -> list[str]:
        """Return the names of the files in a directory; none if there is no such directory."""

    def move(self, source: str, target: str) -> None:
        """Move a file; it is at one of both places whenever this ends. Raise VaultError when the storage refuses."""

    def remove(self, path: str) -> None:
        """Remove a file."""


def vault_files(repository: str, backend_secrets: Mapping[str, str]) -> VaultFiles:
    """Given a vault's repository and the account of its storage, return its files. Raise ConfigurationError for a kind
    of storage whose files nobody but restic reaches."""
    if repository.startswith("/"):
        return _OnDisk(Path(repository))
    if repository.startswith("s3:"):
        return _OnS3(repository, backend_secrets)
    raise ConfigurationError(
        f"Files of a vault at '{repository.partition(':')[0]}:' cannot be moved from here, so it is not repaired.",
        next_step="Repair it by hand, on the machine of the vault; docs/housekeeping.md says how.",
    )


class _OnDisk:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self, directory: str) -> list[str]:
        place = self._directory / directory
        return sorted(each.name for each in place.iterdir() if each.is_file()) if place.is_dir() else []

    def move(self, source: str, target: str) -> None:
        try:
            (self._directory / target).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.replace(self._directory / source, self._directory / target)
        except OSError as error:
            raise _refused(source, str(error)) from error

    def remove(self, path: str) -> None:
        try:
            (self._directory / path).unlink(missing_ok=True)
        except OSError as error:
            raise _refused(path, str(error)) from error


class _OnS3:
    def __init__(self, repository: str, backend_secrets: Mapping[str, str]) -> None:
        self._target, settings = rclone_target(repository)
        self._environment = {"RCLONE_CONFIG": "/dev/null", **settings}
        self._secrets = rclone_account(backend_secrets)

    def names(self, directory: str) -> list[str]:
        return sorted(self._rclone(directory, "lsf", "--files-only", self._at(directory)).splitlines())

    def move(self, source: str, target: str) -> None:
        self._rclone(source, "moveto", self._at(source), self._at(target))

    def remove(self, path: str) -> None:
        self._rclone(path, "deletefile", self._at(path))

    def _at(self, path: str) -> str:
        return f"{self._target}/{path}"

    def _rclone(self, what: str, *arguments: str) -> str:
        """Run rclone and return what it printed; nothing for a directory that is not there."""
        argv = ["rclone", *arguments, "--retries", "2", "--stats", "0"]
        command = Command(argv, environment=self._environment, secrets=self._secrets)
        try:
            done = LocalHost().run(command, accept=(0, 3) if "lsf" in arguments else (0,))
        except CommandError as error:
            raise _refused(what, error.stderr) from error
        return done.stdout.decode()


def _refused(path: str, why: str) -> VaultError:
    return VaultError(
        f"The storage of the vault did not let the file {path} be moved or removed: {why}",
        next_step="Look whether the housekeeper's account may delete there, and whether the storage keeps what is "
        "deleted (object lock, append-only).",
    )
