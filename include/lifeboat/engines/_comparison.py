"""Facts of databases as captured and as restored, compared: what is the same for every vendor."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lifeboat.engines.base import difference, fidelity
from lifeboat.manifest import Check


def compare_tables(
    member: str, before: Mapping[str, Any], after: Mapping[str, Any], unsteady: Collection[str] = ()
) -> Iterator[Check]:
    """Given every table's row count and the digests of its content, before and after, yield a check for each.

    What `unsteady` names changed while it was captured, so that only its being there is compared.
    """
    rows = difference(_counts(before, unsteady), _counts(after, unsteady))
    total = sum(table[0] for table in before.values())
    yield fidelity("table-rows", member, not rows, rows or f"{total} rows in {len(before)} tables")
    compared = [n for n in before.keys() & after.keys() if n not in unsteady and before[n][0] == after[n][0]]
    content = difference({n: before[n][1:] for n in compared}, {n: after[n][1:] for n in compared})
    yield fidelity("table-content", member, not content, content or "every row has the same content")


def _counts(tables: Mapping[str, Any], unsteady: Collection[str]) -> dict[str, int | None]:
    return {name: None if name in unsteady else table[0] for name, table in tables.items()}


def compare_objects(member: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Check]:
    """Given the objects of a schema with their digests, before and after, yield their check."""
    objects = difference(before, after)
    yield fidelity("schema-objects", member, not objects, objects or f"{len(before)} objects")


def compare_sequences(member: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Check]:
    """Given sequences as captured and as restored, yield their check."""
    sequences = sequence_problems(before, after)
    yield fidelity("sequences", member, not sequences, sequences or f"{len(before)} sequences")


def compare_roles(member: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Check]:
    """Given the statements about roles with their digests, before and after, yield their check."""
    differs = difference(before, after)
    yield fidelity("roles", member, not differs, differs or f"{len(after)} statements about roles are the same")


def sequences_around(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Given the sequences before and after a dump, return the fact of each: both values."""
    return {name: {**fact, "after": after[name]["value"]} for name, fact in before.items()}


def sequence_problems(captured: Mapping[str, Any], restored: Mapping[str, Any]) -> str:
    """Given sequences as captured (before and after the dump) and as restored, say which value does not lie
    between; an empty text when all do."""
    problems = []
    for name, fact in captured.items():
        now = restored.get(name)
        if now is None:
            problems.append(f"{name} is missing")
            continue
        low, high = sorted([fact["value"], fact["after"]], reverse=fact["increment"] < 0)
        between = low <= now["value"] <= high if fact["increment"] > 0 else high <= now["value"] <= low
        if not (between or fact["cycles"]):
            problems.append(f"{name} is {now['value'][0]}, captured between {low[0]} and {high[0]}")
    problems += [f"{name} is extra" for name in restored.keys() - captured.keys()]
    return "; ".join(problems[:5]) + (f" and {len(problems) - 5} more" if len(problems) > 5 else "")
