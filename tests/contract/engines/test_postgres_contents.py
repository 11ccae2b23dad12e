"""Everything that a PostgreSQL database can hold comes back from a restore."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from lifeboat.engines.postgres.statements import without_casts
from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.engine_bench import Bench, red
from tests.support.everything import Everything


def test_the_drill_is_green(everything: Everything) -> None:
    checks = [*everything.restored.checks, *everything.bench.compare(everything.captured, everything.proven)]
    assert {check.outcome for check in checks} == {"passed"}, red(checks)
    assert len(everything.captured[everything.member]["tables"]) >= 30


def test_every_type_that_a_column_can_have_is_there(everything: Everything) -> None:
    """All but those that PostgreSQL keeps for itself."""
    query = """
        SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
        AND typarray <> 0 AND typname NOT IN ('gtsvector') AND oid NOT IN (SELECT atttypid FROM pg_attribute JOIN
            pg_class c ON c.oid = attrelid WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace)
    """
    with everything.source() as source:
        assert source.execute(query.encode()).fetchall() == []


def test_every_row_of_every_table_is_the_same(everything: Everything) -> None:
    """The restored rows are read as text, without the proof's own queries."""
    with everything.source() as source, everything.twin() as twin:
        tables = source.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND oid > 16383")
        names = [row[0] for row in tables]
        assert len(names) > 30
        for name in names:
            assert _rows(source, name) == _rows(twin, name)


def _rows(session: psycopg.Connection[Any], table: str) -> Counter[str]:
    session.execute("SET bytea_output = hex; SET extra_float_digits = 1; SET IntervalStyle = iso_8601")
    session.execute("SET DateStyle = ISO; SET TimeZone = 'UTC'; SET search_path = public")
    return Counter(row[0] for row in session.execute(f"SELECT t::text FROM {table} AS t".encode()))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT rolname, rolpassword, rolconnlimit, rolcanlogin, extract(epoch FROM rolvaliduntil) FROM pg_authid "
        "WHERE rolname !~ '^(pg_|lifeboat|bench_)' ORDER BY 1",
        "SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members "
        "WHERE roleid > 16383 ORDER BY 1, 2",
        "SELECT setrole::regrole::text, datname, setconfig FROM pg_db_role_setting "
        "LEFT JOIN pg_database d ON d.oid = setdatabase ORDER BY 1, 2",
        "SELECT datdba::regrole::text, datacl::text[], datconnlimit, datcollate, datctype, spcname FROM pg_database d "
        "JOIN pg_tablespace s ON s.oid = dattablespace WHERE datname = current_database()",
        "SELECT relname, relowner::regrole::text, relacl::text[], relrowsecurity, relforcerowsecurity, relpersistence, "
        "spcname FROM pg_class LEFT JOIN pg_tablespace s ON s.oid = reltablespace "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT oid, lomowner::regrole::text, lomacl::text[], lo_get(oid) FROM pg_largeobject_metadata ORDER BY 1",
        "SELECT indexdef FROM pg_indexes WHERE schemaname !~ '^(pg_|information)' ORDER BY 1",
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
        "SELECT description FROM pg_description WHERE objoid > 16383 ORDER BY 1",
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'clerk'",
        "SELECT extname, extversion, extnamespace::regnamespace::text FROM pg_extension ORDER BY 1",
        "SELECT schemaname, sequencename, last_value, increment_by, cycle FROM pg_sequences ORDER BY 1, 2",
        "SELECT matviewname, ispopulated FROM pg_matviews ORDER BY 1",
        "SELECT collname, collisdeterministic FROM pg_collation WHERE collnamespace = 'public'::regnamespace",
    ],
)
def test_the_catalogue_says_the_same(everything: Everything, query: str) -> None:
    with everything.source() as source, everything.twin() as twin:
        session_settings = "SET bytea_output = hex; SET TimeZone = 'UTC'; SET search_path = public"
        source.execute(session_settings.encode())
        twin.execute(session_settings.encode())
        expected = source.execute(query.encode()).fetchall()
        assert expected
        assert twin.execute(query.encode()).fetchall() == expected


def test_the_schema_dumps_are_the_same(everything: Everything) -> None:
    """All but the lines in which the server itself writes an expression in another way after a load."""
    with everything.bench.engine.access() as access:
        before = everything.schema_dump(access).splitlines()
    after = everything.schema_dump(everything.restored.access).splitlines()
    assert len(before) == len(after) > 1000
    rewritten = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert [without_casts(one) for one, _ in rewritten] == [without_casts(other) for _, other in rewritten]
    assert len(rewritten) == sum("::character varying])::text[]" in line for line in before) < 5


def test_many_tables_and_a_large_value_come_back(
    postgres: SamplePostgres, postgres_bench: Callable[..., Bench]
) -> None:
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute("CREATE DATABASE many")
    with psycopg.connect(postgres.admin_conninfo, dbname="many", autocommit=True) as session:
        session.execute("".join(f"CREATE TABLE t{number} (id integer);" for number in range(250)).encode())
        session.execute("CREATE TABLE large AS SELECT decode(repeat('00ff27', 7000000), 'hex') AS value")
    bench = postgres_bench("many")
    snapshot = bench.capture()
    assert red(bench.drill(snapshot)) == {}
    assert len(bench.facts(snapshot)[f"{bench.unit}/many"]["tables"]) == 251
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute("DROP DATABASE many")
