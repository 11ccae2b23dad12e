"""A PostgreSQL server that cannot be reached, read or used is refused before anything is stored, with what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

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
from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.engine_bench import Bench, red
from tests.support.pooler import Pooler
from tests.support.toolbox import OLD_DUMP, Toolbox

BenchOf = Callable[..., Bench]
PASSWORD = "of the limited account"


@pytest.fixture
def limited(postgres: SamplePostgres) -> Iterator[psycopg.Connection]:
    """The administrator's session on a database with one table, and an account `limited` that may only log in."""
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE limited LOGIN PASSWORD '{PASSWORD}'")
        admin.execute("CREATE DATABASE small")
        with psycopg.connect(postgres.admin_conninfo, dbname="small", autocommit=True) as session:
            session.execute(
                'CREATE TABLE item AS SELECT 1 AS id; CREATE TABLE "Price List" (); CREATE SEQUENCE next_id'
            )
            yield session
        admin.execute("DROP DATABASE small WITH (FORCE)")
        admin.execute("DROP OWNED BY limited; DROP ROLE limited")


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
    ("grant", "warnings"),
    [
        ("GRANT pg_read_all_data TO limited", []),
        (
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO limited; GRANT SELECT ON next_id TO limited",
            ["may not read role passwords"],
        ),
    ],
)
def test_a_limited_account_that_may_read_enough(
    limited: psycopg.Connection, postgres_bench: BenchOf, grant: str, warnings: list[str]
) -> None:
    limited.execute(grant.encode())
    bench = postgres_bench("small", login="limited", password=PASSWORD)
    snapshot = bench.capture()
    assert len(snapshot.warnings) == len(warnings)
    assert all(word in warning for word, warning in zip(warnings, snapshot.warnings, strict=True))
    assert red(bench.drill(snapshot)) == {}


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        ("", ["public.item", 'public."Price List"', "public.next_id", "GRANT pg_read_all_data TO limited;"]),
        ('GRANT SELECT ON item, "Price List" TO limited', ["may not read public.next_id."]),
        (
            "CREATE SCHEMA shut; CREATE TABLE shut.safe (); GRANT SELECT ON next_id TO limited; "
            "GRANT SELECT ON ALL TABLES IN SCHEMA shut, public TO limited",
            ["may not read shut.safe."],
        ),
        (
            "GRANT pg_read_all_data TO limited; ALTER TABLE item ENABLE ROW LEVEL SECURITY",
            ["row-level security", "public.item", "ALTER ROLE limited BYPASSRLS;"],
        ),
        (
            "GRANT pg_read_all_data TO limited; SELECT lo_from_bytea(4712, 'x')",
            ["large objects 4712", "GRANT SELECT ON LARGE OBJECT"],
        ),
    ],
)
def test_an_account_that_may_not_read_something(
    limited: psycopg.Connection, postgres_bench: BenchOf, prepare: str, words: list[str]
) -> None:
    limited.execute(prepare.encode())
    bench = postgres_bench("small", login="limited", password=PASSWORD)
    assert_refused(bench, AccessError, "database/main-db/small", "'limited'", *words)


def test_an_account_that_may_not_enter_the_database(limited: psycopg.Connection, postgres_bench: BenchOf) -> None:
    limited.execute("REVOKE CONNECT ON DATABASE small FROM PUBLIC")
    bench = postgres_bench("small", login="limited", password=PASSWORD)
    assert_refused(bench, AccessError, "'small'", "GRANT CONNECT ON DATABASE")


def test_a_wrong_password(postgres_bench: BenchOf) -> None:
    bench = postgres_bench("postgres", password="not the password")
    assert_refused(bench, AccessError, "database/main-db", "'postgres'", "login")
    with pytest.raises(AccessError) as caught:
        bench.capture()
    assert "not the password" not in str(caught.value)


def test_a_database_that_is_not_there(postgres_bench: BenchOf) -> None:
    assert_refused(postgres_bench("Postgres"), ConfigurationError, "'Postgres'", "case-sensitive")


def test_a_server_that_is_not_there(postgres_bench: BenchOf) -> None:
    port = free_port()
    assert_refused(postgres_bench("postgres", port=port), UnreachableError, f"127.0.0.1:{port}")


def test_a_connection_pooler(postgres: SamplePostgres, postgres_bench: BenchOf) -> None:
    with Pooler(postgres.port) as pooler:
        assert_refused(postgres_bench("postgres", port=pooler.port), PreflightError, "pooler", "pgbouncer")


@pytest.mark.parametrize("role", ["shared", "apim"])
def test_an_empty_database_in_the_place_of_a_product_s(
    limited: psycopg.Connection, bench_for: BenchOf, postgres_bench: BenchOf, role: str
) -> None:
    bench = postgres_bench("small", settings={"databases": {"small": {"role": role}}})
    with pytest.raises(CaptureError, match="database/main-db: small is not what its role says") as caught:
        bench.capture()
    assert "role in the deployment file" in caught.value.next_step


def test_tools_of_another_version(
    postgres_bench: BenchOf, toolbox: Toolbox, real_tools: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable, directory = real_tools
    monkeypatch.setenv(variable, str(toolbox.postgresql_with(directory, "pg_dump", OLD_DUMP)))
    assert_refused(postgres_bench("postgres"), ToolError, "pg_dump' is of PostgreSQL 11.22", variable)


def test_tools_that_are_not_there(
    postgres_bench: BenchOf, real_tools: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable, _ = real_tools
    monkeypatch.setenv(variable, str(tmp_path))
    assert_refused(postgres_bench("postgres"), ToolError, "pg_dump", variable)


def test_tools_of_a_drill_that_are_not_there(
    postgres_bench: BenchOf, toolbox: Toolbox, real_tools: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable, directory = real_tools
    found = toolbox.postgresql_with(directory, "initdb", "")
    (found / "initdb").unlink()
    monkeypatch.setenv(variable, str(found))
    bench = postgres_bench("postgres")
    bench.engine.preflight()
    with pytest.raises(ToolError, match="initdb"):
        bench.engine.drill_preflight()
