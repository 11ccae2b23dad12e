"""A backup through the scheduler makes a restore point, and by itself a drill that proves it."""

import pytest

from lifeboat.deployment_file import find_deployment
from lifeboat.documents import read_all
from lifeboat.sample.airflow_client import AirflowError
from tests.e2e.runs import Run
from tests.e2e.world import World

UNITS = {
    "database/main-db",
    "home/apim-cp-1",
    "home/apim-cp-2",
    "home/apim-gw-1",
    "home/apim-gw-2",
    "tree/documents",
}


CAPABILITIES = ("system_backup", "pre_upgrade_snapshot", "restore_drill", "recovery", "housekeeping", "objectives")
OF_SERVERS = ("patch_restore", "product_update")
OF_SITES = ("replication",)
OF_TAKEOVERS = ("site_recovery",)


def test_every_deployment_has_its_dags_and_no_file_is_broken(world: World) -> None:
    deployments = [find_deployment(path.stem) for path in world.deployments.iterdir()]
    assert len(deployments) == 21
    assert len([each for each in deployments if each.servers]) == 7
    assert len([each for each in deployments if each.other_sites()]) == 2
    assert {dag["dag_id"] for dag in world.airflow.dags()} == {
        f"{each.name}.{capability}"
        for each in deployments
        for capability in (
            *CAPABILITIES,
            *(OF_SERVERS if each.servers else ()),
            *(OF_SITES if each.other_sites() else ()),
            *(OF_TAKEOVERS if any(site.takeover for site in each.sites.values()) else ()),
        )
    }
    assert world.airflow.import_errors() == {}


def test_a_backup_captures_each_unit_in_a_task_of_its_name_and_seals_a_point(world: World, backup: Run) -> None:
    assert backup.states() == dict.fromkeys(["open", *(f"capture {unit}" for unit in UNITS), "seal"], "success")
    assert {task["try_number"] for task in backup.tasks().values()} == {1}
    state = world.catalog.point("main", backup.result("seal"))
    assert {str(unit.unit) for unit in state.manifest.units} == UNITS
    assert state.manifest.reason == "before the storm"


def test_the_log_of_the_seal_shows_the_restore_point_as_a_table(backup: Run) -> None:
    log = backup.log("seal")
    assert f"Restore point {backup.result('seal')} (system_backup)" in log
    for member in ("database/main-db/shared_db", "database/main-db/apim_db", "roles/main-db", *sorted(UNITS)[1:]):
        assert f"│ {member} " in log
    assert "rows" in log
    assert "all " in log


def test_the_new_point_is_drilled_unit_by_unit(world: World, backup: Run, drill: Run) -> None:
    point = backup.result("seal")
    assert drill.facts()["run_type"] == "asset_triggered"
    assert drill.states() == dict.fromkeys(
        ["pick", *(f"drill {unit} of {point}" for unit in UNITS), "record"], "success"
    )
    assert drill.result("record") == {point: "passed"}
    log = drill.log("record")
    assert f"Drill of restore point {point}" in log
    assert "Drill passed: fidelity passed, health passed" in log
    assert "RTO " in log


def test_the_evidence_is_in_the_vault_and_the_catalog_calls_the_point_good(
    world: World, backup: Run, drill: Run
) -> None:
    with world.runtime("main") as runtime:
        manifests, evidence, refused = read_all(runtime.vault("main"), runtime.signer(), "main")
    (sealed,) = manifests
    (document,) = evidence
    assert refused == []
    assert document.passed
    assert document.manifest_sha256 == sealed.sha256
    assert {str(unit.unit) for unit in document.units} == UNITS
    (turn,) = (unit for unit in document.units if unit.runbook)
    assert turn.runbook == "database/main-db/shared_db"
    assert [check.outcome for check in turn.checks if check.name == "runbook"] == ["passed"]
    state = world.catalog.last_known_good("main")
    assert state is not None
    assert state.manifest == sealed.manifest
    assert state.drill == document


def test_a_drill_whose_point_cannot_be_picked_is_red_all_through(world: World, drill: Run) -> None:
    run = world.trigger("main.restore_drill", {"point": "20010101T000000Z-00000000"}).wait("failed")
    assert run.states() == {"pick": "failed", "drill": "upstream_failed", "record": "upstream_failed"}
    assert run.tasks()["pick"]["try_number"] == 1
    assert "has no restore point whose id begins with '20010101T000000Z-00000000'" in run.log("pick")


def test_what_cannot_run_is_refused_at_once(world: World) -> None:
    with pytest.raises(AirflowError, match=r"unset\.restore_drill is paused"):
        world.airflow.trigger("unset.restore_drill")
    with pytest.raises(AirflowError, match=r"no DAG main\.unheard_of"):
        world.airflow.wait_for_dag("main.unheard_of", timeout=0)
    watcher = world.airflow.as_user("watcher", world.airflow.passwords["watcher"])
    with pytest.raises(AirflowError, match="403"):
        watcher.trigger("main.restore_drill")
