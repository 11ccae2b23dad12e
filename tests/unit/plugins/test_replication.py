"""The operator of replication: which points a run is about, and how it ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.utils.types import DagRunType
from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.replication import SiteResult
from lifeboat_airflow.replication import ReplicateOperator
from tests.support.points import made_up_point, made_up_replica

TICK = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
OLD, NEW = made_up_point(TICK - timedelta(hours=2)), made_up_point(TICK - timedelta(minutes=10))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_deployment: Path) -> dict[str, Any]:
    """What was asked of replication, and what it answers."""
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "catalog.db"))
    catalog = Catalog(URL.create("sqlite", database=str(tmp_path / "catalog.db")))
    catalog.add_point(OLD)
    catalog.add_point(NEW)
    asked: dict[str, Any] = {"result": SiteResult(site="other", whole=2, replicas=(made_up_replica(NEW),))}

    def replicate(runtime: Any, catalog: Any, site: str, points: Any, *, again: bool) -> SiteResult:
        asked.update(site=site, points=points, again=again)
        result: SiteResult = asked["result"]
        return result

    monkeypatch.setattr("lifeboat.replication.replicate", replicate)
    return asked


def run(run_type: DagRunType, tick: datetime | None = None, **given: str) -> Any:
    task = ReplicateOperator(task_id="it", deployment="sample", site="other", **given)
    return task.execute({"dag_run": SimpleNamespace(run_type=run_type, logical_date=tick)})


@pytest.mark.parametrize(
    ("run_type", "given", "points", "again"),
    [
        (DagRunType.SCHEDULED, {"point": "", "again": "False"}, None, False),
        (DagRunType.ASSET_TRIGGERED, {"point": "", "again": "False"}, None, False),
        (DagRunType.MANUAL, {"point": "", "again": "True"}, None, True),
        (DagRunType.MANUAL, {"point": OLD.manifest.id, "again": "False"}, [OLD.manifest.id], True),
        (DagRunType.BACKFILL_JOB, {}, [NEW.manifest.id], True),
    ],
)
def test_what_a_run_is_about(
    asked: dict[str, Any], run_type: DagRunType, given: dict[str, str], points: list[str] | None, again: bool
) -> None:
    assert run(run_type, TICK, **given) == {"whole": 2, "copied": [NEW.manifest.id]}
    assert (asked["site"], asked["points"], asked["again"]) == ("other", points, again)


def test_a_backfill_of_a_time_without_points_is_skipped(asked: dict[str, Any]) -> None:
    with pytest.raises(AirflowSkipException):
        run(DagRunType.BACKFILL_JOB, TICK - timedelta(days=1))
    assert "site" not in asked


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"error": "the line is down", "permanent": False}, AirflowException),
        ({"error": "the password is wrong", "permanent": True}, AirflowFailException),
        ({"failures": ("a point: its bytes are others",)}, AirflowFailException),
    ],
)
def test_what_may_pass_is_tried_again_and_what_does_not_fails_at_once(
    asked: dict[str, Any], result: dict[str, Any], error: type[Exception]
) -> None:
    asked["result"] = SiteResult(site="other", **result)
    with pytest.raises(AirflowException) as raised:
        run(DagRunType.SCHEDULED, TICK)
    assert type(raised.value) is error
