"""What lets Lifeboat back up itself on this machine: the places of its own parts, as environment variables."""

import json
from pathlib import Path

from lifeboat.connections import environment_variable


def own_environment(airflow_home: Path, catalog: str) -> dict[str, str]:
    """Given Airflow's home and the path of the catalog, both SQLite, return the variables that the deployment file
    `lifeboat.yaml` names."""

    def sqlite(path: str) -> str:
        return json.dumps({"conn_type": "sqlite", "host": path})

    return {
        "LIFEBOAT_AIRFLOW": str(airflow_home),
        environment_variable("airflow_metadata"): sqlite(str(airflow_home / "airflow.db")),
        environment_variable("lifeboat_catalog"): sqlite(catalog),
    }
