"""The proof of a PostgreSQL server sees every difference: each is made in the restored twin of a captured database."""

import pytest
from psycopg import sql

from lifeboat.engines.postgres import facts as proofs
from lifeboat.text import printable
from tests.support.engine_bench import red
from tests.support.everything import DATABASE, OF_DATABASE, Everything

#: Values that PostgreSQL itself calls equal to the one in the table.
EQUAL_TO_POSTGRESQL = {
    "same_numeric": "1.00",
    "same_interval": "24 hours",
    "same_double": "-0",
    "same_text": "WSO2",
    "same_json": '{"a":1}',
    "same_jsonb": '{"a": 1.00}',
    "same_array": "{1.00}",
    "same_composite": "(1.00)",
    "same_domain": "1.00",
}


@pytest.mark.parametrize(("table", "value"), EQUAL_TO_POSTGRESQL.items())
def test_values_that_postgresql_calls_equal(everything: Everything, table: str, value: str) -> None:
    with everything.source() as session:
        kind = session.execute(
            f"SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = '{table}'::regclass "
            "AND attname = 'value'".encode()
        ).fetchone()
        assert kind
    found = everything.red_after(f"UPDATE {table} SET value = '{value}'::{kind[0]}")
    assert found.keys() == {"table-content"}
    assert f"public.{table}" in found["table-content"]


def test_every_column_of_every_type_counts(everything: Everything) -> None:
    with everything.source() as session:
        columns = session.execute("SELECT * FROM every_type LIMIT 0").description or []
    assert len(columns) > 50
    for column in columns[1:]:
        found = everything.red_after(f"UPDATE every_type SET {column.name} = NULL WHERE id = 1")
        assert found.keys() == {"table-content"}, column.name


def test_every_table_counts(everything: Everything) -> None:
    tables = everything.captured[everything.member]["tables"]
    filled = [name for name, (rows, *_) in tables.items() if rows]
    assert {"public.unlogged", "public.no_columns", "public.dog", "public.parted_eu_1", "public.guarded"} < {*filled}
    for name in filled:
        found = everything.red_after(f"DELETE FROM ONLY {name} WHERE ctid = (SELECT min(ctid) FROM ONLY {name})")
        assert found.keys() == {"table-rows"}
        assert f"1 changed: {printable(name)}" == found["table-rows"]


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE no_key SET b = 'other' WHERE ctid = (SELECT min(ctid) FROM no_key WHERE b = 'twin')", "table-content"),
        ("UPDATE no_key SET b = 'other' WHERE b = 'twin'", "table-content"),
        (
            "UPDATE no_key SET a = 1, b = 'twin' WHERE ctid IN (SELECT ctid FROM no_key WHERE a IS NULL)",
            "table-content",
        ),
        ("DELETE FROM no_key WHERE ctid = (SELECT min(ctid) FROM no_key WHERE b = 'twin')", "table-rows"),
        ("INSERT INTO no_rows VALUES (1)", "table-rows"),
        ("DROP TABLE hen CASCADE", "table-rows"),
    ],
)
def test_duplicates_and_rows_count(everything: Everything, statement: str, check: str) -> None:
    assert everything.red_after(statement).keys() == {check}


def test_order_of_rows_is_no_difference(everything: Everything) -> None:
    reorder = "DELETE FROM no_key WHERE a IS NULL; INSERT INTO no_key VALUES (NULL, NULL), (NULL, NULL)"
    assert everything.red_after(f"UPDATE no_key SET b = b WHERE a = 1; {reorder}") == {}


