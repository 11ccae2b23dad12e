"""What evidence says when a drill could not be done as a whole, and where it counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lifeboat import drill as drills
from lifeboat.connections import Connection
from lifeboat.drill import drill_point, drill_unit, record_drill
from lifeboat.errors import ConfigurationError, PointError, SpaceError, VaultPasswordError
from tests.contract.usecases.conftest import Damaged
from tests.support.miniature import DATABASE, HOME, TREE


def undrilled(damaged: Damaged) -> list[str]:
    return damaged.catalog.undrilled("mini", None, datetime.now(UTC), 10)


def test_control_is_good_and_last_known_good(damaged: Damaged) -> None:
    """The drill of the whole point, before anything is damaged."""
    assert undrilled(damaged) == [damaged.point]
    assert damaged.proven.evidence.passed
    evidence = record_drill(
        damaged.runtime, damaged.catalog, damaged.point, damaged.proven.evidence.units, datetime.now(UTC)
    )
    assert (evidence.fidelity, evidence.health, evidence.complete) == ("passed", "passed", True)
    assert evidence.rto_seconds == pytest.approx(sum(unit.restore_seconds for unit in evidence.units))
    assert {unit.unit for unit in evidence.units} == {DATABASE, HOME, TREE}
    state = damaged.catalog.last_known_good("mini")
    assert state is not None
    assert (state.manifest.id, state.verdict) == (damaged.point, "good")
    assert undrilled(damaged) == []


def test_infrastructure_that_fails_says_nothing_about_the_point(damaged: Damaged) -> None:
    wrong = Connection("mini_vault", password="of another vault")
    with damaged.mini.runtime(mini_vault=wrong) as runtime, pytest.raises(VaultPasswordError):
        drill_unit(runtime, damaged.point, DATABASE)
    document = damaged.mini.document()
    document["sites"]["main"]["scratch"] = "/proc/lifeboat"
    damaged.mini.write_file(document)
    with damaged.mini.runtime() as runtime, pytest.raises(Exception, match="scratch directory") as caught:
        drill_unit(runtime, damaged.point, TREE)
    assert caught.type.__name__ == "PreflightError"


def test_a_unit_without_a_result_leaves_the_point_unproven(damaged: Damaged) -> None:
    evidence = record_drill(
        damaged.runtime, damaged.catalog, damaged.point, damaged.proven.green(HOME, TREE), datetime.now(UTC)
    )
    assert not evidence.complete
    assert not evidence.passed
    assert evidence.missing_units == (DATABASE,)
    assert evidence.fidelity == "passed"
    assert damaged.catalog.point("mini", damaged.point).verdict == "unproven"
    assert undrilled(damaged) == [damaged.point]
    good = damaged.catalog.last_known_good("mini")
    assert good is not None
    assert good.manifest == damaged.proven.old.manifest


def test_an_incomplete_drill_takes_nothing_from_a_good_point(damaged: Damaged) -> None:
    old = damaged.proven.old.manifest.id
    record_drill(damaged.runtime, damaged.catalog, old, damaged.proven.green(TREE), datetime.now(UTC))
    state = damaged.catalog.last_known_good("mini")
    assert state is not None
    assert state.manifest.id == old
    assert state.drill == damaged.proven.evidence


def test_a_red_unit_fails_the_point_though_another_could_not_be_drilled(damaged: Damaged, tmp_path: Path) -> None:
    writer = damaged.writer()
    writer.alter_tree(str(TREE), tmp_path / "tree", lambda root: (root / "inbox").rmdir())
    writer.seal()
    red = damaged.drill(TREE)
    evidence = record_drill(
        damaged.runtime, damaged.catalog, damaged.point, [red, *damaged.proven.green(HOME)], datetime.now(UTC)
    )
    assert not evidence.complete
    assert damaged.catalog.point("mini", damaged.point).verdict == "failed"
    assert undrilled(damaged) == []


def test_a_drill_in_one_go_records_what_could_be_drilled(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    """The database server's connection is gone; home and tree are drilled and recorded all the same."""
    with damaged.mini.runtime(mini_postgres=None) as runtime:
        evidence = drill_point(runtime, damaged.catalog, damaged.point)
    assert evidence.missing_units == (DATABASE,)
    assert {unit.unit for unit in evidence.units} == {HOME, TREE}
    assert not evidence.passed
    assert "The drill of database/main-db could not be done: Connection 'mini_postgres' is not set." in caplog.text


def test_a_drill_in_one_go_of_which_nothing_could_be_done_fails(damaged: Damaged) -> None:
    wrong = Connection("mini_vault", password="of another vault")
    with damaged.mini.runtime(mini_vault=wrong) as runtime, pytest.raises(VaultPasswordError):
        drill_point(runtime, damaged.catalog, damaged.point)
    assert damaged.vault.snapshots({"kind": "evidence", "point": damaged.point}) == []


def test_evidence_is_kept_by_a_catalog_that_was_lost_meanwhile(damaged: Damaged) -> None:
    damaged.mini.catalog_file.unlink()
    catalog = damaged.mini.catalog()
    evidence = record_drill(damaged.runtime, catalog, damaged.point, damaged.proven.evidence.units, datetime.now(UTC))
    assert evidence.passed
    assert [(each.manifest.id, each.verdict) for each in catalog.points("mini")] == [(damaged.point, "good")]


def test_loss_of_a_recovery_is_told_from_the_next_point(damaged: Damaged) -> None:
    old, new = (signed.manifest for signed in (damaged.proven.old, damaged.proven.new))
    first = {each.id: min(unit.instant for unit in each.units) for each in (old, new)}
    later = datetime.now(UTC) + timedelta(hours=5)
    assert damaged.catalog.exposure_seconds(old, later) == (first[new.id] - first[old.id]).total_seconds()
    assert damaged.catalog.exposure_seconds(new, later) == (later - first[new.id]).total_seconds()


def test_a_unit_that_the_deployment_file_no_longer_names(damaged: Damaged) -> None:
    document = damaged.mini.document()
    del document["business_data"]
    damaged.mini.write_file(document)
    with (
        damaged.mini.runtime() as runtime,
        pytest.raises(ConfigurationError, match="tree/documents: The deployment file"),
    ):
        drill_unit(runtime, damaged.point, TREE)


def test_a_unit_that_the_point_does_not_have(damaged: Damaged) -> None:
    document = damaged.mini.document()
    document["business_data"]["archive"] = document["business_data"]["documents"]
    damaged.mini.write_file(document)
    unit = TREE.model_copy(update={"name": "archive"})
    with damaged.mini.runtime() as runtime, pytest.raises(PointError, match="has no tree/archive"):
        drill_unit(runtime, damaged.point, unit)


def test_scratch_that_is_too_small_is_seen_before_anything_is_restored(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = drills.shutil.disk_usage("/")
    monkeypatch.setattr(drills.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(SpaceError, match=r"needs about .* in .*/scratch; 1.0 kB are free"):
        damaged.drill(HOME)
