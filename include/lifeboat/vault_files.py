"""The files of a vault, past restic: what is damaged is moved aside, and back.

Only the housekeeper does so. restic takes no notice of the directory `damaged` beside its own ones.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lifeboat.connections import Connection
from lifeboat.errors import ConfigurationError, VaultError
from lifeboat.s3_vault import S3Vault

#: Where damaged files lie, below the vault's own directory or prefix.
ASIDE = "damaged"


class VaultFiles(Protocol):
    """Files by their paths within a vault."""

    def names(self, directory: str) -> list[str]:
        """Return the names of the files in a directory; none if there is no such directory."""

    def move(self, source: str, target: str) -> None:
        """Move a file; it is at one of both places whenever this ends. Raise VaultError when the storage refuses."""

    def copy(self, source: str, target: str) -> None:
        """Copy a file, whole or not at all."""

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""


def vault_files(repository: str, backend_secrets: Mapping[str, str]) -> VaultFiles:
    """Given a vault's repository and the account of its storage, return its files. Raise ConfigurationError for a kind
    of storage whose files nobody but restic reaches."""
    if repository.startswith("/"):
        return _OnDisk(Path(repository))
    if repository.startswith("s3:"):
        extra = {
            "secret_access_key": backend_secrets.get("AWS_SECRET_ACCESS_KEY", ""),
            "region": backend_secrets.get("AWS_DEFAULT_REGION", ""),
        }
        return S3Vault(repository, Connection("s3", login=backend_secrets.get("AWS_ACCESS_KEY_ID", ""), extra=extra))
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

    def copy(self, source: str, target: str) -> None:
        try:
            (self._directory / target).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self._directory / f"{target}.partial"
            shutil.copyfile(self._directory / source, partial)
            os.replace(partial, self._directory / target)
        except OSError as error:
            raise _refused(source, str(error)) from error

    def remove(self, path: str) -> None:
        try:
            (self._directory / path).unlink(missing_ok=True)
        except OSError as error:
            raise _refused(path, str(error)) from error


def _refused(path: str, why: str) -> VaultError:
    return VaultError(
        f"The storage of the vault did not let the file {path} be moved, copied or removed: {why}",
        next_step="Look whether the housekeeper's account may delete there, and whether the storage keeps what is "
        "deleted (object lock, append-only).",
    )
