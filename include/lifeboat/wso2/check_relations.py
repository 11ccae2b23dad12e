"""The checks that no single statement can make: version ids in a blob, and relations between databases."""

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lifeboat.wso2.check_model import Database, Findings, Role, Severity, integer
from lifeboat.wso2.check_rules import REGISTRY, USERS

Value = TypeVar("Value")

#: What a row refers to: the key of the violation if it is not there, and the value that is looked for.
Reference = tuple[str, str]
Refers = Callable[[Database], Iterator[Reference]]
Holds = Callable[[Database], Iterator[str]]

#: Rows fetched at a time, and values in one IN list.
PAGE = 500

#: Tenant ids that stand for no row of UM_TENANT: the super tenant, the system, and "invalid".
SYSTEM_TENANTS = frozenset({-1234, 0, -1})

#: The registry's media type of an API's artifact.
API_MEDIA_TYPE = "application/vnd.wso2-api+xml"

#: Below every id.
_START = -(2**31)

SNAPSHOT_TABLES: Mapping[str, Sequence[str]] = {
    "reg_snapshot": ("reg_snapshot_id", "reg_tenant_id", "reg_resource_vids"),
    "reg_resource": ("reg_version", "reg_tenant_id"),
    "reg_resource_history": ("reg_version", "reg_tenant_id"),
}


@dataclass(frozen=True)
class Relation:
    """What a database of one role refers to in databases of another. Run when both are among the given.

    With several target databases, it is enough that one of them holds what the source refers to.
    """

    name: str
    title: str
    severity: Severity
    source_roles: frozenset[Role]
    source_tables: Mapping[str, Sequence[str]]
    target_roles: frozenset[Role]
    target_tables: Mapping[str, Sequence[str]]
    refers: Refers
    holds: Holds


def snapshot_versions(database: Database) -> Findings:
    """Given a registry, find every version that a snapshot in it names and that exists nowhere.

    REG_SNAPSHOT.REG_RESOURCE_VIDS is a sequence of 8-byte big-endian version ids.
    """
    findings = Findings()
    tenant, snapshot = _START, _START
    while rows := database.rows(
        "SELECT reg_tenant_id, reg_snapshot_id, reg_resource_vids FROM {reg_snapshot} "
        "WHERE reg_tenant_id > %s OR (reg_tenant_id = %s AND reg_snapshot_id > %s) "
        "ORDER BY reg_tenant_id, reg_snapshot_id LIMIT %s",
        *(tenant, tenant, snapshot, PAGE),
    ):
        for row in rows:
            tenant, snapshot = integer(row[0]), integer(row[1])
            versions = _unpacked(row[2])
            if versions is None:
                findings.add(f"tenant {tenant} snapshot {snapshot} is cut off")
                continue
            for version in sorted(versions - _existing_versions(database, tenant, versions)):
                findings.add(f"tenant {tenant} snapshot {snapshot} version {version}")
    return findings


def _unpacked(blob: object) -> set[int] | None:
    if not isinstance(blob, bytes | bytearray | memoryview):
        raise TypeError(f"REG_RESOURCE_VIDS came as {type(blob).__name__}: a Query returns bytes for a blob.")
    content = bytes(blob)
    return None if len(content) % 8 else {version for (version,) in struct.iter_unpack(">q", content)}


