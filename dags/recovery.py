"""### Go back to a restore point

**Why:** a backup is worth what its recovery is worth. This is the way back: after a lost table, a bad deployment, a
failed update, a lost machine.

**How:** *plan* says what would be replaced by what, and how long it takes; nothing happens before a person *approves*
it. Then everything is restored **beside** what is live and proven, while the servers still run; *safety* captures what
is live. Only then the servers *stop*, *swap* exchanges the old for the new by renaming, and the servers *start*. What
was live stays under a dated name; `lifeboat undo` brings it back. *record* writes who did what into the vault.

**Which point:** without an entry the last known good, the newest point whose newest drill passed. `as_of` takes the
newest good one at or before a time. An unproven or failed point must be named, with `unproven`.

**If it fails:** live data is all old or all new, and *record* says which. Correct what the red task's log names,
then clear that task with what comes after it: it goes on from what it finds. `lifeboat recover NAME --resume ID` does
the same without Airflow.

**When:** only by hand or by a backfill; never by itself.

{backfill}
"""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param, TaskGroup, TriggerRule, chain

from lifeboat.deployment import Deployment, Unit
from lifeboat.deployment_file import load_all
from lifeboat.wso2.start_order import start_groups, stop_groups
from lifeboat_airflow.approvals import approve
from lifeboat_airflow.backfill_help import by_backfill
from lifeboat_airflow.capture import CaptureUnitOperator
from lifeboat_airflow.forms import as_of, optional_text
from lifeboat_airflow.notices import notices
from lifeboat_airflow.order import in_order
from lifeboat_airflow.places import place, place_name, queue_of, queues, reachable
from lifeboat_airflow.recovery import (
    CONFIRM,
    CheckLiveOperator,
    ChooseTasksOperator,
    ConfirmRecoveryOperator,
    GoAheadOperator,
    OpenSafetyPointOperator,
    PlanRecoveryOperator,
    RestoreBesideOperator,
    SealSafetyPointOperator,
    StartServerOperator,
    StopServerOperator,
    SwapOperator,
)
from lifeboat_airflow.recovery_record import RecordRecoveryOperator
from lifeboat_airflow.timetable import RecoveryTimetable

#: The fields that are folded away, because they are seldom needed.
EXCEPTIONS = "Exceptions"


def form(deployment: Deployment, units: Sequence[Unit]) -> dict[str, Param]:
    """Return the fields of the trigger form."""
    members = [
        f"{unit}/{database}"
        for unit in units
        if unit.kind == "database"
        for database in deployment.database_servers[unit.name].databases
    ]
    return {
        "point": optional_text("Restore point", "Its id, or the beginning of it. Empty: the last known good."),
        "as_of": as_of(),
        "units": Param(
            [],
            type=["array", "null"],
            items={"type": "string"},
            examples=[*map(str, units), *members],
            title="Only these",
            description="Units or single databases to bring back. Empty: everything.",
        ),
        "reason": optional_text("Reason", "What happened; the evidence keeps it."),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Show the plan and end."),
        "unproven": Param(
            False,
            type="boolean",
            title="Unproven",
            description="Take the named point although no drill of it passed.",
            section=EXCEPTIONS,
        ),
        "safety_point": Param(
            True,
            type="boolean",
            title="Safety point",
            description="Capture what is live first. Switch it off when what is live cannot be read any more.",
            section=EXCEPTIONS,
        ),
    }


