"""An exchange of MariaDB databases that is killed anywhere ends all old or all new."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from lifeboat.engines.mariadb.access import Access, Session
from lifeboat.engines.mariadb.exchange import DatabasesStep
from lifeboat.errors import SwapError
from lifeboat.recovery_documents import Exchange
from lifeboat.swap import State
from tests.support.mariadb_server import MariaDBServer

#: Three databases: one like any, one that has only code, one that is not there before.
NAMES = ("swap one", "swap two", "swap three")
TABLES = """
    CREATE TABLE parent (id int PRIMARY KEY, word varchar(5));
    CREATE TABLE child (id int AUTO_INCREMENT PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES parent (id));
    INSERT INTO parent VALUES (1, '{0}');
    INSERT INTO child (parent) VALUES (1);
    CREATE SEQUENCE numbers;
    CREATE TRIGGER stamp BEFORE INSERT ON parent FOR EACH ROW SET NEW.word = '{0}';
    CREATE VIEW a_view AS SELECT word, told() AS told FROM b_view;
    CREATE OR REPLACE VIEW b_view AS SELECT word FROM parent
"""
CODE = """
    CREATE FUNCTION told() RETURNS varchar(5) DETERMINISTIC RETURN '{0}';
    SET sql_mode = 'ORACLE';
    CREATE PACKAGE tools AS FUNCTION one RETURN varchar; END;
    CREATE PACKAGE BODY tools AS FUNCTION one RETURN varchar AS BEGIN RETURN '{0}'; END; END;
    SET sql_mode = '';
    CREATE EVENT now_and_then ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DO SELECT '{0}'
"""


#: Every so many statements it is killed, so that the tests do not take minutes; what is left out is alike.
STRIDE = 10
QUERIES = {
    "trigger": "SELECT ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s",
    "event": "SELECT STATUS, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s",
    "charset": "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
    "rights": "SELECT User, Routine_name, Proc_priv FROM mysql.procs_priv WHERE Db = %s",
}


class Killed(Exception):
    """The process ends here."""


@dataclass
class World:
    """The databases of one exchange."""

    server: MariaDBServer
    step: DatabasesStep

    def content(self) -> dict[str, Any]:
        """What is live and what is kept or beside: words of tables, views, functions; triggers, events, rights."""
        found: dict[str, Any] = {}
        with self.server.connect() as session, session.cursor() as cursor:

            def rows(statement: str, *names: str) -> list[Any]:
                cursor.execute(statement, names or None)
                return list(cursor.fetchall())

            for (database,) in rows("SHOW DATABASES LIKE 'swap%'"):
                tables = {row[0] for row in rows(f"SHOW TABLES FROM `{database}`")} - {"lifeboat_code"}
                found[database] = {
                    "tables": sorted(tables),
                    "told": rows(f"SELECT `{database}`.told()"),
                    "packages": rows(f"SHOW PACKAGE BODY STATUS WHERE Db = '{database}'")[0][1:3],
                    "view": rows(f"SELECT * FROM `{database}`.a_view") if "a_view" in tables else None,
                    **{name: rows(statement, database) for name, statement in QUERIES.items()},
                }
        return found


@pytest.fixture
def world(mariadb: MariaDBServer) -> Iterator[World]:
    exchanges = [
        Exchange(member=name, live=name, beside=f"{name}_b", kept=f"{name}_k" if name != NAMES[2] else "")
        for name in NAMES
    ]
    for each in exchanges:
        for database, word, charset in ((each.live, "old", "latin1"), (each.beside, "new", "utf8mb4")):
            if word == "new" or each.kept:
                mariadb.run(f"CREATE DATABASE `{database}` CHARACTER SET {charset}")
                mariadb.run(CODE.format(word), database)
                if each.live != NAMES[1] or word == "new":
                    mariadb.run("CREATE VIEW b_view AS SELECT 1 AS word", database)
                    mariadb.run(TABLES.format(word), database)
    mariadb.run(f"CREATE USER swapper;\nGRANT EXECUTE ON FUNCTION `{NAMES[0]}`.told TO swapper")

    @contextmanager
    def access() -> Iterator[Any]:
        yield Access("the exchange", mariadb.socket, 0, "root", mariadb.password)

    yield World(mariadb, DatabasesStep("the exchange", access, exchanges))
    for (database,) in mariadb.run("SHOW DATABASES LIKE 'swap%'"):
        mariadb.run(f"DROP DATABASE `{database}`")
    mariadb.run("DROP USER swapper")


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Let the process end before its n-th statement that changes something."""
    run, left = Session.rows, [None]

    def rows(self: Session, statement: str, parameters: Any = None) -> list[Any]:
        if statement.startswith(("CREATE", "DROP", "RENAME", "INSERT", "COMMIT", "ALTER DATABASE", "GRANT")):
            if left[0] == 0:
                raise Killed
            left[0] = left[0] - 1 if left[0] is not None else None
        return run(self, statement, parameters)

    monkeypatch.setattr(Session, "rows", rows)
    return lambda number: left.__setitem__(0, number)


