"""A MariaDB server that cannot be reached, read or used is refused before anything is locked or stored, with what to
do."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat.engines.mariadb.access import server_series
from lifeboat.engines.mariadb.privileges import lag_problem
from lifeboat.errors import (
    AccessError,
    CaptureError,
    ConfigurationError,
    LifeboatError,
    PreflightError,
    ToolError,
    UnreachableError,
)
from lifeboat.sample.ports import free_port
from tests.support.engine_bench import Bench, red
from tests.support.mariadb_server import MariaDBServer
from tests.support.mariadb_source import MariaDBSource
from tests.support.toolbox import Toolbox

BenchOf = Callable[..., Bench]
PASSWORD = "of the limited account"
READS = "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON small.* TO limited"


@pytest.fixture
def small(mariadb: MariaDBServer) -> Iterator[MariaDBServer]:
    """A database with a table and a routine, and an account `limited` that may only log in."""
    mariadb.run(f"CREATE USER limited IDENTIFIED BY '{PASSWORD}';\nCREATE DATABASE small")
    mariadb.run("CREATE TABLE item (id int);\nCREATE TABLE other (id int);\nCREATE PROCEDURE p() SELECT 1", "small")
    yield mariadb
    mariadb.run("DROP DATABASE small;\nDROP USER limited")


@pytest.fixture
def bench_of(mariadb: MariaDBServer, bench_for: BenchOf) -> BenchOf:
    def make(*databases: str, role: str = "other", **connection: Any) -> Bench:
        roles = {name: {"role": role} for name in databases}
        server = {"engine": "mariadb", "connection": "bench_mariadb", "databases": roles}
        document = {"database_servers": {MariaDBSource.unit.name: server}}
        return bench_for(
            MariaDBSource.unit, document, {"bench_mariadb": mariadb.connection("bench_mariadb", **connection)}
        )

    return make


def assert_refused(bench: Bench, kind: type[LifeboatError], *words: str) -> None:
    """Capture and preflight end with the same error; nothing is in the vault then."""
    with pytest.raises(kind) as caught:
        bench.capture()
    with pytest.raises(kind) as told_before:
        bench.engine.preflight()
    assert str(caught.value) == str(told_before.value)
    assert caught.value.next_step
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)
    assert bench.vault.snapshots({}) == []


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        ([], ["lacks SELECT, SHOW VIEW, TRIGGER, EVENT", "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `small`.*"]),
        (["GRANT SELECT ON small.item TO limited"], ["lacks SELECT"]),
        (["GRANT SELECT, SHOW VIEW, EVENT ON small.* TO limited"], ["lacks TRIGGER on the whole database"]),
        ([READS], ["routines of its own only", "GRANT SELECT ON mysql.* TO `limited`@`%`"]),
        (["GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `smal_x`.* TO limited"], ["lacks SELECT"]),
    ],
)
def test_an_account_that_may_not_read_something(
    small: MariaDBServer, bench_of: BenchOf, grants: list[str], words: list[str]
) -> None:
    for grant in grants:
        small.run(grant)
    bench = bench_of("small", login="limited", password=PASSWORD)
    assert_refused(bench, AccessError, "database/my-db", "`limited`@`%`", *words)


def test_an_account_that_may_read_enough_through_a_role(small: MariaDBServer, bench_of: BenchOf) -> None:
    small.run("CREATE ROLE reads_all;\nGRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD ON *.* TO reads_all")
    small.run("GRANT reads_all TO limited;\nSET DEFAULT ROLE reads_all FOR limited")
    bench = bench_of("small", login="limited", password=PASSWORD)
    snapshot = bench.capture()
    assert (snapshot.skew_ms, snapshot.warnings) == (0, ())
    assert red(bench.drill(snapshot)) == {}
    small.run("DROP ROLE reads_all")


def test_an_account_that_may_not_read_accounts(small: MariaDBServer, bench_of: BenchOf) -> None:
    for grant in (READS, "GRANT RELOAD ON *.* TO limited", "GRANT SELECT ON mysql.proc TO limited"):
        small.run(grant)
    bench = bench_of("small", login="limited", password=PASSWORD)
    snapshot = bench.capture()
    (warning,) = snapshot.warnings
    assert "may not read the accounts" in warning
    assert "PROCEDURE p" in bench.facts(snapshot)["database/my-db/small"]["schema"]
    assert red(bench.drill(snapshot)) == {}


def test_a_wrong_password(bench_of: BenchOf) -> None:
    bench = bench_of("mysql", password="not the password")
    assert_refused(bench, AccessError, "database/my-db", "'root'", "login")
    with pytest.raises(AccessError) as caught:
        bench.capture()
    assert "not the password" not in str(caught.value)


def test_a_database_that_is_not_there(bench_of: BenchOf) -> None:
    assert_refused(bench_of("Small"), ConfigurationError, "'Small'", "case-sensitive")


def test_a_server_that_is_not_there(bench_of: BenchOf) -> None:
    port = free_port()
    assert_refused(bench_of("mysql", port=port), UnreachableError, f"127.0.0.1:{port}")


@pytest.mark.parametrize("role", ["shared", "apim"])
def test_an_empty_database_in_the_place_of_a_product_s(small: MariaDBServer, bench_of: BenchOf, role: str) -> None:
    with pytest.raises(CaptureError, match="database/my-db: small is not what its role says"):
        bench_of("small", role=role).capture()


def test_a_replica_that_stands_still(small: MariaDBServer, bench_of: BenchOf) -> None:
    small.run("CHANGE MASTER 'other' TO MASTER_HOST = 'primary.example', MASTER_PORT = 1, MASTER_USER = 'x'")
    try:
        assert_refused(bench_of("small"), PreflightError, "replica of primary.example", "does not follow it")
    finally:
        small.run("RESET SLAVE 'other' ALL")


@pytest.mark.parametrize(
    ("lag", "problem"), [(0, ""), (59, ""), (61, "lies 61 s behind, more than the 60 s of max_skew"), (None, "")]
)
def test_a_replica_that_lags(lag: int | None, problem: str) -> None:
    running = {"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes"}
    assert lag_problem({**running, "Seconds_Behind_Master": lag}, 60) == problem


class _Claiming:
    """A session with a server that claims to be of a version: there is no such server here."""

    def __init__(self, version: str) -> None:
        self.version = version


@pytest.mark.parametrize(
    ("version", "words"), [("8.0.36", "no MariaDB"), ("10.4.34-MariaDB-log", "supports 10.5"), ("11.4.2-MariaDB", "")]
)
def test_other_vendors_and_old_servers(version: str, words: str) -> None:
    if words:
        with pytest.raises(PreflightError, match=words):
            server_series(_Claiming(version))
    else:
        assert server_series(_Claiming(version)) == (11, 4)


@pytest.mark.parametrize(
    "version", ["mariadb-dump  Ver 10.19 Distrib 10.5.1-MariaDB, for Linux", "mysqldump  Ver 8.0.36"]
)
def test_tools_of_another_version_or_vendor(
    bench_of: BenchOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toolbox: Toolbox, version: str
) -> None:
    (tmp_path / "bin").mkdir()
    toolbox.put_beside(tmp_path / "bin", "mariadb-dump", f"echo '{version}'\n", "")
    monkeypatch.setenv("LIFEBOAT_MARIADB_10_11", str(tmp_path))
    assert_refused(bench_of("mysql"), ToolError, str(tmp_path))


def test_tools_that_are_not_there(bench_of: BenchOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_MARIADB_10_11", str(tmp_path))
    assert_refused(bench_of("mysql"), ToolError, "no mariadb-dump of MariaDB 10.11", "LIFEBOAT_MARIADB_10_11")


def test_tools_of_a_drill_that_are_not_there(
    bench_of: BenchOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mariadb-dump").symlink_to("/usr/bin/mariadb-dump")
    monkeypatch.setenv("LIFEBOAT_MARIADB_10_11", str(tmp_path))
    bench = bench_of("mysql")
    bench.engine.preflight()
    with pytest.raises(ToolError, match="no mariadbd"):
        bench.engine.drill_preflight()
