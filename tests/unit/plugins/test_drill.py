"""The operators of a drill: what a run picks, and what its record makes of the drills' results."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.utils.types import DagRunType
from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.deployment import Unit
from lifeboat.manifest import UnitDrill
from lifeboat_airflow.drill import PickPointsOperator, RecordDrillOperator
from tests.support.deployments import write_deployment
from tests.support.points import made_up_drill, made_up_point, made_up_replica

HOME, TREE = Unit.parse("home/apim-cp-1"), Unit.parse("tree/documents")


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_deployment: Path) -> Catalog:
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "catalog.db"))
    return Catalog(URL.create("sqlite", database=str(tmp_path / "catalog.db")))


def _pick(run_type: DagRunType, logical_date: datetime | None = None, point: str = "") -> list[str]:
    """Return the points that a run picks, one for each of their units."""
    run = SimpleNamespace(run_id="a run", run_type=run_type, logical_date=logical_date)
    picked = PickPointsOperator(task_id="pick", deployment="sample", point=point).execute({"dag_run": run})
    return [item["point"] for item in picked]


def test_each_unit_of_each_point_is_picked_one_with_its_runbook(catalog: Catalog) -> None:
    point = made_up_point(datetime.now(UTC), "sample", HOME, TREE)
    catalog.add_point(point)
    run = SimpleNamespace(run_id="a run", run_type=DagRunType.MANUAL, logical_date=None)
    assert PickPointsOperator(task_id="pick", deployment="sample").execute({"dag_run": run}) == [
        {"point": point.manifest.id, "unit": "home/apim-cp-1", "runbook": "home/apim-cp-1"},
        {"point": point.manifest.id, "unit": "tree/documents", "runbook": ""},
    ]


def test_what_is_picked_stays_until_it_is_recorded(catalog: Catalog) -> None:
    catalog.add_point(made_up_point(datetime.now(UTC), "sample", TREE))
    (point,) = _pick(DagRunType.MANUAL)
    assert catalog.leases("sample") == {point: "drill a run"}


def test_runs_by_schedule_and_backfill_pick_by_their_tick_those_by_asset_by_the_time_it_is(catalog: Catalog) -> None:
    now = datetime.now(UTC)
    old, new = made_up_point(datetime(2026, 3, 1, 12, tzinfo=UTC)), made_up_point(now)
    for point in (old, new):
        catalog.add_point(point)
    tick = datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert _pick(DagRunType.BACKFILL_JOB, tick) == [old.manifest.id]
    assert _pick(DagRunType.SCHEDULED, tick) == [old.manifest.id]
    assert _pick(DagRunType.ASSET_TRIGGERED) == [new.manifest.id]


def test_a_backfill_picks_every_undrilled_point_of_its_stretch_and_a_scheduled_run_only_so_many(
    catalog: Catalog,
) -> None:
    points = [made_up_point(datetime(2026, 3, 1, 12, minute, tzinfo=UTC)) for minute in range(5)]
    for point in points:
        catalog.add_point(point)
    newest_first = [point.manifest.id for point in reversed(points)]
    tick = datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert _pick(DagRunType.SCHEDULED, tick) == newest_first[:3]
    assert _pick(DagRunType.BACKFILL_JOB, tick) == newest_first


def test_a_run_by_hand_picks_the_named_point_though_it_was_drilled_and_else_the_newest_undrilled(
    catalog: Catalog,
) -> None:
    now = datetime.now(UTC)
    undrilled, drilled = made_up_point(now - timedelta(days=9)), made_up_point(now)
    for point in (undrilled, drilled):
        catalog.add_point(point)
    catalog.add_evidence(made_up_drill(drilled))
    assert _pick(DagRunType.MANUAL) == [undrilled.manifest.id]
    assert _pick(DagRunType.MANUAL, point=drilled.manifest.id) == [drilled.manifest.id]
    assert _pick(DagRunType.SCHEDULED, now, point=undrilled.manifest.id) == [undrilled.manifest.id]


def test_a_run_to_which_nothing_falls_is_skipped_and_an_unknown_point_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(AirflowSkipException, match="No undrilled restore point of 'sample'"):
        _pick(DagRunType.SCHEDULED, datetime.now(UTC))
    with pytest.raises(AirflowFailException, match="no restore point whose id begins with 'gone'"):
        _pick(DagRunType.MANUAL, point="gone")


@pytest.fixture
def sites(tmp_path: Path, catalog: Catalog) -> None:
    """The deployment has two other sites, of which one is not drilled by schedule."""

    def change(document: dict[str, Any]) -> None:
        for name, drills in (("other", True), ("quiet", False)):
            vault = {"repository": f"/vaults/{name}", "writer": name}
            document["sites"][name] = {"vault": vault, "replication": {"drills": drills}}

    write_deployment(tmp_path, "sample", change)


def _pick_at(run_type: DagRunType, logical_date: datetime | None = None, **given: str) -> list[tuple[str, str]]:
    run = SimpleNamespace(run_id="a run", run_type=run_type, logical_date=logical_date)
    picked = PickPointsOperator(task_id="pick", deployment="sample", **given).execute({"dag_run": run})
    return [(item["point"], item.get("site", "home")) for item in picked]


def test_the_newest_copy_at_a_site_is_drilled_there_once_by_schedule_and_each_by_backfill(
    catalog: Catalog, sites: None
) -> None:
    tick = datetime(2026, 3, 2, 4, tzinfo=UTC)
    points = [made_up_point(tick - timedelta(hours=hours)) for hours in (9, 6, 3)]
    for point in points:
        catalog.add_point(point)
        catalog.add_evidence(made_up_drill(point))
    old, new, _not_there = (point.manifest.id for point in points)
    for point in points[:2]:
        for site in ("other", "quiet"):
            catalog.add_evidence(made_up_replica(point, site=site))
    assert _pick_at(DagRunType.SCHEDULED, tick) == [(new, "other")]
    assert _pick_at(DagRunType.BACKFILL_JOB, tick) == [(new, "other"), (old, "other")]
    catalog.add_evidence(made_up_drill(points[1], "failed", site="other", home=False))
    with pytest.raises(AirflowSkipException):
        _pick_at(DagRunType.SCHEDULED, tick)
    assert _pick_at(DagRunType.BACKFILL_JOB, tick) == [(old, "other")]


def test_by_hand_a_point_is_drilled_at_the_named_site_if_it_is_there(catalog: Catalog, sites: None) -> None:
    there, away = made_up_point(datetime.now(UTC) - timedelta(days=1)), made_up_point(datetime.now(UTC))
    for point in (there, away):
        catalog.add_point(point)
    catalog.add_evidence(made_up_replica(there, site="quiet"))
    assert _pick_at(DagRunType.MANUAL, site="quiet") == [(there.manifest.id, "quiet")]
    assert _pick_at(DagRunType.MANUAL, site="main") == [(away.manifest.id, "home")]
    for given, refusal in (
        ({"site": "quiet", "point": away.manifest.id}, "is not known to be at site 'quiet'"),
        ({"site": "nowhere"}, "Those are: other, quiet"),
    ):
        with pytest.raises(AirflowFailException, match=refusal):
            _pick_at(DagRunType.MANUAL, **given)


def test_what_is_found_at_a_site_is_recorded_for_that_site(
    catalog: Catalog, sites: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = made_up_point(datetime.now(UTC), "sample", TREE)
    found = {site: unit_drill(name) for site, name in (("", "here"), ("other", "there"))}
    told = [{"point": point.manifest.id, "site": site, "drill": each} for site, each in found.items()]
    recorded: list[tuple[str | None, str]] = []

    def record(runtime: Any, catalog: Any, point_id: str, drills: Any, started: Any, site: str | None) -> Any:
        recorded.append((site, drills[0].host_name))
        return made_up_drill(point, "failed" if site else "passed", site=site or "main")

    monkeypatch.setattr("lifeboat.drill.record_drill", record)
    picked = [{"point": point.manifest.id}, {"point": point.manifest.id, "site": "other"}]
    task = RecordDrillOperator(task_id="record", deployment="sample", picked=picked, drill_task="drill")
    instance = SimpleNamespace(xcom_pull=lambda **_: told, xcom_push=lambda *_: None)
    with pytest.raises(AirflowFailException, match=f"Not proven: {point.manifest.id} at other \\(failed\\)"):
        task.execute({"ti": instance, "dag_run": SimpleNamespace(run_id="a run", start_date=datetime.now(UTC))})
    assert recorded == [(None, "here"), ("other", "there")]


def unit_drill(host_name: str) -> dict[str, Any]:
    drill = UnitDrill(unit=TREE, host_name=host_name, restore_seconds=1, seconds=1, restored_bytes=1, checks=())
    return drill.model_dump(mode="json")
