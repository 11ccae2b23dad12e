"""Which restore points a drill run covers, with a real catalog of made-up points."""

import tests.support.airflow_home  # noqa: F401, I001 (before airflow)

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_deployment
from lifeboat.drill_selection import pick_by_hand, pick_by_tick, previous_tick
from lifeboat.past_period import next_tick
from sqlalchemy import URL
from tests.support.deployments import with_schedules, write_deployment
from tests.support.points import made_up_drill, made_up_point


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(URL.create("sqlite", database=str(tmp_path / "catalog.db")))


@pytest.fixture
def sealed(catalog: Catalog) -> Any:
    """Seals a point at a time, perhaps drills it, and returns its id."""

    def seal(when: str, drill: dict[str, Any] | None = None, deployment: str = "sample") -> str:
        point = made_up_point(at(when), deployment)
        catalog.add_point(point)
        if drill is not None:
            catalog.add_evidence(made_up_drill(point, **drill))
        return point.manifest.id

    return seal


@pytest.fixture
def scheduled(tmp_path: Path) -> Any:
    """Returns the sample deployment with keys of its schedules set."""

    def schedule(**schedules: Any) -> Deployment:
        return load_deployment(write_deployment(tmp_path, "sample", with_schedules(**schedules)))

    return schedule


def test_a_tick_covers_what_was_sealed_after_the_tick_before_up_to_itself_newest_first(
    catalog: Catalog, sealed: Any, scheduled: Any
) -> None:
    _before = sealed("2026-11-22T04:00:00")  # the earlier tick's own second
    first = sealed("2026-11-22T04:00:01")
    middle = sealed("2026-11-22T16:30:00")
    last = sealed("2026-11-23T04:00:00")
    _after = sealed("2026-11-23T04:00:01")
    _other = sealed("2026-11-22T16:31:00", deployment="other")
    assert pick_by_tick(catalog, scheduled(), at("2026-11-23T04:00:00")) == [last, middle, first]


def test_a_run_between_two_ticks_covers_what_was_sealed_since_the_last_one(
    catalog: Catalog, sealed: Any, scheduled: Any
) -> None:
    _earlier = sealed("2026-11-23T03:59:00")
    new = sealed("2026-11-23T04:10:00")
    assert pick_by_tick(catalog, scheduled(), at("2026-11-23T05:00:00")) == [new]


def test_at_most_so_many_are_drilled_in_one_run_and_the_newest_go_first(
    catalog: Catalog, sealed: Any, scheduled: Any
) -> None:
    points = [sealed(f"2026-11-22T{hour:02}:00:00") for hour in range(6, 12)]
    tick = at("2026-11-23T04:00:00")
    assert pick_by_tick(catalog, scheduled(drills_per_run=2), tick) == [points[5], points[4]]
    assert pick_by_tick(catalog, scheduled(drills_per_run=1), tick) == [points[5]]


def test_what_was_drilled_is_left_out_whether_it_passed_or_failed_but_not_what_was_drilled_in_part(
    catalog: Catalog, sealed: Any, scheduled: Any
) -> None:
    sealed("2026-11-22T06:00:00", {"fidelity": "passed"})
    sealed("2026-11-22T07:00:00", {"fidelity": "failed"})
    partly = sealed("2026-11-22T08:00:00", {"complete": False})
    assert pick_by_tick(catalog, scheduled(), at("2026-11-23T04:00:00")) == [partly]


def test_without_a_schedule_a_run_covers_every_undrilled_point(catalog: Catalog, sealed: Any, scheduled: Any) -> None:
    old = sealed("2024-01-01T00:00:00")
    new = sealed("2026-11-22T06:00:00")
    deployment = scheduled(restore_drill=None)
    assert previous_tick(deployment, at("2026-11-23T04:00:00")) is None
    assert pick_by_tick(catalog, deployment, at("2026-11-23T04:00:00")) == [new, old]


def test_by_hand_the_newest_undrilled_point_is_drilled(catalog: Catalog, sealed: Any, scheduled: Any) -> None:
    assert pick_by_hand(catalog, scheduled()) == []
    sealed("2026-11-20T06:00:00")
    undrilled = sealed("2026-11-21T06:00:00", {"complete": False})
    newest = sealed("2026-11-22T06:00:00", {})
    assert pick_by_hand(catalog, scheduled()) == [undrilled]
    for state in catalog.points("sample"):
        if state.drill is None:
            catalog.add_evidence(made_up_drill(catalog.signed_manifest("sample", state.manifest.id)))
    assert pick_by_hand(catalog, scheduled()) == [newest]


def test_the_schedule_is_read_in_its_own_time_zone(catalog: Catalog, sealed: Any, scheduled: Any) -> None:
    _before = sealed("2026-07-21T20:00:00")
    point = sealed("2026-07-21T20:00:01")
    berlin = scheduled(timezone="Europe/Berlin", restore_drill="0 22 * * *")
    assert pick_by_tick(catalog, berlin, at("2026-07-22T20:00:00")) == [point]


@pytest.mark.parametrize(
    "cron", ["0 4 * * *", "30 2 * * *", "30 2 * * 0", "0 * * * *", "*/20 * * * *", "15 1,2,3 * * *"]
)
@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", "2026-03-29T01:00:00"),
        ("Europe/Berlin", "2026-10-25T01:00:00"),
        ("America/New_York", "2026-03-08T07:00:00"),
        ("America/New_York", "2026-11-01T06:00:00"),
    ],
)
def test_the_ticks_are_those_of_airflow_when_clocks_change_so_no_point_falls_between_two(
    scheduled: Any, cron: str, zone: str, change: str
) -> None:
    deployment = scheduled(timezone=zone, restore_drill=cron, system_backup=cron)
    around = at(change)
    ticks = list(_airflow_ticks(cron, zone, around - timedelta(days=9), around + timedelta(days=9)))
    assert len(ticks) >= 2
    for earlier, later in itertools.pairwise(ticks):
        assert previous_tick(deployment, later) == earlier
        just_before = (later - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        assert previous_tick(deployment, just_before) == earlier
        assert next_tick(deployment, earlier) == later
        assert next_tick(deployment, just_before) == later


def _airflow_ticks(cron: str, zone: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the times at which Airflow runs a DAG of this schedule."""
    timetable = CronTriggerTimetable(cron, timezone=zone)
    limits = TimeRestriction(earliest=pendulum.instance(begin), latest=pendulum.instance(end), catchup=True)
    info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=limits)
    while info is not None:
        yield datetime.fromisoformat(info.run_after.isoformat()).astimezone(UTC)
        info = timetable.next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=limits)
