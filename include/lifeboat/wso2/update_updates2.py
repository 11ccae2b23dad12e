"""WSO2 Updates 2.0: `bin/wso2update_linux` (docs.wso2.com/updates, update-commands, best-practices, troubleshoot)."""

import logging
from pathlib import PurePosixPath
from typing import ClassVar

import humanize

from lifeboat.errors import PreflightError, SpaceError
from lifeboat.host import Completed
from lifeboat.text import shown
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.update_method import CONFLICTS, REVERTED, UPDATED, UpdateMethod

log = logging.getLogger(__name__)

TOOL = "bin/wso2update_linux"
#: WSO2: three times the pack, the updates, and 500 MB. What the updates need is not known before.
_PACKS, _MORE_BYTES = 3, 500_000_000


class UpdatesTwo(UpdateMethod):
    """The tool of today. It gets its account by environment, closed standard input, since it hangs on a prompt, and a
    backup directory of its own, which must lie outside the product."""

    name: ClassVar[str] = "updates2"
    helpers: ClassVar[tuple[str, ...]] = ("original", "new")

    def preflight(self, before: ProductIdentity) -> list[str]:
        self.require_tool(TOOL)
        self.login()
        home, backups = PurePosixPath(self.server.home), PurePosixPath(self.settings.backup_directory)
        if home in (backups, *backups.parents):
            raise PreflightError(
                f"update.backup_directory '{backups}' is inside the home of server '{self.server_name}'; the tool "
                "refuses that.",
                next_step="Set it to a directory outside every home.",
            )
        left = self.conflicts()
        if left:
            raise self.conflict(left, "an earlier update left them unresolved")
        self._require_space()
        if before.hotfixes:
            return [f"{self.server_name}: hotfixes are reverted first: {', '.join(before.hotfixes)}"]
        return []

    def update(self, before: ProductIdentity) -> None:
        self.host.run(self._command(["mkdir", "-p", "-m", "0700", "--", self.settings.backup_directory]))
        self.run_all(before)

    def run_all(self, before: ProductIdentity) -> None:
        """Run the tool as often as it takes. Raise UpdateError, or ConflictError."""
        for hotfix in reversed(before.hotfixes):
            done = self._run("revert-hotfix")
            if done.exit_status not in (UPDATED, REVERTED):
                raise self.failed(done)
            log.info("Reverted hotfix %s of server %s", hotfix, self.server_name)
        done = self.run_again(lambda: self._run(*self._arguments()))
        if done.exit_status == CONFLICTS:
            done = self._resolve()
        if done.exit_status != UPDATED:
            raise self.failed(done)

    def _arguments(self) -> list[str]:
        return ["--backup", self.settings.backup_directory, *self._level_and_channel()]

    def _level_and_channel(self) -> list[str]:
        level = [] if self.target.level is None else ["--level", str(self.target.level)]
        channel = [] if self.settings.channel == "full" else ["--channel", self.settings.channel]
        return [*level, *channel]

    def _resolve(self) -> Completed:
        conflicts = self.conflicts()
        if not self.target.wait:
            done = self._run("--revert")
            what = "the tool reverted" if done.exit_status == REVERTED else f"the tool did not revert ({done.stderr})"
            raise self.conflict(conflicts, what)
        self.wait_until_resolved(conflicts)
        return self.run_again(lambda: self._run("--continue"))

    def _run(self, *arguments: str) -> Completed:
        login = self.login()
        return self.run_tool(
            [f"{self.server.home}/{TOOL}", *arguments],
            environment=self.settings.environment,
            secrets={"UPDATE_TOOL_USERNAME": login.login, "UPDATE_TOOL_PASSWORD": login.password},
        )

    def _require_space(self) -> None:
        """Raise SpaceError when the home's or the backups' file system has no room for what the tool needs."""
        size = int(self.host.run(self._command(["du", "-sb", "--", self.server.home]), timeout=None).stdout.split()[0])
        needed = _PACKS * size + _MORE_BYTES
        places = {self.server.home, self._existing(self.settings.backup_directory)}
        short = [place for place in sorted(places) if self.host.free_bytes(place) < needed]
        if short:
            raise SpaceError(
                f"The update of server '{self.server_name}' needs about {humanize.naturalsize(needed)}; less is free "
                f"in {shown(short)} on host '{self.host.name}'.",
                next_step="Free space there, or move update.backup_directory.",
            )

    def _existing(self, path: str) -> str:
        while not self.host.exists(path, run_as=self.server.run_as):
            path = str(PurePosixPath(path).parent)
        return path
