"""Deployment files for tests: the sample deployment under other names, changed as a test needs it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

SAMPLE = Path(__file__).parents[2] / "include/deployments/sample.yaml"
LIFEBOAT = SAMPLE.with_name("lifeboat.yaml")

#: Given the content of a deployment file, changes it in place.
Change = Callable[[dict[str, Any]], None]


def write_deployment(directory: Path, name: str, *changes: Change, source: Path = SAMPLE) -> Path:
    """Write the sample deployment, or that of another file, as `name` with the changes applied; return the path."""
    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    document["name"] = name
    for change in changes:
        change(document)
    path = directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def with_schedules(**schedules: Any) -> Change:
    """Return the change that sets keys of `schedules`."""

    def change(document: dict[str, Any]) -> None:
        document["schedules"].update(schedules)

    return change


def with_units_of(*groups: str) -> Change:
    """Return the change that keeps only these of `database_servers`, `servers` and `business_data`."""

    def change(document: dict[str, Any]) -> None:
        for group in {"database_servers", "servers", "business_data"} - set(groups):
            del document[group]

    return change
