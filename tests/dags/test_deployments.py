"""One set of DAGs for each deployment file; what a file says shows in its DAGs, and a broken one shows as an error."""

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable

from tests.dags.conftest import LoadDags
from tests.support.deployments import with_schedules, write_deployment

CAPABILITIES = (
    "system_backup",
    "pre_upgrade_snapshot",
    "restore_drill",
    "recovery",
    "patch_restore",
    "product_update",
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


def test_a_vaults_pool_bounds_captures_and_drills(tmp_path: Path, load_dags: LoadDags) -> None:
    def own_pool(document: dict[str, Any]) -> None:
        document["sites"]["main"]["vault"]["pool"] = "north_vault"

    write_deployment(tmp_path, "pooled", own_pool)
    bag = load_dags(tmp_path)
    assert bag.dags["pooled.system_backup"].get_task("capture").pool == "north_vault"
    assert bag.dags["pooled.restore_drill"].get_task("drill").pool == "north_vault"


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
