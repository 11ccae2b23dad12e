"""What happens on a MariaDB server, and to the tools, in the middle of a capture."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifeboat.engines.mariadb import instant
from lifeboat.errors import CaptureInterruptedError, CommandError, LifeboatError
from lifeboat.manifest import UnitSnapshot
from tests.contract.engines.test_beside import beside, plan
from tests.support.engine_bench import Bench, red
from tests.support.leftovers import processes_with
from tests.support.mariadb_server import MariaDBServer
from tests.support.mariadb_source import MariaDBSource
from tests.support.toolbox import Toolbox
from tests.support.waiting import eventually

TOOLS = ("restic", "mariadb-dump", "sleep")
ORDERS, OTHER = MariaDBSource.databases

_VERSION = """
case " $* " in
*" --version "*) exec {real} "$@" ;;
esac
"""
KILLED_DUMP = _VERSION + '{real} "$@" | head -c 100000\nkill -KILL $$\n'
#: Stops in the middle of the dump until there is a file `go` beside `paused`.
PAUSED_DUMP = (
    _VERSION
    + '{real} "$@" | (head -c 3000; cd $(dirname "$0"); touch paused; until [ -e go ]; do sleep 0.05; done; cat)\n'
)
#: One database's dump fails soon, the other's never ends.
ONE_FAILS = (
    _VERSION
    + f'if [ "${{@: -1}}" = {ORDERS} ]; then echo "-- Current Database: "; sleep 0.5; echo "no luck" >&2; exit 1; fi\n'
    '{real} "$@"\nexec yes\n'
)
CUT_DUMP = _VERSION + '{real} "$@" | sed "/^-- Dumping routines/,\\$d"\n'


@pytest.fixture
def source(place: Path, mariadb: MariaDBServer) -> Iterator[MariaDBSource]:
    made = MariaDBSource(place, lambda _: mariadb)
    yield made
    made.remove()


@pytest.fixture
def bench(source: MariaDBSource, bench_for: Callable[..., Bench], toolbox: Toolbox) -> Iterator[Bench]:
    made = bench_for(source.unit, source.document("worker"), source.connections())
    yield made
    assert processes_with(str(made.vault_directory), *TOOLS) == []


@contextmanager
def _paused(bench: Bench, directory: Path) -> Iterator[Future[UnitSnapshot]]:
    """Capture in the background; the block runs while the dumps stand still in the middle."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(bench.capture)
        try:
            assert eventually(lambda: (directory / "paused").exists() or future.done(), 60)
            yield future
        finally:
            (directory / "go").touch()


@pytest.fixture
def paused_dump(toolbox: Toolbox) -> Path:
    return toolbox.put("mariadb-dump", PAUSED_DUMP)


def test_nothing_of_what_happens_meanwhile_is_captured(bench: Bench, source: MariaDBSource, paused_dump: Path) -> None:
    """Rows change, in both databases."""
    (paused_dump / "go").touch()
    before = bench.facts(bench.capture())
    (paused_dump / "go").unlink()
    (paused_dump / "paused").unlink()
    with _paused(bench, paused_dump) as future:
        assert not future.done(), future.result()
        source.run(
            "UPDATE item SET price = 9;\nDELETE FROM item WHERE id = 3;\nINSERT INTO item (name) VALUES ('more');\n"
            "INSERT INTO twins VALUES ('b')"
        )
        source.run("DELETE FROM twins", OTHER)
    snapshot = future.result()
    after = bench.facts(snapshot)
    for member, facts in before.items():
        assert {**facts, "sequences": None} == {**after[member], "sequences": None}
    assert red(bench.drill(snapshot)) == {}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("TRUNCATE twins", "twins"),
        ("DROP TABLE twins", "twins"),
        ("ALTER TABLE twins ADD COLUMN x int DEFAULT 7, ALGORITHM = INSTANT", "twins"),
        ("ALTER TABLE twins MODIFY value varchar(300)", "twins"),
        ("RENAME TABLE twins TO siblings", "twins"),
        ("CREATE TABLE one_more (id int)", "one_more"),
    ],
)
def test_a_table_that_changes_meanwhile(
    bench: Bench, source: MariaDBSource, paused_dump: Path, statement: str, name: str
) -> None:
    """Nobody has to wait for the capture; it fails, and names the table, rather than hold what never was."""
    with _paused(bench, paused_dump) as future:
        source.run(f"SET lock_wait_timeout = 60;\n{statement}")
    with pytest.raises((CaptureInterruptedError, CommandError)) as caught:
        future.result()
    assert "orders" in str(caught.value) and name in str(caught.value)
    assert not caught.value.permanent
    bench.capture()


