"""A capture that is killed or stopped in the middle seals nothing; the next try makes a whole point, once."""

import os
import signal
from collections import Counter

import pytest

from tests.e2e.processes import parent_of
from tests.e2e.runs import Run, eventually
from tests.e2e.world import World

CAPTURE = "capture database/main-db"
MEMBERS = {"database/main-db", "database/main-db/apim_db", "database/main-db/shared_db", "roles/main-db"}


@pytest.fixture(scope="module")
def killed(world: World) -> Run:
    """A backup whose capture lost its process in the middle: Airflow will try that task again by itself."""
    dag_id = "killed.system_backup"
    with world.slow_dump.held(dag_id):
        run = world.trigger(dag_id)
        world.slow_dump.wait_until_reached(dag_id)
        assert _manifests(world, "killed") == 0
        eventually(lambda: world.snapshots("killed", kind="member"), "the roles in the vault, beside the dumps")
        os.kill(world.slow_dump.task_of(dag_id), signal.SIGKILL)
        eventually(lambda: run.states()[CAPTURE] == "up_for_retry", "the killed capture waiting for its next try")
    return run


def test_a_capture_that_a_person_stops_ends_its_children(world: World, killed: Run) -> None:
    dag_id = "halted.system_backup"
    with world.slow_dump.held(dag_id):
        run = world.trigger(dag_id)
        world.slow_dump.wait_until_reached(dag_id)
        task = world.slow_dump.task_of(dag_id)
        assert os.path.exists(f"/proc/{task}")
        run.fail()
        eventually(lambda: not world.slow_dump.processes(dag_id), "the end of the dumps", timeout=60)
        eventually(lambda: not os.path.exists(f"/proc/{task}"), "the end of the task", timeout=60)
    assert run.wait("failed").states()[CAPTURE] == "failed"
    assert _manifests(world, "halted") == 0


def test_a_new_run_is_whole_after_a_worker_was_killed_with_its_supervisor(world: World) -> None:
    dag_id = "halted.system_backup"
    with world.slow_dump.held(dag_id):
        run = world.trigger(dag_id)
        world.slow_dump.wait_until_reached(dag_id)
        task = world.slow_dump.task_of(dag_id)
        for process in (parent_of(task), task):
            os.kill(process, signal.SIGKILL)
        assert _manifests(world, "halted") == 0
    run.fail()
    assert _manifests(world, "halted") == 0
    _assert_one_whole_point(world, "halted", world.trigger(dag_id).wait())


def test_the_retry_of_a_killed_capture_makes_a_whole_point(world: World, killed: Run) -> None:
    killed.wait()
    assert killed.tasks()[CAPTURE]["try_number"] == 2
    orphans = _assert_one_whole_point(world, "killed", killed)
    assert orphans


def _manifests(world: World, name: str) -> int:
    return len(world.snapshots(name, kind="manifest")) + len(world.catalog.points(name))


def _assert_one_whole_point(world: World, name: str, run: Run) -> set[str]:
    """Check that a run made the deployment's only point, that the vault holds each of its members once, and that
    what is there besides has come from other attempts. Return the members of those."""
    (state,) = world.catalog.points(name)
    assert state.manifest.id == run.result("seal")
    (unit,) = state.manifest.units
    found = world.snapshots(name, point=state.manifest.id)
    ours = [snapshot for snapshot in found if snapshot.tags.get("attempt") == unit.attempt]
    assert Counter(snapshot.tags["member"] for snapshot in ours) == dict.fromkeys(MEMBERS, 1)
    named = {member.address.snapshot for member in unit.members} | {unit.facts.snapshot}
    assert {snapshot.id for snapshot in ours} == named
    others = [snapshot for snapshot in found if snapshot not in ours and snapshot.tags["kind"] != "manifest"]
    assert {snapshot.tags["kind"] for snapshot in others} <= {"member"}
    return {snapshot.tags["member"] for snapshot in others}
