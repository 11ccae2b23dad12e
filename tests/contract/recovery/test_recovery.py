"""Recoveries in one go: what was live is kept, what is live is what was captured, and all of it can be undone."""

import shutil
from datetime import UTC, datetime

import psycopg
import pytest

from lifeboat.documents import read_all
from lifeboat.engines.postgres.exchange import refuse_bound
from lifeboat.errors import ConfigurationError, LifeboatError, PointError, PreflightError, RecoveryError, SpaceError
from lifeboat.recovery import refuse_changed
from lifeboat.recovery_documents import RecoveryEvidence, RecoveryJournal, RecoveryRequest
from lifeboat.recovery_plan import plan_recovery
from lifeboat.recovery_run import discard, recover, undo
from tests.support.disks import small_disk
from tests.support.miniature import DATABASE, HOME, TREE, VAULT_PASSWORD
from tests.support.planting import flip_byte
from tests.support.recoverable import SECOND_HOME, Recoverable


def test_everything_comes_back_and_what_was_live_is_kept(deployment: Recoverable) -> None:
    point = deployment.point()
    then = deployment.live()
    deployment.change()
    now = deployment.live()
    assert all(then[member] != now[member] for member in then)

    journal = deployment.begun()
    evidence = recover(deployment.runtime, deployment.catalog, journal)
    assert evidence.succeeded
    assert evidence.live == "new"
    assert evidence.point == point.manifest.id
    assert {check.outcome for check in evidence.checks} <= {"passed", "skipped"}
    assert deployment.live() == then
    # Logs are in no snapshot; those of today are carried over.
    assert (deployment.mini.home / "repository/logs/wso2carbon.log").read_text() == "a line of today\n"
    assert not (deployment.mini.home / "wso2carbon.pid").exists()
    assert (deployment.mini.home / "tmp").is_dir()
    kept = {exchange.kept for each in journal.plan.replacements for exchange in each.exchanges}
    assert {name for name in kept if not name.startswith("/")} < deployment.databases()
    assert len(deployment.beside()) == 3

    undone = undo(deployment.runtime, deployment.catalog, journal, requested_by="a tester")
    assert undone.succeeded
    assert undone.live == "old"
    assert deployment.live() == now
    discard(deployment.runtime, journal.plan)
    assert deployment.databases() == {"shared_db", "apim_db"}
    assert deployment.beside() == set()
    assert deployment.live() == now


def test_evidence_tells_who_and_what_and_is_kept_in_the_vault(deployment: Recoverable) -> None:
    deployment.point()
    deployment.change()
    journal = deployment.begun(safety_point=True, reason="the table is gone")
    evidence = recover(deployment.runtime, deployment.catalog, journal)
    vault, signer = deployment.runtime.vault("main"), deployment.runtime.signer()
    _, found, refused = read_all(vault, signer, "mini")
    assert refused == []
    kept = [document for document in found if not isinstance(document, RecoveryEvidence | RecoveryJournal)]
    assert len(found) - len(kept) == 2
    assert journal in found
    assert evidence in found
    assert (evidence.requested_by, evidence.reason) == ("a tester", "the table is gone")
    assert evidence.seconds.keys() == {"safety point", "restore beside and prove", "stop", "swap", "start", "checks"}
    assert evidence.safety_point
    safety = deployment.catalog.point("mini", evidence.safety_point)
    assert safety.manifest.kind == "safety"
    good = deployment.catalog.last_known_good("mini")
    assert good is not None
    assert good.manifest.id == journal.point
    deployment.catalog.rebuild("mini", *read_all(vault, signer, "mini")[:2])
    assert deployment.catalog.recoveries("mini") == [journal, evidence]


def test_a_database_that_is_gone_comes_back(deployment: Recoverable) -> None:
    deployment.point()
    then = deployment.live()
    deployment.run("postgres", "DROP DATABASE apim_db")
    journal = deployment.begun(units=(str(DATABASE), str(HOME)), safety_point=True)
    (left_out,) = (warning for warning in journal.plan.warnings if "a safety point leaves it out" in warning)
    assert left_out.startswith(f"{DATABASE}: ")
    evidence = recover(deployment.runtime, deployment.catalog, journal)
    assert evidence.succeeded
    assert deployment.live() == then
    safety = deployment.catalog.point("mini", evidence.safety_point).manifest
    assert [unit.unit for unit in safety.units] == [HOME]


def test_a_home_that_is_gone_and_a_tree_that_was_emptied_come_back(deployment: Recoverable) -> None:
    deployment.point()
    then = deployment.live()
    deployment.mini.home.rename(deployment.mini.directory / "elsewhere")
    for path in deployment.mini.tree.iterdir():
        shutil.rmtree(path)
    journal = deployment.begun(units=(str(HOME), str(TREE)), safety_point=True)
    assert len([warning for warning in journal.plan.warnings if "a safety point leaves it out" in warning]) == 2
    evidence = recover(deployment.runtime, deployment.catalog, journal)
    assert (evidence.succeeded, evidence.safety_point) == (True, "")
    assert deployment.live() == then


