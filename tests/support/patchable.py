"""A deployment of three running servers with Carbon patches, and nothing else: two of one type, and one of another."""

import atexit
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.connections import Connection, environment_variable
from lifeboat.manifest import Manifest
from lifeboat.runtime import Runtime
from lifeboat.wso2.server import ServerControl
from tests.support.miniature import VAULT_PASSWORD, Miniature
from tests.support.patched_home import PatchedHome
from tests.support.quick_vault import make_quick_vault
from tests.support.wso2_server import HEALTH, SCRIPT, DoubleHome, make_home

CP_1, CP_2, GATEWAY, GATEWAY_2 = "apim-cp-1", "apim-cp-2", "apim-gw-1", "apim-gw-2"
UPDATES_LOGIN = "updates@example.org"
UPDATES_PASSWORD = "pa$$word of the updates' account"


class Patchable:
    """The deployment in one directory. Servers apply patches when they start, as Carbon does."""

    def __init__(self, directory: Path, runtime: Runtime, catalog: Catalog, mini: "PatchableFile") -> None:
        self.directory, self.runtime, self.catalog, self.mini = directory, runtime, catalog, mini

    @property
    def environment(self) -> dict[str, str]:
        return self.mini.environment()

    def home(self, server: str) -> PatchedHome:
        return PatchedHome(self.directory / server)

    def double(self, server: str) -> DoubleHome:
        return self.mini.doubles[server]

    def control(self, server: str) -> ServerControl:
        return ServerControl.of(self.runtime, server)

    def start(self, *servers: str) -> None:
        for server in servers:
            self.control(server).bring_up()

    def restart(self, server: str, steps: list[dict[str, Any]]) -> None:
        """Stop a server, do something to its home, and start it."""
        self.control(server).stop()
        self.home(server).take(steps)
        self.start(server)

    def point(self, kind: Any = "system_backup") -> Manifest:
        signed = make_point(self.runtime, kind, reason="a test")
        self.catalog.add_point(signed)
        return signed.manifest

    def beside(self) -> set[str]:
        """Return the names of what lies beside the homes."""
        return {path.name for path in self.directory.iterdir() if ".before-" in path.name or ".restored-" in path.name}

    def end(self) -> None:
        for double in self.mini.doubles.values():
            double.end()


class PatchableFile(Miniature):
    """The deployment's file and connections."""

    doubles: dict[str, DoubleHome]
    more: dict[str, Connection]

    def document(self) -> dict[str, Any]:
        document = super().document()
        del document["database_servers"], document["business_data"]
        document["servers"] = server_settings(self.doubles)
        return document

    def connections(self) -> dict[str, Connection]:
        return {
            "mini_signing": Connection("mini_signing", "generic", password=self.signing_key),
            "mini_vault": Connection("mini_vault", "generic", password=VAULT_PASSWORD),
            "wso2_updates": Connection("wso2_updates", "generic", login=UPDATES_LOGIN, password=UPDATES_PASSWORD),
            **self.more,
        }

    def environment(self) -> dict[str, str]:
        secrets = {
            environment_variable(name): json.dumps(
                {"conn_type": each.type, "login": each.login, "password": each.password}
            )
            for name, each in self.connections().items()
        }
        return {
            "LIFEBOAT_DEPLOYMENTS": str(self.file.parent),
            "LIFEBOAT_CATALOG": str(self.catalog_file),
            **secrets,
        }


def server_settings(doubles: Mapping[str, DoubleHome]) -> dict[str, Any]:
    """Return the part of a deployment file that describes the servers."""
    return {
        name: {
            "type": "apim-gateway" if name in (GATEWAY, GATEWAY_2) else "apim-control-plane",
            "home": str(double.home),
            "control": {"script": SCRIPT, "stop_timeout": "20s", "start_timeout": "20s"},
            "port_offset": double.offset,
            "health_url": HEALTH,
            "start_order": 2 if name in (GATEWAY, GATEWAY_2) else 1,
        }
        for name, double in doubles.items()
    }


def make_servers(directory: Path, names: tuple[str, ...] = (CP_1, CP_2, GATEWAY)) -> dict[str, DoubleHome]:
    """Make homes with a pack of bundles and the stand-in for Carbon's patches."""
    patches = resources.files("lifeboat.sample").joinpath("carbon_patches.py").read_bytes()
    doubles = {}
    for name in names:
        double = make_home(directory / name)
        double.behave(START_SECONDS=0.0, STOP_SECONDS=0.0)
        (double.home / "bin/sample-patches.py").write_bytes(patches)
        (double.home / "bin/wso2carbon-version.txt").write_text("WSO2 Carbon Framework v4.9.28\n")
        if name in (GATEWAY, GATEWAY_2):
            (double.home / "updates/product.txt").write_text("wso2am-universal-gw-4.5.0")
        PatchedHome(double.home).take([{"pack": True}, {"start": True}])  # as after a first start
        doubles[name] = double
    return doubles


def install_tools(home: Path, **behaviour: Any) -> None:
    """Put the stand-ins for WSO2's update tools into a home."""
    data = resources.files("lifeboat.sample").joinpath("data")
    for name, source in (("wso2update_linux", "wso2update.py"), ("update_linux", "update_in_place.py")):
        tool = home / "bin" / name
        tool.write_bytes(data.joinpath(source).read_bytes())
        tool.chmod(0o755)
    behave(home, **behaviour)


def behave(home: Path, **behaviour: Any) -> None:
    """Tell the update tools of a home what will happen; see their own text."""
    password = hashlib.sha256(UPDATES_PASSWORD.encode()).hexdigest()
    settings = {"latest": 9, "password_sha256": password, **behaviour}
    (home / "bin/sample-updates.json").write_text(json.dumps(settings))


def files(home: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file of a home that a restore point holds, with its mode."""
    found = {}
    for path in sorted(home.rglob("*")):
        if path.is_file() and "logs" not in path.parts and path.suffix != ".pid":
            found[str(path.relative_to(home))] = (path.stat().st_mode, path.read_bytes())
    return found


@cache
def empty_vault() -> Path:
    """Return an empty vault to copy; it is made once a session."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-empty-vault-"))
    atexit.register(shutil.rmtree, directory)
    return make_quick_vault(directory / "vault", VAULT_PASSWORD)


@contextmanager
def patchable(directory: Path, change: Any = lambda document: None, **connections: Connection) -> Iterator[Patchable]:
    """Make the deployment in a new directory, its servers down; `change` may change its file, which may name further
    connections. End what runs."""
    directory.mkdir(parents=True)
    mini = PatchableFile(directory, None)  # type: ignore[arg-type]
    mini.doubles, mini.more = make_servers(directory), connections
    shutil.copytree(empty_vault(), mini.vault_directory)
    document = mini.document()
    change(document)
    mini.file.parent.mkdir(exist_ok=True)
    mini.file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    with mini.runtime() as runtime:
        made = Patchable(directory, runtime, mini.catalog(), mini)
        try:
            yield made
        finally:
            made.end()
            shutil.rmtree(directory)
