"""Damage planted in homes and trees between capture and vault: the check that is there for a kind catches it.

Damages of one kind share a drill: each is on a path of its own, and the check must name exactly these paths.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.contract.usecases.conftest import Damaged
from tests.support.miniature import HOME, TREE

JAR = "repository/components/plugins/org.example_1.0.0.jar"


def files(root: Path) -> None:
    (root / JAR).unlink()
    (root / "repository/components/dropins").rmdir()
    (root / "bin/eve.sh").write_text("#!/bin/sh\n")
    (root / "wso2carbon.pid").write_text("1\n")  # its like is excluded from captures, not from what a drill compares


def contents(root: Path) -> None:
    change_one_bit(root / JAR)
    os.truncate(root / "bin/version.txt", 4)
    (root / "latest.jar").unlink()
    (root / "latest.jar").symlink_to("bin/version.txt")


def change_one_bit(file: Path) -> None:
    """Change the content alone: same name, size, mode and time."""
    times = file.stat()
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def modes(root: Path) -> None:
    (root / "bin/api-cp.sh").chmod(0o644)
    (root / "repository/conf").chmod(0o777)


def owners(root: Path) -> None:
    os.chown(root / JAR, 1, -1)
    os.chown(root / "bin/version.txt", -1, 1)


DAMAGES = {
    files: {
        "tree-files": f"2 missing: repository/components/dropins, {JAR}; 2 extra: bin/eve.sh, wso2carbon.pid",
        "patch-inventory": f"1 missing: {JAR}",
    },
    contents: {
        "tree-content": f"3 changed: bin/version.txt, latest.jar, {JAR}",
        "patch-inventory": f"1 changed: {JAR}",
    },
    modes: {"tree-metadata": "2 changed: bin/api-cp.sh, repository/conf"},
}
if os.geteuid() == 0:  # no other account can give files away, and a drill under any other does not compare owners
    DAMAGES[owners] = {"tree-metadata": f"2 changed: bin/version.txt, {JAR}"}


def test_control_is_green(damaged: Damaged, tmp_path: Path) -> None:
    """All the same steps without damage: the red drills below are red for the damage alone."""
    writer = damaged.writer()
    writer.alter_tree(str(HOME), tmp_path / "home", lambda root: None)
    writer.seal()
    drill = damaged.drill(HOME)
    assert drill.failed() == []
    assert {"tree-files", "tree-content", "tree-metadata", "patch-inventory"} <= {check.name for check in drill.checks}
    assert damaged.record(drill).passed


@pytest.mark.parametrize("damage", DAMAGES)
def test_altered_home(damaged: Damaged, tmp_path: Path, damage) -> None:
    writer = damaged.writer()
    writer.alter_tree(str(HOME), tmp_path / "home", damage)
    writer.seal()
    red = damaged.assert_red(HOME, *DAMAGES[damage]).failed()
    assert {check.name: check.detail for check in red} == DAMAGES[damage]


def test_directory_in_the_place_of_a_file(damaged: Damaged, tmp_path: Path) -> None:
    def alter(root: Path) -> None:
        (root / "bin/api-cp.sh").unlink()
        (root / "bin/api-cp.sh").mkdir(mode=0o755)

    writer = damaged.writer()
    writer.alter_tree(str(HOME), tmp_path / "home", alter)
    writer.seal()
    damaged.assert_red(HOME, "tree-files", "tree-content")


def test_altered_business_data(damaged: Damaged, tmp_path: Path) -> None:
    def alter(root: Path) -> None:
        (root / "株式会社/catalogue [/draft].csv").write_text("article,price\nA-1,9.99\n")
        shutil.rmtree(root / "inbox")

    writer = damaged.writer()
    writer.alter_tree(str(TREE), tmp_path / "tree", alter)
    writer.seal()
    drill = damaged.assert_red(TREE, "tree-content", "tree-files")
    assert {check.name: check.detail for check in drill.failed()} == {
        "tree-content": "1 changed: 株式会社/catalogue [/draft].csv",
        "tree-files": "1 missing: inbox",
    }
