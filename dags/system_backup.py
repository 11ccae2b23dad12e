"""### Back up the whole deployment as one restore point

**Why:** a WSO2 deployment comes back only as a whole: databases that refer to each other, homes with their
patches and configuration, and the documents beside them. Each run makes one restore point of all of them.

**How:** *open* mints the point's identity; *capture* stores each database server (all its databases at one
instant), home and tree in the encrypted vault, with the facts that prove it; *seal* checks that the vault holds
everything and writes the signed manifest last. Until then the point does not exist.

**When:** by the deployment file's `schedules.system_backup`. A run can be started by hand at any time.

**Backfill:** nobody can back up what was there yesterday, so a backfill captures nothing. Each of its runs says in
the log of *open* which restore point covers its period, or fails, names the points around it, and says how to
recover as of then.

**If it fails:** nothing is sealed and nothing older is touched. Fix what the red task's log names and *trigger a new
run*; a sealed point never changes, so tasks of a finished run are not cleared. Connections and the pool come from
the deployment file; `lifeboat validate` checks them.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.assets import restore_points
from lifeboat_airflow.capture import CaptureUnitOperator, OpenBackupOperator, SealPointOperator


def system_backup(deployment: Deployment) -> DAG:
    """Return the backup DAG of a deployment."""
    schedules = deployment.schedules
    pool = deployment.sites[deployment.home_site()].vault.pool
    cron = schedules.system_backup
    with DAG(
        f"{deployment.name}.system_backup",
        schedule=CronTriggerTimetable(cron, timezone=schedules.timezone) if cron else None,
        catchup=False,
        max_active_runs=1,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        default_args={"owner": "lifeboat", "retries": 2, "retry_delay": timedelta(seconds=30)},
        params={"reason": Param("", type="string", title="Reason", description="Why this point is made.")},
    ) as dag:
        opened = OpenBackupOperator(
            task_id="open", deployment=deployment.name, kind="system_backup", reason="{{ params.reason }}"
        )
        by_queue: dict[str | None, list[str]] = {}
        for unit in deployment.units():
            by_queue.setdefault(deployment.queue_of(unit), []).append(str(unit))
        captures = [
            CaptureUnitOperator.partial(
                task_id=f"capture_on_{queue}" if queue else "capture",
                deployment=deployment.name,
                point=opened.output,
                pool=pool,
                map_index_template="{{ task.unit }}",
                **({"queue": queue} if queue else {}),
            ).expand(unit=units)
            for queue, units in by_queue.items()
        ]
        SealPointOperator(
            task_id="seal",
            deployment=deployment.name,
            point=opened.output,
            snapshots=[capture.output for capture in captures],
            outlets=[restore_points(deployment.name)],
        )
    return dag


for each in load_all()[0]:
    globals()[f"{each.name}_system_backup"] = system_backup(each)
