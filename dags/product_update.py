"""### Update servers one at a time, and roll back by itself

**Why:** WSO2's own tools back up the pack and not the databases, and nothing of theirs says whether a server is what it
should be afterwards. Here an update is all or nothing for each server.

**How:** *plan* says which servers, in which order, and what stands in the way. *prepare* makes packs ready that are to
be distributed and brings them to every host; if that fails, no server was touched. *snapshot* takes a restore point of
everything. A person *approves*. Then each server, one after the other and the first one the canary: drain, stop,
update, verify level and bundles, start, health, checks. A server that fails is rolled back from the snapshot: its home
is restored beside, proven and exchanged; the rollout stops, and the servers after it are untouched. *report* shows all
levels. Databases stay as they are; if a server is rolled back and their schema changed, *databases* starts a recovery
of them, which waits for a person's approval.

**Methods:** `updates2` (bin/wso2update_linux in every home), `distribute` (WSO2's advice: that tool once, in a copy of
a reference pack, which then replaces the homes), `wum` (the same with a pack that WUM makes), `pack` (a newly updated
pack of yours replaces the home, with what belongs to the installation), `in_place` (bin/update_linux), `script` (your
own command). With `wait` a person resolves conflicts: write `<file>.final` beside each file that the log names, and it
goes on.

**If it fails:** the red server is as before; its failed home is kept beside it. Correct what the log names, then start
a new run. If *prepare* failed, there is nothing to put right. A task that was killed is tried again by itself: it rolls
the server back first.

**When:** only by hand.
"""

from datetime import timedelta
from itertools import pairwise

from airflow.sdk import DAG, Param, TaskGroup, TriggerRule, chain

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.approvals import approve
from lifeboat_airflow.forms import optional_text
from lifeboat_airflow.notices import notices
from lifeboat_airflow.places import place, place_name, queues, reachable
from lifeboat_airflow.point import make_restore_point
from lifeboat_airflow.update import (
    CONFIRM,
    AskOrGoOnOperator,
    ConfirmUpdateOperator,
    OfferDatabasesOperator,
    PlanUpdateOperator,
    PreparePacksOperator,
    ReportUpdateOperator,
    UpdateServerOperator,
)

METHODS = ("updates2", "distribute", "pack", "script", "in_place", "wum")


def in_start_order(deployment: Deployment, queue: str | None) -> list[str]:
    """Return the servers behind a queue, or those that any worker reaches, in start order."""
    return sorted(reachable(deployment, queue), key=lambda name: (deployment.servers[name].start_order, name))


def form(deployment: Deployment, queue: str | None) -> dict[str, Param]:
    """Return the fields of the trigger form."""
    types = sorted({deployment.servers[name].type for name in reachable(deployment, queue)})

    def several(title: str, known: list[str], description: str) -> Param:
        items = {"type": "string"}
        return Param([], type=["array", "null"], items=items, examples=known, title=title, description=description)

    def switch(value: bool, title: str, description: str) -> Param:
        return Param(value, type="boolean", title=title, description=description)

    return {
        "servers": several("Servers", in_start_order(deployment, queue), "Servers to update. Without types, too: all."),
        "types": several("Types", types, "All servers of these types."),
        "level": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Target level",
            description="The update level to reach. Empty: the newest.",
        ),
        "method": Param("updates2", type="string", enum=list(METHODS), title="Method", description="How."),
        "pack": optional_text(
            "Pack",
            "A zip or a directory. For the method pack: path of the new pack on the servers' hosts. For distribute: "
            "path of the reference pack on the host of packs.",
        ),
        "wait": switch(False, "Wait at conflicts", "Let a person resolve conflicts; else the tool reverts."),
        "remove_patches": switch(
            False, "Remove patches", "Take Carbon patches away first; they do not mix with an update."
        ),
        "approve_first": switch(True, "Approve first", "Ask for an approval before anything is touched."),
        "dry_run": switch(False, "Dry run", "Show the plan and end."),
        "reason": optional_text("Reason", "Why, for the evidence."),
    }


def product_update(deployment: Deployment, queue: str | None = None) -> DAG:
    """Return the DAG that updates the servers of a deployment: those that any worker reaches, or those behind a queue,
    whose worker then does it."""
    dag_id = place_name(f"{deployment.name}.product_update", queue)
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
        plan = PlanUpdateOperator(task_id="plan")
        prepare = PreparePacksOperator(task_id="prepare", plan=plan.output)
        with TaskGroup("snapshot", tooltip="A restore point of everything, to roll back to"):
            sealed = make_restore_point(
                deployment,
                "pre_upgrade",
                reason="{{ params.reason or '' }}",
                labels={"target_level": "{{ params.level or params.pack or 'newest' }}"},
            )
        approvals = approve(deployment, dag_id, verb="Update")
        approval_tasks = [task.task_id for task in approvals]
        confirm = ConfirmUpdateOperator(
            task_id=CONFIRM,
            plan=plan.output,
            approvals=approval_tasks,
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        )
        ask = AskOrGoOnOperator(task_id="ask", approvals=approval_tasks[:1], otherwise=CONFIRM)
        opened = dag.get_task("snapshot.open")
        go_ahead = AskOrGoOnOperator(task_id="go_ahead", dry=True, otherwise=prepare.task_id)
        chain(plan, go_ahead, prepare, opened)
        chain(sealed, ask, *approvals, confirm)
        if approvals:
            ask >> confirm
        with TaskGroup("update", tooltip="One server after the other; the first one that is chosen is the canary"):
            servers = [
                UpdateServerOperator(
                    task_id=name,
                    plan=plan.output,
                    point=sealed.output,
                    server=name,
                    approvals=approval_tasks,
                    trigger_rule=TriggerRule.NONE_FAILED,
                )
                for name in in_start_order(deployment, queue)
            ]
        for earlier, later in pairwise([confirm, *servers]):
            earlier >> later
        report = ReportUpdateOperator(
            task_id="report",
            plan=plan.output,
            servers=[task.task_id for task in servers],
            trigger_rule=TriggerRule.ALL_DONE,
        )
        [confirm, *servers] >> report
        if deployment.database_servers and approvals:
            databases = OfferDatabasesOperator(
                task_id="databases", plan=plan.output, trigger_rule=TriggerRule.ALL_DONE, deployment=deployment.name
            )
            servers >> databases
    return dag


for each in load_all()[0]:
    for where in (None, *queues(each)):
        if reachable(each, where):
            globals()[place_name(f"{each.name}_product_update", where)] = product_update(each, where)
