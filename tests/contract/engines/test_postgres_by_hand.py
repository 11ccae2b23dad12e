"""Everything that a PostgreSQL database can hold, by its runbook, under another name, and table by table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from lifeboat.engines.base import Part
from lifeboat.errors import PointError
from lifeboat.scratch import scratch_place
from tests.support.engine_bench import red
from tests.support.everything import DATABASE, Everything

MakePart = Callable[[], Part]


@pytest.fixture
def part(everything: Everything) -> Iterator[MakePart]:
    """The member with everything in it, as often as it is asked for."""
    bench = everything.bench
    with scratch_place(bench.scratch) as place:
        count = iter(range(100))
        yield lambda: bench.part(everything.snapshot, everything.member, place / str(next(count)), everything.captured)


@contextmanager
def administration(everything: Everything) -> Iterator[psycopg.Connection[object]]:
    with psycopg.connect(everything.conninfo, dbname="postgres", autocommit=True) as session:
        yield session  # type: ignore[misc]


def test_by_the_runbooks(everything: Everything) -> None:
    """Roles with odd names and comments, and a database with an odd name and settings that get into the way."""
    for member in everything.snapshot.members:
        with everything.bench.restored_by_hand(everything.snapshot, member) as (restored, by_hand):
            assert by_hand.check is not None
            assert by_hand.check.outcome == "passed", by_hand.check
            checks = everything.bench.compare(everything.captured, restored.prove())
            assert red(checks) == {}


def test_the_whole_database_under_another_name(everything: Everything, part: MakePart) -> None:
    try:
        returned = everything.bench.engine.restore_database(part(), "plain_name")
        assert red(list(returned.checks)) == {}
        assert {check.name for check in returned.checks} >= {"schema-objects", "table-content", "large-objects"}
    finally:
        with administration(everything) as session:
            session.execute("DROP DATABASE IF EXISTS plain_name")


def test_every_table_beside_the_live_one(everything: Everything, part: MakePart) -> None:
    """Tables of every kind; their content is compared by the captured digest, whatever the types are."""
    wanted = ["public.every_type", *_some(everything)]
    for table in wanted:
        try:
            returned = everything.bench.engine.restore_table(part(), table, 'public."Beside it"')
            assert red(list(returned.checks)) == {}, table
        finally:
            with everything.source() as session:
                session.execute('DROP TABLE IF EXISTS public."Beside it"')
    with administration(everything) as session:
        names = {row[0] for row in session.execute("SELECT datname FROM pg_database").fetchall()}  # type: ignore[index]
    assert not {name for name in names if str(name).startswith("lifeboat_")}
    assert DATABASE in names


def _some(everything: Everything) -> list[str]:
    """Return tables that need care: generated and identity columns, odd names, children, no columns at all."""
    with everything.source() as session:
        query = """
            SELECT quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_class c
            JOIN pg_namespace n ON n.oid = relnamespace
            WHERE relkind = 'r' AND c.oid > 16383 AND nspname !~ '^pg_|information' AND (
                relispartition OR relname !~ '^[a-z0-9_]+$' OR nspname <> 'public' OR relnatts = 0
                OR EXISTS (SELECT FROM pg_attribute a
                           WHERE a.attrelid = c.oid AND (a.attgenerated <> '' OR a.attidentity <> ''))
            ) ORDER BY 1
        """
        found = [str(row[0]) for row in session.execute(query).fetchall()]
    known = everything.captured[everything.member]["tables"]
    assert found
    return [name for name in found if name in known][:6]


def test_a_table_of_several_schemas_must_be_named_with_one(everything: Everything, part: MakePart) -> None:
    with everything.source() as session:
        query = (
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND oid > 16383 GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"
        )
        names = [row[0] for row in session.execute(query).fetchall()]
    for name in names[:1]:
        with pytest.raises(PointError, match=r"has 2 tables"):
            everything.bench.engine.restore_table(part(), sql.Identifier(name).as_string(None), "x")
