"""Recoveries through the real scheduler: as of a moment by backfill, approved or rejected by a person, and dry ones."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from lifeboat.drill import drill_point
from lifeboat.recovery_documents import RecoveryEvidence
from lifeboat.sample.airflow_client import AirflowError
from lifeboat.sample.standby import database_file, run_sql
from tests.e2e.runs import Run, eventually
from tests.e2e.world import World
from tests.support.h2_source import query_sql

NAME, DAG = "returning", "returning.recovery"
DATABASE = "returning_db"


@dataclass
class Past:
    """The deployment at three moments: two with a good restore point each, and now, when all is lost."""

    world: World
    first: str
    second: str
    between: datetime

    def rows(self) -> list[str]:
        with self.connect() as session:
            return [row[0] for row in session.execute("SELECT name FROM item ORDER BY name").fetchall()]

    def connect(self) -> psycopg.Connection[tuple[str, ...]]:
        return psycopg.connect(self.world.stage.postgres.admin_conninfo, dbname=DATABASE, autocommit=True)

    def mariadb_rows(self) -> list[str]:
        with self.world.stage.mariadb.connect(DATABASE) as session, session.cursor() as cursor:
            cursor.execute("SELECT name FROM item ORDER BY name")
            return [row[0] for row in cursor.fetchall()]

    def h2_rows(self) -> list[str]:
        return query_sql(embedded(self.world), "SELECT name FROM item ORDER BY name")

    def files(self) -> dict[str, str]:
        directory = documents(self.world)
        return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}

    def evidence(self) -> list[RecoveryEvidence]:
        return [each for each in self.world.catalog.recoveries(NAME) if isinstance(each, RecoveryEvidence)]


def documents(world: World) -> Path:
    return world.directory / f"documents-of-{NAME}"


def embedded(world: World) -> Path:
    return database_file(world.stage.servers.directory)


def write(world: World, content: str) -> None:
    """Make the rows and the file that tell a moment from others."""
    with psycopg.connect(world.stage.postgres.admin_conninfo, dbname=DATABASE, autocommit=True) as session:
        session.execute("CREATE TABLE IF NOT EXISTS item (name text)")
        session.execute("INSERT INTO item VALUES (%s)", [content])
    with world.stage.mariadb.connect(DATABASE) as other, other.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS item (name varchar(20))")
        cursor.execute("INSERT INTO item VALUES (%s)", [content])
    run_sql(
        embedded(world),
        f"CREATE TABLE IF NOT EXISTS item (name varchar(20)); INSERT INTO item VALUES ('{content}');",
    )
    (documents(world) / content).write_text(content)


def good_point(world: World) -> str:
    manifest = world.make_point(NAME)
    with world.runtime(NAME) as runtime:
        assert drill_point(runtime, world.catalog, manifest.id).passed
    return manifest.id


@pytest.fixture(scope="module")
def past(world: World) -> Past:
    with psycopg.connect(world.stage.postgres.admin_conninfo, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {DATABASE}".encode())
    with world.stage.mariadb.connect() as other, other.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    documents(world).mkdir()
    write(world, "first")
    first = good_point(world)
    between = datetime.now(UTC) + timedelta(seconds=1)
    eventually(lambda: datetime.now(UTC) > between, "the clock")
    write(world, "second")
    second = good_point(world)
    lost = Past(world, first, second, between.replace(microsecond=0))
    with lost.connect() as session:
        session.execute("DROP TABLE item")
        session.execute("CREATE TABLE item AS SELECT 'rubbish' AS name")
    with world.stage.mariadb.connect() as other, other.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {DATABASE}")
    run_sql(embedded(world), "DELETE FROM item; INSERT INTO item VALUES ('rubbish');")
    for path in documents(world).iterdir():
        path.unlink()
    return lost


def started(world: World) -> Run:
    """Return the newest run of the recovery."""
    runs = eventually(lambda: world.runs(DAG), "a run of the recovery")
    return max(runs, key=lambda run: str(run.facts()["queued_at"]))


def test_a_range_is_refused_with_what_to_do(world: World, past: Past) -> None:
    with pytest.raises(AirflowError, match="to one instant, not to a range"):
        world.airflow.create_backfill(DAG, past.between - timedelta(days=1), past.between)
    assert world.runs(DAG) == []


def test_a_dry_run_shows_the_plan_and_changes_nothing(world: World, past: Past) -> None:
    run = world.trigger(DAG, {"dry_run": True}).wait()
    states = run.states()
    assert states.pop("plan") == states.pop("go_ahead") == "success"
    assert set(states.values()) == {"skipped"}
    log = run.log("plan")
    assert past.second in log
    assert "the last known good" in log
    assert past.rows() == ["rubbish"]
    assert past.evidence() == []


def test_a_rejected_recovery_touches_nothing_and_is_on_record(world: World, past: Past) -> None:
    run = world.trigger(DAG, {"reason": "too early"})
    run.answer("Reject")
    run.wait("failed")
    assert past.rows() == ["rubbish"]
    assert past.files() == {}
    (evidence,) = past.evidence()
    assert (evidence.succeeded, evidence.live, evidence.reason) == (False, "old", "too early")
    assert "approve" in evidence.error


def test_a_backfill_brings_back_the_rows_of_all_vendors_and_the_files_of_a_moment(world: World, past: Past) -> None:
    world.airflow.create_backfill(DAG, past.between, past.between)
    run = eventually(
        lambda: next((each for each in world.runs(DAG) if each.facts()["run_type"] == "backfill"), None), "the run"
    )
    run.answer("Approve")
    run.wait(timeout=300)
    assert (past.rows(), past.mariadb_rows(), past.h2_rows()) == (["first"], ["first"], ["first"])
    assert past.files() == {"first": "first"}
    assert past.evidence()[-1].succeeded
    assert past.evidence()[-1].point == past.first
    assert past.evidence()[-1].approved_by == ("admin",)
    safety = past.evidence()[-1].safety_point
    assert world.catalog.point(NAME, safety).manifest.kind == "safety"
    assert "UTC" in run.log("plan")


def test_by_default_the_last_known_good_comes_back_and_only_what_was_chosen(world: World, past: Past) -> None:
    run = world.trigger(DAG, {"units": ["tree/documents"], "safety_point": False, "reason": "the files alone"})
    run.answer("Approve")
    run.wait(timeout=300)
    assert past.files() == {"first": "first", "second": "second"}
    assert past.rows() == ["first"]
    states = run.states()
    assert states["restore.database_main-db"] == states["safety.open"] == "skipped"
    assert past.evidence()[-1].safety_point == ""


def test_a_recovery_that_nobody_answers_ends_and_touches_nothing(world: World) -> None:
    directory = world.directory / "documents-of-hasty"
    directory.mkdir()
    (directory / "file").write_text("then")
    point = world.make_point("hasty").id
    (directory / "file").write_text("now")
    run = world.trigger("hasty.recovery", {"point": point, "unproven": True}).wait("failed")
    assert run.states()["approve"] == "failed"
    assert (directory / "file").read_text() == "now"
    (evidence,) = world.catalog.recoveries("hasty")
    assert isinstance(evidence, RecoveryEvidence)
    assert (evidence.succeeded, evidence.live, evidence.approved_by) == (False, "old", ())
    assert "approve" in evidence.error
