"""Run the WSO2 checks on databases: on the live ones at capture, on the restored ones in a drill.

    results = run_checks({"shared_db": CheckedDatabase("shared_db", Role.SHARED, query)})

A check is listed when a database has the role that it is for. When a table or column that it needs is not
there it is `skipped`, with the reason; it never passes unseen. `new_violations` compares two such lists.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lifeboat.wso2.check_model import (
    FETCH_LIMIT,
    KEPT_KEYS,
    CheckResult,
    Database,
    Dialect,
    Findings,
    Query,
    Role,
    Severity,
    Status,
    Tables,
    integer,
)
from lifeboat.wso2.check_postgresql import POSTGRESQL
from lifeboat.wso2.check_relations import RELATIONS, SNAPSHOT_TABLES, Relation, find_broken, snapshot_versions
from lifeboat.wso2.check_rules import REGISTRY, REGISTRY_RULES, SEEDS, USER_RULES, Rule, Seed
from lifeboat.wso2.check_verdicts import Verdict, VerdictStatus, new_violations

__all__ = [
    "CheckResult",
    "CheckedDatabase",
    "Query",
    "Role",
    "Severity",
    "Status",
    "Verdict",
    "VerdictStatus",
    "new_violations",
    "run_checks",
]


@dataclass(frozen=True)
class CheckedDatabase:
    """A database to check. `name` is its member's name: the same at capture and in a drill."""

    name: str
    role: Role
    query: Query
    dialect: Dialect = POSTGRESQL


def run_checks(databases: Mapping[str, CheckedDatabase]) -> list[CheckResult]:
    """Given the databases that were captured or restored together, run every check that is for their roles.

    Return the results sorted by database and check, relations between databases last. An error of a query is
    not caught: a check that cannot run has no result.
    """
    checked = sorted(databases.values(), key=lambda database: database.name)
    opened = [opened_database(each) for each in checked]
    results: list[CheckResult] = []
    for each, database in zip(checked, opened, strict=True):
        results += _own(database) + _generic(database, each.dialect)
    return results + [result for relation in RELATIONS for result in _related(relation, opened)]


def opened_database(database: CheckedDatabase) -> Database:
    """Return a database with its tables read."""
    return Database(database.name, database.role, database.query, _read_tables(database))


def needed_tables(role: Role) -> dict[str, set[str]]:
    """Given a role, return the tables and columns, in lower case, that its checks and relations read."""
    rules = [rule.requires for rule in (*SEEDS, *REGISTRY_RULES, *USER_RULES) if role in rule.roles]
    rules += [SNAPSHOT_TABLES] if role in REGISTRY else []
    rules += [each.source_tables for each in RELATIONS if role in each.source_roles]
    rules += [each.target_tables for each in RELATIONS if role in each.target_roles]
    needed: dict[str, set[str]] = {}
    for required in rules:
        for table, columns in required.items():
            needed.setdefault(table, set()).update(columns)
    return needed


def _read_tables(database: CheckedDatabase) -> Tables:
    names: dict[str, str] = {}
    columns: dict[str, set[str]] = {}
    for table, column in database.query(database.dialect.columns, ()):
        names[str(table).lower()] = str(table)
        columns.setdefault(str(table).lower(), set()).add(str(column).lower())
    return Tables(names, columns)


def _own(database: Database) -> list[CheckResult]:
    results = [_run_seed(seed, database) for seed in SEEDS if database.role in seed.roles]
    rules = (*REGISTRY_RULES, *USER_RULES)
    results += [_run_rule(rule, database) for rule in rules if database.role in rule.roles]
    if database.role in REGISTRY:
        results.append(
            _result(
                "registry-snapshot-versions",
                "Every version that a snapshot of the registry names exists.",
                [database],
                reason=database.tables.missing(SNAPSHOT_TABLES),
                find=lambda: snapshot_versions(database),
            )
        )
    return results


def _generic(database: Database, dialect: Dialect) -> list[CheckResult]:
    return [
        _result(check.name, check.title, [database], find=partial(check.find, database.query))
        for check in dialect.generic_checks
    ]


def _run_rule(rule: Rule, database: Database) -> CheckResult:
    def find() -> Findings:
        order = ", ".join(str(number + 1) for number in range(len(rule.labels)))
        rows = database.rows(f"SELECT * FROM ({rule.sql}) v ORDER BY {order} LIMIT {FETCH_LIMIT + 1}")
        findings = Findings()
        for row in rows:
            findings.add(" ".join(f"{label} {value}" for label, value in zip(rule.labels, row, strict=True)))
        if len(rows) > FETCH_LIMIT:
            findings.count = integer(database.rows(f"SELECT COUNT(*) FROM ({rule.sql}) v")[0][0])
        return findings

    reason = database.tables.missing(rule.requires)
    return _result(rule.name, rule.title, [database], severity=rule.severity, reason=reason, find=find)


def _run_seed(seed: Seed, database: Database) -> CheckResult:
    def find() -> Findings:
        present = {str(row[0]) for row in database.rows(seed.sql)}
        findings = Findings()
        for value in seed.expected:
            if value not in present:
                findings.add(f"{seed.label} {value}")
        return findings

    reason = database.tables.missing(seed.requires)
    return _result(seed.name, seed.title, [database], reason=reason, find=find)


def _related(relation: Relation, databases: Sequence[Database]) -> list[CheckResult]:
    targets = [database for database in databases if database.role in relation.target_roles]
    sources = [database for database in databases if database.role in relation.source_roles]
    if not targets:
        return []
    return [_run_relation(relation, source, targets) for source in sources]


def _run_relation(relation: Relation, source: Database, targets: list[Database]) -> CheckResult:
    needed = [(source, relation.source_tables), *((target, relation.target_tables) for target in targets)]
    missing = [(database.name, database.tables.missing(tables)) for database, tables in needed]
    return _result(
        relation.name,
        relation.title,
        [source, *(target for target in targets if target is not source)],
        severity=relation.severity,
        reason="; ".join(f"database {name}: {reason}" for name, reason in missing if reason),
        find=lambda: find_broken(relation, source, targets),
    )


def _result(
    name: str,
    title: str,
    databases: Sequence[Database],
    *,
    find: Callable[[], Findings],
    reason: str = "",
    severity: Severity = Severity.ERROR,
) -> CheckResult:
    names = [database.name for database in databases]
    if reason:
        return CheckResult(
            name=name, title=title, databases=names, severity=severity, status=Status.SKIPPED, reason=reason
        )
    findings = find()
    return CheckResult(
        name=name,
        title=title,
        databases=names,
        severity=severity,
        status=Status.FAILED if findings.count else Status.PASSED,
        violation_count=findings.count,
        violation_digest=findings.digest,
        violation_keys=sorted(findings.keys)[:KEPT_KEYS],
    )