def test_one_database_of_two_comes_back_and_the_plan_warns(deployment: Recoverable) -> None:
    deployment.point()
    then = deployment.live()
    deployment.change()
    now = deployment.live()
    member = f"{DATABASE}/apim_db"
    journal = deployment.begun(units=(member,))
    assert any("without database/main-db/shared_db" in warning for warning in journal.plan.warnings)
    assert any("keystores" in warning for warning in journal.plan.warnings)
    with pytest.raises(RecoveryError, match="WSO2 checks find what they did not find before"):
        # apim_db of then and shared_db of now do not fit together
        deployment.run("shared_db", "UPDATE reg_resource SET reg_uuid = 'another'")
        recover(deployment.runtime, deployment.catalog, journal)
    live = deployment.live()
    assert live[member] == then[member]
    assert live[str(HOME)] == now[str(HOME)]
    (*_, evidence) = deployment.catalog.recoveries("mini")
    assert isinstance(evidence, RecoveryEvidence)
    assert not evidence.succeeded
    assert evidence.live == "new"


BOUND = {
    "prepared": (["BEGIN", "CREATE TABLE x ()", "PREPARE TRANSACTION 'left over'"], "ROLLBACK PREPARED 'left over'"),
    "slot": (
        ["SELECT pg_create_logical_replication_slot('feed', 'test_decoding')"],
        "SELECT pg_drop_replication_slot('feed')",
    ),
}


@pytest.mark.parametrize("bound", BOUND)
def test_what_is_bound_to_a_database_stands_in_the_way(deployment: Recoverable, bound: str) -> None:
    binding, clean_up = BOUND[bound]
    conninfo = deployment.mini.postgres.admin_conninfo
    with psycopg.connect(conninfo, dbname="apim_db", autocommit=True) as session:
        refuse_bound(session, "main-db", ["shared_db", "apim_db"])
        for statement in binding:
            session.execute(statement.encode())
        try:
            refuse_bound(session, "main-db", ["shared_db"])
            with pytest.raises(PreflightError, match=r"apim_db: (left over|feed)\."):
                refuse_bound(session, "main-db", ["shared_db", "apim_db"])
        finally:
            session.execute(clean_up.encode())


def test_an_unproven_point_must_be_wanted(deployment: Recoverable) -> None:
    point = deployment.point(drilled=False).manifest.id
    with pytest.raises(LifeboatError, match="has no good restore point"):
        deployment.begun()
    with pytest.raises(RecoveryError, match="is not proven: no drill of it passed"):
        deployment.begun(point=point)
    journal = deployment.begun(point=point, unproven=True)
    assert any("is unproven" in warning for warning in journal.plan.warnings)


def test_two_recoveries_do_not_mix(deployment: Recoverable) -> None:
    deployment.point()
    journal = deployment.begun()
    with pytest.raises(RecoveryError, match=f"Recovery '{journal.recovery}' .* is neither finished nor undone"):
        deployment.begun()
    recover(deployment.runtime, deployment.catalog, journal)
    deployment.begun()


def test_a_damaged_vault_stops_the_recovery_before_anything_is_touched(deployment: Recoverable) -> None:
    point = deployment.point()
    deployment.change()
    now = deployment.live()
    address = next(m.address for m in point.manifest.members() if m.member == str(HOME))
    plugin = "repository/components/plugins/org.example_1.0.0.jar"
    flip_byte(deployment.mini.vault_directory, address.snapshot, f"/{plugin}", VAULT_PASSWORD)
    journal = deployment.begun(units=(str(HOME), str(SECOND_HOME)))
    with pytest.raises(RecoveryError, match=r"home/apim-.* is not proven: member-"):
        recover(deployment.runtime, deployment.catalog, journal)
    assert deployment.live() == now
    (*_, evidence) = deployment.catalog.recoveries("mini")
    assert isinstance(evidence, RecoveryEvidence)
    assert (evidence.succeeded, evidence.live) == (False, "old")
    assert "is not proven" in evidence.error


def test_a_file_system_without_room_is_told_before_anything_happens(deployment: Recoverable) -> None:
    deployment.point(drilled=False)
    point = deployment.catalog.points("mini")[0].manifest.id
    small = deployment.mini.directory / "small"
    small.mkdir()
    deployment.mini.home.rename(small / "home")
    deployment.mini.home.symlink_to(small / "home")
    with small_disk(small, free=50_000) as filler:
        with pytest.raises(SpaceError, match=rf"needs about .* kB in {small} on host 'worker'; .* are free"):
            deployment.begun(point=point, unproven=True, units=(str(HOME),))
        filler.unlink()
        assert [path.name for path in small.iterdir()] == ["home"]
        deployment.begun(point=point, unproven=True, units=(str(HOME),))


def test_what_is_not_there_is_named_with_what_there_is(deployment: Recoverable) -> None:
    point = deployment.point(drilled=False).manifest.id
    with pytest.raises(ConfigurationError, match="has no home/apim-cp-9") as caught:
        deployment.begun(point=point, unproven=True, units=("home/apim-cp-9", str(HOME)))
    assert "database/main-db/apim_db" in caught.value.next_step
    with pytest.raises(PointError, match="whose id begins with '2001'"):
        deployment.begun(point="2001", unproven=True)
    with pytest.raises(PointError, match="has no restore point at or before 2001-01-01 00:00:00 UTC: its first is"):
        deployment.begun(as_of=datetime(2001, 1, 1, tzinfo=UTC))


def test_a_plan_that_means_something_else_by_now_is_refused(deployment: Recoverable) -> None:
    deployment.point()
    request = RecoveryRequest(units=(str(HOME),))
    plan = plan_recovery(deployment.runtime, deployment.catalog, request, "20260101T000000Z-00000001")
    refuse_changed(deployment.runtime, deployment.catalog, plan)
    newer = deployment.point().manifest.id
    with pytest.raises(RecoveryError, match=f"now it would be '{newer}'"):
        refuse_changed(deployment.runtime, deployment.catalog, plan)
