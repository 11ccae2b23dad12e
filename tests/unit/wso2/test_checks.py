"""Each WSO2 check fails on the damage that it is for, alone, and passes on sound databases."""

import pytest

from lifeboat.wso2.check_rules import REGISTRY_RULES, SEEDS, USER_RULES
from lifeboat.wso2.checks import Role, Severity, Status

#: check → (database, damage, the violation's key)
DAMAGE = {
    "registry-seeded": (
        "shared_db",
        "DELETE FROM reg_path WHERE reg_path_id = 5; DELETE FROM reg_resource WHERE reg_path_id = 5",
        "path /_system/local",
    ),
    "user-management-seeded": (
        "shared_db",
        "UPDATE um_domain SET um_domain_name = 'OTHER' WHERE um_domain_id = 1",
        "domain PRIMARY",
    ),
    "identity-seeded": ("apim_db", "DELETE FROM idn_base_table", "product WSO2 Identity Server"),
    "api-manager-seeded": ("apim_db", "DELETE FROM am_alert_types WHERE alert_type_id = 7", "alert types 7"),
    "registry-resource-content": (
        "shared_db",
        "DELETE FROM reg_content WHERE reg_content_id = 3",
        "tenant -1234 path 7 version 12 content 3",
    ),
    "registry-resource-path": (
        "shared_db",
        "DELETE FROM reg_path WHERE reg_path_id = 7",
        "tenant -1234 version 12 path 7",
    ),
    "registry-path-parent": (
        "shared_db",
        "UPDATE reg_path SET reg_path_parent_id = 999 WHERE reg_path_id = 7",
        "tenant -1234 path 7 parent 999",
    ),
    "registry-path-prefix": (
        "shared_db",
        # In a LIKE pattern the underscore of /_system would match the X.
        "UPDATE reg_path SET reg_path_value = '/Xsystem/config/mail' WHERE reg_path_id = 7",
        "tenant -1234 path 7 parent 3",
    ),
    "registry-history-content": (
        "shared_db",
        "DELETE FROM reg_content_history",
        "tenant -1234 version 9 content 1",
    ),
    "registry-property-version": (
        "shared_db",
        "UPDATE reg_resource_property SET reg_version = 77 WHERE id = 2",
        "tenant -1234 link 2 version 77",
    ),
    "registry-tag-version": (
        "shared_db",
        "UPDATE reg_resource_tag SET reg_version = 77",
        "tenant -1234 link 1 version 77",
    ),
    "registry-comment-version": (
        "shared_db",
        "UPDATE reg_resource_comment SET reg_version = 77",
        "tenant -1234 link 1 version 77",
    ),
    "registry-rating-version": (
        "shared_db",
        "UPDATE reg_resource_rating SET reg_tenant_id = 1",
        "tenant 1 link 1 version 10",
    ),
    "registry-version-once": (
        "shared_db",
        "UPDATE reg_resource_history SET reg_version = 12, reg_path_id = 7 WHERE reg_version = 1",
        "tenant -1234 version 12",
    ),
    "registry-resource-uuid": (
        "shared_db",
        "UPDATE reg_resource SET reg_uuid = 'collection-1' WHERE reg_version = 12",
        "tenant -1234 uuid collection-1",
    ),
    "registry-cluster-lock": (
        "shared_db",
        "UPDATE reg_cluster_lock SET reg_lock_status = 'LOCKED'",
        "lock INITIALIZE",
    ),
    "registry-collection-content": (
        "shared_db",
        "UPDATE reg_resource SET reg_content_id = 3 WHERE reg_version = 5",
        "tenant -1234 path 5 version 5",
    ),
    "registry-snapshot-versions": (
        "shared_db",
        "UPDATE reg_snapshot SET reg_resource_vids = int8send(5000000000) WHERE reg_path_id = 6",
        "tenant -1234 snapshot 1 version 5000000000",
    ),
    "user-attribute-user": ("shared_db", "DELETE FROM um_user WHERE um_id = 2", "tenant -1234 attribute 1"),
    "user-role-members": ("shared_db", "DELETE FROM um_role WHERE um_id = 1", "tenant -1234 membership 1"),
    "hybrid-role-members": ("shared_db", "DELETE FROM um_hybrid_role", "tenant -1234 membership 1"),
    "role-permission": ("shared_db", "DELETE FROM um_permission", "tenant -1234 grant 1"),
    "sequences-not-behind": (
        "shared_db",
        "SELECT setval('reg_path_pk_seq', 7)",
        "sequence public.reg_path_pk_seq column public.reg_path.reg_path_id",
    ),
    "registry-tenants": ("shared_db", "UPDATE reg_path SET reg_tenant_id = 55 WHERE reg_path_id = 8",
        "table reg_path tenant 55"),
    "identity-tenants": ("apim_db", "UPDATE sp_app SET tenant_id = 77", "table sp_app tenant 77"),
    "api-manager-tenants": ("apim_db", "UPDATE am_scope SET tenant_id = 77", "table am_scope tenant 77"),
    "api-registry-artifact": (
        "apim_db",
        "INSERT INTO am_api (api_id, api_uuid) VALUES (3, 'api-3')",
        "api api-3",
    ),
    "registry-artifact-api": (
        "apim_db",
        "DELETE FROM am_revision",
        "tenant -1234 artifact revision-1",
    ),
}  # fmt: skip

