"""Facts of a PostgreSQL server as captured and as restored, compared: one check for each kind of fact."""

from collections.abc import Iterator
from typing import Any

from lifeboat.engines.base import difference, fidelity
from lifeboat.engines.postgres.facts import sequence_problems
from lifeboat.engines.postgres.scratch import SUPERUSER
from lifeboat.manifest import Check


def compare_roles(member: str, captured: dict[str, str], restored: dict[str, str]) -> Iterator[Check]:
    """Given the roles' facts, yield their check; the scratch server has a superuser of its own besides."""
    again = {name: value for name, value in restored.items() if name.split()[-1] != SUPERUSER}
    differs = difference(captured, again)
    yield fidelity("roles", member, not differs, differs or f"{len(again)} statements about roles are the same")


def compare_database(member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
    """Given a database's facts, yield a check for rows, content, schema, sequences and large objects each."""
    before, after = captured["tables"], restored["tables"]
    rows = difference({name: t[0] for name, t in before.items()}, {name: t[0] for name, t in after.items()})
    total = sum(table[0] for table in before.values())
    yield fidelity("table-rows", member, not rows, rows or f"{total} rows in {len(before)} tables")
    same_count = [name for name in before.keys() & after.keys() if before[name][0] == after[name][0]]
    content = difference({n: before[n][1:] for n in same_count}, {n: after[n][1:] for n in same_count})
    yield fidelity("table-content", member, not content, content or "every row has the same content")
    objects = difference(captured["schema"], restored["schema"])
    yield fidelity("schema-objects", member, not objects, objects or f"{len(captured['schema'])} objects")
    sequences = sequence_problems(captured["sequences"], restored["sequences"])
    yield fidelity("sequences", member, not sequences, sequences or f"{len(captured['sequences'])} sequences")
    same = captured["large_objects"] == restored["large_objects"]
    counts = f"{captured['large_objects'][0]} captured, {restored['large_objects'][0]} restored"
    yield fidelity("large-objects", member, same, counts)
