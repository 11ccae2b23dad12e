"""Everything that a MariaDB database can hold comes back from a restore, and the proof sees every difference: each is
made in the restored twin of a captured database."""

import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifeboat.engines.base import Part
from lifeboat.engines.mariadb import facts
from lifeboat.engines.mariadb.access import Session, quoted
from lifeboat.engines.mariadb.accounts import account_facts, read_accounts
from lifeboat.engines.mariadb.facts import read_tables, sequence_values, table_facts
from lifeboat.engines.mariadb.schema import schema_facts
from lifeboat.engines.mariadb.scratch import SUPERUSER
from lifeboat.errors import ConfigurationError, LifeboatError, PointError, PreflightError
from lifeboat.scratch import scratch_place
from lifeboat.text import shown
from tests.support.any_mariadb_change import RowChanges, changed_one, object_changes
from tests.support.chance import SEED, differing
from tests.support.engine_bench import red
from tests.support.mariadb_everything import DATABASE, MANY, Everything, captured_and_restored
from tests.support.mariadb_server import MariaDBServer


@pytest.fixture(scope="module")
def everything(mariadb: MariaDBServer, open_directory: Path, empty_vault: Path) -> Iterator[Everything]:
    """The database and its twin. What a test changes, it changes back."""
    directory = open_directory / "everything-mariadb"
    directory.mkdir(mode=0o755)
    shutil.copytree(empty_vault, directory / "vault")
    with captured_and_restored(mariadb, directory) as made:
        yield made


def test_the_drill_is_green(everything: Everything) -> None:
    checks = [*everything.restored.checks, *everything.bench.compare(everything.captured, everything.proven)]
    assert {check.outcome for check in checks} == {"passed"}, red(checks)
    assert len(everything.captured[everything.member]["tables"]) > MANY + 25


def test_the_schema_dumps_are_the_same(everything: Everything) -> None:
    source = everything.server.access()
    assert everything.schema_dump(source) == everything.schema_dump(everything.restored.access)


def test_the_runbooks_bring_all_of_it_back(everything: Everything) -> None:
    for member in everything.snapshot.members:
        with everything.bench.restored_by_hand(everything.snapshot, member) as (restored, by_hand):
            assert by_hand.check and by_hand.check.outcome == "passed", by_hand.check
            assert red(everything.bench.compare(everything.captured, restored.prove())) == {}


@pytest.fixture
def part(everything: Everything) -> Iterator[Part]:
    """The member with everything in it."""
    with scratch_place(everything.bench.scratch) as place:
        yield everything.bench.part(everything.snapshot, everything.member, place / "part", everything.captured)


def test_it_comes_back_beside_the_live_one(everything: Everything, part: Part) -> None:
    """Under another name, on the server itself; its events wait there."""
    name = "beside `it`"
    returned = everything.bench.engine.restore_database(part, name)
    try:
        assert red(list(returned.checks)) == {}
        query = f"SELECT STATUS, COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{name}' GROUP BY 1"
        assert sorted(everything.server.run(query)) == [("DISABLED", 1), ("SLAVESIDE_DISABLED", 2)]
    finally:
        everything.server.run(f"DROP DATABASE {quoted(name)}")


def test_a_database_without_all_that_it_had_leaves_nothing(everything: Everything, part: Part) -> None:
    before = tables_and_databases(everything)
    part.by_hand.script, count = re.subn(r'same "triggers" \d+', 'same "triggers" 1', part.by_hand.script)
    assert count == 1
    with pytest.raises(LifeboatError, match=r"(?s)could not be restored into 'half'.*triggers: captured 1, restored 4"):
        everything.bench.engine.restore_database(part, "half")
    assert tables_and_databases(everything) == before


@pytest.mark.parametrize("table", ["every_type", "versioned", "select `from` Tabelle ü; -- x", "hen", "generated"])
def test_a_table_comes_back_beside_the_live_one(everything: Everything, part: Part, table: str) -> None:
    before = tables_and_databases(everything)
    try:
        returned = everything.bench.engine.restore_table(part, table, "`Beside. it`")
        assert red(list(returned.checks)) == {}
        assert {check.name for check in returned.checks} == {"table-rows", "table-content", "schema-objects"}
        assert returned.where == f"table Beside. it of database {DATABASE}"
        sums = (f"CHECKSUM TABLE {quoted(name)} EXTENDED" for name in (table, "Beside. it"))
        assert len({everything.server.run(each, DATABASE)[0][1] for each in sums}) == 1
    finally:
        everything.server.run("DROP TABLE IF EXISTS `Beside. it`", DATABASE)
    assert tables_and_databases(everything) == before


