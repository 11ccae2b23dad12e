"""### Let go what is no longer wanted, and read what is kept

**Why:** a vault that only grows fills its disk, and then backups fail; and data that nobody reads may be damaged long
before somebody needs it.

**How:** each part runs whatever became of the one before it. *locks* removes the locks of dead processes and what
dead drills left. *retention* deletes the restore points that no rule keeps (`retention` in the deployment file):
never the last known good, the newest, one on hold or one in use, and none at all while backups or drills are not what
they should be. *orphans* removes what failed backups left. *swapped_out* removes what recoveries swapped out long
ago. *prune* frees the space, within `prune_at_most` and `prune_time`: captures wait meanwhile. *check* reads a part
of the vault's data against its checksums, so that all of it is read in `check_parts` runs; each other site's vault
has a check of its own. What is damaged is filled from another site that has it whole, and read again. *retain*
extends the time in which nothing of a vault with `object_lock` can be destroyed, and tells when somebody changed
that. *record* shows what was removed, each with the reason, and writes it into the vault, signed.

**When:** by the deployment file's `schedules.housekeeping`, or by hand. It needs `housekeeper` of the site's vault: the
writer's credential never deletes. `lifeboat retention <deployment> --dry-run` shows why each point stays or goes.

**If it is red:** the log of the red task says what failed and what to do; the next run goes on from whatever it finds,
so nothing needs to be cleared. When *check* is red, data in the vault is damaged: see docs/housekeeping.md.
"""

from datetime import timedelta
from itertools import pairwise

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.housekeeping import PARTS, HousekeepingOperator, RecordHousekeepingOperator
from lifeboat_airflow.notices import notices


def housekeeping(deployment: Deployment) -> DAG:
    """Return the housekeeping DAG of a deployment."""
    schedules = deployment.schedules
    cron = schedules.housekeeping
    pool = deployment.sites[deployment.home_site()].vault.pool
    with DAG(
        f"{deployment.name}.housekeeping",
        schedule=CronTriggerTimetable(cron, timezone=schedules.timezone) if cron else None,
        catchup=False,
        max_active_runs=1,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        # Not tried again: the next run goes on from whatever it finds.
        default_args={
            "owner": "lifeboat",
            "retries": 0,
            "deployment": deployment.name,
            "execution_timeout": timedelta(hours=12),
            "trigger_rule": TriggerRule.ALL_DONE,
        },
        **notices(deployment),
    ) as dag:
        parts = [HousekeepingOperator(task_id=part, part=part, pool=pool) for part in PARTS]
        sites = deployment.sites
        more = [(f"check_{site}", "check", site) for site in deployment.other_sites()]
        more += [(f"retain_{site}", "retain", site) for site in sites if sites[site].vault.object_lock]
        parts += [
            HousekeepingOperator(task_id=task, part=part, site=site, pool=sites[site].vault.pool)
            for task, part, site in more
        ]
        record = RecordHousekeepingOperator(task_id="record", parts=[part.task_id for part in parts])
        for earlier, later in pairwise([*parts, record]):
            earlier >> later
    return dag


for each in load_all()[0]:
    globals()[f"{each.name}_housekeeping"] = housekeeping(each)