def test_two_databases_at_one_instant(bench: Bench, source: MariaDBSource) -> None:
    """A writer commits to one database, then to the other, without a pause: the counts never lie further apart."""
    stop = threading.Event()

    def write() -> None:
        with source.server.connect() as session, session.cursor() as cursor:
            while not stop.is_set():
                for database in (ORDERS, OTHER):
                    cursor.execute(f"INSERT INTO `{database}`.twins VALUES ('w')")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        snapshots = [bench.capture() for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    for snapshot in snapshots:
        facts = bench.facts(snapshot)
        first, second = (facts[f"{source.unit}/{name}"]["tables"]["twins"][0] for name in (ORDERS, OTHER))
        assert first - second in {0, 1}
        assert snapshot.skew_ms == 0
        assert 0 < snapshot.members[0].details["locked_ms"] < 5000
    assert facts["database/my-db/orders"]["tables"]["twins"][0] > 2
    assert red(bench.drill(snapshots[-1])) == {}


@pytest.fixture
def unprivileged(source: MariaDBSource, bench_for: Callable[..., Bench], toolbox: Toolbox) -> Iterator[Bench]:
    """The engine with an account that may not hold up commits, as on a server that a cloud manages."""
    source.server.run("CREATE USER cloud IDENTIFIED BY 'of the cloud';\nGRANT SELECT ON mysql.* TO cloud")
    for name in source.databases:
        source.server.run(f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `{name.replace('_', chr(92) + '_')}`.* TO cloud")
    connection = source.server.connection("bench_mariadb", login="cloud", password="of the cloud")
    yield bench_for(source.unit, source.document("worker"), {"bench_mariadb": connection})
    source.server.run("DROP USER cloud")


def test_without_the_right_to_hold_up_commits(unprivileged: Bench, source: MariaDBSource) -> None:
    snapshot = unprivileged.capture()
    assert any("may not hold up commits (RELOAD)" in warning for warning in snapshot.warnings)
    assert snapshot.skew_ms > 0
    assert {member.proof.algorithm.split("/")[0] for member in snapshot.members[:2]} == {"mariadb-dump-rows"}
    before = unprivileged.facts(snapshot)
    assert before["database/my-db/orders"]["tables"]["item"][0] == 3
    assert before[f"database/my-db/{OTHER}"]["tables"]["twins"][0] == 2
    assert red(unprivileged.drill(snapshot)) == {}
    for change in source.changes[:-1]:
        change.alter(source)
    found = red(unprivileged.drill(unprivileged.capture(), before))
    assert {change.check for change in source.changes[:-1]} == found.keys()


def test_such_a_dump_that_is_killed(unprivileged: Bench, toolbox: Toolbox) -> None:
    toolbox.put("mariadb-dump", KILLED_DUMP)
    _assert_fails(unprivileged, CommandError, "mariadb-dump", "database/my-db")
    toolbox.reset()
    unprivileged.capture()


def test_a_dump_is_killed(bench: Bench, toolbox: Toolbox) -> None:
    toolbox.put("mariadb-dump", KILLED_DUMP)
    _assert_fails(bench, CommandError, "mariadb-dump", "database/my-db/")
    toolbox.reset()
    bench.capture()


def test_the_failure_of_one_dump_ends_the_others(bench: Bench, toolbox: Toolbox) -> None:
    toolbox.put("mariadb-dump", ONE_FAILS)
    _assert_fails(bench, CommandError, f"database/my-db/{ORDERS}", "no luck")
    toolbox.reset()
    bench.capture()


def _assert_fails(bench: Bench, kind: type[Exception], *words: str) -> None:
    with pytest.raises(kind) as caught:
        bench.capture()
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)
    assert not [found for found in bench.vault.snapshots({}) if found.tags["kind"] == "facts"]


def test_a_dump_that_was_cut_between_statements_is_red(bench: Bench, toolbox: Toolbox) -> None:
    """A client loads it without an error."""
    toolbox.put("mariadb-dump", CUT_DUMP)
    snapshot = bench.capture()
    found = red(bench.drill(snapshot))
    assert found.keys() == {"restore-complete", "member-proven"}
    assert "cut" in found["restore-complete"]


def test_a_server_that_is_killed(bench: Bench, source: MariaDBSource, toolbox: Toolbox, paused_dump: Path) -> None:
    try:
        with _paused(bench, paused_dump) as future:
            source.server.stop(signal.SIGKILL)
        with pytest.raises(LifeboatError) as caught:  # whichever part notices first
            future.result()
        assert "my-db" in str(caught.value)
    finally:
        source.server.start()
    toolbox.reset()
    bench.capture()


def test_an_object_that_changes_meanwhile(bench: Bench, source: MariaDBSource, paused_dump: Path) -> None:
    with _paused(bench, paused_dump) as future:
        source.run("CREATE OR REPLACE VIEW cheap AS SELECT id FROM item WHERE price < 1")
    with pytest.raises(CaptureInterruptedError, match=r"'orders'.*VIEW cheap"):
        future.result()


def test_a_table_without_transactions_that_changes_meanwhile(
    bench: Bench, source: MariaDBSource, paused_dump: Path
) -> None:
    source.run("CREATE TABLE old_style (id int) ENGINE = MyISAM;\nINSERT INTO old_style VALUES (1)")
    with _paused(bench, paused_dump) as future:
        source.run("INSERT INTO old_style VALUES (2)")
    snapshot = future.result()
    assert any("old_style (MyISAM)" in each and "not proven: old_style" in each for each in snapshot.warnings)
    assert red(bench.drill(snapshot)) == {}


def test_a_table_that_another_session_keeps_to_itself(
    bench: Bench, source: MariaDBSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instant, "_COMMIT_SECONDS", 1)
    with source.server.connect(OTHER) as session, session.cursor() as cursor:
        cursor.execute("LOCK TABLES item WRITE")
        with pytest.raises(CaptureInterruptedError, match="another session is in the way: Lock wait timeout") as caught:
            bench.capture()
        cursor.execute("UNLOCK TABLES")
    assert not caught.value.permanent
    bench.capture()


def test_values_that_no_dump_keeps_are_told(bench: Bench, source: MariaDBSource) -> None:
    source.run("CREATE TABLE measured (value float);\nINSERT INTO measured VALUES (16777217), (0.1), (0.333333333)")
    snapshot = bench.capture()
    assert any("2 values of FLOAT column measured.value" in warning for warning in snapshot.warnings)
    assert red(bench.drill(snapshot)) == {}


def test_a_restore_beside_leaves_the_character_set_of_the_live_database_alone(
    bench: Bench, source: MariaDBSource
) -> None:
    """mariadb-dump writes ALTER DATABASE around code that was made under another character set."""
    source.run("ALTER DATABASE `orders` CHARACTER SET latin1")
    source.run("CREATE PROCEDURE made_under_latin1() SELECT 1")
    source.run("ALTER DATABASE `orders` CHARACTER SET utf8mb4")
    snapshot = bench.capture()
    source.run("ALTER DATABASE `orders` CHARACTER SET koi8r")
    replacement = plan(bench, snapshot)
    with beside(bench, snapshot, replacement) as restored:
        proven = restored.prove()
        found = character_sets(source)
    assert red(restored.checks) == {}
    assert found["orders"] == "koi8r"
    exchange = next(each for each in replacement.exchanges if each.live == "orders")
    assert found[exchange.beside] == "utf8mb4"
    assert red(bench.compare({exchange.member: bench.facts(snapshot)[exchange.member]}, proven)) == {}
    bench.engine.step(replacement).discard()


def character_sets(source: MariaDBSource) -> dict[str, str]:
    with source.server.connect("mysql") as session, session.cursor() as cursor:
        cursor.execute("SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA")
        return {str(row[0]): str(row[1]) for row in cursor.fetchall()}
