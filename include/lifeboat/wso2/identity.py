"""Which product, version and update level a home holds, read from the few files that say so.

`bin/version.txt` and `bin/wso2carbon-version.txt` name the base versions, `updates/product.txt` the pack, and
what the update tools keep in `updates/` tells the level: `config.json` belongs to WSO2 Updates 2.0,
`config.yaml` to the in-place tool before it, and files named `…+<13 digits>.<channel>…` to WUM. `config.json`
may hold access and refresh tokens: only the level, the channel, the hotfixes and the product's name and version are
taken from it (see `lifeboat.wso2.known_secrets`). Changelogs are named after the levels that they lead from and to.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
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
_WUM_FILE = re.compile(r"\+(?P<timestamp>\d{13})\.(?:full|security|premium)\b")

#: Updates 2.0 names what it writes after the levels: changelog-0000-0008.md.
_CHANGELOG = re.compile(r"updates/(?:changelog|update-summary)-\d+-(?P<level>\d{1,9})\.md")

#: A hotfix is named after its zip, `<product>-<version>.<level>-…-hf-<number>.zip`, or by its number alone.
_HOTFIX = re.compile(r"[0-9]{1,9}|(?=.*hf)[0-9A-Za-z._-]{1,120}", re.IGNORECASE)

#: The pack of a product's name, for homes without updates/product.txt.
_PACK_OF_NAME = {
    "WSO2 API Manager": "wso2am",
    "WSO2 Identity Server": "wso2is",
    "WSO2 Enterprise Integrator": "wso2ei",
    "WSO2 Micro Integrator": "wso2mi",
    "WSO2 Streaming Integrator": "wso2si",
    "WSO2 Enterprise Service Bus": "wso2esb",
    "WSO2 Enterprise Store": "wso2es",
    "WSO2 Data Analytics Server": "wso2das",
    "WSO2 Governance Registry": "wso2greg",
    "WSO2 Machine Learner": "wso2ml",
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
    is a hint from the pack's name: which profile of it is started is not written in these files. `wum_timestamp`
    is WUM's own word for a level: the pack's build time in milliseconds. `patches` and `service_packs` are those
    that Carbon applies, in its order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: str | None = None
    name: str | None = None
    version: str | None = None
    update_level: int | None = None
    update_kind: UpdateKind | None = None
    channel: str | None = None
    hotfixes: list[str] = Field(default_factory=list)
    wum_timestamp: int | None = None
    carbon_kernel: str | None = None
    patches: list[str] = Field(default_factory=list)
    service_packs: list[str] = Field(default_factory=list)
    server_type: str | None = None
    problems: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class _UpdateState:
    """The few fields of updates/config.json that are no secret; `present` tells whether there is one."""

    present: bool = False
    level: int | None = None
    channel: str | None = None
    hotfixes: list[str] = field(default_factory=list)
    product: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class _Updated:
    """By which tool a home was updated, and to what."""

    kind: UpdateKind | None = None
    level: int | None = None
    wum_timestamp: int | None = None


def read_identity(
    read: ReadFile,
    update_files: Iterable[str] | None = None,
    *,
    patches: Sequence[str] = (),
    service_packs: Sequence[str] = (),
) -> ProductIdentity:
    """Given a reader of a home's files, the paths found below its `updates/`, and the patches and service packs of
    its inventory, return the home's identity.

    Without `update_files` a pack updated by WUM cannot be told from one that was never updated. Nothing that
    a file holds raises: what cannot be read is None and has a line in `problems`.
    """
    problems: list[str] = []
    name, version = _version_line(read, VERSION_FILE, problems)
    _, kernel = _version_line(read, KERNEL_FILE, problems)
    pack, pack_version = _pack(read, problems)
    state = _update_state(read, problems)
    updated = _updated(read, state, None if update_files is None else sorted(update_files), problems)
    product = pack or state.product or _PACK_OF_NAME.get(name or "")
    if product is None:
        problems.append("No file tells the name of the product's pack.")
    versions = {VERSION_FILE: version, PRODUCT_FILE: pack_version, UPDATES_2_FILE: state.version}
    return ProductIdentity(
        product=product,
        name=name,
        version=_agreed(versions, problems),
        update_level=updated.level,
        update_kind=updated.kind,
        channel=state.channel,
        hotfixes=state.hotfixes,
        wum_timestamp=updated.wum_timestamp,
        carbon_kernel=kernel,
        patches=list(patches),
        service_packs=list(service_packs),
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
        channel=_plain(document.get("channel")),
        hotfixes=_hotfixes(document.get("hotfixes"), problems),
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


def _hotfixes(value: object, problems: list[str]) -> list[str]:
    """Names or numbers of hotfixes, or objects that have one; the tool writes null for none."""
    found = value if isinstance(value, list) else []
    names = [each.get("name", each.get("id")) if isinstance(each, dict) else each for each in found]
    known = [str(name) for name in names if isinstance(name, str | int) and _HOTFIX.fullmatch(str(name))]
    if len(known) < len(found) or not isinstance(value, list | None):
        problems.append(f"{UPDATES_2_FILE}: 'hotfixes' lists what is no name of a hotfix.")
    return known


def _updated(read: ReadFile, state: _UpdateState, files: list[str] | None, problems: list[str]) -> _Updated:
    changelogs = [int(match["level"]) for path in files or () if (match := _CHANGELOG.fullmatch(path))]
    if state.present:
        if changelogs and state.level is not None and max(changelogs) != state.level:
            problems.append(f"{UPDATES_2_FILE} says level {state.level}, the changelogs end with {max(changelogs)}.")
        return _Updated(UpdateKind.UPDATES_2, state.level)
    if changelogs:
        problems.append(f"{UPDATES_2_FILE}: missing, though changelogs tell of updates to level {max(changelogs)}.")
        return _Updated(UpdateKind.UPDATES_2, max(changelogs))
    if read(IN_PLACE_FILE) is not None:
        return _Updated(UpdateKind.IN_PLACE)
    if files is None:
        problems.append("updates/ was not listed: whether WUM or nothing ever updated the pack is unknown.")
        return _Updated()
    timestamps = [int(match["timestamp"]) for path in files if (match := _WUM_FILE.search(path))]
    if timestamps:
        return _Updated(UpdateKind.WUM, wum_timestamp=max(timestamps))
    return _Updated(UpdateKind.NEVER_UPDATED, 0)


def _agreed(versions: dict[str, str | None], problems: list[str]) -> str | None:
    found = {path: version for path, version in versions.items() if version}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{path} says {version}" for path, version in found.items())
        problems.append(f"The version is not the same everywhere: {listed}.")
    return next(iter(found.values()), None)
