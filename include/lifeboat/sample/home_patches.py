"""The Carbon patches of a sample home: the baseline patch0000, patch0001, and the records of what is applied.

As the server does it (carbon-kernel, PatchInstaller.java and PatchUtils.java): patch0000 holds plugins/ as it was
before any patch, every patch is then copied over plugins/, prePatchedDir.txt lists the directories applied, and
prePatchedJARs.txt has the MD5 of each patched bundle.
"""

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from lifeboat.sample.content import bundle, random_bytes, split_bundle_name
from lifeboat.sample.home_files import write_file, write_text
from lifeboat.sample.home_tree import PLUGINS, TreeFile
from lifeboat.sample.servers import CARBON_VERSION

PATCHES = "repository/components/patches"
BASELINE = f"{PATCHES}/patch0000"
PATCH = f"{PATCHES}/patch0001"

_PATCHED_BUNDLES = 5
# A patch may bring a bundle that the product did not have; removing the patch leaves it in plugins/.
_NEW_BUNDLE = ("org.wso2.carbon.sample.hotfix", CARBON_VERSION)


def patched_bundles(files: Iterable[TreeFile], seed: int) -> dict[str, bytes]:
    """Given the files of a home, return the bundles of patch0001 by file name: five changed, one new."""
    plugins = [file for file in files if file.is_plugin and "org.wso2.carbon." in file.path]
    chosen = random.Random(seed).sample(plugins, _PATCHED_BUNDLES)
    bundles = {
        PurePosixPath(file.path).name: _patched(PurePosixPath(file.path).name, file.size, seed) for file in chosen
    }
    name, version = _NEW_BUNDLE
    bundles[f"{name}_{version}.jar"] = _patched(f"{name}_{version}.jar", 4_000, seed)
    return dict(sorted(bundles.items()))


def apply_patch(home: Path, bundles: dict[str, bytes]) -> None:
    """Given a home whose plugins/ equals patch0000, add patch0001 and apply it as a starting server does."""
    checksums = []
    for file_name, content in bundles.items():
        write_file(home, f"{PATCH}/{file_name}", content)
        write_file(home, f"{PLUGINS}/{file_name}", content)
        checksums.append(f"{file_name}:{hashlib.md5(content, usedforsecurity=False).hexdigest()}")
    write_text(home, f"{PATCHES}/.metadata/prePatchedDir.txt", "patch0000\npatch0001\n")
    write_text(home, f"{PATCHES}/.metadata/prePatchedJARs.txt", "\n".join(checksums))


def write_bundle_list(home: Path) -> None:
    """Write the list of bundles by which the OSGi framework starts, as the server does at its start."""
    lines = ["#encoding=UTF-8", "#version=1"]
    for file in sorted((home / PLUGINS).glob("*.jar")):
        name, version = split_bundle_name(file.name)
        lines.append(f"{name},{version},../plugins/{file.name},4,true")
    path = "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info"
    write_text(home, path, "\n".join(lines) + "\n")


def _patched(file_name: str, size: int, seed: int) -> bytes:
    return bundle(*split_bundle_name(file_name), random_bytes(f"{seed}:patch0001:{file_name}", size))
