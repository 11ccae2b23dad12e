"""Small homes whose patches are told in a few words, and the steps by which they get into a situation.

A bundle's content is a word: `a_1.0.0.jar: first` is a jar whose manifest says a 1.0.0 and whose payload is "first".
"""

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifeboat.sample.carbon_patches import CarbonPatches
from lifeboat.sample.content import archive, bundle, split_bundle_name
from lifeboat.wso2.patches import PLACES, PatchInventory, inventory
from lifeboat.wso2.patchwalk import Walk

PACK = ("a_1.0.0.jar", "b_1.0.0.jar", "c_1.0.0.jar")
COMPONENTS = {"carbon": "repository/components", "relocated": ""}
PLUGINS = {"carbon": "repository/components/plugins", "relocated": "wso2/components/plugins"}


class PatchedHome:
    """A home in a directory, of Carbon's layout or with patches at its root."""

    def __init__(self, root: Path, layout: str = "carbon") -> None:
        self.root, self.layout = root, layout
        self.plugins.mkdir(parents=True, exist_ok=True)
        self.log: list[str] = []

    @property
    def plugins(self) -> Path:
        return self.root / PLUGINS[self.layout]

    def path(self, name: str) -> Path:
        """Given plugins/…, patches/… or servicepacks/…, return where that is in this layout."""
        if name == "plugins" or name.startswith("plugins/"):
            return self.root / PLUGINS[self.layout] / name.removeprefix("plugins").removeprefix("/")
        return self.root / COMPONENTS[self.layout] / name

    def take(self, steps: list[Mapping[str, Any]]) -> None:
        """Take steps: each is a mapping of what to do to what it is done to."""
        for step in steps:
            for verb, what in step.items():
                getattr(self, f"do_{verb}")(what)

    def do_pack(self, _: object) -> None:
        """Put the bundles of the product into plugins."""
        self.do_put({f"plugins/{name}": "original" for name in PACK})

    def do_put(self, files: Mapping[str, str]) -> None:
        """Write bundles; what ends in neither .jar nor .war is written as text."""
        for name, word in files.items():
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jar(path.name, word) if name.endswith(".jar") else word.encode())

    def do_put_as(self, files: Mapping[str, list[str]]) -> None:
        """Write bundles whose manifest says another name than the file's: [name by the manifest, content]."""
        for name, (named, word) in files.items():
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jar(named, word))

    def do_remove(self, names: list[str]) -> None:
        for name in names:
            path = self.path(name)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def do_corrupt(self, name: str) -> None:
        """Cut a jar in the middle, as a broken download is."""
        path = self.path(name)
        path.write_bytes(path.read_bytes()[:-40])

    def do_directory(self, name: str) -> None:
        self.path(name).mkdir(parents=True)

    def do_link(self, links: Mapping[str, str]) -> None:
        for name, target in links.items():
            self.path(name).symlink_to(target if target.startswith("/") else self.path(target))

    def do_copy(self, names: Mapping[str, str]) -> None:
        for source, target in names.items():
            shutil.copytree(self.path(source), self.path(target), symlinks=True, dirs_exist_ok=True)

    def do_start(self, _: object) -> None:
        self.log = CarbonPatches(str(self.root)).start()

    def inventory(self) -> PatchInventory:
        """Read the patches as a capture does, but in this process."""
        found = inventory(Walk({"root": str(self.root), "places": PLACES, "excluded": []}).run())
        assert found is not None
        return found

    def running(self) -> dict[str, str]:
        """Return the content of each bundle in plugins, as a word, without those that are as in the pack."""
        words = {path.name: word_of(path) for path in sorted(self.plugins.iterdir())}
        assert words.keys() >= set(PACK)
        return {name: word for name, word in words.items() if name not in PACK or word != "original"}

    def md5(self) -> dict[str, str]:
        """Return the MD5 of each bundle in plugins."""
        return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in self.plugins.iterdir()}  # noqa: S324


def jar(name: str, word: str) -> bytes:
    """Given a file name and a word, return a bundle of that name and content; `no manifest` is a jar without."""
    if word == "no manifest":
        return archive({"payload": word.encode()})
    return bundle(*split_bundle_name(name), word.encode())


def word_of(path: Path) -> str:
    """Return the word that is the content of a bundle."""
    with zipfile.ZipFile(path) as file:
        (payload,) = (name for name in file.namelist() if not name.startswith("META-INF/"))
        return file.read(payload).decode()