def test_a_table_that_is_taken_or_not_there_or_not_as_captured(everything: Everything, part: Part) -> None:
    engine = everything.bench.engine
    with pytest.raises(PreflightError, match="has a table 'no_key' already"):
        engine.restore_table(part, "hen", "no_key")
    with pytest.raises(PointError, match="has no table 'HEN'") as told:
        engine.restore_table(part, "HEN", "x")
    assert "hen" in told.value.next_step
    with pytest.raises(ConfigurationError, match="is not the name of a table"):
        engine.restore_table(part, "hen", "other.hen")
    rows, *sums = part.facts["tables"]["no_key"]
    tables = {**part.facts["tables"], "no_key": [rows, *(str(int(each) + 1) for each in sums)]}
    try:
        returned = engine.restore_table(replace(part, facts={**part.facts, "tables": tables}), "no_key", "no_key_x")
        assert red(list(returned.checks)) == {"table-content": "1 changed: no_key"}
    finally:
        everything.server.run("DROP TABLE IF EXISTS no_key_x", DATABASE)


def tables_and_databases(everything: Everything) -> list[tuple[object, ...]]:
    return [*everything.server.run("SHOW TABLES", DATABASE), *everything.server.run("SHOW DATABASES")]


def test_every_row_of_every_table_is_the_same(everything: Everything) -> None:
    """The rows are read as they are, without the proof's own queries."""
    with everything.server.access().connect(DATABASE) as source, everything.twin() as twin:
        tables = [table for table in read_tables(source, DATABASE) if not table.is_sequence]
        assert len(tables) > MANY + 25
        for table in tables:
            period = " FOR SYSTEM_TIME ALL" if table.is_versioned else ""
            query = f"SELECT {', '.join(quoted(column.name) for column in table.columns)} FROM {table.sql_name}{period}"
            assert Counter(source.rows(query)) == Counter(twin.rows(query)), table.name


def test_what_no_snapshot_holds_still_is_named(everything: Everything) -> None:
    (warning,) = everything.snapshot.warnings
    for word in (everything.member, "of_myisam (MyISAM)", "of_aria (Aria)", "of_memory (MEMORY)"):
        assert word in warning


def test_every_column_of_every_type_counts(everything: Everything) -> None:
    with everything.twin() as session:
        (table,) = [each for each in read_tables(session, DATABASE) if each.name == "every_type"]
    assert len(table.columns) > 40
    for column in table.columns[1:]:
        found = everything.red_after(f"UPDATE every_type SET {quoted(column.name)} = NULL WHERE id = 1")
        assert found == {"table-content": "1 changed: every_type"}, column.name


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE every_type SET c_double = c_double + 1e-17 WHERE id = 3",
        "UPDATE every_type SET c_char = 'pad X' WHERE id = 1",
        "UPDATE every_type SET c_varchar = 'trail' WHERE id = 1",
        "UPDATE every_type SET c_varchar = NULL WHERE id = 3",
        'UPDATE every_type SET c_json = \'{"b": 1.0, "a": [null]}\' WHERE id = 1',
        "UPDATE every_type SET c_latin1 = 'a€ÿ' WHERE id = 1",
        "UPDATE every_type SET c_geometry = ST_GeomFromText('POINT(1 2)', 0) WHERE id = 1",
        "UPDATE every_type SET c_time = '-00:00:02' WHERE id = 4",
        "UPDATE every_type SET c_timestamp = '2026-10-25 02:30:00' WHERE id = 4",
        "UPDATE every_type SET c_date = NULL WHERE id = 2",
        "UPDATE every_type a JOIN every_type b ON b.id = 5 - a.id SET a.c_year = b.c_year WHERE a.id IN (2, 3)",
        "UPDATE no_key SET a = 1, b = '23' WHERE a = 12",
        "UPDATE no_key SET b = 'other' WHERE b = 'twin' LIMIT 1",
        "UPDATE no_key SET b = 'other' WHERE b = 'twin'",
        "UPDATE no_key SET a = 1, b = 'twin' WHERE a IS NULL LIMIT 2",
        "UPDATE hidden SET b = 8",
        "UPDATE generated SET net = 101",
        "UPDATE large SET value = INSERT(value, 10000000, 1, 'x')",
        "UPDATE versioned_openly SET id = 3",
        "UPDATE versioned SET value = 3 WHERE id = 1",
        "UPDATE `select ``from`` Tabelle ü; -- x` SET `%s` = 8",
    ],
)
def test_every_value_counts(everything: Everything, statement: str) -> None:
    assert everything.red_after(statement).keys() <= {"table-content", "table-rows"}
    assert everything.red_after(statement)


