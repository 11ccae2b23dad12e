"""`lifeboat patches`, and what a drill says of patches: two servers of one type that drift apart."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lifeboat.capture import make_point
from lifeboat.deployment import Unit
from lifeboat.documents import SignedManifest
from lifeboat.drill import drill_unit
from tests.contract.usecases.conftest import Damaged, Proven, new_directory
from tests.support.command_line import lifeboat, lifeboat_here
from tests.support.miniature import HOME, Miniature
from tests.support.patched_home import PatchedHome

OTHER = Unit(kind="home", name="apim-cp-2")


def patched(root: Path) -> PatchedHome:
    """A home of the miniature with a patch that was applied."""
    home = PatchedHome(root)
    home.take([{"pack": True}, {"put": {"patches/patch0001/a_1.0.0.jar": "first"}}, {"start": True}])
    return home


@dataclass
class Pair:
    """A deployment of two homes, captured when they were alike."""

    mini: Miniature
    first: PatchedHome
    second: PatchedHome
    point: SignedManifest


@pytest.fixture(scope="module")
def pair(untouched: Miniature, place: Path) -> Iterator[Pair]:
    directory = new_directory(place)
    mini = untouched.copy(directory / "m")
    first = patched(mini.home)
    shutil.copytree(mini.home, mini.directory / "other")
    document = mini.document()
    del document["database_servers"], document["business_data"]
    document["servers"][OTHER.name] = {"type": "apim-control-plane", "home": str(mini.directory / "other")}
    mini.write_file(document)
    with mini.runtime() as runtime:
        signed = make_point(runtime, "pre_upgrade", reason="the pair", labels={"target_level": "41"})
        mini.catalog().add_point(signed)
    second = PatchedHome(mini.directory / "other")
    second.take([{"put": {"patches/patch0002/b_1.0.0.jar": "second"}}, {"start": True}])
    second.take([{"remove": ["patches/patch0002"]}, {"copy": {"patches/patch0001": "patches/patch0001.bak"}}])
    (second.root / "updates/config.json").write_text('{"update-level": "7"}')
    yield Pair(mini, first, second, signed)
    shutil.rmtree(directory)


def test_servers_side_by_side_with_drift_levels_and_traps(pair: Pair) -> None:
    shown = lifeboat(pair.mini.environment(), "patches", "mini")
    assert shown.status == 0, shown.stderr
    assert re.search(r"│\s+│ apim-cp-1\s+│ apim-cp-2\s+│|┃\s+┃ apim-cp-1\s+┃ apim-cp-2\s+┃", shown.stdout)
    assert re.search(r"patches\s+│ patch0001\s+│ patch0001, patch0001.bak", shown.stdout)
    assert re.search(r"next start\s+│ nothing\s+│ revert", shown.stdout)
    assert re.search(r"plugins\s+│ agree\s+│ differ", shown.stdout)
    assert "Drift between servers of one type" in shown.stdout
    assert re.search(r"apim-control-plane: apim-cp-1,\s+apim-cp-2 │ plugins\s+│ changed: b_1.0.0.jar", shown.stdout)
    assert "Servers of one product at different update levels" in shown.stdout
    assert re.search(r"level 0 \(never updated\): apim-cp-1; level 7 \(updates2\):\s+apim-cp-2", shown.stdout)
    for trap in ("leftover-directory", "mixed-with-updates", "pending"):
        assert re.search(rf"apim-cp-2 │ {trap}", shown.stdout)
    assert not re.search(r"apim-cp-1 │ (leftover|mixed|pending)", shown.stdout)


def test_a_restore_point_and_what_changed_since(pair: Pair) -> None:
    point = pair.point.manifest.id
    shown = lifeboat_here(pair.mini.environment(), "patches", "mini", point[:20])
    assert shown.status == 0, shown.stderr
    assert f"Patches of mini at restore point {point}" in shown.stdout
    assert re.search(r"patches\s+│ patch0001\s+│ patch0001 ", shown.stdout)
    assert "No known trap." in shown.stdout
    assert f"Changed since {point}" in shown.stdout
    assert re.search(r"apim-cp-2 │ patches\s+│ patch0001; patch0001, patch0001.bak", shown.stdout)
    assert re.search(r"apim-cp-2 │ plugins\s+│ changed: b_1.0.0.jar", shown.stdout)
    assert not re.search(r"apim-cp-1 │ (patches|plugins) ", shown.stdout)


def test_a_server_that_is_gone_does_not_hide_the_others_nor_the_past(pair: Pair) -> None:
    moved = pair.second.root.rename(pair.second.root.with_name("away"))
    try:
        shown = lifeboat_here(pair.mini.environment(), "patches", "mini", pair.point.manifest.id)
    finally:
        moved.rename(pair.second.root)
    assert shown.status == 1
    assert re.search(r"patches\s+│ patch0001\s+│ patch0001 ", shown.stdout)
    assert "apim-cp-2 could not be read" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_point_before_an_update_says_what_for(pair: Pair) -> None:
    manifest = pair.point.manifest
    assert (manifest.kind, manifest.reason, manifest.labels) == ("pre_upgrade", "the pair", {"target_level": "41"})
    shown = lifeboat_here(pair.mini.environment(), "show", "mini", manifest.id)
    assert f"Restore point {manifest.id} (pre_upgrade)" in shown.stdout
    assert "Reason: the pair\nTarget level: 41\n" in shown.stdout


def test_the_command_line_makes_points_before_an_update(pair: Pair) -> None:
    environment = pair.mini.environment()
    made = lifeboat_here(environment, "backup", "mini", "--kind", "pre_upgrade", "--target-level", "41")
    assert made.status == 0, made.stderr
    assert re.search(r"Restore point \S+ \(pre_upgrade\)", made.stdout)
    assert "Target level: 41" in made.stdout
    assert "Patches of mini at restore point" in made.stdout


@pytest.fixture
def with_patch(proven: Proven, place: Path) -> Iterator[Damaged]:
    """The proven deployment, whose newer restore point is of a home with a patch."""
    directory = new_directory(place)
    mini = proven.mini.copy(directory / "m")
    patched(mini.home)
    catalog = mini.catalog()
    with mini.runtime() as runtime:
        signed = make_point(runtime, "system_backup", reason="with a patch")
        catalog.add_point(signed)
        yield Damaged(mini, Proven(mini, proven.old, signed, proven.evidence), runtime, catalog)
    shutil.rmtree(directory)


def test_a_trap_that_was_not_there_at_capture_is_red(with_patch: Damaged, tmp_path: Path) -> None:
    def newer_plugins(root: Path) -> None:
        PatchedHome(root).take([{"put": {"plugins/b_1.0.0.jar": "second"}}])

    assert with_patch.drill(HOME).failed() == []
    writer = with_patch.writer()
    writer.alter_tree(str(HOME), tmp_path / "home", newer_plugins)
    writer.seal()
    drill = with_patch.assert_red(HOME, "tree-content", "patch-inventory", health=("patches-agree",))
    (health,) = (check for check in drill.failed() if check.verdict == "health")
    assert "silently-newer: b_1.0.0.jar" in health.detail


def test_a_trap_of_the_capture_is_known_and_not_red(mini: Miniature) -> None:
    patched(mini.home).take([{"put": {"plugins/b_1.0.0.jar": "second"}}])
    with mini.runtime() as runtime:
        signed = make_point(runtime, "system_backup")
        drill = drill_unit(runtime, signed.manifest.id, HOME)
    (snapshot,) = (unit for unit in signed.manifest.units if unit.unit == HOME)
    assert any("b_1.0.0.jar: another content than in patch0000" in warning for warning in snapshot.warnings)
    assert drill.failed() == []
    (health,) = (check for check in drill.checks if check.name == "patches-agree")
    assert health.detail.startswith("known")
