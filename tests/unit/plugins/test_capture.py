"""The operator that opens a backup's point: in a backfill it opens none and says what covers the period."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.bases.operator import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped
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
    with DAG("sample.system_backup", schedule=None):
        operator = OpenBackupOperator(task_id="open", deployment="sample", kind="system_backup")
        operator >> BaseOperator(task_id="capture") >> BaseOperator(task_id="seal")
    run = SimpleNamespace(run_type=DagRunType.BACKFILL_JOB, logical_date=TICK, run_after=TICK)
    instance = SimpleNamespace(xcom_push=pushed.__setitem__)
    operator.execute({"dag_run": run, "ti": instance})


def test_the_point_of_the_period_is_named_with_its_verdict_and_all_that_follows_is_skipped(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    point = made_up_point(TICK + timedelta(minutes=40))
    catalog.add_point(point)
    catalog.add_evidence(made_up_drill(point))
    pushed: dict[str, Any] = {}
    with pytest.raises(DownstreamTasksSkipped) as caught:
        open_in_backfill(pushed)
    assert caught.value.tasks == ["capture", "seal"]
    assert pushed == {"covered_by": {"point": point.manifest.id, "verdict": "good"}}
    assert f"restore point {point.manifest.id} (good, of " in capsys.readouterr().out


@pytest.mark.usefixtures("catalog")
def test_a_period_without_a_point_fails_at_once() -> None:
    with pytest.raises(AirflowFailException, match="none can be made any more"):
        open_in_backfill({})
