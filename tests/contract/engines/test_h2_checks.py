"""The WSO2 checks on an embedded database: the same, by the same names, as on a server."""

from importlib import resources
from pathlib import Path

import pytest

from lifeboat.engines.h2.checked import checked_database
from lifeboat.errors import CommandError
from lifeboat.wso2.check_rules import REGISTRY_RULES, SEEDS, USER_RULES
from lifeboat.wso2.checks import CheckResult, Role, Status, run_checks
from tests.support.h2_source import CONNECTION, JAR, run_sql

CARBON = resources.files("lifeboat.sample").joinpath("data/carbon-h2.sql").read_text()
#: What breaks some rules; the keys are off, as in a file that was put together by hand.
BROKEN = """
    SET REFERENTIAL_INTEGRITY FALSE;
    DELETE FROM REG_CONTENT WHERE REG_CONTENT_ID = 7;
    UPDATE REG_PATH SET REG_PATH_VALUE = '/elsewhere; ''quoted''' WHERE REG_PATH_VALUE = '/_system/config';
    INSERT INTO REG_CLUSTER_LOCK (REG_LOCK_NAME, REG_LOCK_STATUS) VALUES ('one "lock"', 'LOCKED'), ('two', NULL);
    INSERT INTO REG_SNAPSHOT (REG_PATH_ID, REG_RESOURCE_VIDS, REG_TENANT_ID)
        VALUES (1, X'00000000000000010000000000000BAD', -1234);
    INSERT INTO UM_USER_ATTRIBUTE (UM_ATTR_NAME, UM_ATTR_VALUE, UM_USER_ID, UM_TENANT_ID) VALUES ('m', 'x', 99, -1234);
"""


def results(path: Path, role: Role = Role.SHARED) -> dict[str, CheckResult]:
    with checked_database(path.with_name(f"{path.name}.mv.db"), JAR, CONNECTION, "carbon", role) as found:
        return {result.name: result for result in run_checks({"carbon": found})}


def test_every_check_of_the_role_runs_and_finds_what_is_broken(tmp_path: Path) -> None:
    database = tmp_path / "WSO2CARBON_DB"
    run_sql(database, CARBON)
    sound = results(database)
    assert {rule.name for rule in (*SEEDS, *REGISTRY_RULES, *USER_RULES) if Role.SHARED in rule.roles} < sound.keys()
    assert {name for name, result in sound.items() if result.status is not Status.PASSED} == set()
    run_sql(database, BROKEN)
    red = {name: result.violation_keys for name, result in results(database).items() if result.violation_count}
    assert red == {
        "registry-seeded": ["path /_system/config"],
        "registry-resource-content": ["tenant -1234 path 3 version 7 content 7"],
        "registry-path-prefix": ["tenant -1234 path 4 parent 2"],
        "registry-cluster-lock": ['lock one "lock"'],
        "registry-snapshot-versions": ["tenant -1234 snapshot 1 version 2989"],
        "user-attribute-user": ["tenant -1234 attribute 1"],
    }
    assert [path.name for path in tmp_path.iterdir()] == ["WSO2CARBON_DB.mv.db"]


def test_an_empty_database_passes_nothing_unseen_and_a_broken_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    run_sql(path, "CREATE TABLE other (id int);")
    assert {result.status for result in results(path).values()} == {Status.SKIPPED}
    assert results(path, Role.OTHER) == {}
    path.with_name("empty.mv.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CommandError):
        results(path)
