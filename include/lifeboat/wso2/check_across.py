"""Relations between databases of different servers, which no session reaches together.

Each unit tells at capture, at its own instant, what its databases refer to and hold; that is sealed among its facts. In
a drill a restored unit tells it again, and is held against what the other units of the same restore point told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from lifeboat.wso2.check_model import KEPT_KEYS, CheckResult, Database, Role, Status
from lifeboat.wso2.check_relations import RELATIONS, Reference, Relation, broken
from lifeboat.wso2.checks import CheckedDatabase, opened_database

# Under this name a unit's facts have what its databases tell; no member is called so.
_FACTS_KEY = "relations"


class Told(BaseModel):
    """What one database tells of itself, by the name of the relation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    refers: dict[str, list[Reference]] = {}
    holds: dict[str, list[str]] = {}


def tell(databases: Mapping[str, CheckedDatabase]) -> list[Told]:
    """Given the databases of a unit, return what those tell that are part of a relation."""
    told = [_tell(opened_database(each)) for each in databases.values()]
    return [each for each in told if each.refers or each.holds]


def told_facts(told: Sequence[Told]) -> dict[str, dict[str, Any]]:
    """Given what a unit's databases told, return it as facts of the unit; nothing when they told nothing."""
    return {_FACTS_KEY: {"databases": [each.model_dump(mode="json") for each in told]}} if told else {}


def told_in(facts: Mapping[str, dict[str, Any]]) -> list[Told]:
    """Given the facts of a unit, return what its databases told; nothing in points of before it was asked."""
    return [Told.model_validate(each) for each in facts.get(_FACTS_KEY, {}).get("databases", [])]


def _tell(database: Database) -> Told:
    sources = [each for each in RELATIONS if database.role in each.source_roles]
    targets = [each for each in RELATIONS if database.role in each.target_roles]
    missing = database.tables.missing
    return Told(
        name=database.name,
        role=database.role,
        refers={each.name: list(each.refers(database)) for each in sources if not missing(each.source_tables)},
        holds={each.name: sorted(each.holds(database)) for each in targets if not missing(each.target_tables)},
    )


def check_across(units: Mapping[str, Sequence[Told]], about: str) -> list[CheckResult]:
    """Given what each unit told, return the relations across units in which the unit `about` is one side."""
    return [
        result
        for relation in RELATIONS
        for unit, databases in units.items()
        for source in databases
        if (result := _check(relation, unit, source, units, about)) is not None
    ]


def _check(
    relation: Relation, unit: str, source: Told, units: Mapping[str, Sequence[Told]], about: str
) -> CheckResult | None:
    targets = {
        f"{name}/{each.name}": each.holds[relation.name]
        for name, databases in units.items()
        for each in databases
        if relation.name in each.holds and (name, each.name) != (unit, source.name)
    }
    sides = {unit, *(target.rpartition("/")[0] for target in targets)}
    if relation.name not in source.refers or len(sides) < 2 or about not in sides:
        return None
    # A database may be both sides, as one that is shared is.
    held = {value for values in (*targets.values(), source.holds.get(relation.name, [])) for value in values}
    findings = broken(source.refers[relation.name], held)
    return CheckResult(
        name=relation.name,
        title=relation.title,
        databases=[f"{unit}/{source.name}", *sorted(targets)],
        severity=relation.severity,
        status=Status.FAILED if findings.count else Status.PASSED,
        violation_count=findings.count,
        violation_digest=findings.digest,
        violation_keys=sorted(findings.keys)[:KEPT_KEYS],
    )
