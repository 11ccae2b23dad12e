"""A site that takes over, by the scheduler: backup, copy, drill there, rehearsal, and then in earnest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifeboat.site_recovery_documents import SiteRecoveryEvidence
from tests.e2e.runs import eventually
from tests.e2e.world import World
from tests.support.fake_cloud import OTHER
from tests.support.takeover import BEFORE, SERVER, SITE, TOML, TakeoverSites

NAME = "lost"
DAG = f"{NAME}.site_recovery"


@pytest.fixture(scope="module")
def point(world: World) -> Iterator[str]:
    """A restore point that is good at the other site, of a database that has changed since."""
    lost = world.lost
    world.airflow.unpause(f"{NAME}.replication")
    point: str = world.trigger(f"{NAME}.system_backup").wait().result("seal")
    (copied,) = eventually(lambda: world.runs(f"{NAME}.replication"), "the replication that the backup's asset starts")
    copied.wait()
    world.trigger(f"{NAME}.restore_drill", {"site": SITE}).wait()
    assert lost.made() == {}
    with lost.connect(lost.endpoint["Port"]) as connection:
        connection.execute("UPDATE um_tenant SET um_domain_name = 'later.example'")
    yield point
    lost.there.end()


def evidence(world: World) -> SiteRecoveryEvidence:
    found = world.catalog.site_recoveries(NAME)[-1]
    assert isinstance(found, SiteRecoveryEvidence)
    return found


def waited_in_the_triggerer(world: World) -> set[str]:
    """Return the tasks of whose waiting the triggerer has written a log."""
    logs = (world.airflow.home / "logs" / f"dag_id={DAG}").glob("*/task_id=*/*.trigger.*")
    return {path.parent.name.removeprefix("task_id=") for path in logs}


def test_a_rehearsal_by_the_scheduler_builds_everything_and_leaves_nothing(world: World, point: str) -> None:
    lost: TakeoverSites = world.lost
    run = world.trigger(DAG, {"site": SITE, "rehearsal": True}).wait(timeout=400)
    states = run.states()
    assert {name for name, state in states.items() if state != "success"} == {"approve", "switch_over"}
    assert {states["approve"], states["switch_over"]} == {"skipped"}
    assert {"databases.shared", "machines.cp", f"puppet.{SERVER}"} <= states.keys()
    assert waited_in_the_triggerer(world) == {"databases.shared", "machines.cp"}
    told = evidence(world)
    assert (told.action, told.succeeded, told.point) == ("rehearse", True, point)
    assert list(told.seconds) == ["make", "Puppet", "members", "take down"]
    assert "database-answers" in {check.name for check in told.checks}
    assert (lost.made(), lost.points_to(), lost.switched.exists()) == ({}, [BEFORE], False)
    lost.clean()


def test_a_rehearsal_that_fails_is_taken_down_too(world: World, point: str) -> None:
    lost = world.lost
    manifest = Path(lost.puppet["manifest"])
    working = manifest.read_text()
    manifest.write_text(working + "file { '/no/such/directory/file': content => 'x' }\n")
    try:
        run = world.trigger(DAG, {"site": SITE, "rehearsal": True}).wait("failed", timeout=400)
    finally:
        manifest.write_text(working)
    states = run.states()
    assert {name for name, state in states.items() if state == "failed"} == {f"puppet.{SERVER}", "record"}
    assert states["take_down"] == "success"
    assert states["members"] == "upstream_failed"
    told = evidence(world)
    assert (told.succeeded, told.error, told.stands) == (False, f"failed: puppet.{SERVER}", {})
    assert lost.made() == {}
    assert "Nothing of the rehearsal is left in AWS." in run.log("record")
    lost.clean()


def test_a_rehearsal_that_a_person_ends_is_taken_down_too(world: World, point: str) -> None:
    lost: TakeoverSites = world.lost
    run = world.trigger(DAG, {"site": SITE, "rehearsal": True})
    eventually(lambda: run.states()["machines.cp"] == "success", "a machine is there", 180)
    assert lost.made()
    run.fail()
    run.wait("failed", timeout=400)
    states = run.states()
    assert (states["take_down"], states["record"], states["members"]) == ("success", "failed", "skipped")
    told = evidence(world)
    assert (told.succeeded, told.stands, lost.made()) == (False, {}, {})
    assert told.error.startswith(("failed: ", "not done: "))
    lost.clean()


def test_a_site_takes_over_once_a_person_has_approved(world: World, point: str) -> None:
    lost, later = world.lost, ["later.example"]
    run = world.trigger(DAG, {"site": SITE, "reason": "flood"})
    run.asks()
    assert lost.made() == {}
    run.answer("Approve")
    run.wait(timeout=400)
    told = evidence(world)
    assert (told.action, told.succeeded, told.reason, len(told.approved_by)) == ("recover", True, "flood", 1)
    assert told.servers[SERVER].startswith("healthy by ")
    (database,) = lost.cloud.client("rds", OTHER).describe_db_instances()["DBInstances"]
    port = database["Endpoint"]["Port"]
    assert lost.tenants() == later
    assert set(lost.tenants(port)).isdisjoint(later)
    text = (lost.there.home / TOML).read_text()
    assert f"127.0.0.1:{port}/shared_db" in text
    assert 'hostname = "cp.west.example"' in text
    assert lost.there.processes()
    assert lost.points_to() == [told.stands["cp"].partition(" at ")[2]]
    assert len(lost.made()) == 2