@pytest.mark.parametrize("name", ["counting_down", "no_rows_id_seq", "with_identity_id_seq", "never_used"])
def test_a_sequence_that_lies_elsewhere_is_red(everything: Everything, name: str) -> None:
    """setval obeys no transaction, so the value is put back by hand."""
    with everything.twin() as session:
        session.execute("SET default_transaction_read_only = off")
        value, called = session.execute(f"SELECT last_value, is_called FROM {name}".encode()).fetchall()[0]
        step = session.execute("SELECT seqincrement FROM pg_sequence WHERE seqrelid = %s::regclass", [name]).fetchall()
        for other, other_called in ((value + step[0][0], called), (value, not called)):
            session.execute("SELECT setval(%s::regclass, %s, %s)", [name, other, other_called])
            now = {**everything.proven[everything.member], "sequences": proofs.sequence_values(session)}
            session.execute("SELECT setval(%s::regclass, %s, %s)", [name, value, called])
            captured = everything.captured[everything.member]
            found = red(list(everything.bench.engine.compare(everything.member, captured, now)))
            assert found.keys() == {"sequences"}
            assert f"public.{name}" in found["sequences"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT lo_put(1001, 0, 'L')",
        "SELECT lo_unlink(1002)",
        "SELECT lo_from_bytea(0, 'one more')",
        "ALTER LARGE OBJECT 1001 OWNER TO reader",
        "REVOKE SELECT ON LARGE OBJECT 1001 FROM reader",
        "COMMENT ON LARGE OBJECT 1001 IS NULL",
    ],
)
def test_large_objects_count(everything: Everything, statement: str) -> None:
    with everything.twin() as session:
        session.execute("BEGIN READ WRITE")
        session.execute(statement.encode())
        now = {**everything.proven[everything.member], "large_objects": proofs.large_object_facts(session)}
        session.execute("ROLLBACK")
    captured = everything.captured[everything.member]
    assert red(list(everything.bench.engine.compare(everything.member, captured, now))).keys() == {"large-objects"}


#: What is done to an object, and under which name the proof knows it.
DAMAGED_OBJECTS = {
    "ALTER TABLE hen OWNER TO clerk": "TABLE public.hen",
    "ALTER TABLE old_style ALTER state SET DEFAULT 'old'": "TABLE public.old_style",
    "ALTER TABLE no_key ALTER b TYPE varchar(9)": "TABLE public.no_key",
    "ALTER TABLE generated ALTER gross DROP EXPRESSION": "TABLE public.generated",
    "ALTER TABLE unlogged SET LOGGED": "TABLE public.unlogged",
    "ALTER TABLE guarded NO FORCE ROW LEVEL SECURITY": "TABLE public.guarded",
    "ALTER TABLE placed SET TABLESPACE pg_default": "TABLE public.placed",
    "ALTER INDEX placed_pkey SET TABLESPACE pg_default": "CONSTRAINT public.placed placed_pkey",
    "ALTER TABLE parted DETACH PARTITION parted_rest": "TABLE ATTACH public.parted_rest",
    "ALTER TABLE dog NO INHERIT animal": "TABLE public.dog",
    "ALTER TABLE with_identity ALTER id SET INCREMENT 5": "SEQUENCE public.with_identity_id_seq",
    "ALTER SEQUENCE going_round NO CYCLE": "SEQUENCE public.going_round",
    "ALTER TABLE no_rows ALTER id DROP DEFAULT": "DEFAULT public.no_rows id",
    "ALTER TABLE self_reference DROP CONSTRAINT up": "FK CONSTRAINT public.self_reference up",
    "ALTER TABLE egg ALTER CONSTRAINT egg_hen_fkey NOT DEFERRABLE": "FK CONSTRAINT public.egg egg_hen_fkey",
    "DROP INDEX no_rows_note_id_idx": "INDEX public.no_rows_note_id_idx",
    "DROP STATISTICS both_columns": "STATISTICS public.both_columns",
    "CREATE OR REPLACE VIEW second_view AS SELECT * FROM first_view WHERE id < 11": "VIEW public.second_view",
    "DROP MATERIALIZED VIEW stale": "MATERIALIZED VIEW public.stale",
    "ALTER TABLE guarded ENABLE TRIGGER stamped": "TRIGGER public.guarded stamped",
    "DROP RULE log_nothing ON animal": "RULE public.animal log_nothing",
    "ALTER POLICY own_tenant ON guarded TO clerk": "POLICY public.guarded own_tenant",
    "ALTER FUNCTION overloaded(text) SECURITY INVOKER": "FUNCTION public.overloaded(text)",
    "UPDATE pg_proc SET prosrc = 'BEGIN NULL; END' WHERE proname = 'watching'": "FUNCTION public.watching()",
    "ALTER EVENT TRIGGER watch ENABLE": "EVENT TRIGGER -.watch",
    "ALTER DOMAIN percent SET DEFAULT 1": "DOMAIN public.percent",
    "ALTER TYPE mood ADD VALUE 'new'": "TYPE public.mood",
    "ALTER TYPE address ADD ATTRIBUTE country text": "TYPE public.address",
    "ALTER COLLATION ignoring_case OWNER TO clerk": "COLLATION public.ignoring_case",
    "COMMENT ON SCHEMA \"Mixed Case\" IS 'x'": 'COMMENT -.SCHEMA "Mixed Case"',
    "REVOKE SELECT (tenant) ON guarded FROM reader": "ACL public.COLUMN guarded.tenant",
    "REVOKE GRANT OPTION FOR SELECT ON every_type FROM reader": "ACL public.TABLE every_type",
    "DROP EXTENSION pgcrypto": "EXTENSION -.pgcrypto",
    "ALTER SERVER elsewhere OPTIONS (SET host 'x')": "SERVER -.elsewhere",
    "ALTER PUBLICATION all_animals DROP TABLE animal": "PUBLICATION TABLE public.all_animals animal",
    "CREATE TABLE one_more ()": "TABLE public.one_more",
}
DAMAGED_DATABASE = {
    "ALTER DATABASE {} SET timezone TO 'UTC'": "DATABASE PROPERTIES",
    "ALTER DATABASE {} OWNER TO clerk": "DATABASE",
    "REVOKE CONNECT ON DATABASE {} FROM reader CASCADE": "ACL",
    "COMMENT ON DATABASE {} IS 'x'": "COMMENT",
}


