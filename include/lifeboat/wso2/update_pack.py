"""Pack replacement: a newly updated pack takes the place of the home, with what belongs to the installation.

It serves packs of any source: WUM made nothing else, and WSO2 advises to update one pack and to distribute it (FAQ of
Updates 2.0). The new home is made beside the old one and checked before it takes its place; the old one is kept.
"""

import logging
from collections.abc import Sequence
from typing import ClassVar

from lifeboat.engines._tree_beside import DirectoryStep, plan_directory
from lifeboat.errors import CommandError, PreflightError, UpdateError
from lifeboat.globs import translate
from lifeboat.wso2.identity import ProductIdentity, UpdateKind, read_identity
from lifeboat.wso2.layout import LayoutKind, detect_layout
from lifeboat.wso2.update_method import UpdateMethod

log = logging.getLogger(__name__)

#: What belongs to the installation and replaces what the pack has of it. Older products have all of their
#: configuration edited by hand; newer ones render it from deployment.toml.
KEPT = (
    "repository/conf/deployment.toml",
    "conf/deployment.toml",
    "repository/resources/security/**",
    "repository/database/**",
    "repository/tenants/**",
    "repository/logs/**",
    "solr/**",
)
KEPT_OF_CARBON4 = ("repository/conf/**", "conf/**")
#: What belongs to it where the pack has nothing: artefacts, drivers, extensions, own scripts.
ADDED = (
    "repository/deployment/server/**",
    "repository/components/dropins/**",
    "repository/components/lib/**",
    "repository/components/extensions/**",
    "dropins/**",
    "lib/**",
    "bin/**",
)


class PackReplacement(UpdateMethod):
    """Replaces the home by a new pack. The pack's own files tell the level, so a wrong one is seen before anything."""

    name: ClassVar[str] = "pack"

    def preflight(self, before: ProductIdentity) -> list[str]:
        if not self.target.pack.startswith("/"):
            raise PreflightError(
                "The method pack needs the path of the new pack on the server's host: a zip or a directory.",
                next_step="Give it: --pack /srv/packs/wso2am-4.5.0.41.zip.",
            )
        if not self.host.exists(self.target.pack, run_as=self.server.run_as):
            raise PreflightError(
                f"There is no pack '{self.target.pack}' on host '{self.host.name}'.",
                next_step="Copy it there, readable for the account of the home.",
            )
        return self.preflight_of_home(self.target.pack)

    def preflight_of_home(self, pack: str) -> list[str]:
        """Check that the home can be exchanged, and return what is said of that; `pack` is what it is replaced by."""
        plan_directory(self.host, f"home/{self.server_name}", self.server.home, "update", self.server.run_as)
        return [f"{self.server_name}: the home is replaced by {pack}; the old one is kept beside it"]

    def update(self, before: ProductIdentity) -> None:
        name = f"update-{before.update_level or before.wum_timestamp or 0}"
        exchange, _ = plan_directory(self.host, f"home/{self.server_name}", self.server.home, name, self.server.run_as)
        self._clear(exchange.kept)
        self._make(exchange.live, exchange.beside)
        problems = self.unmet(before, self._identity(exchange.beside))
        if problems:
            self._clear(exchange.beside)
            raise UpdateError(
                f"The pack '{self.target.pack}' is not what server '{self.server_name}' needs: {'; '.join(problems)}.",
                next_step="Give the pack of the same product and version at the wanted level.",
            )
        DirectoryStep(self.host, exchange, self.server.run_as, {"directories": ["tmp"]}).forward()
        log.info("Server %s has the new pack; the old home is kept as %s", self.server_name, exchange.kept)

    def unmet(self, before: ProductIdentity, after: ProductIdentity) -> list[str]:
        if after.wum_timestamp is None or before.update_kind is UpdateKind.UPDATES_2 or self.target.level is not None:
            return super().unmet(before, after)
        problems = self.other_product(before, after)
        if after.wum_timestamp <= (before.wum_timestamp or 0):
            problems.append(f"WUM's timestamp was {before.wum_timestamp}, and is {after.wum_timestamp}")
        return problems

    def _make(self, home: str, beside: str) -> None:
        layout = detect_layout(lambda path: self.host.exists(f"{home}/{path}", run_as=self.server.run_as))
        kept = [*KEPT, *(KEPT_OF_CARBON4 if layout is LayoutKind.CARBON4 else ()), *self.settings.carry_over]
        payload = {
            "pack": self.target.pack,
            "home": home,
            "beside": beside,
            "kept": _expressions(kept),
            "added": _expressions(ADDED),
        }
        try:
            found = self.host.run_python("lifeboat.wso2.packbeside", payload, run_as=self.server.run_as)
        except CommandError as error:
            raise UpdateError(
                f"No home could be made of the pack '{self.target.pack}' beside '{home}': {error.stderr}",
                next_step="Check the pack: `unzip -t`.",
            ) from None
        log.info("Made a home of %s, with %d files of the installation", self.target.pack, found["carried"])

    def _identity(self, home: str) -> ProductIdentity:
        argv = ["find", f"{home}/updates", "-type", "f", "-printf", "updates/%P\\0"]
        done = self.host.run(self._command(argv), accept=(0, 1))
        files = [name for name in done.stdout.decode(errors="surrogateescape").split("\0") if name]
        return read_identity(lambda path: self.host.read_file(f"{home}/{path}", run_as=self.server.run_as), files)

    def _clear(self, path: str) -> None:
        """Remove what an earlier attempt left under a name that Lifeboat gave."""
        if path:
            self.host.run(self._command(["rm", "-rf", "--", path]), timeout=None)


class DeliveredPack(PackReplacement):
    """Replaces the home by a pack that was made ready once for all servers, by `lifeboat.update_packs`; when it comes
    to the update, `target.pack` is where that was delivered to."""

    def preflight(self, before: ProductIdentity) -> list[str]:
        return self.preflight_of_home("the pack that is made ready first")


class Distribute(DeliveredPack):
    """WSO2's advice: one reference pack is updated by Updates 2.0, and distributed (FAQ of Updates 2.0)."""

    name: ClassVar[str] = "distribute"


class FromWum(DeliveredPack):
    """WUM makes the pack, for those who still have it."""

    name: ClassVar[str] = "wum"


def _expressions(globs: Sequence[str]) -> list[str]:
    return [translate(glob).pattern for glob in globs]
