"""Packs for the methods that make one ready: a reference pack with the update tool, and a WUM that has it."""

import hashlib
import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from tests.support.patchable import UPDATES_PASSWORD, install_tools
from tests.support.patched_home import PatchedHome
from tests.support.wso2_server import make_home

PRODUCT, GATEWAY_PRODUCT = "wso2am-acp-4.5.0", "wso2am-universal-gw-4.5.0"
TIMESTAMP = 1602089309903


def reference_pack(directory: Path, product: str = PRODUCT, **behaviour: Any) -> Path:
    """Make the zip of a pack as it is released, whose update tool behaves as told; its runs are in `runs` beside it."""
    shutil.rmtree(directory, ignore_errors=True)
    home = make_home(directory / product).home
    (home / "updates/product.txt").write_text(product)
    PatchedHome(home).take([{"pack": True}])
    install_tools(home, log=str(directory / "runs"), **behaviour)
    archive = shutil.make_archive(str(directory / product), "zip", directory, product)
    shutil.rmtree(home)
    return Path(archive)


def tool_runs(pack: Path) -> list[str]:
    """Return what the tool of a reference pack was called with, run by run, without the copy's path."""
    runs = pack.parent / "runs"
    return [line.partition(" ")[2] for line in runs.read_text().splitlines()] if runs.exists() else []


class WumAccount:
    """An account with WUM, its directories below `home`."""

    def __init__(self, home: Path) -> None:
        self.home, self.state = home, home / ".wum3"
        self.program = home / "bin/wum"
        self.program.parent.mkdir(parents=True)
        self.program.write_bytes(resources.files("lifeboat.sample").joinpath("data/wum.py").read_bytes())
        self.program.chmod(0o755)
        self.state.mkdir()
        self.behave()

    def behave(self, **behaviour: Any) -> None:
        """Tell WUM what will happen; see its own text."""
        password = hashlib.sha256(UPDATES_PASSWORD.encode()).hexdigest()
        settings = {"latest": TIMESTAMP, "password_sha256": password, **behaviour}
        (self.state / "sample-wum.json").write_text(json.dumps(settings))

    def add(self, pack: Path) -> None:
        """Have a pack as after `wum add --file`."""
        name, _, version = pack.stem.rpartition("-")
        directory = self.state / "products" / name / version
        directory.mkdir(parents=True)
        shutil.copy(pack, directory)

    def start_anew(self, pack: Path, **behaviour: Any) -> None:
        """Have a pack and none that was made of it."""
        shutil.rmtree(self.state / "products")
        self.add(pack)
        self.behave(**behaviour)

    def newest(self, product: str) -> Path:
        """Return where the pack lies that WUM made of a product."""
        name, _, version = product.rpartition("-")
        return self.state / "products" / name / version / f"full/{product}+{TIMESTAMP}.full.zip"

    def calls(self) -> list[str]:
        """Return the command lines that WUM was called with, as every account of the machine could see them."""
        return (self.state / "calls").read_text().splitlines()
