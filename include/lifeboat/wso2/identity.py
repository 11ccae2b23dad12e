"""Which product, version and update level a home holds, read from the few files that say so.

`bin/version.txt` and `bin/wso2carbon-version.txt` name the base versions, `updates/product.txt` the pack, and
what the update tools keep in `updates/` tells the level: `config.json` belongs to WSO2 Updates 2.0,
`config.yaml` to the in-place tool before it, and files named `…+<13 digits>.<channel>…` to WUM. `config.json`
may hold access and refresh tokens: only the level and the product's name and version are taken from it.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

#: Given a path relative to the home, return the file's bytes, or None if there is no such file.
ReadFile = Callable[[str], bytes | None]

VERSION_FILE = "bin/version.txt"
KERNEL_FILE = "bin/wso2carbon-version.txt"
PRODUCT_FILE = "updates/product.txt"
UPDATES_2_FILE = "updates/config.json"
IN_PLACE_FILE = "updates/config.yaml"

#: "WSO2 Identity Server v7.1.0", "WSO2 Carbon Framework v4.10.42".
_VERSION_LINE = re.compile(r"(?P<name>\S.*?)\s+v(?P<version>\d+(?:\.\d+)*(?:[.-][0-9A-Za-z]+)*)")

#: The pattern by which the update tool itself reads updates/product.txt; "-SNAPSHOT" does not pass it.
_PACK = re.compile(r"(?P<product>[0-9a-zA-Z-]+)-(?P<version>[0-9]+\.[0-9]+\.[0-9]+)")

#: WUM names its summaries after the pack's build time in milliseconds.
_WUM_FILE = re.compile(r"\+\d{13}\.(?:full|security|premium)\b")

#: The pack of a product's name, for homes without updates/product.txt.
_PACK_OF_NAME = {
    "WSO2 API Manager": "wso2am",
    "WSO2 Identity Server": "wso2is",
    "WSO2 Enterprise Integrator": "wso2ei",
    "WSO2 Micro Integrator": "wso2mi",
    "WSO2 Streaming Integrator": "wso2si",
}

_SERVER_TYPES = {
    "wso2am": "api-manager",
    "wso2am-acp": "api-control-plane",
    "wso2am-universal-gw": "api-gateway",
    "wso2am-tm": "traffic-manager",
    "wso2is": "identity-server",
    "wso2is-km": "key-manager",
    "wso2ei": "enterprise-integrator",
    "wso2mi": "micro-integrator",
    "wso2si": "streaming-integrator",
}


class UpdateKind(StrEnum):
    """The update tool that brought a home to its level."""

    UPDATES_2 = "updates2"
    IN_PLACE = "in_place"
    WUM = "wum"
    NEVER_UPDATED = "never_updated"


class ProductIdentity(BaseModel):
    """What a home says of itself. A field is None when no file tells it; `problems` says why.

    `product` is the pack's name as the update tools use it (wso2is), `name` the one for people. An update
    level of 0 is the pack as released; None is unknown, or not a number (in-place tool, WUM). `server_type`
    is a hint from the pack's name: which profile of it is started is not written in these files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: str | None = None
    name: str | None = None
    version: str | None = None
    update_level: int | None = None
    update_kind: UpdateKind | None = None
    carbon_kernel: str | None = None
    server_type: str | None = None
    problems: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class _UpdateState:
    """The few fields of updates/config.json that are no secret; `present` tells whether there is one."""

    present: bool = False
    level: int | None = None
    product: str | None = None
    version: str | None = None


