"""The rules of WSO2's schemas that its foreign keys do not enforce, or that a dump can carry over broken.

Each statement returns one row per violation, made only of the columns that identify it. Foreign keys cover a
part of these relations, but they are off while many tools load a dump, so they are checked all the same.
Statements use `{table}` for names (MySQL's are upper-case and case-sensitive), no `%`, no `||` and no LIKE
(in a path `_` would be a wildcard), so that they run on every vendor.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lifeboat.wso2.check_model import Role, Severity

REGISTRY = frozenset({Role.SHARED, Role.REGISTRY})
USERS = frozenset({Role.SHARED, Role.USER})


@dataclass(frozen=True)
class Rule:
    """A statement that must return no row. `labels` name its columns in a violation's key."""

    name: str
    title: str
    roles: frozenset[Role]
    requires: Mapping[str, Collection[str]]
    labels: tuple[str, ...]
    sql: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Seed:
    """Values that a statement must return: they tell the right database from an empty schema."""

    name: str
    title: str
    roles: frozenset[Role]
    requires: Mapping[str, Collection[str]]
    label: str
    expected: tuple[str, ...]
    sql: str


def _link_rule(kind: str) -> Rule:
    """REG_VERSION of the four link tables has no foreign key."""
    table = f"reg_resource_{kind}"
    return Rule(
        name=f"registry-{kind}-version",
        title=f"Every {kind} of the registry is on a version that exists, now or in the history.",
        roles=REGISTRY,
        requires={table: ("id", "reg_version", "reg_tenant_id"), **_VERSIONS},
        labels=("tenant", "link", "version"),
        sql=f"""
            SELECT x.reg_tenant_id, x.id, x.reg_version FROM {{{table}}} x
            WHERE x.reg_version IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM {{reg_resource}} r
                WHERE r.reg_version = x.reg_version AND r.reg_tenant_id = x.reg_tenant_id)
            AND NOT EXISTS (SELECT 1 FROM {{reg_resource_history}} h
                WHERE h.reg_version = x.reg_version AND h.reg_tenant_id = x.reg_tenant_id)""",
    )


_VERSIONS = {
    "reg_resource": ("reg_version", "reg_tenant_id"),
    "reg_resource_history": ("reg_version", "reg_tenant_id"),
}
_PATHS = ("reg_path_id", "reg_path_value", "reg_path_parent_id", "reg_tenant_id")