def test_values_that_rows_exchange_count(everything: Everything) -> None:
    """A sum of plain checksums would not always see these: a checksum is linear."""
    for number in range(16):
        swapped = f"UPDATE dumped SET line = CASE line WHEN '),(' THEN '{number:02}a' ELSE '{number:02}b' END"
        assert everything.red_after(swapped).keys() == {"table-content"}


@pytest.mark.parametrize("series", [(10, 11), (10, 5)])
def test_no_digest_counts_on_the_order_of_evaluation(
    everything: Everything, monkeypatch: pytest.MonkeyPatch, series: tuple[int, int]
) -> None:
    """A server may read the variable before it is set; here it is never set. Newer and older servers differ."""
    with everything.twin() as session:
        tables = [each for each in read_tables(session, DATABASE) if len(each.columns) > 1]
        expected, real = table_facts(session, tables, series), facts._sums
        monkeypatch.setattr(facts, "_sums", lambda *each: real(*each).replace("@row :=", "@elsewhere :="))
        session.run("SET @row = 'left from before'")
        assert table_facts(session, tables, series) == expected


def test_every_table_counts(everything: Everything) -> None:
    with everything.twin() as session:
        unsafe = {"of_myisam", "of_aria", "of_memory"}
        tables = [each for each in read_tables(session, DATABASE) if not each.is_sequence and each.name not in unsafe]
    filled = [table for table in tables if everything.captured[everything.member]["tables"][table.name][0]]
    assert len(filled) > 20
    for table in filled:
        found = everything.red_after(f"DELETE FROM {table.sql_name} LIMIT 1")
        if table.is_versioned:  # the row is still there, as history
            assert found == {"table-content": f"1 changed: {table.name}"}
        else:
            assert found == {"table-rows": f"1 changed: {shown([table.name])}"}


def test_any_row(everything: Everything, chance: random.Random) -> None:
    with everything.twin() as session:
        changes, tables = RowChanges(session, DATABASE, chance), read_tables(session, DATABASE)
        before = table_facts(session, tables, everything.restored.series)
        for _ in range(30):
            table, statement = changes.make()
            after = table_facts(session, tables, everything.restored.series)
            changes.undo()
            assert table in differing(before, after), f"seed {SEED}: {statement}"
        assert table_facts(session, tables, everything.restored.series) == before


def test_any_object_and_right(everything: Everything, chance: random.Random) -> None:
    with everything.twin() as session:
        before = _facts_without_rows(session)
        for kind, changes in object_changes(session, DATABASE).items():
            statement, undo = changed_one(session, chance.sample(changes, len(changes)))
            after = _facts_without_rows(session)
            undo(session)
            assert after != before, f"seed {SEED}: {kind}: {statement}"
            assert _facts_without_rows(session) == before, f"seed {SEED}: after {statement}"


def _facts_without_rows(session: Session) -> list[dict[str, Any]]:
    accounts = account_facts(read_accounts(session, [DATABASE], [SUPERUSER]))
    return [schema_facts(session, DATABASE), sequence_values(session, DATABASE), accounts]


#: What is done to an object, and under which name the proof knows it. In this order.
DAMAGED_OBJECTS = {
    "ALTER TABLE no_key MODIFY b varchar(9)": "TABLE no_key",
    "ALTER TABLE no_key COMMENT 'x'": "TABLE no_key",
    "ALTER TABLE hidden ALTER b SET DEFAULT 8": "TABLE hidden",
    "ALTER TABLE hidden DROP CONSTRAINT `a ok`": "TABLE hidden",
    "ALTER TABLE parted REORGANIZE PARTITION rest INTO (PARTITION rest VALUES IN ('us', 'asia', 'x'))": "TABLE parted",
    "ALTER TABLE egg DROP FOREIGN KEY laid": "TABLE egg",
    "DROP INDEX words ON indexed": "TABLE indexed",
    "ALTER TABLE indexed ALTER INDEX prefixed IGNORED": "TABLE indexed",
    "ALTER TABLE every_type CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin": "TABLE every_type",
    "ALTER TABLE t000 ENGINE = MyISAM": "TABLE t000",
    "DROP TABLE t001": "TABLE t001",
    "ALTER SEQUENCE never_used CACHE 7": "SEQUENCE never_used",
    "ALTER VIEW on_view AS SELECT 1 AS id, 2 AS a": "VIEW on_view",
    "ALTER SQL SECURITY DEFINER VIEW z_second AS SELECT * FROM y_first WHERE id < 10": "VIEW z_second",
    "DROP VIEW with_function": "VIEW with_function",
    "ALTER FUNCTION folded SQL SECURITY DEFINER": "FUNCTION folded",
    "ALTER FUNCTION plus_one COMMENT 'x'": "FUNCTION plus_one",
    "CREATE OR REPLACE PROCEDURE tidy() DELETE FROM no_rows /* all */": "PROCEDURE tidy",
    "CREATE OR REPLACE DEFINER = reader PROCEDURE several() SELECT 1": "PROCEDURE several",
    "DROP FUNCTION total": "FUNCTION total",
    "DROP PACKAGE BODY tools": "PACKAGE BODY tools",
    "CREATE OR REPLACE TRIGGER second_one BEFORE INSERT ON no_rows FOR EACH ROW SET @x = 1": "TRIGGER second_one",
    "DROP TRIGGER `named ``oddly```": "TRIGGER named `oddly`",
    "ALTER EVENT nightly ON COMPLETION NOT PRESERVE": "EVENT nightly",
    "ALTER EVENT resting ENABLE": "EVENT resting",
    f"ALTER DATABASE {quoted(DATABASE)} COLLATE utf8mb4_general_ci": "DATABASE",
}


