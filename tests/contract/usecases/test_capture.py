"""The rules of making a restore point: whole, at one time, once."""

from datetime import timedelta
from pathlib import Path

import pytest

from lifeboat.capture import capture_unit, make_point, open_point, refuse_sealed, seal_point
from lifeboat.deployment import Unit
from lifeboat.documents import list_point
from lifeboat.drill import drill_unit
from lifeboat.errors import CaptureError, ConfigurationError, PointError
from lifeboat.manifest import OpenPoint, UnitSnapshot
from lifeboat.runtime import Runtime
from tests.support.miniature import HOME, TREE, Miniature
from tests.support.planting import restic


@pytest.fixture
def trees(mini: Miniature) -> Miniature:
    """The deployment without its databases: captures of home and tree are quick."""
    document = mini.document()
    del document["database_servers"]
    mini.write_file(document)
    return mini


def capture_all(runtime: Runtime, point: OpenPoint) -> list[UnitSnapshot]:
    return [capture_unit(runtime, point, unit) for unit in point.units]


def manifests(mini: Miniature, runtime: Runtime) -> list[str]:
    return [
        each.tags["point"] for each in runtime.vault("main").snapshots({"kind": "manifest", "deployment": mini.name})
    ]


def test_a_point_is_sealed_with_one_capture_of_every_unit(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup", reason="why")
        home, tree = capture_all(runtime, point)
        for captured in ([home], [tree], [home, home], [home, tree, tree], []):
            with pytest.raises(PointError, match=r"is not whole: expected home/apim-cp-1, tree/documents; captured"):
                seal_point(runtime, point, captured)
        assert manifests(trees, runtime) == []
        sealed = seal_point(runtime, point, [home, tree]).manifest
        assert manifests(trees, runtime) == [point.id]
    assert (sealed.id, sealed.reason, sealed.kind) == (point.id, "why", "system_backup")
    assert [unit.unit for unit in sealed.units] == [HOME, TREE]
    for unit in sealed.units:
        for address in (unit.facts, *(member.address for member in unit.members)):
            assert len(address.snapshot) == len(address.tree) == 64


def test_captures_that_lie_too_far_apart_are_not_one_point(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup")
        home, tree = capture_all(runtime, point)
        late = tree.model_copy(update={"instant": home.instant + timedelta(minutes=30, seconds=1)})
        with pytest.raises(
            PointError, match=r"1801 s apart \(home/apim-cp-1 to tree/documents\); max_skew allows 1800 s"
        ):
            seal_point(runtime, point, [home, late])
        assert manifests(trees, runtime) == []
        in_time = tree.model_copy(update={"instant": home.instant + timedelta(minutes=30)})
        assert seal_point(runtime, point, [home, in_time]).manifest.skew_seconds == 1800


@pytest.mark.parametrize("what", ["data", "facts"])
def test_a_vault_that_lacks_a_snapshot_is_seen_before_sealing(trees: Miniature, what: str) -> None:
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup")
        home, tree = capture_all(runtime, point)
        gone = tree.facts if what == "facts" else tree.members[0].address
        restic(trees.vault_directory, "forget", gone.snapshot)
        with pytest.raises(CaptureError, match=f"does not hold snapshot {gone.snapshot} of tree/documents"):
            seal_point(runtime, point, [home, tree])
        assert manifests(trees, runtime) == []


def test_captures_of_another_point_are_refused(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        first, second = (open_point(runtime.deployment, "system_backup") for _ in range(2))
        captured = capture_all(runtime, first)
        with pytest.raises(CaptureError, match="does not hold snapshot"):
            seal_point(runtime, second, captured)
        assert manifests(trees, runtime) == []


def test_sealing_again_with_the_same_captures_changes_nothing(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup")
        captured = capture_all(runtime, point)
        sealed = seal_point(runtime, point, captured)
        assert seal_point(runtime, point, list(reversed(captured))) == sealed
        assert manifests(trees, runtime) == [point.id]


def test_a_sealed_point_never_changes(trees: Miniature) -> None:
    """A capture that was on its way when the point was sealed, and one that comes later."""
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup")
        home, tree = capture_all(runtime, point)
        second_home = capture_unit(runtime, point, HOME)
        sealed = seal_point(runtime, point, [home, tree])
        with pytest.raises(PointError, match="is sealed; it never changes") as caught:
            seal_point(runtime, point, [second_home, tree])
        assert "Start a new run" in str(caught.value)
        with pytest.raises(PointError, match="is sealed"):
            capture_unit(runtime, point, TREE)
        with pytest.raises(PointError, match="is sealed"):
            refuse_sealed(runtime, point)
        assert seal_point(runtime, point, [home, tree]) == sealed


def test_a_point_that_is_open_for_too_long_takes_no_captures(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        fresh = open_point(runtime.deployment, "system_backup")
        old = fresh.model_copy(update={"opened_at": fresh.opened_at - timedelta(minutes=31)})
        with pytest.raises(PointError, match=r"was opened 31m.* ago; captures may join it for 1800 s \(max_skew\)"):
            capture_unit(runtime, old, TREE)
        assert list_point(runtime.vault("main"), "mini", old.id) == []


def test_a_retry_leaves_an_orphan_and_the_manifest_names_one_attempt(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup")
        lost = capture_unit(runtime, point, TREE)
        home, tree = capture_all(runtime, point)
        sealed = seal_point(runtime, point, [home, tree]).manifest
        listed = {
            each.tags["attempt"]
            for each in list_point(runtime.vault("main"), "mini", point.id)
            if "attempt" in each.tags
        }
        assert listed == {lost.attempt, home.attempt, tree.attempt}
        assert {unit.attempt for unit in sealed.units} == {home.attempt, tree.attempt}
        assert drill_unit(runtime, point.id, TREE).failed() == []


def test_a_repeated_run_means_the_same_point(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        when = open_point(runtime.deployment, "system_backup").opened_at
        ids = [open_point(runtime.deployment, "system_backup", run_after=when, seed=seed).id for seed in "aab"]
        assert ids[0] == ids[1] != ids[2]
        assert open_point(runtime.deployment, "system_backup").id != open_point(runtime.deployment, "system_backup").id


def test_a_deployment_file_that_changes_between_open_and_seal(trees: Miniature) -> None:
    """The point keeps the units that it was opened with: one that came is not in it, one that went fails it."""
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup")
        home = capture_unit(runtime, point, HOME)
    document = trees.document()
    del document["database_servers"]
    trees.write_file({**document, "business_data": {"other": document["business_data"]["documents"]}})
    with trees.runtime() as runtime:
        with pytest.raises(ConfigurationError, match="tree/documents: The deployment file of 'mini' does not name it"):
            capture_unit(runtime, point, TREE)
        other = capture_unit(runtime, point, Unit.parse("tree/other"))
        with pytest.raises(PointError, match="is not whole: expected home/apim-cp-1, tree/documents; captured"):
            seal_point(runtime, point, [home, other])
        assert manifests(trees, runtime) == []
    document["business_data"]["other"] = document["business_data"]["documents"]
    trees.write_file(document)
    with trees.runtime() as runtime:
        sealed = seal_point(runtime, point, [home, capture_unit(runtime, point, TREE)])
    assert [unit.unit for unit in sealed.manifest.units] == [HOME, TREE]


def test_a_vault_that_is_exchanged_between_capture_and_seal(trees: Miniature, untouched: Miniature) -> None:
    with trees.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup")
        captured = capture_all(runtime, point)
    document = trees.document()
    del document["database_servers"]
    document["sites"]["main"]["vault"]["repository"] = str(untouched.vault_directory)
    trees.write_file(document)
    with trees.runtime() as runtime, pytest.raises(CaptureError, match="does not hold snapshot"):
        seal_point(runtime, point, captured)


def test_a_file_that_comes_and_goes_with_the_next_run(trees: Miniature) -> None:
    with trees.runtime() as runtime:
        first = make_point(runtime, "system_backup").manifest
        (trees.tree / "new.txt").write_text("new")
        second = make_point(runtime, "system_backup").manifest
        assert drill_unit(runtime, first.id, TREE).failed() == []
        assert drill_unit(runtime, second.id, TREE).failed() == []
    assert (
        second.unit(TREE).members[0].proof.summary["files"]
        == int(first.unit(TREE).members[0].proof.summary["files"]) + 1
    )
    assert Path(trees.tree / "new.txt").exists()