def recovery(deployment: Deployment, queue: str | None = None) -> DAG:
    """Return the recovery DAG of a deployment: of what any worker reaches, or of what is behind a queue, whose worker
    then does all of it, for an exchange is made in one place."""
    dag_id = place_name(f"{deployment.name}.recovery", queue)
    units = [unit for unit in deployment.units() if deployment.queue_of(unit) == queue]
    with DAG(
        dag_id,
        schedule=RecoveryTimetable(),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        doc_md=(__doc__ or "").format(backfill=by_backfill(dag_id)),
        tags=["lifeboat", deployment.name],
        default_args={
            "owner": "lifeboat",
            "retries": 2,
            "retry_delay": timedelta(seconds=10),
            "deployment": deployment.name,
            "trigger_rule": TriggerRule.NONE_FAILED,
            **place(queue),
        },
        params=form(deployment, units),
        **notices(deployment),
    ) as dag:
        plan = PlanRecoveryOperator(task_id="plan")
        approvals = approve(deployment, dag_id)
        confirm = ConfirmRecoveryOperator(
            task_id=CONFIRM,
            plan=plan.output,
            approvals=[task.task_id for task in approvals],
            trigger_rule=TriggerRule.ALL_SUCCESS,
        )
        go_ahead = GoAheadOperator(task_id="go_ahead", next_task=(*approvals, confirm)[0].task_id)
        chain(plan, go_ahead, *approvals, confirm)

        opened, captures, sealed = safety(deployment, plan.output, units)
        restores = restore(deployment, plan.output, units)
        choose = ChooseTasksOperator(
            task_id="choose",
            plan=plan.output,
            safety={key: task.task_id for key, task in captures.items()},
            restore={key: task.task_id for key, task in restores.items()},
        )
        # Not behind `choose`: a branch skips nothing that comes after a task that it has chosen.
        confirm >> opened >> choose >> [*captures.values(), *restores.values()]

        stops, starts = servers(deployment, plan.output, queue)
        swap = SwapOperator(task_id="swap", plan=plan.output)
        check = CheckLiveOperator(task_id="check", plan=plan.output)
        in_order([[sealed, *restores.values()], *stops, [swap], *starts, [check]])
        swap >> check
        record = RecordRecoveryOperator(
            task_id="record",
            plan=plan.output,
            tasks={
                "restore": {key: task.task_id for key, task in restores.items()},
                "check": check.task_id,
                "start": {task.server: task.task_id for group in starts for task in group},
            },
            approvals=[task.task_id for task in approvals],
            safety_task=sealed.task_id,
            trigger_rule=TriggerRule.ALL_DONE,
        )
        # What fails early lets `check` be skipped at once, while others are still at work.
        [*captures.values(), sealed, *restores.values(), *itertools.chain(*starts), check] >> record
    return dag


def safety(
    deployment: Deployment, plan: Any, units: Sequence[Unit]
) -> tuple[BaseOperator, dict[str, BaseOperator], BaseOperator]:
    """Return the task that opens a point of what is live, those that capture it, by unit, and the one that seals it."""
    pool = deployment.sites[deployment.home_site()].vault.pool
    with TaskGroup("safety", tooltip="Capture what is live as a restore point"):
        opened = OpenSafetyPointOperator(task_id="open", plan=plan, trigger_rule=TriggerRule.ALL_SUCCESS)
        captures = {
            str(unit): CaptureUnitOperator(
                task_id=task_name(unit),
                point=opened.output,
                unit=str(unit),
                pool=pool,
                trigger_rule=TriggerRule.ALL_SUCCESS,
            )
            for unit in units
        }
        sealed = SealSafetyPointOperator(
            task_id="seal",
            point=opened.output,
            snapshots=[capture.output for capture in captures.values()],
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        )
    return opened, captures, sealed


def restore(deployment: Deployment, plan: Any, units: Sequence[Unit]) -> dict[str, BaseOperator]:
    """Return the tasks that restore each unit beside what is live."""
    pool = deployment.sites[deployment.home_site()].vault.pool
    with TaskGroup("restore", tooltip="Restore each unit beside what is live, and prove it"):
        return {
            str(unit): RestoreBesideOperator(
                task_id=task_name(unit),
                plan=plan,
                unit=str(unit),
                pool=pool,
                trigger_rule=TriggerRule.ALL_SUCCESS,
            )
            for unit in units
        }


def servers(
    deployment: Deployment, plan: Any, queue: str | None
) -> tuple[list[list[StopServerOperator]], list[list[StartServerOperator]]]:
    """Return the tasks that stop the servers, and those that start them, in groups that follow each other."""
    # Whoever uses a database stops, wherever it is.
    names = reachable(deployment, queue) if queue else list(deployment.servers)
    with TaskGroup("stop", tooltip="Stop the servers, the last one in start order first"):
        stops = [
            [
                StopServerOperator(task_id=name, plan=plan, server=name, **place(queue_of(deployment, name)))
                for name in group
            ]
            for group in stop_groups(deployment, names)
        ]
    with TaskGroup("start", tooltip="Start the servers in their order, and wait for each to be healthy"):
        starts = [
            [
                StartServerOperator(
                    task_id=name,
                    plan=plan,
                    server=name,
                    stop_task=f"stop.{name}",
                    trigger_rule=TriggerRule.ALL_DONE,
                    **place(queue_of(deployment, name)),
                )
                for name in group
            ]
            for group in start_groups(deployment, names)
        ]
    return stops, starts


def task_name(unit: Unit) -> str:
    return str(unit).replace("/", "_")


for each in load_all()[0]:
    for where in (None, *queues(each)):
        globals()[place_name(f"{each.name}_recovery", where)] = recovery(each, where)
