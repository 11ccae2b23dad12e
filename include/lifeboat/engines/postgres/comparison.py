"""Facts of a PostgreSQL server as captured and as restored, compared: one check for each kind of fact."""

from collections.abc import Iterator
from typing import Any

from lifeboat.engines import _comparison
from lifeboat.engines.base import fidelity
from lifeboat.engines.postgres.scratch import SUPERUSER
from lifeboat.manifest import Check


def compare_roles(member: str, captured: dict[str, str], restored: dict[str, str]) -> Iterator[Check]:
    """Given the roles' facts, yield their check; the scratch server has a superuser of its own besides."""
    again = {name: value for name, value in restored.items() if name.split()[-1] != SUPERUSER}
    yield from _comparison.compare_roles(member, captured, again)


def compare_database(member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
    """Given a database's facts, yield a check for rows, content, schema, sequences and large objects each."""
    yield from _comparison.compare_tables(member, captured["tables"], restored["tables"])
    yield from _comparison.compare_objects(member, captured["schema"], restored["schema"])
    yield from _comparison.compare_sequences(member, captured["sequences"], restored["sequences"])
    same = captured["large_objects"] == restored["large_objects"]
    counts = f"{captured['large_objects'][0]} captured, {restored['large_objects'][0]} restored"
    yield fidelity("large-objects", member, same, counts)
