"""Assets: what a DAG of a deployment makes that starts another."""

from airflow.sdk import Asset


def restore_points(deployment: str) -> Asset:
    """Given a deployment's name, return the asset that each of its sealed restore points updates."""
    return Asset(name=f"{deployment}.restore_points", uri=f"x-lifeboat://{deployment}/restore_points")
