"""The DAG of replication: one task for each other site, none of which waits for another."""

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from tests.dags.conftest import LoadDags
from tests.support.deployments import with_schedules, write_deployment


def with_sites(*names: str) -> Any:
    """Return the change that adds sites, each with a vault and a pool of its own."""

    def change(document: dict[str, Any]) -> None:
        for name in names:
            vault = {"repository": f"/vaults/{name}", "writer": f"{name}_writer", "pool": f"pool_{name}"}
            document["sites"][name] = {"vault": vault}

    return change


@pytest.fixture
def dag(tmp_path: Path, load_dags: LoadDags) -> DAG:
    write_deployment(tmp_path, "sample", with_sites("east", "west"))
    write_deployment(tmp_path, "by-events", with_sites("east"), with_schedules(replication=None))
    write_deployment(tmp_path, "alone")
    bag = load_dags(tmp_path)
    assert bag.import_errors == {}
    found = {dag_id for dag_id in bag.dags if dag_id.endswith(".replication")}
    assert found == {"sample.replication", "by-events.replication"}
    assert not isinstance(bag.dags["by-events.replication"].timetable, AssetOrTimeSchedule)
    return bag.dags["sample.replication"]


def test_each_other_site_has_a_task_in_the_pool_of_its_vault_and_waits_for_none(dag: DAG) -> None:
    assert {task.task_id: task.pool for task in dag.tasks} == {
        "replicate_to_east": "pool_east",
        "replicate_to_west": "pool_west",
    }
    assert all(not task.upstream_task_ids and task.retries == 2 for task in dag.tasks)
    schedule = dag.timetable
    assert isinstance(schedule, AssetOrTimeSchedule)
    assert isinstance(schedule.timetable, CronTriggerTimetable)
    assert schedule.timetable.expression == "30 * * * *"
    (asset,) = schedule.asset_condition.objects  # type: ignore[union-attr]
    assert asset.name == "sample.restore_points"
    assert (dag.catchup, dag.max_active_runs, {task.owner for task in dag.tasks}) == (False, 1, {"lifeboat"})
    assert set(dag.tags) == {"lifeboat", "sample"}
    assert [word for word in ("Why", "How", "When", "Backfill", "If it") if f"**{word}" not in (dag.doc_md or "")] == []
    assert {name: dag.params.get_param(name).resolve() for name in dag.params} == {"point": "", "again": False}
    assert dag.params.get_param("point").schema["type"] == ["null", "string"]
    dag.validate()
