"""### Look at the objectives, and tell people what changed

**Why:** a backup that silently stopped is found on the day that it is needed. This tells people before: of each
objective that is breached, once, again while that lasts, and once that it is kept again.

**How:** *look* reads the catalog alone: the age of the newest restore point, of the last known good, of the newest
drill that passed and of the newest check of the vault, what the newest drill found, how long a recovery takes, and how
the vault grows. Its log has the table; `lifeboat status` prints the same. Messages go by the connections in
`notifications.connections`. Failed runs, and runs that take too long, are told at once by their own DAGs.

**When:** by `schedules.objectives`, if the deployment has `notifications`; else by hand, and then nobody is told. It is
never paused at first, since watching must not hang on somebody who remembers to switch it on.

**If it fails:** a message was not taken, or the catalog cannot be read; the log says which. The next run sends what was
not taken. Nobody is told of a failure of this DAG itself: let something outside of Airflow look at
`lifeboat_last_watch_timestamp_seconds` (docs/monitoring.md).
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.objectives import WatchObjectivesOperator


def objectives(deployment: Deployment) -> DAG:
    """Return the DAG that looks at a deployment's objectives."""
    schedules = deployment.schedules
    cron = schedules.objectives if deployment.notifications.connections else None
    with DAG(
        f"{deployment.name}.objectives",
        schedule=CronTriggerTimetable(cron, timezone=schedules.timezone) if cron else None,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        default_args={
            "owner": "lifeboat",
            "retries": 0,  # the next run is the next try
            "execution_timeout": timedelta(minutes=10),  # a service that hangs must not end the watch
        },
    ) as dag:
        WatchObjectivesOperator(task_id="look", deployment=deployment.name)
    return dag


for each in load_all()[0]:
    globals()[f"{each.name}_objectives"] = objectives(each)