REGISTRY_RULES = (
    Rule(
        name="registry-resource-content",
        title="Every resource of the registry that refers to content has it.",
        roles=REGISTRY,
        requires={
            "reg_resource": ("reg_path_id", "reg_version", "reg_content_id", "reg_tenant_id"),
            "reg_content": ("reg_content_id", "reg_tenant_id"),
        },
        labels=("tenant", "path", "version", "content"),
        sql="""
            SELECT r.reg_tenant_id, r.reg_path_id, r.reg_version, r.reg_content_id FROM {reg_resource} r
            LEFT JOIN {reg_content} c
            ON c.reg_content_id = r.reg_content_id AND c.reg_tenant_id = r.reg_tenant_id
            WHERE r.reg_content_id IS NOT NULL AND c.reg_content_id IS NULL""",
    ),
    Rule(
        name="registry-resource-path",
        title="Every resource of the registry has a path.",
        roles=REGISTRY,
        requires={"reg_resource": ("reg_path_id", "reg_version", "reg_tenant_id"), "reg_path": _PATHS},
        labels=("tenant", "version", "path"),
        sql="""
            SELECT r.reg_tenant_id, r.reg_version, r.reg_path_id FROM {reg_resource} r
            LEFT JOIN {reg_path} p ON p.reg_path_id = r.reg_path_id AND p.reg_tenant_id = r.reg_tenant_id
            WHERE p.reg_path_id IS NULL""",
    ),
    Rule(
        name="registry-path-parent",
        title="Every path of the registry but a root (-1) has its parent.",
        roles=REGISTRY,
        requires={"reg_path": _PATHS},
        labels=("tenant", "path", "parent"),
        sql="""
            SELECT p.reg_tenant_id, p.reg_path_id, p.reg_path_parent_id FROM {reg_path} p
            LEFT JOIN {reg_path} q
            ON q.reg_path_id = p.reg_path_parent_id AND q.reg_tenant_id = p.reg_tenant_id
            WHERE p.reg_path_parent_id <> -1 AND q.reg_path_id IS NULL""",
    ),
    Rule(
        name="registry-path-prefix",
        title="Every path of the registry begins with the path of its parent.",
        roles=REGISTRY,
        requires={"reg_path": _PATHS},
        labels=("tenant", "path", "parent"),
        sql="""
            SELECT p.reg_tenant_id, p.reg_path_id, p.reg_path_parent_id FROM {reg_path} p
            JOIN {reg_path} q ON q.reg_path_id = p.reg_path_parent_id AND q.reg_tenant_id = p.reg_tenant_id
            WHERE q.reg_path_value <> '/'
            AND SUBSTRING(p.reg_path_value, 1, CHAR_LENGTH(q.reg_path_value) + 1)
                <> CONCAT(q.reg_path_value, '/')""",
    ),
    Rule(
        name="registry-history-content",
        title="Every old version in the registry that refers to content has it.",
        roles=REGISTRY,
        requires={
            "reg_resource_history": ("reg_version", "reg_content_id", "reg_tenant_id"),
            "reg_content_history": ("reg_content_id", "reg_tenant_id"),
        },
        labels=("tenant", "version", "content"),
        sql="""
            SELECT h.reg_tenant_id, h.reg_version, h.reg_content_id FROM {reg_resource_history} h
            LEFT JOIN {reg_content_history} c
            ON c.reg_content_id = h.reg_content_id AND c.reg_tenant_id = h.reg_tenant_id
            WHERE h.reg_content_id IS NOT NULL AND c.reg_content_id IS NULL""",
    ),
    _link_rule("property"),
    _link_rule("tag"),
    _link_rule("comment"),
    _link_rule("rating"),
    # Collections (no name) are left out: versioning a collection copies its live row on purpose.
    Rule(
        name="registry-version-once",
        title="No version of a resource is live and in the history at once.",
        roles=REGISTRY,
        requires={**_VERSIONS, "reg_resource": ("reg_version", "reg_name", "reg_tenant_id")},
        labels=("tenant", "version"),
        sql="""
            SELECT r.reg_tenant_id, r.reg_version FROM {reg_resource} r
            JOIN {reg_resource_history} h
            ON h.reg_version = r.reg_version AND h.reg_tenant_id = r.reg_tenant_id
            WHERE r.reg_name IS NOT NULL""",
    ),
    # Expected of the product, but neither the schema nor the code is known to enforce it.
    Rule(
        name="registry-resource-uuid",
        title="No two resources of a tenant share a UUID.",
        roles=REGISTRY,
        severity=Severity.WARNING,
        requires={"reg_resource": ("reg_uuid", "reg_tenant_id")},
        labels=("tenant", "uuid"),
        sql="""
            SELECT r.reg_tenant_id, r.reg_uuid FROM {reg_resource} r
            GROUP BY r.reg_tenant_id, r.reg_uuid HAVING COUNT(*) > 1""",
    ),
    # All lock calls are commented out in the kernels read (4.4 to 4.12), so a held lock hinders nobody.
    Rule(
        name="registry-cluster-lock",
        title="No cluster lock of the registry was held when the backup was made.",
        roles=REGISTRY,
        severity=Severity.INFORMATION,
        requires={"reg_cluster_lock": ("reg_lock_name", "reg_lock_status")},
        labels=("lock",),
        sql="""
            SELECT l.reg_lock_name FROM {reg_cluster_lock} l
            WHERE l.reg_lock_status IS NOT NULL
            AND LOWER(l.reg_lock_status) NOT IN ('unlocked', 'unlock')""",
    ),
    Rule(
        name="registry-collection-content",
        title="No collection of the registry has content.",
        roles=REGISTRY,
        requires={"reg_resource": ("reg_path_id", "reg_version", "reg_name", "reg_content_id", "reg_tenant_id")},
        labels=("tenant", "path", "version"),
        sql="""
            SELECT r.reg_tenant_id, r.reg_path_id, r.reg_version FROM {reg_resource} r
            WHERE r.reg_name IS NULL AND r.reg_content_id > 0""",
    ),
)

