"""Fields of trigger forms."""

from typing import Any

from airflow.sdk import Param


def optional_text(title: str, description: str, **more: Any) -> Param:
    """Given a title, a description and further arguments of a Param, return a text field that may stay empty.

    Airflow's page marks a field of type string as required, and its Trigger button is dead while one is empty. Somebody
    may empty this one, which makes it None: templates say `{{ params.name or '' }}`.
    """
    return Param("", type=["null", "string"], title=title, description=description, **more)


def as_of() -> Param:
    """Return the field for a time instead of a restore point."""
    return Param(
        None,
        type=["null", "string"],
        format="date-time",
        title="Or as of",
        description="Instead of a point: the newest good one at or before this time.",
    )
