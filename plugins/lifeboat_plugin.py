"""Registers Lifeboat's parts with Airflow. Only this file is a plugin; .airflowignore keeps the package out."""

from airflow.plugins_manager import AirflowPlugin

from lifeboat_airflow.timetable import RecoveryTimetable


class LifeboatPlugin(AirflowPlugin):
    """Lifeboat's timetable, without which Airflow cannot read a recovery DAG back from its database."""

    name = "lifeboat"
    timetables = (RecoveryTimetable,)