_ROW = ("um_id", "um_tenant_id")

USER_RULES = (
    Rule(
        name="user-attribute-user",
        title="Every attribute of a user belongs to a user.",
        roles=USERS,
        requires={"um_user_attribute": (*_ROW, "um_user_id"), "um_user": _ROW},
        labels=("tenant", "attribute"),
        sql="""
            SELECT a.um_tenant_id, a.um_id FROM {um_user_attribute} a
            LEFT JOIN {um_user} u ON u.um_id = a.um_user_id AND u.um_tenant_id = a.um_tenant_id
            WHERE u.um_id IS NULL""",
    ),
    Rule(
        name="user-role-members",
        title="Every membership in a role has its user and its role.",
        roles=USERS,
        requires={"um_user_role": (*_ROW, "um_user_id", "um_role_id"), "um_user": _ROW, "um_role": _ROW},
        labels=("tenant", "membership"),
        sql="""
            SELECT m.um_tenant_id, m.um_id FROM {um_user_role} m
            LEFT JOIN {um_user} u ON u.um_id = m.um_user_id AND u.um_tenant_id = m.um_tenant_id
            LEFT JOIN {um_role} r ON r.um_id = m.um_role_id AND r.um_tenant_id = m.um_tenant_id
            WHERE u.um_id IS NULL OR r.um_id IS NULL""",
    ),
    Rule(
        name="hybrid-role-members",
        title="Every membership in an internal role has its role.",
        roles=USERS,
        requires={"um_hybrid_user_role": (*_ROW, "um_role_id"), "um_hybrid_role": _ROW},
        labels=("tenant", "membership"),
        sql="""
            SELECT m.um_tenant_id, m.um_id FROM {um_hybrid_user_role} m
            LEFT JOIN {um_hybrid_role} r ON r.um_id = m.um_role_id AND r.um_tenant_id = m.um_tenant_id
            WHERE r.um_id IS NULL""",
    ),
    Rule(
        name="role-permission",
        title="Every permission given to a role exists.",
        roles=USERS,
        requires={"um_role_permission": (*_ROW, "um_permission_id"), "um_permission": _ROW},
        labels=("tenant", "grant"),
        sql="""
            SELECT g.um_tenant_id, g.um_id FROM {um_role_permission} g
            LEFT JOIN {um_permission} p ON p.um_id = g.um_permission_id AND p.um_tenant_id = g.um_tenant_id
            WHERE p.um_id IS NULL""",
    ),
)

SEEDS = (
    Seed(
        name="registry-seeded",
        title="The registry has its root and its three system collections.",
        roles=REGISTRY,
        requires={"reg_path": _PATHS},
        label="path",
        expected=("/", "/_system/config", "/_system/governance", "/_system/local"),
        sql="""
            SELECT DISTINCT p.reg_path_value FROM {reg_path} p WHERE p.reg_path_value
            IN ('/', '/_system/config', '/_system/governance', '/_system/local')""",
    ),
    Seed(
        name="user-management-seeded",
        title="User management knows the primary user store.",
        roles=USERS,
        requires={"um_domain": ("um_domain_name",)},
        label="domain",
        expected=("PRIMARY",),
        sql="SELECT DISTINCT d.um_domain_name FROM {um_domain} d WHERE d.um_domain_name = 'PRIMARY'",
    ),
    # API Manager's own database carries a part of the identity schema, this row included.
    Seed(
        name="identity-seeded",
        title="The identity tables were made by WSO2's script.",
        roles=frozenset({Role.IDENTITY, Role.APIM}),
        requires={"idn_base_table": ("product_name",)},
        label="product",
        expected=("WSO2 Identity Server",),
        sql="SELECT DISTINCT b.product_name FROM {idn_base_table} b",
    ),
    Seed(
        name="api-manager-seeded",
        title="API Manager's database has its seven types of alert.",
        roles=frozenset({Role.APIM}),
        requires={"am_alert_types": ()},
        label="alert types",
        expected=("7",),
        sql="SELECT COUNT(*) FROM {am_alert_types}",
    ),
)
