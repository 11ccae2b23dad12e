"""What the DAGs of a deployment are: which there are, when they run, what a person reads and types."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable
from airflow.serialization.serialized_objects import DagSerialization

from tests.support.deployments import Change, write_deployment

BACKUP, DRILL, BEFORE = "sample.system_backup", "sample.restore_drill", "sample.pre_upgrade_snapshot"
RECOVERY, PATCHES, UPDATE = "sample.recovery", "sample.patch_restore", "sample.product_update"
OBJECTIVES, HOUSEKEEPING = "sample.objectives", "sample.housekeeping"
DAG_IDS = {BACKUP, DRILL, BEFORE, RECOVERY, PATCHES, UPDATE, OBJECTIVES, HOUSEKEEPING}
OWN = {f"lifeboat.{name.partition('.')[2]}" for name in DAG_IDS - {PATCHES, UPDATE}}
each_dag = pytest.mark.parametrize("dag_id", sorted(DAG_IDS))


@pytest.fixture
def backup(sample_dags: DagBag) -> DAG:
    return sample_dags.dags[BACKUP]


@pytest.fixture
def drill(sample_dags: DagBag) -> DAG:
    return sample_dags.dags[DRILL]


@pytest.fixture
def before(sample_dags: DagBag) -> DAG:
    return sample_dags.dags[BEFORE]


def test_exactly_these_dags_are_there_and_load(sample_dags: DagBag) -> None:
    assert sample_dags.import_errors == {}
    assert set(sample_dags.dags) == DAG_IDS | OWN


def test_the_tasks_and_their_order(backup: DAG, drill: DAG, before: DAG) -> None:
    assert _order(backup) == {"open": {"capture", "seal"}, "capture": {"seal"}, "seal": set()}
    assert _order(before) == _order(backup)
    assert _order(drill) == {"pick": {"drill", "record"}, "drill": {"record"}, "record": set()}


@each_dag
def test_no_run_is_made_up_for_missed_ticks_and_no_two_run_at_once(sample_dags: DagBag, dag_id: str) -> None:
    dag = sample_dags.dags[dag_id]
    assert dag.catchup is False
    assert dag.max_active_runs == 1


@each_dag
def test_a_person_finds_owner_tags_and_a_page_that_says_why_how_and_when(sample_dags: DagBag, dag_id: str) -> None:
    dag = sample_dags.dags[dag_id]
    assert {task.owner for task in dag.tasks} == {"lifeboat"}
    assert set(dag.tags) == {"lifeboat", "sample"}
    headings = [f"**{word}" for word in ("Why", "How", "When", "If it")]
    assert dag.doc_md is not None
    assert dag.doc_md.startswith("### ")
    assert [heading for heading in headings if heading not in dag.doc_md] == []


@pytest.mark.parametrize(("dag_id", "retries"), [(BACKUP, 2), (BEFORE, 2), (DRILL, 1)])
def test_every_task_is_tried_again(sample_dags: DagBag, dag_id: str, retries: int) -> None:
    tasks = sample_dags.dags[dag_id].tasks
    assert {(task.retries, task.retry_delay) for task in tasks} == {(retries, timedelta(seconds=30))}


def test_only_the_work_on_the_vault_takes_slots_of_its_pool(backup: DAG, drill: DAG) -> None:
    assert {task.task_id: task.pool for task in (*backup.tasks, *drill.tasks)} == {
        "open": "default_pool",
        "capture": "lifeboat_vault",
        "seal": "default_pool",
        "pick": "default_pool",
        "drill": "lifeboat_vault",
        "record": "default_pool",
    }


def test_the_grid_names_what_is_captured_and_drilled(backup: DAG, drill: DAG) -> None:
    assert _template(backup, "capture") == "{{ task.unit }}"
    at = "{{ ' at ' ~ task.site if task.site else '' }}"
    assert _template(drill, "drill") == "{{ task.unit }} of {{ task.point }}" + at


def test_the_form_asks_for_a_reason_or_a_point_and_site_and_all_may_stay_empty(backup: DAG, drill: DAG) -> None:
    assert (list(backup.params), list(drill.params)) == (["reason"], ["point", "site"])
    for dag, name in ((backup, "reason"), (drill, "point"), (drill, "site")):
        parameter = dag.params.get_param(name)
        assert parameter.resolve() == ""
        assert parameter.schema["type"] == ["null", "string"]
        assert parameter.schema["title"]
        assert parameter.description
        dag.validate()


@each_dag
def test_no_field_that_may_stay_empty_keeps_the_trigger_button_dead(sample_dags: DagBag, dag_id: str) -> None:
    """As Airflow's page does with a plain string that is empty."""
    parameters = sample_dags.dags[dag_id].params
    empty = [name for name in parameters if parameters.get_param(name).resolve() in ("", None, [])]
    assert [name for name in empty if "null" not in parameters.get_param(name).schema["type"]] == []