NOT_ERRORS = {
    "registry-resource-uuid": Severity.WARNING,
    "registry-tenants": Severity.WARNING,
    "registry-artifact-api": Severity.WARNING,
    "registry-cluster-lock": Severity.INFORMATION,
}


def test_sound_databases_pass_every_check(databases):
    results = databases.check()
    assert {result.name for result in results} == set(DAMAGE)
    assert [result for result in results if result.status is not Status.PASSED] == []
    assert {result.violation_count for result in results} == {0}
    severities = {result.name: result.severity for result in results}
    assert severities == {name: NOT_ERRORS.get(name, Severity.ERROR) for name in DAMAGE}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_fails_exactly_its_check(databases, name):
    database, damage, key = DAMAGE[name]
    databases.execute(database, damage)
    failed = [result for result in databases.check() if result.status is not Status.PASSED]
    assert [(result.name, result.status, result.violation_keys) for result in failed] == [(name, Status.FAILED, [key])]
    assert failed[0].violation_count == 1
    assert database in failed[0].databases


def test_relations_name_both_databases(databases):
    results = {result.name: result.databases for result in databases.check() if len(result.databases) > 1}
    assert results == {
        "identity-tenants": ["apim_db", "shared_db"],
        "api-manager-tenants": ["apim_db", "shared_db"],
        "api-registry-artifact": ["apim_db", "shared_db"],
        "registry-artifact-api": ["shared_db", "apim_db"],
    }


def test_roles_decide_what_is_listed(databases):
    def names(**roles: Role) -> set[str]:
        return {result.name for result in databases.check(**roles)}

    assert names(shared_db=Role.OTHER) == {"sequences-not-behind"}
    of_registry, of_users = names(shared_db=Role.REGISTRY), names(shared_db=Role.USER)
    assert of_registry & of_users == {"sequences-not-behind"}
    assert of_registry | of_users == names(shared_db=Role.SHARED) - {"registry-tenants"}
    assert names(apim_db=Role.IDENTITY) == {"identity-seeded", "sequences-not-behind"}
    assert names(apim_db=Role.APIM) == {"identity-seeded", "api-manager-seeded", "sequences-not-behind"}


def test_older_split_of_registry_and_users_is_related_too(databases):
    databases.execute("apim_db", "CREATE TABLE um_tenant (um_id integer); INSERT INTO um_tenant VALUES (1)")
    databases.execute("shared_db", "UPDATE reg_path SET reg_tenant_id = 55 WHERE reg_path_id = 8")
    results = databases.check(shared_db=Role.REGISTRY, apim_db=Role.USER)
    [tenants] = [result for result in results if result.name == "registry-tenants"]
    assert (tenants.databases, tenants.violation_keys) == (
        ["shared_db", "apim_db"],
        ["table reg_path tenant 55"],
    )


def test_missing_tables_and_columns_skip_with_the_reason(databases):
    databases.execute("shared_db", "DROP TABLE reg_snapshot; DROP TABLE um_domain CASCADE; DROP TABLE um_tenant")
    databases.execute("apim_db", "ALTER TABLE am_api DROP api_uuid CASCADE")
    skipped = {result.name: result.reason for result in databases.check() if result.status is Status.SKIPPED}
    assert skipped == {
        "registry-snapshot-versions": "table reg_snapshot is missing",
        "user-management-seeded": "table um_domain is missing",
        "registry-tenants": "database shared_db: table um_tenant is missing",
        "identity-tenants": "database shared_db: table um_tenant is missing",
        "api-manager-tenants": "database shared_db: table um_tenant is missing",
        "api-registry-artifact": "database apim_db: table am_api has no column api_uuid",
        "registry-artifact-api": "database apim_db: table am_api has no column api_uuid",
    }


