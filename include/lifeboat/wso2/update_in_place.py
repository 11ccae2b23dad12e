"""The in-place tool of before WSO2 Updates 2.0: `bin/update_linux`. It asks for its password on a terminal."""

from typing import ClassVar

from lifeboat.host import Completed
from lifeboat.processes import mask
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.update_method import CONFLICTS, UPDATED, UpdateMethod

TOOL = "bin/update_linux"
_MORE_SECONDS = 60.0


class InPlace(UpdateMethod):
    """The tool keeps its backup in the account's own directory, and its level is WUM's timestamp, if any."""

    name: ClassVar[str] = "in_place"
    helpers: ClassVar[tuple[str, ...]] = ("updated", "old", "diff")

    def preflight(self, before: ProductIdentity) -> list[str]:
        self.require_tool(TOOL)
        self.login()
        left = self.conflicts()
        if left:
            raise self.conflict(left, "an earlier update left them unresolved")
        return [f"{self.server_name}: the in-place tool tells no update level; its bundles are looked at alone"]

    def update(self, before: ProductIdentity) -> None:
        done = self.run_again(lambda: self._run())
        if done.exit_status == CONFLICTS:
            done = self._resolve()
        if done.exit_status != UPDATED:
            raise self.failed(done)

    def unmet(self, before: ProductIdentity, after: ProductIdentity) -> list[str]:
        wanted = {"product": before.product, "version": before.version, "update kind": "in_place"}
        found = {"product": after.product, "version": after.version, "update kind": after.update_kind}
        return [f"{what} is {found[what]}, not {wanted[what]}" for what in wanted if found[what] != wanted[what]]

    def _resolve(self) -> Completed:
        conflicts = self.conflicts()
        if not self.target.wait:
            done = self._run("--revert")
            raise self.conflict(conflicts, f"the tool ended its revert with status {done.exit_status}")
        self.wait_until_resolved(conflicts)
        return self.run_again(lambda: self._run("--continue"))

    def _run(self, *arguments: str) -> Completed:
        login = self.login()
        argv = [f"{self.server.home}/{TOOL}", "--username", login.login, "--channel", self.settings.channel, *arguments]
        payload = {
            "argv": self.locked(argv),
            "directory": f"{self.server.home}/bin",
            "environment": self.settings.environment,
            "password": login.password,
            "seconds": self.settings.timeout.total_seconds(),
        }
        limit = (
            self.settings.timeout.total_seconds() + _MORE_SECONDS
        )  # it ends the tool itself, and says what that had said
        found = self.host.run_python_lasting(
            "lifeboat.wso2.prompt", payload, run_as=self.server.run_as, timeout=limit, name=self.next_run()
        )
        if found["status"] is None:
            raise self.took_too_long(TOOL)
        return self.told(Completed(found["status"], mask(found["output"], [login.password]).encode(), ""))
