"""What the last task of a recovery and of an update makes of the run when nothing was begun."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lifeboat_airflow.recovery_record import RecordRecoveryOperator
from lifeboat_airflow.site_recovery_record import RecordSiteRecoveryOperator
from lifeboat_airflow.update import ReportUpdateOperator

LAST = [
    RecordRecoveryOperator(task_id="record", deployment="sample", plan=None, tasks={}, approvals=[]),
    ReportUpdateOperator(task_id="report", deployment="sample", plan=None, servers=[]),
    RecordSiteRecoveryOperator(task_id="record_site", deployment="sample", plan=None, phases={}, approvals=[]),
]


def context(plan_state: str) -> dict[str, Any]:
    states = {"run": {"plan": plan_state}}
    instance = SimpleNamespace(get_task_states=lambda **_: states, xcom_pull=lambda **_: None)
    return {"ti": instance, "dag_run": SimpleNamespace(dag_id="sample.dag", run_id="run")}


@pytest.mark.parametrize("task", LAST, ids=lambda task: task.task_id)
def test_a_plan_that_failed_fails_the_run(task: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"Nothing was (begun|made).*plan"):
        task.run(None, context("failed"))


@pytest.mark.parametrize("task", LAST, ids=lambda task: task.task_id)
def test_nothing_to_do_is_no_failure(task: Any) -> None:
    with pytest.raises(AirflowSkipException):
        task.run(None, context("skipped"))
