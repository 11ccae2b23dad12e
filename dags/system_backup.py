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

from airflow.sdk import DAG, CronTriggerTimetable

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.forms import optional_text
from lifeboat_airflow.notices import notices
from lifeboat_airflow.point import POINT_DAG, make_restore_point


def system_backup(deployment: Deployment) -> DAG:
    """Return the backup DAG of a deployment."""
    schedules = deployment.schedules
    cron = schedules.system_backup
    with DAG(
        f"{deployment.name}.system_backup",
        schedule=CronTriggerTimetable(cron, timezone=schedules.timezone) if cron else None,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        params={"reason": optional_text("Reason", "Why this point is made.")},
        **POINT_DAG,
        **notices(deployment, deployment.notifications.backup_limit),
    ) as dag:
        make_restore_point(deployment, "system_backup", reason="{{ params.reason or '' }}")
    return dag


for each in load_all()[0]:
    globals()[f"{each.name}_system_backup"] = system_backup(each)