def test_every_object_counts(everything: Everything) -> None:
    """All is damaged in a copy of the twin at once; its settings are not copied with it."""
    access = everything.restored.access
    with access.connect("template1") as server:
        name = sql.Identifier(DATABASE)
        server.execute(sql.SQL('CREATE DATABASE damaged TEMPLATE {} TABLESPACE "Own Space"').format(name))
    before = proofs.schema_facts(everything.restored.tools, access, "damaged")
    with access.connect("damaged") as session:
        for statement in DAMAGED_OBJECTS:
            session.execute(statement.encode())
    after = proofs.schema_facts(everything.restored.tools, access, "damaged")
    unseen = [what for what, name in DAMAGED_OBJECTS.items() if before.get(name) == after.get(name)]
    assert unseen == []


def test_every_setting_of_the_database_counts(everything: Everything) -> None:
    captured = everything.captured[everything.member]
    access = everything.restored.access
    with access.connect("template1") as server:
        for statement in DAMAGED_DATABASE:
            server.execute(sql.SQL(statement).format(sql.Identifier(DATABASE)))
        now = proofs.schema_facts(everything.restored.tools, access, DATABASE)
        for statement in OF_DATABASE:
            server.execute(sql.SQL(statement).format(sql.Identifier(DATABASE)))
        server.execute(sql.SQL('ALTER DATABASE {} OWNER TO "Owner Ärger"').format(sql.Identifier(DATABASE)))
    found = red(list(everything.bench.engine.compare(everything.member, captured, {**captured, "schema": now})))
    assert found.keys() == {"schema-objects"}
    changed = {name for name in captured["schema"] if captured["schema"][name] != now.get(name)}
    assert {name.partition(" -.")[0] for name in changed} == {*DAMAGED_DATABASE.values()}


def test_roles_count(everything: Everything) -> None:
    """Roles are made, changed and dropped on the scratch server, which nothing else looks at."""
    first = 'CREATE ROLE "on""e" LOGIN PASSWORD \'p\' VALID UNTIL \'2099-01-01\'; CREATE ROLE two IN ROLE "on""e"'
    changes = {
        'ALTER ROLE "on""e" PASSWORD \'other\'': 'ALTER ROLE "on""e"',
        'ALTER ROLE "on""e" VALID UNTIL \'2099-01-02\'': 'ALTER ROLE "on""e"',
        "ALTER ROLE two CREATEDB": "ALTER ROLE two",
        "ALTER ROLE two SET work_mem TO '7MB'": "ALTER ROLE two",
        "COMMENT ON ROLE two IS E'first line\nsecond ''line'';'": "COMMENT ON ROLE two",
        "COMMENT ON ROLE two IS E'first line\nother ''line'';'": "COMMENT ON ROLE two",
        'GRANT "on""e" TO two WITH ADMIN OPTION': 'GRANT "on""e"',
        'REVOKE "on""e" FROM two': 'GRANT "on""e"',
    }
    with everything.restored.access.connect("template1") as server:
        server.execute(first.encode())
        for statement, name in changes.items():
            before = everything.role_facts()
            server.execute(statement.encode())
            after = everything.role_facts()
            assert {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)} == {name}
            member = everything.restored.roles_member
            checks = everything.bench.engine.compare(member, {"roles": before}, {"roles": after})
            assert red(list(checks)).keys() == {"roles"}
        server.execute('DROP ROLE "on""e", two')