def test_every_object_counts(everything: Everything) -> None:
    """These cannot be taken back, so that this is done last, and each is compared with what was before it."""
    before = everything.proven[everything.member]["schema"]
    with everything.twin() as session:
        for statement, name in DAMAGED_OBJECTS.items():
            session.run(f"USE {quoted(DATABASE)}")
            session.run(f"SET sql_mode = '{'ORACLE' if 'PACKAGE' in statement else ''}'")
            session.run(statement)
            session.run("SET sql_mode = ''")
            after = schema_facts(session, DATABASE)
            changed = {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}
            assert name in changed, statement
            before = after
    damaged = {**everything.proven[everything.member], "schema": before}
    found = red(
        list(everything.bench.engine.compare(everything.member, everything.captured[everything.member], damaged))
    )
    assert found.keys() == {"schema-objects"}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT SETVAL(never_used, 6000)", "never_used"),
        ("SELECT NEXTVAL(counting_down)", "counting_down"),
        ("ALTER TABLE counting AUTO_INCREMENT = 9999", "counting AUTO_INCREMENT"),
    ],
)
def test_a_counter_that_lies_elsewhere_is_red(everything: Everything, statement: str, name: str) -> None:
    with everything.twin() as session:
        session.run(statement)
        now = {**everything.proven[everything.member], "sequences": sequence_values(session, DATABASE)}
    found = red(list(everything.bench.engine.compare(everything.member, everything.captured[everything.member], now)))
    assert found.keys() == {"sequences"}
    assert name in found["sequences"]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SET PASSWORD FOR reader@'10.%' = PASSWORD('other')", "USER reader@10.%"),
        ("ALTER USER reader@'10.%' REQUIRE NONE", "USER reader@10.%"),
        ("ALTER USER `od'd ``user`@localhost ACCOUNT UNLOCK", "USER od'd `user@localhost"),
        ("REVOKE ADMIN OPTION FOR clerk FROM reader", "USER reader@%"),
        ("SET DEFAULT ROLE NONE FOR reader", "USER reader@%"),
        ("GRANT DELETE ON hen TO clerk", "ROLE clerk"),
        ("GRANT UPDATE (a) ON no_key TO reader", "USER reader@%"),
        ("REVOKE EXECUTE ON FUNCTION plus_one FROM clerk", "ROLE clerk"),
        ("REVOKE PROCESS ON *.* FROM reader@'10.%'", "USER reader@10.%"),
        ("CREATE ROLE another", "ROLE another"),
        ("DROP USER `od'd ``user`@localhost", "USER od'd `user@localhost"),
    ],
)
def test_every_account_and_right_counts(everything: Everything, statement: str, name: str) -> None:
    """Each is compared with what was before it, on the scratch server, which nothing else looks at."""
    with everything.twin() as session:
        before = account_facts(read_accounts(session, [DATABASE], [SUPERUSER]))
        session.run(statement)
        after = account_facts(read_accounts(session, [DATABASE], [SUPERUSER]))
    assert {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)} == {name}
    checks = everything.bench.engine.compare(everything.restored.roles_member, {"roles": before}, {"roles": after})
    assert red(list(checks)).keys() == {"roles"}


def test_accounts_that_the_databases_do_not_need_are_left_out(everything: Everything) -> None:
    roles = everything.captured[everything.restored.roles_member]["roles"]
    assert "USER stranger@%" not in roles and "USER reader@%" in roles
