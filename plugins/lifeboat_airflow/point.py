"""The tasks that make one restore point, shared by every DAG that makes one."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.configuration import conf

from lifeboat.deployment import Deployment
from lifeboat.manifest import PointKind
from lifeboat_airflow.assets import restore_points
from lifeboat_airflow.capture import CaptureUnitOperator, OpenBackupOperator, SealPointOperator

#: What DAG arguments a DAG that makes restore points has besides its id, schedule, form and page.
POINT_DAG: Mapping[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {"owner": "lifeboat", "retries": 2, "retry_delay": timedelta(seconds=30)},
}


def make_restore_point(
    deployment: Deployment, kind: PointKind, *, reason: str, labels: Mapping[str, str] | None = None
) -> SealPointOperator:
    """Given a deployment, add the tasks open, capture (one for each queue) and seal to the DAG at hand, and return
    the last one, whose output is the point's id. `reason` and `labels` are templates."""
    pool = deployment.sites[deployment.home_site()].vault.pool
    opened = OpenBackupOperator(
        task_id="open", deployment=deployment.name, kind=kind, reason=reason, labels=dict(labels or {})
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
            queue=queue or conf.get("operators", "default_queue"),
        ).expand(unit=units)
        for queue, units in by_queue.items()
    ]
    return SealPointOperator(
        task_id="seal",
        deployment=deployment.name,
        point=opened.output,
        snapshots=[capture.output for capture in captures],
        outlets=[restore_points(deployment.name)],
    )
