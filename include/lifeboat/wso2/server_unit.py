"""The systemd unit of a server. systemctl is believed in what it shows, not in its exit status."""

import logging
import re
from functools import cached_property

from lifeboat.errors import CommandError, PreflightError, ServerError
from lifeboat.host import Command, Host

log = logging.getLogger(__name__)

_ENVIRONMENT_FILE = re.compile(r"^EnvironmentFile\s*=\s*-?(/\S+)", re.MULTILINE)


class Unit:
    """One systemd unit on a host, controlled as root: by the login itself, or through sudo."""

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name

    def check(self) -> None:
        """Raise PreflightError if the host's systemd does not know the unit."""
        state = self._show().get("LoadState")
        if state != "loaded":
            raise PreflightError(
                f"Host '{self.host.name}' has no systemd unit '{self.name}' (LoadState: {state or 'unknown'}).",
                next_step="Correct control.unit in the deployment file, or install the unit there.",
            )

    @property
    def active(self) -> bool:
        """Whether systemd holds the unit for running."""
        return self._show().get("ActiveState") in ("active", "activating", "deactivating", "reloading")

    def stop(self) -> None:
        """Ask systemd to stop the unit; it goes on when this returns."""
        self.host.run(self._as_root("stop", "--no-block", self.name))

    def start(self) -> None:
        """Ask systemd to start the unit. A unit that systemd holds for running while its server does not run
        (RemainAfterExit) would not be started, so it is stopped first. Raise ServerError if systemd refuses."""
        try:
            if self.active:
                self.host.run(self._as_root("stop", self.name))
            self.host.run(self._as_root("start", self.name))
        except CommandError as error:
            raise ServerError(
                f"systemd on host '{self.host.name}' did not start unit '{self.name}': {error.stderr}",
                next_step=f"Look there: systemctl status {self.name}; journalctl -u {self.name} -n 50",
            ) from None

    def text(self) -> str:
        """Return the unit's file with its drop-ins."""
        done = self.host.run(Command(["systemctl", "cat", "--no-pager", self.name]))
        return done.stdout.decode(errors="replace")

    def environment_files(self) -> list[str]:
        """Return the files that the unit takes environment from."""
        return _ENVIRONMENT_FILE.findall(self.text())

    def _show(self) -> dict[str, str]:
        wanted = "--property=LoadState,ActiveState"
        done = self.host.run(Command(["systemctl", "show", "--no-pager", wanted, self.name]), accept=(0, 1, 4))
        lines = done.stdout.decode(errors="replace").splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def _as_root(self, *arguments: str) -> Command:
        sudo = [] if self._is_root else ["sudo", "-n"]
        return Command([*sudo, "systemctl", "--no-ask-password", *arguments])

    @cached_property
    def _is_root(self) -> bool:
        return self.host.run(Command(["id", "-u"])).stdout.strip() == b"0"