def test_what_an_exchange_does(world: World) -> None:
    old = world.content()
    world.step.forward()
    new = world.content()
    assert new.keys() == {*NAMES, f"{NAMES[0]}_k", f"{NAMES[1]}_k"}
    for name in NAMES:
        assert new[name] == {
            **old[f"{name}_b"],
            "event": new[name]["event"],
            "rights": old.get(name, new[name])["rights"],
        }
        assert new[name]["event"] == (("ENABLED", "SELECT 'new'"),) or new[name]["event"] == [
            ("ENABLED", "SELECT 'new'")
        ]
    for name in NAMES[:2]:
        assert new[f"{name}_k"]["event"] == [("SLAVESIDE_DISABLED", "SELECT 'old'")]
        assert new[f"{name}_k"] == {**old[name], "event": new[f"{name}_k"]["event"], "rights": []}
    world.step.back()
    again = world.content()
    assert again.keys() == old.keys()
    for name in (*NAMES[:2],):
        assert again[name] == old[name]


@pytest.mark.parametrize("goes_on", ["forward", "back"])
def test_an_exchange_that_is_killed_anywhere_goes_on(
    world: World, killed_at: Callable[[int | None], None], goes_on: str
) -> None:
    """It is killed before each of its statements in turn, and goes on, in both directions, to one of two worlds."""
    world.step.forward()
    new = world.content()
    world.step.back()
    old = world.content()
    ends = {"forward": (State.NEW, new), "back": (State.OLD, old)}
    for number in range(0 if goes_on == "forward" else 5, 1000, STRIDE):
        killed_at(number)
        try:
            world.step.forward()
        except Killed:
            killed_at(None)
            getattr(world.step, goes_on)()
        else:
            break
        killed_at(None)
        state, expected = ends[goes_on]
        assert world.step.state() is state
        assert world.content() == expected, f"killed before statement {number}"
        world.step.back()
        assert world.content() == old, f"killed before statement {number}, then put back"
    killed_at(None)
    assert number > 60
    assert world.content() == new


def test_putting_back_that_is_killed_anywhere_goes_on(world: World, killed_at: Callable[[int | None], None]) -> None:
    world.step.forward()
    new = world.content()
    world.step.back()
    old = world.content()
    for number in range(1, 1000, STRIDE + 1):
        world.step.forward()
        killed_at(number)
        try:
            world.step.back()
        except Killed:
            killed_at(None)
            (world.step.forward if number % 2 else world.step.back)()
        else:
            break
        assert world.content() == (new if number % 2 else old), f"killed before statement {number}"
        world.step.back()
    killed_at(None)
    assert number > 60
    assert world.content() == old


def test_sessions_are_ended(world: World) -> None:
    with world.server.connect(NAMES[0]) as session, session.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM parent")
        world.step.forward()
        assert world.step.state() is State.NEW
        session._force_close()


def test_without_the_restored_databases_nothing_is_touched(world: World) -> None:
    before = world.content()
    world.server.run(f"DROP DATABASE `{NAMES[1]}_b`")
    with pytest.raises(SwapError, match=f"{NAMES[1]}_b"):
        world.step.forward()
    world.step.state()
    assert world.content().keys() == before.keys() - {f"{NAMES[1]}_b"}
