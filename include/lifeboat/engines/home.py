"""Homes: one WSO2 product home, captured by the rules of its layout, with the product's identity and its patches.

The inventory of the patches is a fact of its own beside the tree: it tells, at any restore point and without
restoring it, which patches were there, which bundles ran, and what the server would have made of them.
"""

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.deployment import Server
from lifeboat.engines._home_parts import PartsStep, restored_parts
from lifeboat.engines._tree_restored import RestoredTree
from lifeboat.engines._walks import ROOT, Entries, Walked, walk
from lifeboat.engines.base import Facts, Restored, difference, fidelity, load_facts
from lifeboat.engines.tree import Description, TreeEngine
from lifeboat.errors import ConfigurationError
from lifeboat.host import Command
from lifeboat.manifest import Check, UnitSnapshot
from lifeboat.recovery_documents import Replacement
from lifeboat.swap import Step
from lifeboat.text import printable
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckResult
from lifeboat.wso2.identity import ProductIdentity, read_identity
from lifeboat.wso2.known_secrets import secret_warnings
from lifeboat.wso2.layout import TEMPLATES, detect_layout, embedded_databases, recreated_directories, rules_for
from lifeboat.wso2.layout_rules import DATABASE_FOLDERS, DROPPED, LayoutKind
from lifeboat.wso2.patch_restore import WEBAPPS
from lifeboat.wso2.patch_traps import patch_warnings, patches_agree
from lifeboat.wso2.patches import PatchInventory, contents, inventory, read_patches

IN_PLACE = """\
To put it in the place of the live home:
  1. Stop the server. Its stop script returns before the server has ended: wait until the process is gone and
     nothing listens on its ports.
  2. mv {live} {live}.before && mv {restored} {live}     # without the first part if there is no home any more
  3. What is never captured: a PID file of the old process keeps a server from starting, and tmp must be there,
     empty. The logs of the live home are worth keeping.
       rm -f {live}/*.pid
       rm -rf {live}/tmp && mkdir {live}/tmp && chown --reference={live} {live}/tmp
       cp -a {live}.before/repository/logs {live}/repository/
  4. Start the server under the account that owns the home, and read its log until it says that it has started.
The old home stays as {live}.before until you remove it; to undo, stop the server and rename both back.
Embedded databases (H2 files) are not part of a home: they are members of their own, or in {live}.before.
"""


@dataclass
class RestoredHome(RestoredTree):
    """A home restored into a directory."""

    patches: dict[str, Any] = field(default_factory=dict)

    def prove(self) -> Facts:
        facts = super().prove()
        if self.member in facts:
            self.patches, _ = read_patches(self.host, self.directory, run_as=self.run_as)
            facts[self.member]["patches"] = self.patches
        return facts

    def examine(self) -> list[CheckResult]:
        found = inventory(self.patches) if self.patches else None
        if found is None:
            return []
        command = Command(
            ["find", f"{self.directory}/updates", "-maxdepth", "1", "-printf", "%P\\n"], run_as=self.run_as
        )
        names = self.host.run(command, accept=(0, 1)).stdout.decode(errors="surrogateescape").splitlines()
        return [patches_agree(found, read_identity(self._read, sorted(f"updates/{name}" for name in names if name)))]

    def _read(self, path: str) -> bytes | None:
        return self.host.read_file(f"{self.directory}/{path}", run_as=self.run_as)


