"""Relations between databases of different servers: by what each unit told, whatever its vendor."""

from typing import Any

import pytest

from lifeboat.wso2.check_across import Told, check_across, tell, told_facts, told_in
from lifeboat.wso2.check_mariadb import MARIADB
from lifeboat.wso2.check_model import CheckResult, Role, Status
from lifeboat.wso2.check_verdicts import new_violations
from lifeboat.wso2.checks import CheckedDatabase

APIM, SHARED = "database/main-db", "database/shared-db"
_COLUMNS = {
    "am_api": ["api_uuid"],
    "am_subscriber": ["tenant_id"],
    "reg_resource": ["reg_tenant_id", "reg_version", "reg_media_type", "reg_uuid"],
    "um_tenant": ["um_id"],
}
_COLUMNS_OF = {Role.APIM: ("am_",), Role.SHARED: ("reg_", "um_")}


def database(role: Role, **answers: list[tuple[Any, ...]]) -> CheckedDatabase:
    """A database that answers each statement by the table that it asks for."""

    def query(statement: str, _: object) -> list[tuple[Any, ...]]:
        if "information_schema" in statement:
            tables = (table for table in _COLUMNS if table.startswith(_COLUMNS_OF[role]))
            return [(table.upper(), column) for table in tables for column in _COLUMNS[table]]
        return next(rows for table, rows in answers.items() if f"FROM {table.upper()}" in statement)

    return CheckedDatabase(f"{role}_db", role, query, MARIADB)


def apim(*apis: str, tenants: tuple[int, ...] = (-1234, 1)) -> list[Told]:
    rows = {"am_api": [(api,) for api in apis], "am_subscriber": [(tenant,) for tenant in tenants]}
    return tell({"apim": database(Role.APIM, **rows)})


def shared(*apis: str, tenants: tuple[int, ...] = (1, 2)) -> list[Told]:
    artifacts = [(-1234, number, uuid) for number, uuid in enumerate(apis)]

    def query(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
        if "REG_RESOURCE" in statement:
            return artifacts if parameters else [(uuid,) for _, _, uuid in artifacts]
        return database(Role.SHARED, um_tenant=[(tenant,) for tenant in tenants]).query(statement, parameters)

    return tell({"shared": CheckedDatabase("shared_db", Role.SHARED, query, MARIADB)})


def failed(results: list[CheckResult]) -> dict[str, list[str]]:
    return {result.name: result.violation_keys for result in results if result.status is Status.FAILED}


SOUND = {APIM: apim("a", "b"), SHARED: shared("a", "b")}


@pytest.mark.parametrize("about", [APIM, SHARED])
def test_sound_units_pass_every_relation_between_them(about: str) -> None:
    results = check_across(SOUND, about)
    assert {result.name: result.databases for result in results} == {
        "api-manager-tenants": [f"{APIM}/apim_db", f"{SHARED}/shared_db"],
        "api-registry-artifact": [f"{APIM}/apim_db", f"{SHARED}/shared_db"],
        "registry-artifact-api": [f"{SHARED}/shared_db", f"{APIM}/apim_db"],
    }
    assert failed(results) == {}


@pytest.mark.parametrize(
    ("about", "damaged", "expected"),
    [
        (SHARED, shared("a"), {"api-registry-artifact": ["api b"]}),
        (SHARED, shared("a", "b", tenants=(2,)), {"api-manager-tenants": ["table am_subscriber tenant 1"]}),
        (APIM, apim("a"), {"registry-artifact-api": ["tenant -1234 artifact b"]}),
        (APIM, apim("a", "b", tenants=(77,)), {"api-manager-tenants": ["table am_subscriber tenant 77"]}),
    ],
)
def test_what_one_side_lost_fails_exactly_its_relation(
    about: str, damaged: list[Told], expected: dict[str, list[str]]
) -> None:
    results = check_across({**SOUND, about: damaged}, about)
    assert failed(results) == expected
    red = [verdict for verdict in new_violations(check_across(SOUND, about), results) if verdict.red]
    assert [verdict.name for verdict in red] == [name for name in expected if name != "registry-artifact-api"]


def test_relations_within_one_unit_are_not_told_twice() -> None:
    assert check_across({APIM: [*apim("a"), *shared()]}, APIM) == []
    assert check_across({**SOUND, "database/other": []}, "database/other") == []


def test_what_was_told_comes_back_from_the_facts() -> None:
    assert told_in(told_facts(SOUND[APIM])) == SOUND[APIM]
    assert told_facts([]) == {}
    assert told_in({"database/main-db/apim_db": {"tables": {}}}) == []
