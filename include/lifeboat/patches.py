"""The patches of a deployment's servers, now or at a restore point, and how they differ.

Read live over each server's host, or from the facts of a restore point without restoring anything.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from lifeboat.capture import engine_for
from lifeboat.deployment import Unit
from lifeboat.documents import located_at
from lifeboat.engines.base import load_facts
from lifeboat.engines.home import HomeEngine
from lifeboat.errors import LifeboatError
from lifeboat.manifest import Manifest
from lifeboat.runtime import Runtime
from lifeboat.text import shown
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.patch_traps import PatchWarning, patch_warnings
from lifeboat.wso2.patches import PatchInventory, inventory, next_start

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerPatches:
    """One server's identity and patches; `patches` is None for a product without a plugins directory."""

    server: str
    type: str
    identity: ProductIdentity
    patches: PatchInventory | None

    def warnings(self) -> list[PatchWarning]:
        """Return the traps that the server is in."""
        return patch_warnings(self.patches, self.identity) if self.patches else []

    def row(self) -> dict[str, str]:
        """Return what is worth seeing beside other servers, by what it is called."""
        identity, patches = self.identity, self.patches
        row = {
            "type": self.type,
            "product": f"{identity.product} {identity.version}",
            "kernel": identity.carbon_kernel or "unknown",
            "update": update_level(identity),
            "hotfixes": ", ".join(identity.hotfixes) or "none",
            "service pack": ", ".join(identity.service_packs) or "none",
            "patches": ", ".join(identity.patches) or "none",
        }
        if patches is not None:
            row["patch0000"] = "none" if patches.baseline is None else f"{len(patches.baseline)} files"
            row["bundles"] = f"{len(patches.plugins)}, {len(patches.latest)} patched"
            row["plugins"] = "agree" if patches.agrees else "differ"
            row["next start"] = str(next_start(patches).action)
        return row


def update_level(identity: ProductIdentity) -> str:
    """Given a home's identity, return its update level and what brought it there, in words."""
    kind = (identity.update_kind or "unknown").replace("_", " ")
    if identity.wum_timestamp:
        return f"{kind} {identity.wum_timestamp}"
    return f"level {identity.update_level} ({kind})" if identity.update_level is not None else str(kind)


def live_patches(runtime: Runtime) -> tuple[list[ServerPatches], dict[str, LifeboatError]]:
    """Return the patches of every server as they are now, and the error of each server that cannot be read."""
    found, errors = [], {}
    for name, settings in runtime.deployment.servers.items():
        engine = engine_for(runtime, Unit(kind="home", name=name))
        assert isinstance(engine, HomeEngine)
        try:
            patches, identity = engine.read_patches()
        except LifeboatError as error:
            errors[name] = error
        else:
            found.append(ServerPatches(name, settings.type, identity, patches))
    return found, errors


def patches_at(runtime: Runtime, manifest: Manifest) -> list[ServerPatches]:
    """Given a restore point, return the patches that its servers had; nothing is restored. A server that the
    deployment file no longer names has the type that its files tell."""
    site, servers = runtime.deployment.home_site(), runtime.deployment.servers
    vault, found = runtime.vault(site), []
    for snapshot in located_at(vault, manifest, site).units:
        if snapshot.unit.kind != "home":
            continue
        name, facts = snapshot.unit.name, load_facts(vault, snapshot)[str(snapshot.unit)]
        identity = ProductIdentity.model_validate(facts["identity"])
        type_now = servers[name].type if name in servers else identity.server_type or "unknown"
        found.append(ServerPatches(name, type_now, identity, inventory(facts["patches"])))
    return found


@dataclass(frozen=True)
class Difference:
    """How something about patches differs between two servers, or between two times."""

    between: str
    what: str
    detail: str


def drift(servers: Iterable[ServerPatches]) -> list[Difference]:
    """Given servers, return how those of one type differ from the first of that type."""
    found = []
    by_type = sorted(servers, key=lambda each: each.type)
    for kind, group in groupby(by_type, key=lambda each: each.type):
        first, *others = group
        for other in others:
            between = f"{kind}: {first.server}, {other.server}"
            only = f"only {first.server}", f"only {other.server}"
            found += [Difference(between, what, detail) for what, detail in _differences(first, other, only)]
    return found


def mixed_levels(servers: Iterable[ServerPatches]) -> list[Difference]:
    """Given servers, return the products whose servers, of whatever type, are at different update levels."""
    by_product: dict[str, dict[str, list[str]]] = {}
    for each in servers:
        family = f"{(each.identity.product or 'unknown').partition('-')[0]} {each.identity.version}"
        by_product.setdefault(family, {}).setdefault(update_level(each.identity), []).append(each.server)
    return [
        Difference(product, "update level", "; ".join(f"{level}: {', '.join(names)}" for level, names in found.items()))
        for product, found in by_product.items()
        if len(found) > 1
    ]


def since(then: Iterable[ServerPatches], now: Iterable[ServerPatches]) -> list[Difference]:
    """Given the servers at a restore point and now, return what changed on each since then."""
    before, found = {each.server: each for each in then}, []
    for each in now:
        if each.server not in before:
            found.append(Difference(each.server, "server", "not in the restore point"))
            continue
        differences = _differences(before[each.server], each, ("gone", "new"))
        found += [Difference(each.server, what, detail) for what, detail in differences]
    return found


def _differences(one: ServerPatches, other: ServerPatches, only: tuple[str, str]) -> Iterator[tuple[str, str]]:
    rows = one.row(), other.row()
    for what in ("product", "kernel", "update", "hotfixes", "service pack", "patches"):
        if rows[0][what] != rows[1][what]:
            yield what, f"{rows[0][what]}; {rows[1][what]}"
    if one.patches and other.patches:
        yield from _content_differences(one.patches, other.patches, only)


def _content_differences(
    one: PatchInventory, other: PatchInventory, only: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    first, second = ({name: file.md5 for name, (_, file) in each.latest.items()} for each in (one, other))
    for what, before, after in (
        ("patched bundles", first, second),
        ("patch0000", one.baseline or {}, other.baseline or {}),
        ("plugins", one.plugins, other.plugins),
    ):
        detail = _changed(before, after, only)
        if detail:
            yield what, detail


def _changed(before: Mapping[str, str | None], after: Mapping[str, str | None], only: tuple[str, str]) -> str:
    groups = (
        (only[0], before.keys() - after.keys()),
        (only[1], after.keys() - before.keys()),
        ("changed", {name for name in before.keys() & after.keys() if before[name] != after[name]}),
    )
    return "; ".join(f"{word}: {shown(sorted(names), 4)}" for word, names in groups if names)
