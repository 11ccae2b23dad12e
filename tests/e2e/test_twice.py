"""After all other tests: each task that succeeded in some deployments' runs did its work twice."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.e2e.airflow_policy import TWICE
from tests.e2e.runs import Run
from tests.e2e.world import World

#: Tasks of Airflow's own operators, which ask a person, and one that ends by letting Airflow start another DAG.
NOT_OURS = {"ApprovalOperator", "HITLOperator", "OfferDatabasesOperator"}


def test_every_task_of_every_dag_does_no_harm_when_it_works_twice(
    world: World, drill: Run, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    done = Counter(world.policy.done_twice())
    runs = [run for run in world.all_runs() if {run.dag_id, run.dag_id.partition(".")[0]} & set(TWICE)]
    succeeded = Counter(
        (run.dag_id, task["task_id"])
        for run in runs
        for task in run.tasks().values()
        if task["state"] == "success" and task["operator_name"] not in NOT_OURS
    )
    assert {task: count for task, count in succeeded.items() if done[task] < count} == {}
    capabilities = {dag.partition(".")[2] for dag, _ in done}
    record_property(
        "counted",
        f"idempotency sweep: {done.total()} tasks of {len(runs)} runs did their work twice, {len(done)} different ones "
        f"of {', '.join(sorted(capabilities))}",
    )
    if {item.path for item in request.session.items} >= set(request.path.parent.glob("test_*.py")):
        offered = {dag["dag_id"].partition(".")[2] for dag in world.airflow.dags()} - {""}
        assert capabilities == offered