def _existing_versions(database: Database, tenant: int, versions: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for chunk in _chunks(sorted(versions)):
        marks = _marks(chunk)
        rows = database.rows(
            f"SELECT reg_version FROM {{reg_resource}} WHERE reg_tenant_id = %s AND reg_version IN ({marks}) "
            "UNION SELECT reg_version FROM {reg_resource_history} "
            f"WHERE reg_tenant_id = %s AND reg_version IN ({marks})",
            *(tenant, *chunk, tenant, *chunk),
        )
        found |= {integer(row[0]) for row in rows}
    return found


def find_broken(relation: "Relation", source: Database, targets: Sequence[Database]) -> Findings:
    """Given a source and the databases that it refers to, return what it refers to and none of them holds."""
    return broken(relation.refers(source), {value for target in targets for value in relation.holds(target)})


def broken(references: Iterable[Reference], held: Collection[str]) -> Findings:
    """Given references and the values that are there, return the references to nothing."""
    findings = Findings()
    for key, value in references:
        if value not in held:
            findings.add(key)
    return findings


def _apis(source: Database) -> Iterator[Reference]:
    for row in source.rows("SELECT api_uuid FROM {am_api} WHERE api_uuid IS NOT NULL ORDER BY api_uuid"):
        yield f"api {row[0]}", str(row[0])


def _artifacts(source: Database) -> Iterator[Reference]:
    for row in source.rows(
        "SELECT reg_tenant_id, reg_version, reg_uuid FROM {reg_resource} WHERE reg_media_type = %s "
        "ORDER BY reg_tenant_id, reg_version",
        API_MEDIA_TYPE,
    ):
        yield f"tenant {row[0]} artifact {row[2]}", str(row[2])


def _resource_uuids(target: Database) -> Iterator[str]:
    for row in target.rows("SELECT DISTINCT reg_uuid FROM {reg_resource} WHERE reg_uuid IS NOT NULL"):
        yield str(row[0])


def _apis_and_revisions(target: Database) -> Iterator[str]:
    """Since API Manager 4.0 the artifact of a revision has the revision's UUID."""
    for row in target.rows("SELECT api_uuid FROM {am_api}"):
        yield str(row[0])
    if not target.tables.missing({"am_revision": ("revision_uuid",)}):
        for row in target.rows("SELECT revision_uuid FROM {am_revision}"):
            yield str(row[0])


def _tenants(target: Database) -> Iterator[str]:
    yield from (str(integer(row[0])) for row in target.rows("SELECT um_id FROM {um_tenant}"))


def _tenants_of(prefixes: tuple[str, ...], column: str) -> Refers:
    """Given how table names begin and their tenant column, return the function that yields the tenants in them."""

    def refers(source: Database) -> Iterator[Reference]:
        for table in sorted(source.tables.columns):
            if table.startswith(prefixes) and column in source.tables.columns[table]:
                rows = source.rows(f"SELECT DISTINCT {column} FROM {{{table}}} WHERE {column} IS NOT NULL")
                for tenant in sorted({integer(row[0]) for row in rows} - SYSTEM_TENANTS):
                    yield f"table {table} tenant {tenant}", str(tenant)

    return refers


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), PAGE):
        yield values[start : start + PAGE]


_TENANT_TABLES: Mapping[str, Sequence[str]] = {"um_tenant": ("um_id",)}
_API_TABLES: Mapping[str, Sequence[str]] = {"am_api": ("api_uuid",)}

RELATIONS = (
    Relation(
        name="registry-tenants",
        title="Every tenant that has paths in the registry exists.",
        severity=Severity.WARNING,
        source_roles=REGISTRY,
        source_tables={"reg_path": ("reg_tenant_id",)},
        target_roles=USERS,
        target_tables=_TENANT_TABLES,
        refers=_tenants_of(("reg_path",), "reg_tenant_id"),
        holds=_tenants,
    ),
    Relation(
        name="identity-tenants",
        title="Every tenant of an application, token or identity provider exists.",
        severity=Severity.ERROR,
        source_roles=frozenset({Role.IDENTITY, Role.APIM}),
        source_tables={"idn_oauth_consumer_apps": ("tenant_id",)},
        target_roles=USERS,
        target_tables=_TENANT_TABLES,
        refers=_tenants_of(("idn_", "sp_", "idp"), "tenant_id"),
        holds=_tenants,
    ),
    Relation(
        name="api-manager-tenants",
        title="Every tenant that API Manager refers to exists.",
        severity=Severity.ERROR,
        source_roles=frozenset({Role.APIM}),
        source_tables={"am_subscriber": ("tenant_id",)},
        target_roles=USERS,
        target_tables=_TENANT_TABLES,
        refers=_tenants_of(("am_",), "tenant_id"),
        holds=_tenants,
    ),
    Relation(
        name="api-registry-artifact",
        title="Every API has its artifact in the registry.",
        severity=Severity.ERROR,
        source_roles=frozenset({Role.APIM}),
        source_tables=_API_TABLES,
        target_roles=REGISTRY,
        target_tables={"reg_resource": ("reg_uuid",)},
        refers=_apis,
        holds=_resource_uuids,
    ),
    Relation(
        name="registry-artifact-api",
        title="Every API artifact in the registry is an API or a revision of API Manager.",
        severity=Severity.WARNING,
        source_roles=REGISTRY,
        source_tables={"reg_resource": ("reg_tenant_id", "reg_version", "reg_media_type", "reg_uuid")},
        target_roles=frozenset({Role.APIM}),
        target_tables=_API_TABLES,
        refers=_artifacts,
        holds=_apis_and_revisions,
    ),
)
