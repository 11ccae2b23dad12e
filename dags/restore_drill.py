"""### Prove restore points by restoring them

**Why:** a restore point counts as good only after it has been restored and compared with what was captured. The
newest point whose drill passed is the *last known good*, the default of every recovery.

**How:** *pick* chooses the points; *drill* restores each unit into a scratch place of its own (databases into a
PostgreSQL of the same major version that only a Unix socket reaches), computes the proof again and compares it
(*fidelity*), and runs the WSO2 checks (*health*; only violations that capture did not see are red). *record* writes
the evidence into the vault, then into the catalog. Nothing of the restored data outlives its task. One member in turn
is restored by its *runbook*, the script that needs no Lifeboat, so that it is known to work.

**When:** after every new restore point, and by `schedules.restore_drill`. A run covers the undrilled points between
the tick before it and its own, and the newest copy at each other site, from that site's vault, unless it was drilled
there: a point is good *at a site* by that site's own drill. A run by hand drills the point that you name, or the newest
undrilled one; at another site, if you name that.

**Backfill:** over a range of dates it proves every undrilled point from the tick before the range's first tick to its
last tick, however many there are; `lifeboat points` then shows which are good, which failed, and the last known good.

**If it is red:** the failed checks are in the log of the red *drill* task; the point is not used for recoveries by
default. A drill that could not be done (no space, no tools) leaves the point unproven; run it again.
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.assets import restore_points
from lifeboat_airflow.drill import DrillUnitOperator, PickPointsOperator, RecordDrillOperator
from lifeboat_airflow.forms import optional_text
from lifeboat_airflow.notices import notices


def drill_schedule(deployment: Deployment) -> object:
    """Return when drills run: after new points, by cron, by both, or by hand only."""
    schedules = deployment.schedules
    asset = restore_points(deployment.name)
    if not schedules.restore_drill:
        return [asset] if schedules.drill_after_backup else None
    cron = CronTriggerTimetable(schedules.restore_drill, timezone=schedules.timezone)
    return AssetOrTimeSchedule(timetable=cron, assets=[asset]) if schedules.drill_after_backup else cron


def restore_drill(deployment: Deployment) -> DAG:
    """Return the drill DAG of a deployment."""
    with DAG(
        f"{deployment.name}.restore_drill",
        schedule=drill_schedule(deployment),
        catchup=False,
        max_active_runs=1,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        default_args={"owner": "lifeboat", "retries": 1, "retry_delay": timedelta(seconds=30)},
        params={
            "point": optional_text(
                "Restore point", "Id of the restore point to drill; empty for the newest undrilled one."
            ),
            "site": optional_text("Site", "Another site from whose vault it is restored; empty for the home site."),
        },
        **notices(deployment, deployment.notifications.drill_limit),
    ) as dag:
        picked = PickPointsOperator(
            task_id="pick", deployment=deployment.name, point="{{ params.point or '' }}", site="{{ params.site or '' }}"
        )
        drilled = DrillUnitOperator.partial(
            task_id="drill",
            deployment=deployment.name,
            pool=deployment.sites[deployment.home_site()].vault.pool,
            map_index_template="{{ task.unit }} of {{ task.point }}{{ ' at ' ~ task.site if task.site else '' }}",
        ).expand_kwargs(picked.output)
        recorded = RecordDrillOperator(
            task_id="record",
            deployment=deployment.name,
            picked=picked.output,
            drill_task="drill",
            trigger_rule="all_done_min_one_success",
        )
        drilled >> recorded
    return dag


for each in load_all()[0]:
    globals()[f"{each.name}_restore_drill"] = restore_drill(each)
