"""The tasks of housekeeping: what each leaves for the record, also when it fails, and when the run is red."""

import tests.support.airflow_home  # noqa: F401, I001 (before airflow)

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

import lifeboat_airflow.base as base
from lifeboat.connections import from_environment
from lifeboat.housekeeping import PARTS
from lifeboat_airflow.housekeeping import HousekeepingOperator, RecordHousekeepingOperator
from lifeboat_airflow.housekeeping import PARTS as TASKS
from tests.support.small_deployment import NAME, Small


class Instance:
    """A task instance of which others can pull what it pushed, under the name of the task that runs."""

    def __init__(self) -> None:
        self.task, self.pushed = "", dict[str, Any]()

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[self.task] = value

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.pushed.get(task_ids)


class State(dict[str, Any]):
    """What Airflow keeps of a task beyond its tries."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


@pytest.fixture
def context(small: Small, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in small.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(base, "airflow_connection", from_environment)
    return {"ti": Instance(), "dag_run": SimpleNamespace(start_date=datetime.now(UTC)), "states": {}}


def run(context: dict[str, Any], part: str) -> None:
    context["ti"].task = part
    context["task_state_store"] = context["states"].setdefault(part, State())
    HousekeepingOperator(task_id=part, deployment=NAME, part=part).execute(context)


def record(context: dict[str, Any]) -> None:
    RecordHousekeepingOperator(task_id="record", deployment=NAME, parts=["retention", "prune"]).execute(context)


def test_the_dag_has_every_part_in_its_order() -> None:
    assert tuple(PARTS) == TASKS


def test_what_a_part_removed_is_recorded_and_one_that_was_killed_makes_the_run_red(
    small: Small, context: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    old = small.point(timedelta(hours=20)).manifest.id
    small.point(drilled=True)
    run(context, "retention")
    run(context, "retention")  # as a second try, which finds nothing to remove any more
    with pytest.raises(AirflowFailException, match=r"Housekeeping failed; it is recorded.*prune: was killed"):
        record(context)
    (found,) = small.catalog().upkeep(NAME)
    assert [each.name for each in found.removed] == [old]
    assert old in caplog.text
    run(context, "prune")
    record(context)
    assert [each.passed for each in small.catalog().upkeep(NAME)] == [True, False]


def test_a_part_that_fails_is_red_with_its_next_step_and_is_recorded(small: Small, context: dict[str, Any]) -> None:
    document = small.document()
    del document["sites"]["main"]["vault"]["housekeeper"]
    small.write(document)
    for part in ("retention", "prune"):
        with pytest.raises(AirflowFailException, match=r"names no housekeeper(?s:.*)Next: Set sites.main.vault"):
            run(context, part)
    with pytest.raises(AirflowFailException, match="Housekeeping failed"):
        record(context)
    (found,) = small.catalog().upkeep(NAME)
    assert len(found.errors) == 2
