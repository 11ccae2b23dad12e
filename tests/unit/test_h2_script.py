"""What is read of the scripts of H2, old and new, and which jar reads which file."""

import pytest

from lifeboat.engines.h2 import jars, script

#: As H2 1.3 and 1.4 write it: unquoted names, texts with control characters as STRINGDECODE.
OLD = """\
-- H2 1.4.199;
;
CREATE USER IF NOT EXISTS "WSO2CARBON" SALT '01' HASH '02' ADMIN;
CREATE SEQUENCE PUBLIC.SYSTEM_SEQUENCE_1 START WITH 3 BELONGS_TO_TABLE;
CREATE CACHED TABLE PUBLIC.REG_PATH(
    REG_PATH_ID INTEGER DEFAULT (NEXT VALUE FOR PUBLIC.SYSTEM_SEQUENCE_1) NOT NULL,
    VALUE_ VARCHAR(2000)
);
ALTER TABLE PUBLIC.REG_PATH ADD CONSTRAINT PUBLIC.PK_REG PRIMARY KEY(REG_PATH_ID);
-- 2 +/- SELECT COUNT(*) FROM PUBLIC.REG_PATH;
INSERT INTO PUBLIC.REG_PATH(REG_PATH_ID, VALUE_) VALUES(1, STRINGDECODE('a;\\nb'));
INSERT INTO PUBLIC.REG_PATH(REG_PATH_ID, VALUE_) VALUES(2, 'c');
CREATE CACHED LOCAL TEMPORARY TABLE IF NOT EXISTS SYSTEM_LOB_STREAM(ID INT NOT NULL, PART INT NOT NULL);
CREATE ALIAS IF NOT EXISTS SYSTEM_COMBINE_BLOB FOR "org.h2.command.dml.ScriptCommand.combineBlob";
INSERT INTO SYSTEM_LOB_STREAM VALUES(0, 0, NULL, '00ff');
INSERT INTO SYSTEM_LOB_STREAM VALUES(0, 1, NULL, '01');
CREATE CACHED TABLE PUBLIC.REG_CONTENT(
    DATA BLOB
);
INSERT INTO PUBLIC.REG_CONTENT(DATA) VALUES(SYSTEM_COMBINE_BLOB(0));
DROP TABLE IF EXISTS SYSTEM_LOB_STREAM;
"""


def facts(text: str) -> dict[str, dict[str, object]]:
    return script.facts_of(iter(text.splitlines(keepends=True)))


def test_an_old_script_is_read() -> None:
    found = facts(OLD)
    assert {name: table[0] for name, table in found["tables"].items()} == {
        "PUBLIC.REG_PATH": 2,
        "PUBLIC.REG_CONTENT": 1,
    }
    assert found["schema"].keys() == {
        "USER WSO2CARBON",
        "SEQUENCE PUBLIC.SYSTEM_SEQUENCE_1",
        "TABLE PUBLIC.REG_PATH",
        "CONSTRAINT PUBLIC.PK_REG",
        "TABLE PUBLIC.REG_CONTENT",
    }
    assert found["sequences"] == {"PUBLIC.SYSTEM_SEQUENCE_1": "3"}


@pytest.mark.parametrize(
    ("old", "new", "part", "name"),
    [
        ("'c'", "'d'", "tables", "PUBLIC.REG_PATH"),
        ("'01');\nCREATE", "'02');\nCREATE", "tables", "PUBLIC.REG_CONTENT"),
        ("VARCHAR(2000)", "VARCHAR(2001)", "schema", "TABLE PUBLIC.REG_PATH"),
        ("START WITH 3", "START WITH 4", "sequences", "PUBLIC.SYSTEM_SEQUENCE_1"),
        ("HASH '02'", "HASH '03'", "schema", "USER WSO2CARBON"),
    ],
)
def test_every_change_is_a_change_of_one_fact(old: str, new: str, part: str, name: str) -> None:
    assert OLD.count(old) == 1
    before, after = facts(OLD), facts(OLD.replace(old, new))
    different = {(kind, key) for kind in before for key in before[kind] if before[kind][key] != after[kind].get(key)}
    assert different == {(part, name)}


def test_the_order_of_rows_does_not_matter_and_their_number_does() -> None:
    rows = ["INSERT INTO T VALUES('a');", "INSERT INTO T VALUES('b');"]
    assert facts("\n".join(rows)) == facts("\n".join(reversed(rows)))
    assert facts("\n".join(rows)) != facts("\n".join([*rows, rows[0]]))


@pytest.mark.parametrize(
    ("head", "fitting"),
    [
        ("-- H2 0.5/B -- \n", {"1.3.175", "1.4.199"}),
        ("H:2,block:2,blockSize:1000,chunk:1,created:1,format:1,version:1", {"1.3.175", "1.4.199"}),
        ("H:2,block:2,blockSize:1000,chunk:1,clean:1,created:1,format:2,version:1", {"2.1.210"}),
        ("H:2,block:2,blockSize:1000,chunk:1,clean:1,created:1,format:3,version:1", {"2.2.224", "2.3.232"}),
    ],
)
def test_a_format_is_read_by_its_own_versions(head: str, fitting: set[str]) -> None:
    form = jars.format_of(head)
    versions = ("1.3.175", "1.4.199", "2.1.210", "2.2.224", "2.3.232")
    assert {version for version in versions if jars.reads(f"/p/h2_{version}.wso2v1.jar", form)} == fitting
    assert jars.choose([f"/p/h2-engine_{version}.wso2v1.jar" for version in versions], form) == (
        f"/p/h2-engine_{max(fitting)}.wso2v1.jar"
    )
