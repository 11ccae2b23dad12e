"""The checks that no single statement can make: version ids in a blob, and relations between databases."""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lifeboat.wso2.check_model import Database, Findings, Role, Severity, integer
from lifeboat.wso2.check_rules import REGISTRY, USERS

Value = TypeVar("Value")

#: Given a source database and the databases that it refers to, return what refers to nothing.
FindAcross = Callable[[Database, list[Database]], Findings]

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
    find: FindAcross


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


def _apis_without_artifact(source: Database, targets: list[Database]) -> Findings:
    findings = Findings()
    last = ""
    while rows := source.rows(
        "SELECT api_uuid FROM {am_api} WHERE api_uuid > %s ORDER BY api_uuid LIMIT %s", last, PAGE
    ):
        uuids = [str(row[0]) for row in rows]
        last = uuids[-1]
        known = {uuid for target in targets for uuid in _among(target, "reg_resource", "reg_uuid", uuids)}
        for uuid in uuids:
            if uuid not in known:
                findings.add(f"api {uuid}")
    return findings


def _artifacts_without_api(source: Database, targets: list[Database]) -> Findings:
    findings = Findings()
    tenant, version = _START, _START
    while rows := source.rows(
        "SELECT reg_tenant_id, reg_version, reg_uuid FROM {reg_resource} WHERE reg_media_type = %s "
        "AND (reg_tenant_id > %s OR (reg_tenant_id = %s AND reg_version > %s)) "
        "ORDER BY reg_tenant_id, reg_version LIMIT %s",
        *(API_MEDIA_TYPE, tenant, tenant, version, PAGE),
    ):
        tenant, version = integer(rows[-1][0]), integer(rows[-1][1])
        uuids = [str(row[2]) for row in rows]
        known = {uuid for target in targets for uuid in _apis_and_revisions(target, uuids)}
        for row in rows:
            if str(row[2]) not in known:
                findings.add(f"tenant {row[0]} artifact {row[2]}")
    return findings


def _apis_and_revisions(database: Database, uuids: Sequence[str]) -> set[str]:
    """Since API Manager 4.0 the artifact of a revision has the revision's UUID."""
    found = _among(database, "am_api", "api_uuid", uuids)
    if not database.tables.missing({"am_revision": ("revision_uuid",)}):
        found |= _among(database, "am_revision", "revision_uuid", uuids)
    return found


def _among(database: Database, table: str, column: str, values: Sequence[str]) -> set[str]:
    """Given values, return those that the column holds."""
    sql = f"SELECT DISTINCT {column} FROM {{{table}}} WHERE {column} IN ({_marks(values)})"
    return {str(row[0]) for row in database.rows(sql, *values)}


def _unknown_tenants(prefixes: tuple[str, ...], column: str) -> FindAcross:
    """Given how table names begin and their tenant column, return the function that finds unknown tenants."""

    def find(source: Database, targets: list[Database]) -> Findings:
        sql = "SELECT um_id FROM {um_tenant}"
        known = {integer(row[0]) for target in targets for row in target.rows(sql)}
        findings = Findings()
        for table in sorted(source.tables.columns):
            if not table.startswith(prefixes) or column not in source.tables.columns[table]:
                continue
            rows = source.rows(f"SELECT DISTINCT {column} FROM {{{table}}} WHERE {column} IS NOT NULL")
            for tenant in sorted({integer(row[0]) for row in rows} - known - SYSTEM_TENANTS):
                findings.add(f"table {table} tenant {tenant}")
        return findings

    return find


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), PAGE):
        yield values[start : start + PAGE]


_TENANTS: Mapping[str, Sequence[str]] = {"um_tenant": ("um_id",)}
_APIS: Mapping[str, Sequence[str]] = {"am_api": ("api_uuid",)}

RELATIONS = (
    Relation(
        name="registry-tenants",
        title="Every tenant that has paths in the registry exists.",
        severity=Severity.WARNING,
        source_roles=REGISTRY,
        source_tables={"reg_path": ("reg_tenant_id",)},
        target_roles=USERS,
        target_tables=_TENANTS,
        find=_unknown_tenants(("reg_path",), "reg_tenant_id"),
    ),
    Relation(
        name="identity-tenants",
        title="Every tenant of an application, token or identity provider exists.",
        severity=Severity.ERROR,
        source_roles=frozenset({Role.IDENTITY, Role.APIM}),
        source_tables={"idn_oauth_consumer_apps": ("tenant_id",)},
        target_roles=USERS,
        target_tables=_TENANTS,
        find=_unknown_tenants(("idn_", "sp_", "idp"), "tenant_id"),
    ),
    Relation(
        name="api-manager-tenants",
        title="Every tenant that API Manager refers to exists.",
        severity=Severity.ERROR,
        source_roles=frozenset({Role.APIM}),
        source_tables={"am_subscriber": ("tenant_id",)},
        target_roles=USERS,
        target_tables=_TENANTS,
        find=_unknown_tenants(("am_",), "tenant_id"),
    ),
    Relation(
        name="api-registry-artifact",
        title="Every API has its artifact in the registry.",
        severity=Severity.ERROR,
        source_roles=frozenset({Role.APIM}),
        source_tables=_APIS,
        target_roles=REGISTRY,
        target_tables={"reg_resource": ("reg_uuid",)},
        find=_apis_without_artifact,
    ),
    Relation(
        name="registry-artifact-api",
        title="Every API artifact in the registry is an API or a revision of API Manager.",
        severity=Severity.WARNING,
        source_roles=REGISTRY,
        source_tables={"reg_resource": ("reg_tenant_id", "reg_version", "reg_media_type", "reg_uuid")},
        target_roles=frozenset({Role.APIM}),
        target_tables=_APIS,
        find=_artifacts_without_api,
    ),
)
