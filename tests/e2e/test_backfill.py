"""Backfills: of drills over a range, which proves every point of it, and of backups, which never pretend."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lifeboat.catalog.states import last_instant
from lifeboat.manifest import Manifest
from lifeboat.times import for_command
from tests.e2e.runs import Run, eventually
from tests.e2e.world import World
from tests.support.command_line import lifeboat_here
from tests.support.planting import flip_byte

BACKUP, DRILL = "older.system_backup", "older.restore_drill"
ANCIENT, FRESH = 10, 0
WEEK = range(7, 0, -1)
#: How many days ago the two were made that are damaged: one in its data, the newest of the week in its facts.
BAD_DATA, BAD_FACTS = 3, 1


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture(scope="module")
def points(world: World) -> dict[int, Manifest]:
    """A restore point for each day of a week, one long before it and one of now, by their ages in days.

    The clock of ticks strikes once a day, twelve hours from now: each point of the week lies alone between two.
    """
    documents = world.directory / "documents-of-older"
    documents.mkdir()
    made = {}
    for days in (ANCIENT, *WEEK, FRESH):
        (documents / "today.bin").write_bytes(random.Random(days).randbytes(50_000))
        made[days] = world.make_point("older", timedelta(days=days))
    vault, password = world.vault_directory("older"), world.secrets()["AIRFLOW_CONN_LIFEBOAT_VAULT_WRITER"]
    data, facts = made[BAD_DATA].members()[0].address, made[BAD_FACTS].units[0].facts
    flip_byte(vault, data.snapshot, f"{data.path}/today.bin", password)
    flip_byte(vault, facts.snapshot, facts.path, password)
    return made


@pytest.fixture(scope="module")
def drills(world: World, points: dict[int, Manifest]) -> list[Run]:
    """The finished runs of a backfill over that week, newest first."""
    return backfill(world, DRILL, ago(8), ago(0), 8)


def backfill(world: World, dag_id: str, first: datetime, last: datetime, count: int) -> list[Run]:
    """Backfill a DAG and return its finished runs, newest first, when there are so many.

    The DAG is paused until all runs are written: Airflow takes them back when SQLite is locked meanwhile, and a
    scheduler that has begun one of them ends.
    """
    world.airflow.wait_for_dag(dag_id)
    world.airflow.create_backfill(dag_id, first, last)
    world.airflow.unpause(dag_id)

    def finished() -> list[Run]:
        facts = {run.run_id: run.facts() for run in world.runs(dag_id)}
        done = [
            run for run in facts.values() if run["run_type"] == "backfill" and run["state"] in ("success", "failed")
        ]
        done.sort(key=lambda run: str(run["logical_date"]), reverse=True)
        return [Run(world.airflow, dag_id, run["dag_run_id"]) for run in done] if len(done) == count else []

    found: list[Run] = eventually(finished, f"{count} finished runs of the backfill of {dag_id}", timeout=240)
    return found


def test_a_backfill_over_a_week_proves_every_point_of_it_and_no_other(
    world: World, points: dict[int, Manifest], drills: list[Run]
) -> None:
    verdicts = {days: world.verdict("older", point.id) for days, point in points.items()}
    week = {days: "failed" if days in (BAD_DATA, BAD_FACTS) else "good" for days in WEEK}
    assert verdicts == {ANCIENT: "unproven", **week, FRESH: "unproven"}
    *with_point, without = drills
    assert set(without.states().values()) == {"skipped"}
    for days, run in zip(reversed(WEEK), with_point, strict=True):
        word = "passed" if week[days] == "good" else "failed"
        assert f"{points[days].id} ({word})" in run.log("record") or run.result("record") == {points[days].id: word}


def test_the_log_of_a_red_drill_says_what_is_damaged(points: dict[int, Manifest], drills: list[Run]) -> None:
    for days, check in ((BAD_DATA, "member-readable"), (BAD_FACTS, "facts-readable")):
        run = drills[days - 1]
        name = f"drill tree/documents of {points[days].id}"
        assert run.states() == {"pick": "success", name: "failed", "record": "failed"}
        assert f"error failed  {check} " in run.log(name)


@pytest.mark.usefixtures("drills")
def test_the_list_of_points_then_shows_the_last_good_one_also_as_of_a_time(
    world: World, points: dict[int, Manifest]
) -> None:
    def listed(*options: str) -> Any:
        return lifeboat_here(world.environment, "points", "older", *options)

    text = listed().stdout
    for days, point in points.items():
        verdict = world.verdict("older", point.id)
        assert any(point.id in line and verdict in line for line in text.splitlines()), (days, text)
    assert f"Last known good: {points[2].id}" in text
    just_before = for_command(last_instant(points[2]) - timedelta(seconds=1))
    assert f": {points[4].id}" in listed("--as-of", just_before).stdout
    early = listed("--as-of", for_command(ago(8)))
    assert early.status == 1
    assert f"there are: {points[ANCIENT].id} (unproven" in early.stderr


@pytest.mark.usefixtures("drills")
def test_a_backfill_of_backups_captures_nothing_and_says_what_covers_each_period(
    world: World, points: dict[int, Manifest]
) -> None:
    before = world.snapshots("older")
    covered, uncovered = backfill(world, BACKUP, ago(9), ago(7), 2)
    assert set(covered.wait("success").states().values()) == {"skipped"}
    assert f"Nothing is captured for a past period; {points[7].id} (good, of " in covered.log("open")
    uncovered.wait("failed")
    assert sorted(uncovered.states().values()) == ["failed", "upstream_failed", "upstream_failed"]
    assert uncovered.tasks()["open"]["try_number"] == 1
    log = uncovered.log("open")
    assert "none can be made any more" in log
    assert f"the nearest before is {points[ANCIENT].id} (unproven, of " in log
    assert f"the nearest after is {points[7].id} (good, of " in log
    assert "lifeboat drill older POINT" in log
    assert world.snapshots("older") == before