def read_identity(read: ReadFile, update_files: Iterable[str] | None = None) -> ProductIdentity:
    """Given a reader of a home's files and the paths found below its `updates/`, return the home's identity.

    Without `update_files` a pack updated by WUM cannot be told from one that was never updated. Nothing that
    a file holds raises: what cannot be read is None and has a line in `problems`.
    """
    problems: list[str] = []
    name, version = _version_line(read, VERSION_FILE, problems)
    _, kernel = _version_line(read, KERNEL_FILE, problems)
    pack, pack_version = _pack(read, problems)
    state = _update_state(read, problems)
    kind, level = _update_level(read, state, update_files, problems)
    product = pack or state.product or _PACK_OF_NAME.get(name or "")
    if product is None:
        problems.append("No file tells the name of the product's pack.")
    versions = {VERSION_FILE: version, PRODUCT_FILE: pack_version, UPDATES_2_FILE: state.version}
    return ProductIdentity(
        product=product,
        name=name,
        version=_agreed(versions, problems),
        update_level=level,
        update_kind=kind,
        carbon_kernel=kernel,
        server_type=_SERVER_TYPES.get(product or ""),
        problems=problems,
    )


def _text(content: bytes, path: str, problems: list[str]) -> str:
    try:
        return content.decode("utf-8-sig").strip("\0\r\n\t ")
    except UnicodeDecodeError:
        problems.append(f"{path}: not UTF-8 text.")
        return ""


def _version_line(read: ReadFile, path: str, problems: list[str]) -> tuple[str | None, str | None]:
    content = read(path)
    if content is None:
        problems.append(f"{path}: missing.")
        return None, None
    match = _VERSION_LINE.fullmatch(_text(content, path, problems))
    if match is None:
        problems.append(f"{path}: does not read '<product> v<version>'.")
        return None, None
    return match["name"], match["version"]


def _pack(read: ReadFile, problems: list[str]) -> tuple[str | None, str | None]:
    content = read(PRODUCT_FILE)
    if content is None:  # only packs of the age of the in-place tool and later have it
        return None, None
    match = _PACK.fullmatch(_text(content, PRODUCT_FILE, problems))
    if match is None:
        problems.append(f"{PRODUCT_FILE}: does not read '<product>-<a.b.c>', as the update tool requires.")
        return None, None
    return match["product"], match["version"]


def _update_state(read: ReadFile, problems: list[str]) -> _UpdateState:
    content = read(UPDATES_2_FILE)
    if content is None:
        return _UpdateState()
    try:
        document = json.loads(_text(content, UPDATES_2_FILE, problems))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        problems.append(f"{UPDATES_2_FILE}: not a JSON object.")
        return _UpdateState(present=True)
    product = document.get("product")
    product = product if isinstance(product, dict) else {}
    return _UpdateState(
        present=True,
        level=_level(document.get("update-level"), problems),
        product=_plain(product.get("name")),
        version=_plain(product.get("version")),
    )


def _level(value: object, problems: list[str]) -> int | None:
    """The tool writes the level as text; -1 means that it ran but applied nothing yet."""
    text = str(value)
    if isinstance(value, str | int) and re.fullmatch(r"-1|[0-9]{1,9}", text):
        return max(int(text), 0)
    problems.append(f"{UPDATES_2_FILE}: 'update-level' is missing or not a number.")
    return None


def _plain(value: object) -> str | None:
    """A name or a version, and nothing that could be a token."""
    return value if isinstance(value, str) and re.fullmatch(r"[0-9A-Za-z.-]{1,40}", value) else None


def _update_level(
    read: ReadFile, state: _UpdateState, update_files: Iterable[str] | None, problems: list[str]
) -> tuple[UpdateKind | None, int | None]:
    if state.present:
        return UpdateKind.UPDATES_2, state.level
    if read(IN_PLACE_FILE) is not None:
        return UpdateKind.IN_PLACE, None
    if update_files is None:
        problems.append("updates/ was not listed: whether WUM or nothing ever updated the pack is unknown.")
        return None, None
    if any(_WUM_FILE.search(path) for path in update_files):
        return UpdateKind.WUM, None
    return UpdateKind.NEVER_UPDATED, 0


def _agreed(versions: dict[str, str | None], problems: list[str]) -> str | None:
    found = {path: version for path, version in versions.items() if version}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{path} says {version}" for path, version in found.items())
        problems.append(f"The version is not the same everywhere: {listed}.")
    return next(iter(found.values()), None)
