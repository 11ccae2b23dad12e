"""From every situation that people get into, the plan of a patch restore leads to the bundles of the restore point."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from lifeboat.errors import PreflightError
from lifeboat.wso2.identity import ProductIdentity, UpdateKind
from lifeboat.wso2.patch_restore import PatchPlan, Recipe, plan_patch_restore, refuse_foreign
from lifeboat.wso2.patch_traps import patch_warnings
from lifeboat.wso2.patches import PatchInventory
from tests.support.patched_home import PatchedHome
from tests.unit.wso2.test_patches import SITUATIONS

WITH_SNAPSHOT = {name: each for name, each in SITUATIONS.items() if {"snapshot": True} in each["steps"]}


def carry_out(plan: PatchPlan, point: Path, home: Path) -> None:
    """Do what a plan says, from a copy of the home at the restore point."""
    for each in plan.directories:
        shutil.rmtree(home / each.path, ignore_errors=True)
        if (point / each.source).exists():
            leave = shutil.ignore_patterns(*each.without)
            shutil.copytree(point / each.source, home / each.path, symlinks=True, ignore=leave)
    for path in plan.files:
        shutil.copy2(point / path, home / path)
    for path in plan.removed:
        shutil.rmtree(home / path, ignore_errors=True)
        (home / path).unlink(missing_ok=True)
    for path in plan.emptied:
        shutil.rmtree(home / path, ignore_errors=True)
        (home / path).mkdir()


def taken(home: PatchedHome, steps: list[dict[str, Any]]) -> tuple[Path, PatchInventory, dict[str, str]]:
    """Take steps, and keep the home as it is at the step `snapshot`, if there is one, or else at their end."""
    at = steps.index({"snapshot": True}) if {"snapshot": True} in steps else len(steps)
    home.take(steps[:at])
    point = home.root.with_name("point")
    shutil.copytree(home.root, point, symlinks=True)
    captured, running = home.inventory(), home.running()
    home.take(steps[at + 1 :])
    return point, captured, running


def plan_of(captured: PatchInventory, home: PatchedHome) -> PatchPlan:
    return plan_patch_restore(captured, home.inventory(), {}, {})


@pytest.mark.parametrize("layout", ["carbon", "relocated"])
@pytest.mark.parametrize("situation", WITH_SNAPSHOT.values(), ids=list(WITH_SNAPSHOT))
def test_a_restore_ends_in_the_bundles_of_the_point(tmp_path: Path, layout: str, situation: dict[str, Any]) -> None:
    home = PatchedHome(tmp_path / "home", layout)
    point, captured, running = taken(home, situation["steps"])
    plan = plan_of(captured, home)
    carry_out(plan, point, home.root)
    home.take([{"start": True}])
    assert home.running() == running
    assert home.md5() == plan.plugins
    assert plan.unmet(home.inventory()) == []
    assert [line for line in home.log if not line.startswith("INFO")] == []
    assert patch_warnings(home.inventory()) == []


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=list(SITUATIONS))
def test_a_point_in_the_middle_of_a_situation_comes_back_as_it_was(tmp_path: Path, situation: dict[str, Any]) -> None:
    """Also a point that was in a trap itself brings back exactly what its server ran."""
    home = PatchedHome(tmp_path / "home")
    steps = [step for step in situation["steps"] if "snapshot" not in step]
    point, captured, running = taken(home, steps)
    home.take([{"put": {"plugins/a_1.0.0.jar": "other", "plugins/z_1.0.0.jar": "other"}}])
    if situation["running"] is None:
        with pytest.raises(PreflightError, match="chance decides"):
            plan_of(captured, home)
        return
    plan = plan_of(captured, home)
    carry_out(plan, point, home.root)
    home.take([{"start": True}])
    assert home.running() == running
    assert plan.unmet(home.inventory()) == []


def test_s17_the_recipe_from_the_baseline_takes_orphans_away(tmp_path: Path) -> None:
    """What a reverted patch left behind is gone."""
    situation = SITUATIONS["S6 older patches put back with their metadata, plugins newer"]
    home = PatchedHome(tmp_path / "home")
    point, captured, _ = taken(home, situation["steps"])
    assert "new_1.0.0.jar" in home.running()
    plan = plan_of(captured, home)
    assert plan.recipe is Recipe.FROM_BASELINE
    assert [change.path for change in plan.changes] == ["b_1.0.0.jar", "new_1.0.0.jar"]
    assert plan.changes[1].after is None
    assert plan.directories[0].without == (".metadata",)
    carry_out(plan, point, home.root)
    assert not (home.root / "repository/components/patches/.metadata").exists()
    home.take([{"start": True}])
    assert home.running() == {"a_1.0.0.jar": "first"}


def test_patches_alone_would_not_do(tmp_path: Path) -> None:
    """The control: without plugins, the same restore ends in the wrong bundles, and `unmet` says so."""
    situation = SITUATIONS["S6 older patches put back with their metadata, plugins newer"]
    home = PatchedHome(tmp_path / "home")
    _, captured, running = taken(home, situation["steps"])
    plan = plan_of(captured, home)
    home.take([{"start": True}])
    assert home.running() != running
    assert [change.path for change in plan.unmet(home.inventory())] == ["b_1.0.0.jar", "new_1.0.0.jar"]


def test_a_point_without_baseline_comes_back_as_captured(tmp_path: Path) -> None:
    home = PatchedHome(tmp_path / "home")
    steps: list[dict[str, Any]] = [
        {"pack": True},
        {"put": {"patches/patch0001/a_1.0.0.jar": "first"}},
        {"start": True},
        {"remove": ["patches/patch0000"]},
        {"put": {"patches/.metadata/prePatchedDir.txt": "patch0001\n"}},
    ]
    point, captured, _ = taken(home, [*steps, {"snapshot": True}, {"put": {"plugins/a_1.0.0.jar": "x"}}])
    plan = plan_of(captured, home)
    assert plan.recipe is Recipe.AS_CAPTURED
    assert plan.notes == ("The restore point has no patch0000: these patches cannot be removed by themselves later.",)
    carry_out(plan, point, home.root)
    home.take([{"start": True}])
    assert home.running() == {"a_1.0.0.jar": "first"}
    assert "INFO Patch changes detected" not in home.log


def test_changed_web_archives_come_back_and_their_exploded_copies_go(tmp_path: Path) -> None:
    home = PatchedHome(tmp_path / "home")
    home.take([{"pack": True}])
    found = home.inventory()
    webapps = "repository/deployment/server/webapps"

    def entry(kind: str, content: str) -> list[Any]:
        return [kind, "compared", 0o644, 0, 0, len(content), content]

    captured = {f"{webapps}/{name}.war": entry("f", "old") for name in ("same", "changed", "closed", "only-then")}
    live = {
        f"{webapps}/same.war": entry("f", "old"),
        f"{webapps}/same": entry("d", ""),
        f"{webapps}/changed.war": entry("f", "new"),
        f"{webapps}/changed": entry("d", ""),
        f"{webapps}/closed.war": entry("f", "newer"),
        f"{webapps}/only-now.war": entry("f", "new"),
    }
    plan = plan_patch_restore(found, found, captured, live)
    assert plan.files == (f"{webapps}/changed.war", f"{webapps}/closed.war")
    assert plan.removed == ("wso2carbon.pid", f"{webapps}/changed")
    assert (plan.emptied, plan.changes) == (("tmp",), ())


def test_another_layout_is_refused(tmp_path: Path) -> None:
    carbon, relocated = PatchedHome(tmp_path / "one"), PatchedHome(tmp_path / "other", "relocated")
    with pytest.raises(PreflightError, match="plugins in repository/components/plugins, the home in wso2"):
        plan_of(carbon.inventory(), relocated)


GATEWAY = ProductIdentity(
    product="wso2am-universal-gw",
    version="4.5.0",
    carbon_kernel="4.10.42",
    update_kind=UpdateKind.UPDATES_2,
    update_level=3,
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"product": "wso2am-acp"}, "product wso2am-universal-gw, there wso2am-acp"),
        (
            {"version": "4.4.0", "carbon_kernel": None},
            "version 4.5.0, there 4.4.0; Carbon kernel 4.10.42, there unk",
        ),
        ({"update_level": 0}, "update level 3, there 0"),
    ],
)
def test_a_foreign_home_is_refused_unless_forced(changes: dict[str, Any], said: str) -> None:
    other = GATEWAY.model_copy(update=changes)
    with pytest.raises(PreflightError, match=said):
        refuse_foreign(GATEWAY, other)
    refuse_foreign(GATEWAY, other, force=True)


def test_what_is_unknown_on_both_sides_is_refused_and_another_type_too() -> None:
    refuse_foreign(GATEWAY, GATEWAY, types=("apim-gateway", "apim-gateway"))
    with pytest.raises(PreflightError, match="server type apim-gateway, there apim-control-plane"):
        refuse_foreign(GATEWAY, GATEWAY, types=("apim-gateway", "apim-control-plane"))
    with pytest.raises(PreflightError, match="product unknown; version unknown; Carbon kernel unknown"):
        refuse_foreign(ProductIdentity(), ProductIdentity())
