"""Seeds the user management tables (UM_*) of shared_db: tenants, users, roles, permissions, claims."""

import random
from collections.abc import Iterator
from itertools import count
from typing import Any

from psycopg import Connection

from lifeboat.sample.catalogue import SUPER_TENANT, TENANTS, Tenant, Volume, random_uuid, time_after
from lifeboat.sample.copying import copy_rows

DOMAINS = ("PRIMARY", "SYSTEM", "INTERNAL", "APPLICATION", "WORKFLOW")
_ROLES = ("admin", "publisher", "creator", "subscriber")
_HYBRID_ROLES = ("everyone", "devops", "analytics")
_PERMISSIONS = ("/permission/admin", "/permission/admin/login", "/permission/admin/manage/api/publish")
_ROOT_ORGANIZATION = "10084a8d-113f-4211-a0d5-efe36b082211"


def seed_users(connection: Connection[Any], volume: Volume, seed: int) -> None:
    """Given a connection to shared_db, fill its user management tables, for every tenant alike."""
    _seed_tenants(connection, seed)
    numbers: dict[str, Iterator[int]] = {name: count(1) for name in ("domain", "role", "hybrid", "permission")}
    users = _users(volume, seed)
    _copy_users(connection, users)
    links: list[tuple[int, int, int]] = []
    for tenant in TENANTS:
        domains = {name: next(numbers["domain"]) for name in DOMAINS}
        rows = [(number, name, tenant.id) for name, number in domains.items()]
        copy_rows(connection, "um_domain", "um_domain_id um_domain_name um_tenant_id", rows)
        roles = {name: next(numbers["role"]) for name in _ROLES}
        rows = [(number, name, tenant.id) for name, number in roles.items()]
        copy_rows(connection, "um_role", "um_id um_role_name um_tenant_id", rows)
        own = [user for user in users if user[2] == tenant.id]
        links += [(roles[_ROLES[number % len(_ROLES)]], number, tenant.id) for number, _, _ in own]
        _seed_permissions(connection, tenant, domains["PRIMARY"], numbers["permission"])
        hybrid = [next(numbers["hybrid"]) for _ in _HYBRID_ROLES]
        _seed_hybrid_roles(connection, tenant, domains["PRIMARY"], hybrid, [name for _, name, _ in own])
    copy_rows(connection, "um_user_role", "um_role_id um_user_id um_tenant_id", links)
    _seed_claims(connection)


def _seed_tenants(connection: Connection[Any], seed: int) -> None:
    choose = random.Random(f"{seed}:tenants")
    tenants = [
        (
            tenant.id,
            random_uuid(choose),
            tenant.domain,
            f"owner@{tenant.domain}",
            True,
            time_after(tenant.id),
            b"{}",
        )
        for tenant in TENANTS
        if tenant.id != SUPER_TENANT
    ]
    columns = "um_id um_tenant_uuid um_domain_name um_email um_active um_created_date um_user_config"
    copy_rows(connection, "um_tenant", columns, tenants)
    root = (_ROOT_ORGANIZATION, "Super", time_after(0), time_after(0), "ACTIVE", None, "TENANT")
    child = (random_uuid(choose), "Partners", time_after(1), time_after(1), "ACTIVE", root[0], "STRUCTURAL")
    columns = "um_id um_org_name um_created_time um_last_modified um_status um_parent_id um_org_type"
    copy_rows(connection, "um_org", columns, [child, root])
    hierarchy = [(root[0], root[0], 0), (child[0], child[0], 0), (root[0], child[0], 1)]
    copy_rows(connection, "um_org_hierarchy", "um_parent_id um_id depth", hierarchy)


def _users(volume: Volume, seed: int) -> list[tuple[int, str, int]]:
    """Return number, name and tenant of every user; the first of each tenant is its administrator."""
    choose = random.Random(f"{seed}:users")
    users = []
    for number in range(1, volume.users + 1):
        first = number <= len(TENANTS)
        tenant = TENANTS[(number - 1) % len(TENANTS)]
        users.append((number, "admin" if first else f"user{number}.{choose.randrange(1000)}", tenant.id))
    return users


def _copy_users(connection: Connection[Any], users: list[tuple[int, str, int]]) -> None:
    choose = random.Random("credentials")
    rows = (
        (
            number,
            random_uuid(choose),
            name,
            choose.randbytes(32).hex(),
            choose.randbytes(12).hex(),
            moment,
            tenant,
        )
        for number, name, tenant in users
        for moment in (time_after(number),)
    )
    columns = "um_id um_user_id um_user_name um_user_password um_salt_value um_changed_time um_tenant_id"
    copy_rows(connection, "um_user", columns, rows)
    attributes = (
        (attribute, value, "default", number, tenant)
        for number, name, tenant in users
        for attribute, value in (
            ("uid", name),
            ("mail", f"{name}@sample.example"),
            ("sn", f"Nuñez\t{number}"),
        )
    )
    columns = "um_attr_name um_attr_value um_profile_id um_user_id um_tenant_id"
    copy_rows(connection, "um_user_attribute", columns, attributes)


def _seed_permissions(connection: Connection[Any], tenant: Tenant, domain: int, numbers: Iterator[int]) -> None:
    permissions = [(next(numbers), path, "ui.execute", tenant.id) for path in _PERMISSIONS]
    copy_rows(connection, "um_permission", "um_id um_resource_id um_action um_tenant_id", permissions)
    grants = [(number, role, 1, tenant.id, domain) for number, _, _, _ in permissions for role in _ROLES[:2]]
    columns = "um_permission_id um_role_name um_is_allowed um_tenant_id um_domain_id"
    copy_rows(connection, "um_role_permission", columns, grants)


def _seed_hybrid_roles(
    connection: Connection[Any], tenant: Tenant, domain: int, roles: list[int], users: list[str]
) -> None:
    rows = [(number, f"Internal/{name}", tenant.id) for number, name in zip(roles, _HYBRID_ROLES, strict=True)]
    copy_rows(connection, "um_hybrid_role", "um_id um_role_name um_tenant_id", rows)
    links = [(user, roles[0], tenant.id, domain) for user in users]
    columns = "um_user_name um_role_id um_tenant_id um_domain_id"
    copy_rows(connection, "um_hybrid_user_role", columns, links)


def _seed_claims(connection: Connection[Any]) -> None:
    dialects = [(number, f"http://wso2.org/claims{number}", SUPER_TENANT) for number in (1, 2)]
    copy_rows(connection, "um_dialect", "um_id um_dialect_uri um_tenant_id", dialects)
    claims = [
        (dialect, f"http://wso2.org/claims/{name}", name, name, 1, SUPER_TENANT)
        for dialect, _, _ in dialects
        for name in ("username", "emailaddress", "role", "telephone")
    ]
    columns = "um_dialect_id um_claim_uri um_display_tag um_mapped_attribute um_supported um_tenant_id"
    copy_rows(connection, "um_claim", columns, claims)
    copy_rows(connection, "um_account_mapping", "um_user_name um_tenant_id um_acc_link_id", [("admin", 1, 1)])