def test_backups_run_by_cron_and_drills_also_after_each_backup(backup: DAG, drill: DAG) -> None:
    assert isinstance(backup.timetable, CronTriggerTimetable)
    assert (backup.timetable.expression, str(backup.timetable.timezone)) == ("0 2 * * *", "UTC")
    schedule = drill.timetable
    assert isinstance(schedule, AssetOrTimeSchedule)
    assert schedule.timetable.expression == "0 4 * * *"  # type: ignore[attr-defined]
    (asset,) = schedule.asset_condition.objects  # type: ignore[union-attr]
    (outlet,) = backup.get_task("seal").outlets
    assert asset == outlet
    assert (outlet.name, outlet.uri) == ("sample.restore_points", "x-lifeboat://sample/restore_points")


def test_a_snapshot_before_an_update_is_taken_by_hand_or_by_another_dag_and_is_never_paused(before: DAG) -> None:
    stored = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(before))
    assert not stored.timetable.periodic  # so that nobody can backfill it
    assert stored.allowed_run_types is None
    assert before.is_paused_upon_creation is False


def test_a_snapshot_before_an_update_says_what_for(before: DAG, backup: DAG) -> None:
    assert list(before.params) == ["reason", "target_level"]
    assert {name: before.params.get_param(name).resolve() for name in before.params} == {
        "reason": "",
        "target_level": "",
    }
    before.validate()
    opened: Any = before.get_task("open")
    assert (opened.kind, opened.reason) == ("pre_upgrade", "{{ params.reason or '' }}")
    assert opened.labels == {"target_level": "{{ params.target_level or '' }}"}
    assert {"reason", "labels"} <= set(opened.template_fields)
    assert before.get_task("seal").outlets == backup.get_task("seal").outlets
    assert (backup.get_task("open").kind, backup.get_task("open").labels) == ("system_backup", {})


@pytest.mark.parametrize("dag_id", [BACKUP, DRILL])
def test_every_dag_with_a_schedule_can_be_backfilled(sample_dags: DagBag, dag_id: str) -> None:
    stored = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(sample_dags.dags[dag_id]))
    assert stored.timetable.periodic
    assert stored.allowed_run_types is None


def test_evidence_is_recorded_whatever_the_drills_found_but_not_without_a_picked_point(drill: DAG) -> None:
    assert drill.get_task("record").trigger_rule == "all_done_min_one_success"


@each_dag
def test_parsing_again_gives_the_very_same_dag(sample_dags: DagBag, load_dags: Any, dag_id: str) -> None:
    from tests.support.deployments import SAMPLE

    again = load_dags(SAMPLE.parent)
    first, second = (DagSerialization.serialize_dag(bag.dags[dag_id]) for bag in (sample_dags, again))
    assert first == second


def _order(dag: DAG) -> dict[str, set[str]]:
    return {task.task_id: set(task.downstream_task_ids) for task in dag.tasks}


def _template(dag: DAG, task_id: str) -> str | None:
    return dag.get_task(task_id).partial_kwargs.get("map_index_template")  # type: ignore[union-attr]


@pytest.fixture
def recovery(sample_dags: DagBag) -> DAG:
    return sample_dags.dags[RECOVERY]


def test_a_recovery_runs_by_hand_or_by_backfill_and_is_never_paused(recovery: DAG) -> None:
    assert recovery.is_paused_upon_creation is False
    stored = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(recovery))
    assert stored.timetable.periodic
    assert type(stored.timetable).__name__ == "RecoveryTimetable"


