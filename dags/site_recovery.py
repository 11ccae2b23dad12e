"""### Let another site take over

**Why:** a region is gone, or a data centre. What was copied to another site becomes the installation there. And who has
never rehearsed that, does not know whether it works, or how long it takes.

**How:** *plan* says what would be made of what, how long that takes and what it costs; nothing happens before a person
*approves* it. Then the *databases* are restored from that region's snapshots and the *machines* launched from its
images, side by side; *puppet* lays the servers down; *members* brings back what comes from that site's vault, beside,
proven, with its addresses rebound to what was made, starts the servers and checks them. Only then *switch_over* brings
the traffic there. *record* writes who did what, and how long each phase took, into that site's vault.

**Rehearsal:** the same under names of its own, for which nobody is asked. It switches nothing over, and *take_down*
removes all of it, whatever happened. Make sure that what it launches reaches nothing that is live.

**Which point:** without an entry the last known good by the drills at that site. `as_of` takes the newest good one at
or before a time. An unproven or failed point must be named, with `unproven`.

**If it fails:** of a rehearsal nothing is left. What a recovery has made stands and costs money; *record* names it.
Correct what the red task's log names, then clear that task with what comes after it: it finds what is made already.
`lifeboat site recover NAME SITE --resume ID` does the same without Airflow, `lifeboat site give-up` removes all of it,
and `lifeboat site switch-back` brings the traffic back to where it was.

**When:** only by hand; never by itself. A rehearsal once a quarter is a good habit.
"""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param, TaskGroup, TriggerRule, chain

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.approvals import approve
from lifeboat_airflow.forms import as_of, optional_text
from lifeboat_airflow.notices import notices
from lifeboat_airflow.order import in_order
from lifeboat_airflow.recovery import CONFIRM
from lifeboat_airflow.site_recovery import (
    ConfirmSiteRecoveryOperator,
    GoAheadAtSiteOperator,
    LayDownOperator,
    MakeDatabaseOperator,
    MakeMachineOperator,
    PlanSiteRecoveryOperator,
    RecoverMembersOperator,
    SwitchOverOperator,
    TakeDownOperator,
)
from lifeboat_airflow.site_recovery_record import RecordSiteRecoveryOperator


def form(sites: list[str]) -> dict[str, Param]:
    """Return the fields of the trigger form."""
    return {
        "site": Param(sites[0], type="string", enum=sites, title="Site", description="The site that takes over."),
        "rehearsal": Param(
            False,
            type="boolean",
            title="Rehearsal",
            description="Build everything, measure, switch nothing over, take all down again.",
        ),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Show the plan and end."),
        "point": optional_text("Restore point", "Its id, or the beginning of it. Empty: the last known good there."),
        "as_of": as_of(),
        "reason": optional_text("Reason", "What happened; the evidence keeps it."),
        "unproven": Param(
            False,
            type="boolean",
            title="Unproven",
            description="Take the named point although no drill of it passed at that site.",
        ),
    }


def site_recovery(deployment: Deployment, sites: list[str]) -> DAG:
    """Return the DAG by which one of these sites of a deployment takes over."""
    dag_id = f"{deployment.name}.site_recovery"
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
            "trigger_rule": TriggerRule.NONE_FAILED,
        },
        params=form(sites),
        **notices(deployment),
    ) as dag:
        plan = PlanSiteRecoveryOperator(task_id="plan")
        approvals = approve(deployment, dag_id, verb="Recover the site of")
        confirm = ConfirmSiteRecoveryOperator(
            task_id=CONFIRM,
            plan=plan.output,
            approvals=[task.task_id for task in approvals],
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,  # of a rehearsal nobody is asked
        )
        go_ahead = GoAheadAtSiteOperator(task_id="go_ahead", approval=(*approvals, confirm)[0].task_id)
        chain(plan, go_ahead, *approvals, confirm)
        go_ahead >> confirm
        groups = made(deployment, sites, plan.output)
        people = [task.task_id for task in approvals]
        members = RecoverMembersOperator(task_id="members", plan=plan.output, approvals=people)
        switch = SwitchOverOperator(task_id="switch_over", plan=plan.output)
        # Teardowns, so that they are done also when a person marks the run as failed.
        down = TakeDownOperator(task_id="take_down", plan=plan.output, retries=5).as_teardown()
        record = RecordSiteRecoveryOperator(
            task_id="record",
            plan=plan.output,
            phases={
                "make": [task.task_id for name in ("databases", "machines") for task in groups[name]],
                "Puppet": [task.task_id for task in groups["puppet"]],
                "members": [members.task_id],
                "switch over": [switch.task_id],
                "take down": [down.task_id],
            },
            approvals=people,
        ).as_teardown(on_failure_fail_dagrun=True)
        in_order([[confirm], [*groups["databases"], *groups["machines"]], groups["puppet"], [members], [switch]])
        [*itertools.chain(*groups.values()), members, switch] >> down >> record
    return dag


def made(deployment: Deployment, sites: Sequence[str], plan: Any) -> dict[str, list[BaseOperator]]:
    """Return the tasks that make what any of these sites has, and those that lay servers down, by their group. Each is
    skipped where the plan has nothing for it."""
    takeovers = [takeover for site in sites if (takeover := deployment.sites[site].takeover)]
    databases = dict.fromkeys(name for takeover in takeovers for name in takeover.databases)
    machines = dict.fromkeys(name for takeover in takeovers for name in takeover.machines)
    servers = [name for name, server in deployment.servers.items() if server.puppet]
    groups: dict[str, list[BaseOperator]] = {}
    with TaskGroup("databases", tooltip="Restore each database from its snapshot, and check it"):
        groups["databases"] = [MakeDatabaseOperator(task_id=name, name=name, plan=plan) for name in databases]
    with TaskGroup("machines", tooltip="Launch each machine, and wait until it answers"):
        groups["machines"] = [MakeMachineOperator(task_id=name, name=name, plan=plan) for name in machines]
    with TaskGroup("puppet", tooltip="Let Puppet lay down each server"):
        groups["puppet"] = [LayDownOperator(task_id=name, server=name, plan=plan) for name in servers]
    return groups


for each in load_all()[0]:
    able = [name for name, site in each.sites.items() if site.takeover]
    if able:
        globals()[f"{each.name}_site_recovery"] = site_recovery(each, able)
