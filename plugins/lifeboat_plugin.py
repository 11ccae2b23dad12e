"""Registers Lifeboat's parts with Airflow. Only this file is a plugin; .airflowignore keeps the package out."""

import sys
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from lifeboat_airflow.timetable import RecoveryTimetable


def pages() -> list[dict[str, Any]]:
    """Return the pages of the API server. Every part of Airflow loads this file; no other needs what they import."""
    if sys.argv[1:2] != ["api-server"]:
        return []
    from lifeboat_airflow.metrics_app import app

    return [{"app": app, "url_prefix": "/lifeboat", "name": "Lifeboat"}]


class LifeboatPlugin(AirflowPlugin):
    """Lifeboat's timetable, without which Airflow cannot read a recovery DAG back from its database, and its pages."""

    name = "lifeboat"
    timetables = (RecoveryTimetable,)
    fastapi_apps = pages()