def test_nothing_of_a_recovery_happens_before_the_approval(recovery: DAG) -> None:
    before = {"plan", "go_ahead", "approve"}
    approve = recovery.get_task("approve")
    after = {task.task_id for task in recovery.tasks} - before
    assert after == set(approve.get_flat_relative_ids(upstream=False))
    assert approve.fail_on_reject  # type: ignore[attr-defined]


def test_servers_stop_after_all_is_proven_and_start_again_whatever_happened(recovery: DAG) -> None:
    restores = {task.task_id for task in recovery.tasks if task.task_id.startswith("restore.")}
    assert len(restores) == 9
    first, last = ("stop.apim-gw-1", "stop.apim-gw-2"), ("stop.apim-cp-1", "stop.apim-cp-2")
    for name in first:
        assert restores | {"safety.seal"} <= recovery.get_task(name).upstream_task_ids
    for name in last:
        assert set(first) <= recovery.get_task(name).upstream_task_ids
    assert set(last) <= recovery.get_task("swap").upstream_task_ids
    starts = {task for task in recovery.tasks if task.task_id.startswith("start.")}
    assert {(task.trigger_rule, task.retries) for task in starts} == {("all_done", 2)}
    assert recovery.get_task("record").trigger_rule == "all_done"
    # A task that failed early must not let the record be written while others are at work.
    others = {task.task_id for task in recovery.tasks if "." in task.task_id and not task.task_id.startswith("stop.")}
    assert others - {"safety.open"} | {"check"} == recovery.get_task("record").upstream_task_ids - {"plan"}


def test_only_tasks_that_nothing_chosen_comes_before_are_behind_the_branch(recovery: DAG) -> None:
    """A branch skips nothing that comes after a task that it has chosen."""
    behind = recovery.get_task("choose").downstream_list
    assert {task.task_id.split(".")[0] for task in behind} == {"safety", "restore"}
    ids = {task.task_id for task in behind}
    assert all(ids.isdisjoint(task.get_flat_relative_ids(upstream=False)) for task in behind)


def test_a_deployment_asks_for_as_many_approvals_as_it_wants(tmp_path: Path, load_dags: Any) -> None:
    for number in range(3):
        write_deployment(tmp_path, f"wants-{number}", _approvals(number))
    bag = load_dags(tmp_path)
    for number, wanted in enumerate(([], ["approve"], ["approve", "approve_again"])):
        dag = bag.dags[f"wants-{number}.recovery"]
        assert [task.task_id for task in dag.topological_sort() if task.task_id.startswith("approve")] == wanted
        assert dag.get_task("confirm").approvals == tuple(wanted)
        (chosen,) = dag.get_task("go_ahead").downstream_task_ids
        assert chosen == (*wanted, "confirm")[0]


def test_an_update_offers_every_method_and_makes_packs_ready_before_the_snapshot(sample_dags: DagBag) -> None:
    from lifeboat.wso2.update_methods import METHODS

    dag = sample_dags.dags[UPDATE]
    assert set(dag.params.get_param("method").schema["enum"]) == set(METHODS)
    prepare = dag.get_task("prepare")
    assert prepare.get_flat_relative_ids(upstream=True) == {"plan", "go_ahead"}
    assert {"snapshot.open", "approve", "confirm"} <= prepare.get_flat_relative_ids(upstream=False)


def test_every_part_of_housekeeping_runs_whatever_became_of_the_others(sample_dags: DagBag) -> None:
    from lifeboat.housekeeping import PARTS

    dag = sample_dags.dags[HOUSEKEEPING]
    order = [task.task_id for task in dag.topological_sort()]
    assert order == [*PARTS, "record"]
    assert [each.downstream_task_ids for each in dag.topological_sort()] == [*({name} for name in order[1:]), set()]
    assert {(task.trigger_rule, task.retries) for task in dag.tasks} == {("all_done", 0)}
    assert {task.task_id for task in dag.tasks if task.pool == "lifeboat_vault"} == set(PARTS)
    assert isinstance(dag.timetable, CronTriggerTimetable)
    assert dag.timetable.expression == "0 6 * * *"


def _approvals(number: int) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["recovery"] = {"approvals": number, "approvers": ["olivia", "otto"]}

    return change
