"""### Bring the patches of a restore point back to one server

**Why:** after a patch that made things worse, or to make two servers of one type run the same bundles again. Putting a
`patches/` directory back by hand is not enough: Carbon compares names, sees no change, and runs the newer plugins.

**How:** *plan* says which bundles change; nothing happens before a person *approves* it. *restore* builds patches and
plugins **beside** the home and proves them, while the server still runs. Then the server *stops*, *swap* exchanges them
by renaming, the server *starts*, and *check* looks at what it really runs. What was live is kept beside the home;
`lifeboat undo` brings it back. *record* writes who did what into the vault.

**Which patches:** those of `server` itself, or of `from_server`, another one of its type, at `point`; without an entry
the last known good. Another product, version, level or type is refused unless forced.

**If it fails:** the home's patches are all old or all new, and *record* says which. Correct what the red task's log
names, then clear that task with what comes after it: it goes on from what it finds.

**When:** only by hand.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, TriggerRule, chain

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.approvals import approve
from lifeboat_airflow.forms import optional_text
from lifeboat_airflow.notices import notices
from lifeboat_airflow.places import place, place_name, queues, reachable
from lifeboat_airflow.recovery import (
    CONFIRM,
    CheckLiveOperator,
    ConfirmRecoveryOperator,
    GoAheadOperator,
    PlanPatchRestoreOperator,
    RestoreBesideOperator,
    StartServerOperator,
    StopServerOperator,
    SwapOperator,
)
from lifeboat_airflow.recovery_record import RecordRecoveryOperator

SERVER = "{{ params.server }}"


def form(deployment: Deployment, queue: str | None) -> dict[str, Param]:
    """Return the fields of the trigger form."""
    names = reachable(deployment, queue)
    return {
        "server": Param(names[0], type="string", enum=names, title="Server", description="Who gets the patches."),
        "from_server": optional_text(
            "From server",
            "Whose patches come: one of the same type. Empty: its own.",
            examples=list(deployment.servers),
        ),
        "point": optional_text("Restore point", "Its id, or the beginning of it. Empty: the last known good."),
        "reason": optional_text("Reason", "Why, for the evidence."),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Show the plan and end."),
        "unproven": Param(
            False,
            type="boolean",
            title="Unproven",
            description="Take the named point although no drill of it passed.",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Force",
            description="Bring them to another product, version, level or type all the same.",
        ),
    }


def patch_restore(deployment: Deployment, queue: str | None = None) -> DAG:
    """Return the DAG that brings patches back to a server of a deployment: one that any worker reaches, or one behind a
    queue, whose worker then does all of it."""
    dag_id = place_name(f"{deployment.name}.patch_restore", queue)
    with DAG(
        dag_id,
        schedule=None,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        default_args={
            "owner": "lifeboat",
            "retries": 2,
            "retry_delay": timedelta(seconds=10),
            "deployment": deployment.name,
            **place(queue),
        },
        params=form(deployment, queue),
        **notices(deployment),
    ) as dag:
        plan = PlanPatchRestoreOperator(task_id="plan")
        approvals = approve(deployment, dag_id)
        approval_tasks = [task.task_id for task in approvals]
        confirm = ConfirmRecoveryOperator(task_id=CONFIRM, plan=plan.output, approvals=approval_tasks)
        go_ahead = GoAheadOperator(task_id="go_ahead", next_task=(*approvals, confirm)[0].task_id)
        restore = RestoreBesideOperator(
            task_id="restore",
            plan=plan.output,
            unit=f"home/{SERVER}",
            pool=deployment.sites[deployment.home_site()].vault.pool,
        )
        stop = StopServerOperator(task_id="stop", plan=plan.output, server=SERVER)
        swap = SwapOperator(task_id="swap", plan=plan.output)
        start = StartServerOperator(
            task_id="start", plan=plan.output, server=SERVER, stop_task="stop", trigger_rule=TriggerRule.ALL_DONE
        )
        check = CheckLiveOperator(task_id="check", plan=plan.output, trigger_rule=TriggerRule.NONE_FAILED)
        record = RecordRecoveryOperator(
            task_id="record",
            plan=plan.output,
            tasks={"restore": {"patches": "restore"}, "check": "check", "start": {"*": "start"}},
            approvals=approval_tasks,
            trigger_rule=TriggerRule.ALL_DONE,
        )
        chain(plan, go_ahead, *approvals, confirm, restore, stop, swap, start, check, record)
        swap >> check
        [confirm, start] >> record
    return dag


for each in load_all()[0]:
    for where in (None, *queues(each)):
        if reachable(each, where):
            globals()[place_name(f"{each.name}_patch_restore", where)] = patch_restore(each, where)
