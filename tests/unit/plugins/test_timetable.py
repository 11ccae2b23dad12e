"""The timetable of a recovery, as Airflow's own scheduler and backfill use it after it went through the database."""

import importlib.util
from datetime import datetime
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow import plugins_manager
from airflow.models.backfill import InvalidBackfillDateRange, _get_info_list
from airflow.sdk import DAG
from airflow.sdk.bases.operator import BaseOperator
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from lifeboat_airflow.backfill_help import by_backfill, while_one_waits
from lifeboat_airflow.timetable import RecoveryTimetable

PLUGIN = Path(__file__).parents[3] / "plugins/lifeboat_plugin.py"
MOMENT = pendulum.datetime(2026, 11, 20, 14, 37, 12)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A DAG of this timetable, read back from its stored form with nothing registered but what the plugin names."""
    spec = importlib.util.spec_from_file_location("lifeboat_plugin", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)
    named = {f"{each.__module__}.{each.__qualname__}": each for each in plugin.LifeboatPlugin.timetables}
    monkeypatch.setattr(plugins_manager, "get_timetables_plugins", lambda: named)
    with DAG("sample.recovery", schedule=RecoveryTimetable(), catchup=False) as dag:
        BaseOperator(task_id="resolve")
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def backfilled(dag: Any, first: datetime, last: datetime) -> list[Any]:
    return _get_info_list(dag=dag, from_date=first, to_date=last, reverse=False)


def test_a_backfill_of_one_instant_is_one_run_of_it_to_the_second(stored: Any) -> None:
    assert stored.timetable.periodic
    (run,) = backfilled(stored, MOMENT, MOMENT)
    assert (run.logical_date, run.run_after) == (MOMENT, MOMENT)
    assert (run.data_interval.start, run.data_interval.end) == (MOMENT, MOMENT)


def test_the_same_instant_in_two_zones_is_one_instant(stored: Any) -> None:
    (run,) = backfilled(stored, MOMENT.in_timezone("Asia/Kolkata"), MOMENT)
    assert run.logical_date == MOMENT


@pytest.mark.parametrize("seconds", [1, 86400])
def test_a_range_is_refused_with_what_to_do_instead(stored: Any, seconds: int) -> None:
    """The error is one that Airflow hands on: as 422 by its API, as the last line by its command."""
    with pytest.raises(InvalidBackfillDateRange) as caught:
        backfilled(stored, MOMENT, MOMENT.add(seconds=seconds))
    message = str(caught.value)
    assert "to one instant, not to a range (2026-11-20 14:37:12 UTC to 2026-11-2" in message
    assert "nothing was started" in message
    assert f"{MOMENT.add(seconds=seconds).isoformat()} as both" in message
    assert "backfill the restore_drill DAG" in message


@pytest.mark.parametrize("earliest", [None, MOMENT])
def test_the_scheduler_never_makes_a_run(stored: Any, earliest: Any) -> None:
    for latest in (None, pendulum.now().add(years=1)):
        asked = TimeRestriction(earliest=earliest, latest=latest, catchup=False)
        assert stored.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=asked) is None
    asked = TimeRestriction(earliest=earliest, latest=None, catchup=True)
    assert stored.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=asked) is None


def test_a_run_by_hand_has_an_interval_of_its_own_instant() -> None:
    interval = RecoveryTimetable().infer_manual_data_interval(run_after=MOMENT)
    assert (interval.start, interval.end) == (MOMENT, MOMENT)


def test_the_help_names_the_dag_and_says_how_to_see_answer_and_cancel() -> None:
    waiting = while_one_waits("sample.recovery")
    assert waiting in by_backfill("sample.recovery")
    for part in ("backfills?dag_id=sample.recovery", "Required Actions", "PUT /api/v2/backfills/{id}/cancel", "409"):
        assert part in waiting
    assert "first reject" in waiting
    assert "--dag-id sample.recovery" in by_backfill("sample.recovery")
