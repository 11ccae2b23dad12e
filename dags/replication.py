"""### Copy restore points to other sites, and verify them there

**Why:** a restore point in one place is lost with that place.

**How:** one task for each site but the first, none of which waits for another. What a site lacks is found by listing
both vaults, so that a lost event, a week without a line, or a killed run heals with the next run. Of each point, the
newest first, its data is copied, then all of it is read from the site's vault and compared with what the manifest
signs, then its manifest is copied: from then on the point exists there. Drills, holds and other evidence go last, and
evidence that was made at the site comes back. `lifeboat points` shows which points are whole at which site, and what a
recovery there would lose.

**When:** after every new restore point, and by `schedules.replication`, which is a short look when nothing is new. A
run by hand copies what is lacking, and reads again the point that you name, or everything if you say so. Each site's
`replication` limits how much is sent and read in a second.

**Backfill:** over a range of dates it reads the points sealed in that time again at each site, and copies what is
lacking of them.

**If it is red:** the other sites have got theirs. The log of the red task says what is wrong with which point; a point
that is not whole at the site is not used there. Run it again when the cause is gone; docs/sites.md says how to repair
damage.
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.assets import restore_points
from lifeboat_airflow.forms import optional_text
from lifeboat_airflow.notices import notices
from lifeboat_airflow.replication import ReplicateOperator


def replication_schedule(deployment: Deployment) -> object:
    """Return when replication runs: after new points, and by cron if the file has one."""
    schedules, asset = deployment.schedules, restore_points(deployment.name)
    if not schedules.replication:
        return [asset]
    cron = CronTriggerTimetable(schedules.replication, timezone=schedules.timezone)
    return AssetOrTimeSchedule(timetable=cron, assets=[asset])


def replication(deployment: Deployment) -> DAG:
    """Return the replication DAG of a deployment that has other sites."""
    with DAG(
        f"{deployment.name}.replication",
        schedule=replication_schedule(deployment),
        catchup=False,
        max_active_runs=1,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        default_args={"owner": "lifeboat", "retries": 2, "retry_delay": timedelta(minutes=2)},
        params={
            "point": optional_text("Restore point", "Id of the restore point to copy; empty for all that are lacking."),
            "again": Param(False, type="boolean", title="Read again", description="Read also what is whole there."),
        },
        **notices(deployment),
    ) as dag:
        for site in deployment.other_sites():
            ReplicateOperator(
                task_id=f"replicate_to_{site}",
                deployment=deployment.name,
                site=site,
                point="{{ params.point or '' }}",
                again="{{ params.again }}",
                pool=deployment.sites[site].vault.pool,
            )
    return dag


for each in load_all()[0]:
    if each.other_sites():
        globals()[f"{each.name}_replication"] = replication(each)