class HomeEngine(TreeEngine):
    """Captures one product home."""

    kind: ClassVar[str] = "home"
    name: ClassVar[str] = "home"
    restored: ClassVar[type[RestoredTree]] = RestoredHome

    def preflight(self) -> dict[str, str]:
        tools = super().preflight()
        self._layout()
        return tools

    def rules(self) -> list[tuple[str, str]]:
        layout_rules = rules_for(self._layout(), self._templates())
        return [*super().rules(), *((str(label), glob) for label, glob in layout_rules)]

    def describe(self, found: Walked) -> Description:
        patches, settled = self._patches(found)
        held = inventory(patches)
        identity = self._identity([path for path in found.entries if path.startswith("updates/")], held)
        said = identity.model_dump(mode="json")
        summary: dict[str, int | str] = {"product": f"{identity.product} {identity.version}"}
        if identity.update_level is not None:
            summary["update_level"] = identity.update_level
        if held is not None:
            summary["patches"] = len(held.patch_names)
        warnings = [*identity.problems, *secret_warnings(self._read), *self._not_captured(found)]
        warnings += [printable(each.message) for each in patch_warnings(held, identity)] if held else []
        if not settled:
            warnings.append("patches or plugins kept changing; their inventory is not proven")
        return Description(
            facts={"identity": said, "patches": patches, "patches_settled": settled},
            summary=summary,
            details={"identity": said},
            checks=[patches_agree(held, identity)] if held else [],
            warnings=[f"{self.unit}: {warning}" for warning in warnings],
        )

    def read_patches(self) -> tuple[PatchInventory | None, ProductIdentity]:
        """Return the inventory of the live home's patches, None for one without plugins, and its identity."""
        facts, _ = self._read_patches(self._excluded())
        held = inventory(facts)
        return held, self._identity(self._update_files(), held)

    def examine(self) -> list[CheckResult]:
        held, identity = self.read_patches()
        return [patches_agree(held, identity)] if held else []

    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        yield from super().compare(member, captured, restored)
        if not captured["patches_settled"]:
            detail = "patches or plugins kept changing during the capture"
            yield Check(name="patch-inventory", verdict="fidelity", outcome="skipped", member=member, detail=detail)
            return
        before, after = contents(captured["patches"]), contents(restored["patches"])
        differs = difference(before, after)
        yield fidelity("patch-inventory", member, not differs, differs or f"{len(before)} patches and bundles the same")

    def _identity(self, update_files: list[str], held: PatchInventory | None) -> ProductIdentity:
        patches = [printable(name) for name in held.patch_names] if held else []
        packs = [printable(held.service_pack.name)] if held and held.service_pack else []
        return read_identity(self._read, update_files, patches=patches, service_packs=packs)

    def _patches(self, found: Walked) -> tuple[dict[str, Any], bool]:
        """Return the patches as facts, and whether they were read from the very files that the walk found."""
        began = time.monotonic()
        facts, stamps = self._read_patches(self._excluded())
        self._proof_seconds += time.monotonic() - began
        return facts, _same_files(found, stamps)

    def _read_patches(self, excluded: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
        cache = self.cache_file("patches")
        return read_patches(self.host, self.root, excluded=excluded, cache=cache, run_as=self.run_as)

    def _excluded(self) -> list[str]:
        return [glob for label, glob in self.rules() if label == "excluded"]

    def exchange_details(self) -> dict[str, Any]:
        # Every layout has the same; a missing tmp makes a start script of Micro Integrator delete the whole home.
        made_anew = [f"{folder}/{name}.*" for folder in DATABASE_FOLDERS for name in self._recreated()]
        return {"dropped": [*DROPPED, *made_anew], "directories": recreated_directories(LayoutKind.MODERN)}

    def _recreated(self) -> list[str]:
        settings = self.settings
        assert isinstance(settings, Server)
        return settings.recreated_databases

    def _not_captured(self, found: Walked) -> list[str]:
        """Say which embedded databases are neither units of the deployment nor known to be made anew."""
        servers = self.runtime.deployment.database_servers.values()
        known = {name for each in servers if each.server == self.unit.name for name in each.databases}
        known.update(self._recreated())
        paths = [each.path for each in embedded_databases(found.excluded)]
        names = ", ".join(path for path in paths if known.isdisjoint((path, path.rpartition("/")[2])))
        if not names:
            return []
        return [
            f"embedded databases are not part of the home and not captured: {names}; give them a database server with "
            "engine h2, or list them under recreated_databases"
        ]

    def in_place(self, live: str, restored: str) -> str:
        return IN_PLACE.format(live=shlex.quote(live), restored=shlex.quote(restored))

    # -- recovery of its patches alone ------------------------------------------------------------------------

    @contextmanager
    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> Iterator[Restored]:
        if "parts" not in replacement.details:
            with super().restore_beside(snapshot, replacement, vault, scratch) as whole:
                yield whole
            return
        facts = load_facts(vault, snapshot)[str(snapshot.unit)]
        point = snapshot.members[0].address.snapshot
        with restored_parts(self.host, self.run_as, replacement, vault, point, facts) as parts:
            yield parts

    def step(self, replacement: Replacement) -> Step:
        if "parts" not in replacement.details:
            return super().step(replacement)
        return PartsStep(self.host, replacement, self.run_as)

    def web_archives(self) -> Entries:
        """Return what there is among the live web applications, by paths in the home."""
        webapps = WEBAPPS.rstrip("/")
        if not self.host.exists(f"{self.root}/{webapps}", run_as=self.run_as):
            return {}
        found = walk(self.host, f"{self.root}/{webapps}", [], digest=True, run_as=self.run_as).entries
        return {f"{webapps}/{path}": entry for path, entry in found.items() if path != ROOT}

    def _layout(self) -> Any:
        try:
            return detect_layout(lambda path: self.host.exists(f"{self.root}/{path}", run_as=self.run_as))
        except ConfigurationError as error:
            message = f"{self.unit}: '{self.root}' on host '{self.host.name}': {error.message}"
            raise ConfigurationError(message, next_step=error.next_step) from None

    def _templates(self) -> list[str]:
        """Return the paths of the templates from which the product renders its configuration at each start."""
        return [TEMPLATES + name for name in self._find(TEMPLATES, "-name", "*.j2")]

    def _update_files(self) -> list[str]:
        return [f"updates/{name}" for name in self._find("updates")]

    def _find(self, below: str, *conditions: str) -> list[str]:
        """Return the paths of the files below a directory of the home, relative to it."""
        directory = f"{self.root}/{below}"
        if not self.host.exists(directory, run_as=self.run_as):
            return []
        argv = ["find", directory, "-type", "f", *conditions, "-printf", "%P\\0"]
        names = self.host.run(Command(argv, run_as=self.run_as)).stdout.decode(errors="surrogateescape").split("\0")
        return [name for name in names if name]

    def _read(self, path: str) -> bytes | None:
        return self.host.read_file(f"{self.root}/{path}", run_as=self.run_as)


def _same_files(found: Walked, stamps: Mapping[str, str]) -> bool:
    """Return whether files were read as a walk found them; a walk follows no links, so what is behind them is left
    out."""
    links = tuple(f"{path}/" for path, entry in found.entries.items() if entry[0] == "l")
    return all(found.stamps.get(path) == stamp for path, stamp in stamps.items() if not f"{path}/".startswith(links))


ENGINE = HomeEngine
