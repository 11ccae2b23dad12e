"""Traps besides those of the golden file: how each is told, and that a sound home is in none."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from lifeboat.wso2.check_model import Status
from lifeboat.wso2.identity import ProductIdentity, UpdateKind
from lifeboat.wso2.patch_traps import PatchWarning, patch_warnings, patches_agree
from lifeboat.wso2.patches import PLACES, Action, inventory, next_start
from lifeboat.wso2.patchwalk import Walk
from tests.support.patched_home import PatchedHome

PATCHED: list[dict[str, Any]] = [
    {"pack": True},
    {"put": {"patches/patch0001/a_1.0.0.jar": "first"}},
    {"start": True},
]


@pytest.fixture
def home(tmp_path: Path) -> PatchedHome:
    home = PatchedHome(tmp_path / "home")
    home.take(PATCHED)
    return home


def traps(home: PatchedHome, identity: ProductIdentity | None = None) -> dict[str, PatchWarning]:
    return {each.trap: each for each in patch_warnings(home.inventory(), identity)}


def test_a_sound_home_is_in_none(home: PatchedHome) -> None:
    assert traps(home) == {}
    result = patches_agree(home.inventory())
    assert (result.name, result.status) == ("patches-agree", Status.PASSED)
    assert result.databases == ["repository/components/patches"]


def test_a_modern_home_without_patches_is_in_none(tmp_path: Path) -> None:
    """As packs are shipped: records of nothing, no patch, no patch0000; updates change plugins themselves."""
    home = PatchedHome(tmp_path / "home")
    home.take([{"pack": True}, {"put": {f"patches/.metadata/{name}": "" for name in RECORDS}}])
    updated = ProductIdentity(update_kind=UpdateKind.UPDATES_2, update_level=74)
    assert traps(home, updated) == {}
    assert next_start(home.inventory()).action is Action.NOTHING
    home.take([{"start": True}])
    assert "patch0000" not in {path.name for path in home.path("patches").iterdir()}


RECORDS = ("prePatchedDir.txt", "prePatchedJARs.txt")


@pytest.mark.parametrize(("level", "mixed"), [(0, False), (3, True), (None, False)])
def test_patches_beside_an_update_level(home: PatchedHome, level: int | None, mixed: bool) -> None:
    identity = ProductIdentity(update_kind=UpdateKind.UPDATES_2, update_level=level)
    assert ("mixed-with-updates" in traps(home, identity)) is mixed


def test_what_an_update_changed_is_not_taken_for_a_leftover(home: PatchedHome) -> None:
    """To make plugins as patch0000 again, which helps against leftovers, would undo the update."""
    home.take([{"put": {"plugins/b_1.0.0.jar": "updated", "plugins/z_1.0.0.jar": "updated"}}])
    assert set(traps(home)) == {"orphan-bundle", "silently-newer"}
    identity = ProductIdentity(update_kind=UpdateKind.UPDATES_2, update_level=3)
    assert set(traps(home, identity)) == {"mixed-with-updates"}
    home.take([{"remove": ["patches/patch0001", "patches/patch0000", "patches/.metadata"]}, {"start": True}])
    assert home.running() == {"a_1.0.0.jar": "first", "b_1.0.0.jar": "updated", "z_1.0.0.jar": "updated"}
    assert traps(home, identity) == {}


def test_a_jar_whose_content_is_damaged_is_applied_and_told(home: PatchedHome) -> None:
    path = home.path("patches/patch0001/a_1.0.0.jar")
    content = bytearray(path.read_bytes())
    content[content.index(b"first")] ^= 1
    path.write_bytes(content)
    assert set(traps(home)) == {"damaged-jar", "pending"}
    home.take([{"start": True}])
    assert set(traps(home)) == {"damaged-jar"}
    with pytest.raises(zipfile.BadZipFile), zipfile.ZipFile(home.plugins / "a_1.0.0.jar") as jar:
        jar.read("classes.bin")


def test_two_files_of_a_patch_for_one_bundle(home: PatchedHome) -> None:
    home.take([{"put_as": {"patches/patch0001/a-copy.jar": ["a_1.0.0.jar", "other"]}}])
    warning = traps(home)["doubled-bundle"]
    assert warning.message == (
        "patch0001 has a-copy.jar, a_1.0.0.jar for the one bundle a_1.0.0.jar: chance decides which is run."
    )


def test_a_file_that_hides_the_service_pack(home: PatchedHome) -> None:
    pack = "servicepacks/servicepack0001"
    home.take(
        [
            {"put": {f"{pack}/lib/b_1.0.0.jar": "service", f"{pack}/servicepack_patches.txt": ""}},
            {"put": {"servicepacks/servicepack0001.zip": "a zip"}},
            {"start": True},
        ]
    )
    assert home.running() == {"a_1.0.0.jar": "first"}
    assert traps(home)["service-pack-hidden"].subjects == ("servicepack0001.zip",)


def test_a_missing_baseline_is_told_before_anything_changes(home: PatchedHome) -> None:
    home.take([{"remove": ["patches/patch0000"]}, {"put": {"patches/.metadata/prePatchedDir.txt": "patch0001\n"}}])
    assert next_start(home.inventory()).action is Action.NOTHING
    assert set(traps(home)) == {"missing-baseline"}


def test_a_broken_record_and_a_file_in_the_place_of_the_baseline(home: PatchedHome) -> None:
    home.take([{"put": {"patches/.metadata/prePatchedJARs.txt": "a_1.0.0.jar\n"}}])
    start = next_start(home.inventory())
    assert (start.action, start.reason) == (Action.FAIL, "prePatchedJARs.txt has a line without MD5")
    home.take([{"start": True}])
    assert any("SEVERE Error occurred while verifying" in line for line in home.log)
    home.take([{"remove": ["patches/patch0000", "patches/.metadata"]}, {"put": {"patches/patch0000": "a file"}}])
    assert next_start(home.inventory()).reason == "patch0000 is no directory"
    home.take([{"start": True}])
    assert any("SEVERE Error occurred while applying" in line for line in home.log)


def test_a_symbolic_name_may_be_folded_and_have_directives(home: PatchedHome) -> None:
    name = "org.wso2.carbon.identity.application.authentication.endpoint.and.some.more.ui"
    home.take([{"put": {f"patches/patch0002/{name}_1.0.0.jar": "folded"}}])
    with zipfile.ZipFile(home.path(f"patches/patch0002/{name}_1.0.0.jar")) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF")
    assert b"\r\n " in manifest
    assert b"singleton" in manifest.replace(b"\r\n ", b"")
    assert f"{name}_1.0.0.jar" in home.inventory().latest
    home.take([{"start": True}])
    assert home.running()[f"{name}_1.0.0.jar"] == "folded"


def test_what_jars_hold_is_remembered_by_inode_and_time(home: PatchedHome, tmp_path: Path) -> None:
    payload = {"root": str(home.root), "places": PLACES, "excluded": [], "cache": str(tmp_path / "cache.json")}
    (tmp_path / "cache.json").write_text("[broken")
    first = Walk(payload)
    first.started += 10  # as if everything had been there for long
    found = first.run()
    again = Walk(payload)
    assert len(again.known) == len(first.fresh) > 0
    again.known = {stamp: ["remembered", *rest] for stamp, (_, *rest) in again.known.items()}
    assert set(again.run()["plugins"].values()) == {"remembered"}
    home.take([{"put": {"plugins/b_1.0.0.jar": "changed"}}])
    assert Walk(payload).run()["plugins"]["b_1.0.0.jar"] != found["plugins"]["b_1.0.0.jar"]


def test_a_home_without_plugins_has_no_inventory(tmp_path: Path) -> None:
    assert inventory(Walk({"root": str(tmp_path), "places": PLACES, "excluded": []}).run()) is None