def test_an_empty_database_passes_nothing_of_wso2(databases):
    databases.execute("shared_db", "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    results = databases.check(shared_db=Role.SHARED)
    assert {result.name for result in results if result.status is not Status.SKIPPED} == {"sequences-not-behind"}


def test_empty_tables_are_not_the_right_database(databases):
    truncate = """DO $$ DECLARE name regclass; BEGIN
        FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        LOOP EXECUTE 'TRUNCATE ' || name || ' CASCADE'; END LOOP; END $$"""
    databases.execute("shared_db", truncate)
    databases.execute("apim_db", truncate)
    failed = {result.name for result in databases.check() if result.status is Status.FAILED}
    assert failed == {"registry-seeded", "user-management-seeded", "identity-seeded", "api-manager-seeded"}


def test_snapshot_with_a_byte_missing_is_cut_off(databases):
    databases.execute("shared_db", "UPDATE reg_snapshot SET reg_resource_vids = substr(int8send(10), 1, 7)")
    [failed] = [result for result in databases.check() if result.status is Status.FAILED]
    assert failed.violation_keys == [
        "tenant -1234 snapshot 1 is cut off",
        "tenant -1234 snapshot 2 is cut off",
    ]


def test_many_snapshots_and_apis_are_all_looked_at(databases):
    databases.execute(
        "shared_db",
        "INSERT INTO reg_snapshot (reg_snapshot_id, reg_path_id, reg_resource_vids, reg_tenant_id) "
        "SELECT n, 6, int8send(n), -1234 FROM generate_series(1001, 2200) n; "
        "SELECT setval('reg_snapshot_pk_seq', 3000)",
    )
    databases.execute(
        "apim_db",
        "INSERT INTO am_api (api_id, api_uuid) SELECT n, n FROM generate_series(3, 1202) n; "
        "SELECT setval('am_api_sequence', 2000)",
    )
    failed = {result.name: result.violation_count for result in databases.check() if result.violation_count}
    assert failed == {"registry-snapshot-versions": 1200, "api-registry-artifact": 1200}


def test_beyond_the_limit_the_count_is_exact_and_the_keys_are_few(databases):
    databases.execute(
        "shared_db",
        "INSERT INTO reg_resource_tag (id, reg_tag_id, reg_version, reg_path_id, reg_tenant_id) "
        "SELECT n, 1, 77, 6, -1234 FROM generate_series(1001, 13000) n; "
        "SELECT setval('reg_resource_tag_pk_seq', 20000)",
    )
    [failed] = [result for result in databases.check() if result.status is Status.FAILED]
    assert (failed.violation_count, len(failed.violation_keys)) == (12_000, 200)
    assert failed == next(result for result in databases.check() if result.name == failed.name)


@pytest.mark.parametrize(
    ("statement", "behind"),
    [
        ("SELECT setval('thing_seq', 5)", False),
        ("SELECT setval('thing_seq', 4)", True),
        ("SELECT setval('thing_seq', 5, false)", True),
        ("SELECT setval('thing_seq', 6, false)", False),
        ("DELETE FROM thing; SELECT setval('thing_seq', 1, false)", False),
    ],
)
def test_sequence_is_behind_when_it_would_give_a_used_value(databases, statement, behind):
    databases.execute(
        "apim_db",
        "CREATE SEQUENCE thing_seq; CREATE TABLE thing (id bigint DEFAULT nextval('thing_seq')); "
        f"INSERT INTO thing VALUES (3), (5); {statement}",
    )
    results = {result.name: result for result in databases.check(apim_db=Role.OTHER)}
    expected = ["sequence public.thing_seq column public.thing.id"] if behind else []
    assert results["sequences-not-behind"].violation_keys == expected


def test_sequences_of_other_schemas_and_identity_columns_count(databases):
    databases.execute(
        "apim_db",
        'CREATE SCHEMA "Odd one"; '
        'CREATE TABLE "Odd one"."Thing" ("Id" serial, other int GENERATED ALWAYS AS IDENTITY); '
        'INSERT INTO "Odd one"."Thing" ("Id", other) OVERRIDING SYSTEM VALUE VALUES (9, 9)',
    )
    [result] = databases.check(apim_db=Role.OTHER)
    assert result.violation_keys == [
        "sequence Odd one.Thing_Id_seq column Odd one.Thing.Id",
        "sequence Odd one.Thing_other_seq column Odd one.Thing.other",
    ]


def test_a_query_that_fails_is_not_swallowed(databases):
    databases.execute("shared_db", "DROP TABLE um_tenant; CREATE VIEW um_tenant AS SELECT 1 / 0 AS um_id")
    with pytest.raises(Exception, match="division by zero"):
        databases.check()


def test_rules_keep_to_what_every_vendor_understands():
    statements = [rule.sql for rule in (*REGISTRY_RULES, *USER_RULES, *SEEDS)]
    assert len(statements) == 21
    for statement in statements:
        assert not any(token in statement for token in ("%", "||", " LIKE ", "::", "LIMIT"))
