"""Any one change of a hard schema makes its proof another one, and undoing it makes it the same again.

What is changed is chosen by chance from what the database's own catalogue says is there; a failure tells the statement
and the seed (see tests/support/chance.py).
"""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lifeboat.engines.postgres import facts as postgres_facts
from lifeboat.engines.postgres.restored import database_facts
from tests.support.any_change import OBJECTS, ROLES, RowChanges
from tests.support.chance import SEED, differing
from tests.support.everything import DATABASE, Everything


def test_any_row_of_postgresql(everything: Everything, chance: random.Random) -> None:
    with everything.twin() as session, session.transaction(force_rollback=True):
        session.execute("SET TRANSACTION READ WRITE")
        session.execute("SET LOCAL search_path = public")
        session.execute("SET LOCAL session_replication_role = replica")
        before, changes = postgres_facts.table_facts(session), RowChanges(session, chance)
        for _ in range(80):
            with session.transaction(force_rollback=True):
                table, statement = changes.make()
                seen = differing(before, postgres_facts.table_facts(session))
            assert {name.removeprefix("public.") for name in seen} == {table}, f"seed {SEED}: {statement}"
        assert postgres_facts.table_facts(session) == before


@pytest.fixture
def copy(everything: Everything) -> Iterator[str]:
    """The name of a database that a test copies from the twin, as often as it wants."""
    yield "changed"
    with everything.restored.access.connect("template1") as server:
        server.execute("DROP DATABASE changed")


def test_any_object_of_postgresql(everything: Everything, copy: str, chance: random.Random) -> None:
    """A dump of the schema sees what is committed alone, so that a change is undone by copying the twin once more."""
    original = _copied(everything, copy)
    for kind in chance.sample(sorted(OBJECTS), 16):
        statement = _changed(everything, copy, kind, chance)
        access = everything.restored.access
        assert database_facts(everything.restored.tools, access, copy) != original, f"seed {SEED}: {statement}"
        assert _copied(everything, copy) == original, f"seed {SEED}: after {statement}"


def test_any_role_of_postgresql(everything: Everything, chance: random.Random) -> None:
    original = everything.role_facts()
    with everything.restored.access.connect("template1") as session:
        for do, undo in chance.sample(session.execute(ROLES.encode()).fetchall(), 8):
            session.execute(do.encode())
            changed = everything.role_facts()
            session.execute(undo.encode())
            assert changed != original, f"seed {SEED}: {do}"
            assert everything.role_facts() == original, f"seed {SEED}: after {undo}"


def _copied(everything: Everything, copy: str) -> dict[str, Any]:
    """Copy the twin and return the proof of the copy."""
    access = everything.restored.access
    with access.connect("template1") as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(copy)))
        names = {"copy": sql.Identifier(copy), "twin": sql.Identifier(DATABASE)}
        server.execute(sql.SQL('CREATE DATABASE {copy} TEMPLATE {twin} TABLESPACE "Own Space"').format(**names))
    return database_facts(everything.restored.tools, access, copy)


def _changed(everything: Everything, copy: str, kind: str, chance: random.Random) -> str:
    """Change one thing of a kind, and return the statement that the server accepted."""
    with everything.restored.access.connect(copy) as session:
        statements = [row[0] for row in session.execute(OBJECTS[kind].encode()).fetchall()]
        for statement in chance.sample(statements, len(statements)):
            try:
                session.execute(statement.encode())
            except psycopg.Error as refusal:
                if refusal.sqlstate is None:
                    raise
            else:
                return str(statement)
    raise AssertionError(f"{kind}: nothing to change")
