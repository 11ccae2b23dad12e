"""The WSO2 checks on MariaDB: the same checks under the same names, and the same damage makes the same one fail."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lifeboat.engines.mariadb.access import Session
from lifeboat.engines.mariadb.restored import checked_database
from lifeboat.wso2.check_mariadb import counters_not_behind
from lifeboat.wso2.checks import CheckResult, Role, Status, run_checks
from tests.support.mariadb_server import MariaDBServer
from tests.unit.wso2.conftest import DATA
from tests.unit.wso2.test_checks import DAMAGE, NOT_ERRORS

ROLES = {"shared_db": Role.SHARED, "apim_db": Role.APIM}
_TABLE = re.compile(r"\b(?:reg|um|idn|sp|idp|am)_?[a-z_]*\b")
_TYPES = {
    r"integer DEFAULT nextval\('[a-z_]+'(?:::regclass)?\)(?: NOT NULL)?": "integer NOT NULL AUTO_INCREMENT",
    r"\bbytea\b": "longblob",
    r"\btimestamp\b": "datetime",
    r"::[a-z]+": "",
    r"\bboolean\b": "tinyint",
    r"DEFERRABLE INITIALLY DEFERRED": "",
    r"'\\x([0-9a-f]*)'": r"x'\1'",
    r"'alert ' \|\| n": "CONCAT('alert ', seq)",
    r"generate_series\(1, 7\) n": "seq_1_to_7",
    r"int8send\((\d+)\)": r"UNHEX(LPAD(HEX(\1), 16, '0'))",
}


def as_mariadb(statement: str, tables: set[str]) -> str:
    """Given a statement for PostgreSQL, return it for MariaDB, its tables in upper case as WSO2 has them."""
    for pattern, text in _TYPES.items():
        statement = re.sub(pattern, text, statement)
    return _TABLE.sub(lambda found: found[0].upper() if found[0] in tables else found[0], statement)


def _statements(name: str) -> list[str]:
    schema = (DATA / f"{name}.sql").read_text()
    rows = (DATA / f"{name}-rows.sql").read_text().partition("\nDO $$")[0]
    parts = [part.strip() for part in f"{schema}\n{rows}".split(";\n")]
    wanted = [part for part in parts if re.search(r"^(?:CREATE TABLE|INSERT|ALTER TABLE)", part, re.M)]
    return [as_mariadb(part, tables_of(name)) for part in wanted]


def tables_of(name: str) -> set[str]:
    return set(re.findall(r"CREATE TABLE ([a-z_]+)", (DATA / f"{name}.sql").read_text()))


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDBServer]:
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-my-", dir="/tmp"))
    directory.chmod(0o755)
    made = MariaDBServer(directory / "server")
    made.start()
    for name in ("shared", "apim"):
        made.run(f"CREATE DATABASE {name}_db CHARACTER SET latin1 COLLATE latin1_bin")
        made.run("SET sql_mode = 'PIPES_AS_CONCAT';\n" + ";\n".join(_statements(name)), f"{name}_db")
    yield made
    made.stop()
    shutil.rmtree(directory)


@pytest.fixture
def sessions(server: MariaDBServer) -> Iterator[dict[str, Session]]:
    """A session on each database, in a transaction that is taken back, with foreign keys off as a dump's loader has."""
    with ExitStack() as stack:
        found = {name: stack.enter_context(server.access().connect(name)) for name in ROLES}
        for session in found.values():
            session.run("SET SESSION foreign_key_checks = 0")
            session.run("START TRANSACTION")
        yield found
        for session in found.values():
            session.run("ROLLBACK")


def check(sessions: dict[str, Session]) -> list[CheckResult]:
    return run_checks({name: checked_database(name, ROLES[name], sessions[name]) for name in sessions})


def test_sound_databases_pass_the_same_checks_as_on_postgresql(sessions: dict[str, Session]) -> None:
    results = check(sessions)
    assert {result.name for result in results} == {*DAMAGE, "foreign-keys-hold"}
    assert [result for result in results if result.status is not Status.PASSED] == []
    assert {each.name: each.severity for each in results if each.name in NOT_ERRORS} == NOT_ERRORS


@pytest.mark.parametrize("name", sorted(DAMAGE.keys() - {"sequences-not-behind"}))
def test_damage_fails_exactly_its_check(sessions: dict[str, Session], name: str) -> None:
    """What a foreign key of the same database forbids, the check of the foreign keys tells as well."""
    database, damage, key = DAMAGE[name]
    for statement in damage.split("; "):
        sessions[database].run(as_mariadb(statement, tables_of(database.removesuffix("_db"))))
    failed = {result.name: result for result in check(sessions) if result.status is not Status.PASSED}
    assert failed.keys() - {"foreign-keys-hold"} == {name}
    assert (failed[name].status, failed[name].violation_keys) == (Status.FAILED, [key])


def test_rows_that_refer_to_nothing(sessions: dict[str, Session]) -> None:
    sessions["shared_db"].run("DELETE FROM UM_USER WHERE um_id = 1")
    failed = {result.name: result.violation_keys for result in check(sessions) if result.status is Status.FAILED}
    (key,) = failed["foreign-keys-hold"]
    assert key.startswith("table UM_USER_ROLE foreign key ") and key.endswith(" value 1, -1234")


def test_a_counter_that_is_behind(server: MariaDBServer) -> None:
    """A server mends its counters when it starts, so this one is told by hand."""
    told = {"SELECT t.": [("UM_USER", "um_id", 2)], "SELECT MAX(": [(2,)]}

    def query(statement: str, _: object) -> list[tuple[object, ...]]:
        return next((rows for start, rows in told.items() if statement.strip().startswith(start)), [])

    assert counters_not_behind(query).keys == ["counter of table UM_USER column um_id"]
    told["SELECT t."] = [("UM_USER", "um_id", 3)]
    assert counters_not_behind(query).keys == []
