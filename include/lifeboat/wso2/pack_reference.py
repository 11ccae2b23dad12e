"""A reference pack that is updated once by Updates 2.0, in a copy: WSO2 advises this instead of running the tool on
every node (FAQ of Updates 2.0). The pack itself is never changed.
"""

from collections.abc import Sequence
from typing import Any

from lifeboat.deployment import Server
from lifeboat.errors import CommandError, PreflightError, UpdateError
from lifeboat.host import Completed
from lifeboat.text import shown
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.pack_source import PackSource
from lifeboat.wso2.update_updates2 import TOOL, UpdatesTwo

#: The copy, what the tool needs besides (three times the pack, less its own backup, and 500 MB), and the zip.
_PACKS, _MORE_BYTES = 4, 500_000_000


class _UpdateOfCopy(UpdatesTwo):
    """The tool at work on the copy. It makes no backup, for the reference pack is one."""

    @property
    def subject(self) -> str:
        return f"the copy of pack '{self.server_name}'"

    def preflight(self, before: ProductIdentity) -> list[str]:
        self.login()
        return []

    def update(self, before: ProductIdentity) -> None:
        left = self.conflicts()
        if left:
            raise self.conflict(left, "an earlier update left them unresolved")
        self.run_all(before)

    def unmet(self, before: ProductIdentity, after: ProductIdentity) -> list[str]:
        """The reference pack may be at the newest level already: whether it serves, the servers decide."""
        if self.target.level is None and after.update_level == before.update_level:
            return self.other_product(before, after)
        return super().unmet(before, after)

    def _arguments(self) -> list[str]:
        return ["--no-backup", *self._level_and_channel()]

    def _resolve(self) -> Completed:
        if self.target.wait:
            return super()._resolve()
        raise self.conflict(self.conflicts(), "nobody was to be waited for")


class ReferencePack(PackSource):
    """The pack of the request, on the host of packs."""

    def plan(self, products: Sequence[str]) -> str:
        pack = self.target.pack
        if not pack.startswith("/"):
            raise PreflightError(
                "The method distribute needs the path of the reference pack, a zip or a directory.",
                next_step=f"Give it, as host '{self.host.name}' sees it: --pack /srv/packs/wso2am-4.5.0.zip.",
            )
        found = self.look(pack)
        if [*products] != [found.product]:
            raise PreflightError(
                f"The reference pack '{pack}' is {found.product}; the servers that were chosen are "
                f"{', '.join(products)}.",
                next_step="Choose the servers of one product, by --type or --server, and give the pack of that.",
            )
        if not found.has_tool:
            raise PreflightError(
                f"The reference pack '{pack}' has no update tool, {TOOL}.",
                next_step="Get it from WSO2 (bin/update_tool_setup.sh) into the pack.",
            )
        level = found.identity.update_level or 0
        if self.target.level is not None and level > self.target.level:
            raise PreflightError(
                f"The reference pack '{pack}' is at level {level}, which is beyond level {self.target.level}.",
                next_step="Give an older pack: updates only lead up.",
            )
        self._tool(pack, pack).preflight(found.identity)
        return f"{pack}, which is at level {level}"

    def bytes_needed(self) -> int:
        return _PACKS * self.look(self.target.pack).size_bytes + _MORE_BYTES

    def make(self, product: str, place: str) -> str:
        pack, home = self.target.pack, f"{place}/{product}"
        self._python("packbeside", {"pack": pack, "home": "", "beside": home, "kept": [], "added": []})
        tool, before = self._tool(pack, home), self.look(home)
        tool.require_tool(TOOL)
        tool.update(before.identity)
        after = self.look(home)
        problems = tool.unmet(before.identity, after.identity)
        if left := tool.conflicts():
            problems.append(f"conflicts are left: {shown(left)}")
        backup = after.tool_backup
        if backup != before.tool_backup and not self.run(["test", "-e", backup], accept=(0, 1)).exit_status:
            problems.append(f"the tool left a backup, which nobody asked for, in {backup}: remove it")
        if problems:
            raise UpdateError(
                f"The copy of pack '{pack}' is not what the update should have made of it: {'; '.join(problems)}.",
                next_step=f"Look into '{home}' on host '{self.host.name}', updates/logs first.",
            )
        made = f"{place}/{product}.zip"
        self._python("packfile", {"action": "make", "directory": home, "pack": made, "top": product})
        self.run(["rm", "-rf", "--", home])
        return made

    def _tool(self, pack: str, home: str) -> _UpdateOfCopy:
        server = Server(type="pack", home=home, run_as=self.run_as)
        return _UpdateOfCopy(self.host, pack, server, self.settings, self.connection, self.target)

    def _python(self, module: str, payload: dict[str, Any]) -> None:
        try:
            self.host.run_python(f"lifeboat.wso2.{module}", payload, run_as=self.run_as)
        except CommandError as error:
            raise UpdateError(
                f"No copy could be made of pack '{self.target.pack}': {error.stderr}",
                next_step="Check the pack: `unzip -t`. Check the room in update.pack_directory.",
            ) from None
