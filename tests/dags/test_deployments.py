"""One set of DAGs for each deployment file; what a file says shows in its DAGs, and a broken one shows as an error."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable
from airflow.serialization.serialized_objects import DagSerialization

from tests.dags.conftest import LoadDags
from tests.support.deployments import with_schedules, write_deployment

CAPABILITIES = (
    "system_backup",
    "pre_upgrade_snapshot",
    "restore_drill",
    "recovery",
    "patch_restore",
    "product_update",
    "objectives",
    "housekeeping",
)


def test_several_deployments_stand_side_by_side(tmp_path: Path, load_dags: LoadDags) -> None:
    for name in ("prod", "pre-prod", "test_2"):
        write_deployment(tmp_path, name)
    bag = load_dags(tmp_path)
    assert bag.import_errors == {}
    assert set(bag.dags) == {
        f"{name}.{capability}" for name in ("prod", "pre-prod", "test_2") for capability in CAPABILITIES
    }
    assert set(bag.dags["pre-prod.system_backup"].tags) == {"lifeboat", "pre-prod"}
    (asset,) = bag.dags["pre-prod.system_backup"].get_task("seal").outlets
    assert asset.name == "pre-prod.restore_points"


def test_no_deployment_at_all_is_no_error(tmp_path: Path, load_dags: LoadDags) -> None:
    bag = load_dags(tmp_path)
    assert (bag.import_errors, bag.dags) == ({}, {})


def test_a_broken_file_is_an_import_error_that_says_where_and_takes_no_other_with_it(
    tmp_path: Path, load_dags: LoadDags
) -> None:
    write_deployment(tmp_path, "good")
    broken = write_deployment(tmp_path, "broken", _misspelt_home)
    bag = load_dags(tmp_path)
    assert set(bag.dags) == {f"good.{capability}" for capability in CAPABILITIES}
    assert list(map(_base_name, bag.import_errors)) == ["broken_deployments.py"]
    (shown,) = bag.import_errors.values()
    line = 1 + broken.read_text().splitlines().index("    hme: /opt/wso2")
    assert f"{broken}:{line}: servers.apim-gw-1.hme: is not a key of this place" in shown
    assert "servers.apim-gw-1.home: is missing" in shown
    assert "Next:" in shown


def test_all_broken_files_are_named_at_once(tmp_path: Path, load_dags: LoadDags) -> None:
    for name in ("one", "two"):
        write_deployment(tmp_path, name, _misspelt_home)
    bag = load_dags(tmp_path)
    assert bag.dags == {}
    (shown,) = bag.import_errors.values()
    assert f"{tmp_path}/one.yaml" in shown
    assert f"{tmp_path}/two.yaml" in shown


def test_what_is_behind_a_queue_is_captured_by_that_queues_worker(tmp_path: Path, load_dags: LoadDags) -> None:
    write_deployment(tmp_path, "spread", _behind_a_queue)
    backup = load_dags(tmp_path).dags["spread.system_backup"]
    captures = {task.task_id: task for task in backup.tasks if task.task_id.startswith("capture")}
    assert {name: task.queue for name, task in captures.items()} == {
        "capture": "default",
        "capture_on_gateways": "gateways",
    }
    assert _units(captures["capture_on_gateways"]) == ["home/apim-gw-1", "home/apim-gw-2"]
    assert _units(captures["capture"]) == [
        *("database/main-db", "database/identity-db", "database/standby-local"),
        *("home/apim-cp-1", "home/apim-cp-2", "home/apim-standby", "tree/documents"),
    ]
    assert set(backup.get_task("seal").upstream_task_ids) == {"open", *captures}


def test_what_is_behind_a_queue_is_recovered_and_updated_by_that_queues_worker(
    tmp_path: Path, load_dags: LoadDags
) -> None:
    write_deployment(tmp_path, "spread", _behind_a_queue)
    bag = load_dags(tmp_path)
    assert bag.import_errors == {}
    gateways, captures = ("apim-gw-1", "apim-gw-2"), ("snapshot.capture", "snapshot.capture_on_gateways")
    for name in ("recovery", "patch_restore", "product_update"):
        there = bag.dags[f"spread.{name}_on_gateways"]
        queues = {task.task_id: task.queue for task in there.tasks if task.task_id not in captures}
        assert set(queues.values()) == {"gateways"}
        here = bag.dags[f"spread.{name}"]
        elsewhere = {task.task_id for task in here.tasks if task.queue == "gateways" and task.task_id not in captures}
        stops = {f"{phase}.{server}" for phase in ("stop", "start") for server in gateways}
        assert elsewhere == (stops if name == "recovery" else set())
    recovery, update = bag.dags["spread.recovery_on_gateways"], bag.dags["spread.product_update_on_gateways"]
    assert {task.task_id for task in recovery.tasks if task.task_id.startswith("restore.")} == {
        f"restore.home_{name}" for name in gateways
    }
    assert [update.get_task(name).queue for name in captures] == ["default", "gateways"]
    assert {task.task_id for task in update.tasks if task.task_id.startswith("update.")} == {
        f"update.{name}" for name in gateways
    }
    params = bag.dags["spread.patch_restore_on_gateways"].params
    assert params.get_param("server").schema["enum"] == list(gateways)


def test_a_vaults_pool_bounds_captures_and_drills(tmp_path: Path, load_dags: LoadDags) -> None:
    def own_pool(document: dict[str, Any]) -> None:
        document["sites"]["main"]["vault"]["pool"] = "north_vault"

    write_deployment(tmp_path, "pooled", own_pool)
    bag = load_dags(tmp_path)
    assert bag.dags["pooled.system_backup"].get_task("capture").pool == "north_vault"
    assert bag.dags["pooled.restore_drill"].get_task("drill").pool == "north_vault"


def test_housekeeping_looks_at_each_sites_vault_by_itself(tmp_path: Path, load_dags: LoadDags) -> None:
    def more_sites(document: dict[str, Any]) -> None:
        vault = {"repository": "s3:https://s3.example.com/west", "writer": "west", "housekeeper": "west_keeper"}
        document["sites"]["west"] = {"vault": {**vault, "pool": "west", "object_lock": {}}}
        document["sites"]["east"] = {"vault": {"repository": "/srv/east", "writer": "east"}}

    write_deployment(tmp_path, "spread", more_sites)
    dag = load_dags(tmp_path).dags["spread.housekeeping"]
    order = [task.task_id for task in dag.topological_sort()]
    assert order[-5:] == ["check", "check_west", "check_east", "retain_west", "record"]
    assert [dag.get_task(name).pool for name in order[-5:-1]] == ["lifeboat_vault", "west", "lifeboat_vault", "west"]
    assert {task.trigger_rule for task in dag.tasks} == {"all_done"}


@pytest.mark.parametrize(
    ("schedules", "backup", "drill"),
    [
        ({"timezone": "Europe/Berlin"}, "0 2 * * * Europe/Berlin", "asset or 0 4 * * * Europe/Berlin"),
        ({"system_backup": None}, "by hand", "asset or 0 4 * * * UTC"),
        ({"restore_drill": None}, "0 2 * * * UTC", "asset"),
        ({"drill_after_backup": False}, "0 2 * * * UTC", "0 4 * * * UTC"),
        ({"drill_after_backup": False, "restore_drill": None}, "0 2 * * * UTC", "by hand"),
    ],
)
def test_the_file_says_when_they_run(
    tmp_path: Path, load_dags: LoadDags, schedules: dict[str, Any], backup: str, drill: str
) -> None:
    write_deployment(tmp_path, "timed", with_schedules(**schedules))
    bag = load_dags(tmp_path)
    assert bag.import_errors == {}
    assert _when(bag.dags["timed.system_backup"].timetable) == backup
    assert _when(bag.dags["timed.restore_drill"].timetable) == drill


def test_people_are_told_of_each_failed_run_and_of_what_takes_too_long_if_there_are_any(
    tmp_path: Path, load_dags: LoadDags
) -> None:
    def told(document: dict[str, Any]) -> None:
        document["notifications"] = {"connections": ["ops"], "backup_limit": "3h"}

    write_deployment(tmp_path, "silent")
    write_deployment(tmp_path, "told", told)
    bag = load_dags(tmp_path)
    assert bag.import_errors == {}
    silent, telling = ({name: bag.dags[f"{of}.{name}"] for name in CAPABILITIES} for of in ("silent", "told"))
    assert [name for name, dag in silent.items() if dag.has_on_failure_callback or dag.deadline] == []
    # A failed look is told by nobody: what it uses to tell is what failed.
    assert {name for name, dag in telling.items() if not dag.has_on_failure_callback} == {"objectives"}
    assert {name: _limits(dag) for name, dag in telling.items() if dag.deadline} == {
        "system_backup": [timedelta(hours=3)],
        "restore_drill": [timedelta(hours=6)],
    }
    again = load_dags(tmp_path)
    for dag in telling.values():
        stored = DagSerialization.serialize_dag(dag)
        assert stored == DagSerialization.serialize_dag(again.dags[dag.dag_id])  # or each parse is a new version
        DagSerialization.deserialize_dag(stored)


def test_objectives_are_looked_at_by_themselves_only_if_somebody_is_told(tmp_path: Path, load_dags: LoadDags) -> None:
    def told(document: dict[str, Any]) -> None:
        document["notifications"] = {"connections": ["ops"]}

    write_deployment(tmp_path, "silent")
    write_deployment(tmp_path, "told", told)
    write_deployment(tmp_path, "by-hand", told, with_schedules(objectives=None))
    dags = {name: load_dags(tmp_path).dags[f"{name}.objectives"] for name in ("silent", "told", "by-hand")}
    assert {name: _when(dag.timetable) for name, dag in dags.items()} == {
        "silent": "by hand",
        "told": "*/15 * * * * UTC",
        "by-hand": "by hand",
    }
    assert {dag.is_paused_upon_creation for dag in dags.values()} == {False}


def _limits(dag: Any) -> list[timedelta]:
    return [alert.interval for alert in dag.deadline]


def _misspelt_home(document: dict[str, Any]) -> None:
    server = document["servers"]["apim-gw-1"]
    del server["home"]
    server["hme"] = "/opt/wso2"


def _behind_a_queue(document: dict[str, Any]) -> None:
    document["hosts"] = {"gateway-host": {"queue": "gateways"}}
    for name in ("apim-gw-1", "apim-gw-2"):
        document["servers"][name]["host"] = "gateway-host"


def _units(task: Any) -> list[str]:
    return list(task.expand_input.value["unit"])


def _base_name(path: str) -> str:
    return Path(path).name


def _when(timetable: Any) -> str:
    if isinstance(timetable, AssetOrTimeSchedule):
        return f"asset or {_when(timetable.timetable)}"
    if isinstance(timetable, CronTriggerTimetable):
        return f"{timetable.expression} {timetable.timezone}"
    return {"AssetTriggeredTimetable": "asset", "NullTimetable": "by hand"}[type(timetable).__name__]
