"""Notices to people about runs: what a DAG needs so that they hear of each failed run and of one that takes too long.

The first is called by the DAG processor, the second by an executor; both find this module by PYTHONPATH. What cannot be
sent is kept in the catalog, and the objectives DAG sends it.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback

from lifeboat.deployment import Deployment, format_duration
from lifeboat_airflow.base import airflow_connection, open_catalog


def notices(deployment: Deployment, limit: timedelta | None = None) -> dict[str, Any]:
    """Given a deployment, and how long a run may take, return the DAG's arguments; none without `notifications`."""
    if not deployment.notifications.connections:
        return {}
    arguments: dict[str, Any] = {"on_failure_callback": partial(run_failed, deployment.name)}
    if limit is not None:
        told = {"deployment": deployment.name, "limit": format_duration(limit)}
        arguments["deadline"] = DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=limit,
            name="takes too long",
            callback=SyncCallback(run_takes_long, kwargs=told),
        )
    return arguments


def run_failed(deployment: str, context: Any) -> None:
    """Tell people that a run failed. Airflow calls this with its context, of which only these are always there."""
    from lifeboat.notify import Message

    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    body = f"Run {run_id} failed.\nNext: read the log of its red task: {_link(dag_id, run_id)}"
    _tell(deployment, f"run/{dag_id}/{run_id}", Message(f"{dag_id} failed", body, "failure"))


def run_takes_long(deployment: str, limit: str, context: Any) -> None:
    """Tell people that a run takes longer than it may, unless it has ended: Airflow calls this for failed ones too."""
    from lifeboat.notify import Message

    run = context["dag_run"]
    if run["state"] not in ("queued", "running"):
        return
    dag_id, run_id = run["dag_id"], run["dag_run_id"]
    body = f"Run {run_id} is not done after {limit}.\nNext: see which task it waits for: {_link(dag_id, run_id)}"
    _tell(deployment, f"late/{dag_id}/{run_id}", Message(f"{dag_id} takes too long", body, "warning"))


def send_by_airflow(connection: str, message: Any) -> None:
    """Send a message to the services of one of Airflow's connections."""
    from lifeboat.notify import send

    send(airflow_connection(connection), message)


def _tell(name: str, subject: str, message: Any) -> None:
    """Tell people of an event. Raise the first error: Airflow logs it, and the objectives DAG tells them later."""
    from lifeboat.alerts import tell_event
    from lifeboat.deployment_file import find_deployment
    from lifeboat.errors import LifeboatError

    deployment = find_deployment(name)
    try:
        errors = tell_event(open_catalog(), deployment, subject, message, datetime.now(UTC), send_by_airflow)
    except LifeboatError:
        # Without a catalog nothing can be kept for later; people hear of it now, or never.
        for connection in deployment.notifications.connections:
            send_by_airflow(connection, message)
        raise
    if errors:
        raise errors[0]


def _link(dag_id: str, run_id: str) -> str:
    from airflow.sdk.configuration import conf

    return f"{conf.get('api', 'base_url', fallback='').rstrip('/')}/dags/{dag_id}/runs/{quote(run_id, safe='')}"
