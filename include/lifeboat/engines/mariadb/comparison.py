"""Facts of a MariaDB server as captured and as restored, compared: one check for each kind of fact."""

from collections.abc import Iterator
from typing import Any

from lifeboat.engines._comparison import compare_objects, compare_sequences, compare_tables
from lifeboat.manifest import Check


def compare_database(member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
    """Given a database's facts, yield a check for rows, content, schema and what counts up each."""
    yield from compare_tables(member, captured["tables"], restored["tables"], captured["unsteady"])
    yield from compare_objects(member, captured["schema"], restored["schema"])
    yield from compare_sequences(member, captured["sequences"], restored["sequences"])
