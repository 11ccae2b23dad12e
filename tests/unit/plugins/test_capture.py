"""The operator that opens a backup's point: in a backfill it opens none and says what covers the period."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.utils.types import DagRunType
from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat_airflow.capture import OpenBackupOperator
from tests.support.points import made_up_drill, made_up_point

TICK = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_deployment: Path) -> Catalog:
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "catalog.db"))
    return Catalog(URL.create("sqlite", database=str(tmp_path / "catalog.db")))


def open_in_backfill(pushed: dict[str, Any]) -> None:
    operator = OpenBackupOperator(task_id="open", deployment="sample", kind="system_backup")
    run = SimpleNamespace(run_type=DagRunType.BACKFILL_JOB, logical_date=TICK, run_after=TICK)
    instance = SimpleNamespace(xcom_push=pushed.__setitem__)
    operator.execute({"dag_run": run, "ti": instance})


def test_the_point_of_the_period_is_named_with_its_verdict_and_nothing_is_opened(catalog: Catalog) -> None:
    point = made_up_point(TICK + timedelta(minutes=40))
    catalog.add_point(point)
    catalog.add_evidence(made_up_drill(point))
    pushed: dict[str, Any] = {}
    with pytest.raises(AirflowSkipException, match=rf"{point.manifest.id} \(good, of .* covers it"):
        open_in_backfill(pushed)
    assert pushed == {"covered_by": {"point": point.manifest.id, "verdict": "good"}}


@pytest.mark.usefixtures("catalog")
def test_a_period_without_a_point_fails_at_once() -> None:
    with pytest.raises(AirflowFailException, match="none can be made any more"):
        open_in_backfill({})
