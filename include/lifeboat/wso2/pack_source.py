"""Where an updated pack comes from that all servers of a product get: it is made on one host before any is touched."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifeboat.connections import Connection
from lifeboat.deployment import UpdateSettings
from lifeboat.errors import CommandError, PreflightError
from lifeboat.host import Command, Completed, Host
from lifeboat.wso2.identity import (
    IN_PLACE_FILE,
    KERNEL_FILE,
    PRODUCT_FILE,
    UPDATES_2_FILE,
    VERSION_FILE,
    ProductIdentity,
    read_identity,
)
from lifeboat.wso2.update_method import Target
from lifeboat.wso2.update_updates2 import TOOL

IDENTITY_FILES = (VERSION_FILE, KERNEL_FILE, PRODUCT_FILE, UPDATES_2_FILE, IN_PLACE_FILE)


@dataclass(frozen=True)
class FoundPack:
    """A pack as it is: what it says of itself, its bytes unpacked, whether it has the tool of Updates 2.0, and the
    backup that this made last."""

    identity: ProductIdentity
    size_bytes: int
    has_tool: bool
    tool_backup: str

    @property
    def product(self) -> str:
        return product_of(self.identity)


class PackSource(ABC):
    """One way to make packs ready on a host, under one account there."""

    def __init__(
        self, host: Host, settings: UpdateSettings, connection: Callable[[str], Connection], target: Target
    ) -> None:
        self.host, self.settings, self.target = host, settings, target
        self.connection = connection
        self.run_as = settings.pack_run_as

    @abstractmethod
    def plan(self, products: Sequence[str]) -> str:
        """Given products, such as wso2am-4.5.0, say what their packs will be made of; the same before and after that
        was done. Change nothing. Raise PreflightError or ConfigurationError for what stands in the way."""

    def bytes_needed(self) -> int:
        """Return the room that it takes to make packs ready."""
        return 0

    @abstractmethod
    def make(self, product: str, place: str) -> str:
        """Given a product and an empty directory, return the path of a zip with the updated pack. Raise UpdateError
        when it cannot be had."""

    def look(self, pack: str) -> FoundPack:
        """Given the path of a pack, a zip or a directory, return what it is. Raise PreflightError if it is none."""
        payload = {"action": "look", "pack": pack, "names": IDENTITY_FILES, "sought": [TOOL]}
        try:
            found = self.host.run_python("lifeboat.wso2.packfile", payload, run_as=self.run_as)
        except CommandError as error:
            raise PreflightError(
                f"'{pack}' on host '{self.host.name}' is no pack that can be read: {error.stderr}",
                next_step="Give a zip or a directory, readable for the account that makes packs ready.",
            ) from None
        files = {name: text.encode() for name, text in found["files"].items()}
        identity = read_identity(files.get, found["updates"])
        has_tool = found["there"] == [TOOL]
        return FoundPack(identity, found["bytes"], has_tool, _tool_backup(files.get(UPDATES_2_FILE)))

    def run(self, argv: Sequence[str], accept: Sequence[int] = (0,)) -> Completed:
        """Run a small command under the account that makes packs ready."""
        return self.host.run(Command(argv, run_as=self.run_as), accept=accept)


def product_of(identity: ProductIdentity) -> str:
    """Given an identity, return product and version as the tools write them."""
    return f"{identity.product}-{identity.version}"


def _tool_backup(config: bytes | None) -> str:
    """Given what Updates 2.0 keeps of itself, return where its last backup is."""
    try:
        found = json.loads(config or b"{}")["product"]["backup"]
    except (ValueError, KeyError, TypeError):
        return ""
    return str(found or "")
