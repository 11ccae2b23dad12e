"""The directories of scratch servers, which belong to the account that a vendor's server runs under."""

import getpass
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from lifeboat.errors import PreflightError
from lifeboat.host import Command, LocalHost

_SOCKET_PATH_LIMIT = 107


@dataclass(frozen=True)
class ServerAccount:
    """The account that a server runs under: none for our own, since only root must change to another."""

    vendor: str
    name: str | None

    def make_directory(self, path: Path) -> None:
        """Make a directory of mode 0700 that belongs to the account. Raise PreflightError if that cannot be."""
        try:
            path.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise self._unreachable(path, error.strerror or "") from None
        if self.name:
            found = pwd.getpwnam(self.name)
            os.chown(path, found.pw_uid, found.pw_gid)

    def refuse_unreachable(self, directory: Path) -> None:
        """Raise PreflightError if the account cannot use a directory."""
        command = Command(["test", "-w", str(directory)], run_as=self.name)
        if LocalHost("scratch").run(command, accept=(0, 1)).exit_status != 0:
            raise self._unreachable(directory, "no access")

    def _unreachable(self, directory: Path, reason: str) -> PreflightError:
        return PreflightError(
            f"The account '{self.name or getpass.getuser()}', under which {self.vendor} runs, cannot use the scratch "
            f"directory {directory}: {reason}.",
            next_step="Set sites.….scratch to a directory whose parents every account may enter (mode 0711 will do).",
        )


def server_account(vendor: str, name: str, package: str) -> ServerAccount:
    """Given a vendor, its account's name and the package that makes it, return the account for a scratch server.

    Raise PreflightError when we are root, so that it is needed, and there is none.
    """
    if os.geteuid() != 0:
        return ServerAccount(vendor, None)
    try:
        pwd.getpwnam(name)
    except KeyError:
        raise PreflightError(
            f"{vendor} does not run as root, and there is no account '{name}' on this worker.",
            next_step=f"Create that account (the package {package} does), or run the worker as another one.",
        ) from None
    return ServerAccount(vendor, name)


def refuse_long_socket(socket: Path, directory: Path) -> None:
    """Raise PreflightError when the path of a Unix socket in a scratch directory is longer than one may be."""
    if len(os.fsencode(socket)) > _SOCKET_PATH_LIMIT:
        raise PreflightError(
            f"The path of the scratch directory is too long for a Unix socket: {directory}",
            next_step="Set sites.….scratch to a shorter path.",
        )
