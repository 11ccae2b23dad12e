"""What happens on a PostgreSQL server, and to the tools, in the middle of a capture."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lifeboat.engines.postgres import PostgresEngine, snapshots
from lifeboat.engines.postgres import facts as proofs
from lifeboat.engines.postgres.access import Access
from lifeboat.engines.postgres.snapshots import lock_tables, one_instant
from lifeboat.errors import CaptureInterruptedError, CommandError, LifeboatError, UnreachableError
from lifeboat.manifest import UnitSnapshot
from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.engine_bench import Bench, red
from tests.support.engine_sources import PostgresSource, Source
from tests.support.leftovers import processes_with
from tests.support.toolbox import KILLED_DUMP, PAUSED_DUMP, Toolbox
from tests.support.waiting import eventually

TOOLS = ("restic", "pg_dump", "pg_dumpall", "sleep")
ORDERS, OTHER = PostgresSource.databases

#: One database's dump fails soon, the other's never ends.
ONE_FAILS = f"""
case " $* " in
*" --version "* | *" --schema-only "*) exec {{real}} "$@" ;;
esac
[ "$PGDATABASE" != {ORDERS} ] || {{ sleep 0.5; echo 'no luck' >&2; exit 1; }}
exec yes
"""


@pytest.fixture(params=["postgres"])
def source(request: pytest.FixtureRequest, place: Path, postgres: SamplePostgres) -> Iterator[Source]:
    made = PostgresSource(place, lambda _: postgres)
    yield made
    made.remove()


@pytest.fixture
def bench(source: PostgresSource, bench_for: Callable[..., Bench], toolbox: Toolbox) -> Bench:
    return bench_for(source.unit, source.document("worker"), source.connections())


@pytest.fixture
def replace_dump(
    toolbox: Toolbox, real_tools: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Path]]:
    """Given a script, put it in the place of pg_dump, and return the directory that it lies in."""
    variable, real = real_tools

    def replace(script: str) -> Path:
        directory = toolbox.postgresql_with(real, "pg_dump", script)
        monkeypatch.setenv(variable, str(directory))
        return directory

    yield replace
    monkeypatch.delenv(variable, raising=False)


@contextmanager
def _paused(bench: Bench, directory: Path) -> Iterator[Future[UnitSnapshot]]:
    """Capture in the background; the block runs while pg_dump stands still in the middle."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(bench.capture)
        try:
            assert eventually(lambda: (directory / "paused").exists() or future.done())
            assert not future.done(), future.result()
            yield future
        finally:
            (directory / "go").touch()


def test_nothing_of_what_happens_meanwhile_is_captured(
    bench: Bench, source: PostgresSource, replace_dump: Callable[[str], Path]
) -> None:
    """A table that is truncated shows itself empty to older snapshots, so whoever wants to do that has to wait."""
    before = bench.facts(bench.capture())
    impatient = []
    with _paused(bench, replace_dump(PAUSED_DUMP)) as future:
        source.run(
            "UPDATE item SET price = 9; DELETE FROM item WHERE id = 3; CREATE TABLE one_more (); "
            "INSERT INTO item (name) SELECT 'more' FROM generate_series(1, 100); SELECT lo_unlink(4711)"
        )
        source.run("SELECT setval('item_id_seq', 1)", OTHER)
        for statement in ("TRUNCATE twins", "DROP TABLE large", "ALTER TABLE item ADD COLUMN x text DEFAULT 'y'"):
            impatient.append(threading.Thread(target=source.run, args=(statement,)))
            impatient[-1].start()
        assert eventually(lambda: _waiting(source) == 3)
    snapshot = future.result()
    for thread in impatient:
        thread.join()
    after = bench.facts(snapshot)
    for member, facts in before.items():
        assert {**facts, "sequences": None} == {**after[member], "sequences": None}
    assert red(bench.drill(snapshot)) == {}
    with source.connect(ORDERS) as session:
        assert session.execute("SELECT count(*) FROM twins").fetchall() == [(0,)]


def _waiting(source: PostgresSource) -> int:
    with source.connect("postgres") as session:
        return int(session.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchall()[0][0])


def test_a_dump_is_killed(bench: Bench, replace_dump: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context():
        replace_dump(KILLED_DUMP)
        _assert_fails(bench, CommandError, "pg_dump", "database/main-db/")
    _assert_works_again(bench, monkeypatch)


def test_the_failure_of_one_dump_ends_the_others(
    bench: Bench, replace_dump: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_dump(ONE_FAILS)
    _assert_fails(bench, CommandError, f"database/main-db/{ORDERS}", "no luck")  # the other's dump never ends
    _assert_works_again(bench, monkeypatch)


def test_the_server_is_restarted(
    bench: Bench, postgres: SamplePostgres, replace_dump: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with _paused(bench, replace_dump(PAUSED_DUMP)) as future:
            postgres.stop()
        with pytest.raises((CommandError, UnreachableError)) as caught:
            future.result()
        assert "database/main-db" in str(caught.value)
        assert caught.value.next_step and not caught.value.permanent
    finally:
        postgres.start()
    _assert_works_again(bench, monkeypatch)


def _assert_fails(bench: Bench, kind: type[LifeboatError], *words: str) -> None:
    with pytest.raises(kind) as caught:
        bench.capture()
    assert caught.value.next_step and not caught.value.permanent
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)
    assert not [found for found in bench.vault.snapshots({}) if found.tags["kind"] == "facts"]


def _assert_works_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes_with(str(bench.vault_directory), *TOOLS) == []
    with _access(bench) as access:  # other tests capture from other servers at the same time
        assert processes_with(f"PGPORT={access.port}", "pg_dump", "pg_dumpall") == []
    monkeypatch.undo()
    bench.capture()


# Locks


def test_a_table_that_another_session_keeps_to_itself(
    bench: Bench, source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_LOCK_SECONDS", 1)
    with source.connect(OTHER) as session, session.transaction():
        session.execute("LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CaptureInterruptedError, match="lock timeout") as caught:
            bench.capture()
    assert OTHER in str(caught.value) and not caught.value.permanent
    bench.capture()


def test_a_table_that_is_dropped_at_the_last_moment(bench: Bench, source: PostgresSource) -> None:
    with _access(bench) as access, one_instant(access, [ORDERS]) as instant:
        source.run("DROP TABLE twins")
        with pytest.raises(CaptureInterruptedError, match="twins"):
            lock_tables(instant.holders[0])


# One instant


def test_two_databases_at_one_instant(bench: Bench, source: PostgresSource) -> None:
    with _writing(source, pause=0.02):
        snapshot = bench.capture()
    assert snapshot.skew_ms == 0


def test_without_equal_snapshots_the_skew_is_told(
    bench: Bench, source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many sessions are opened that a transaction ends in between."""
    with _writing(source), _access(bench) as access, one_instant(access, [ORDERS, OTHER] * 10, tries=1) as instant:
        assert 0 < instant.skew_ms < 10_000
    monkeypatch.setattr("lifeboat.engines.postgres.one_instant", lambda *_: _skewed(instant.skew_ms, bench))
    assert bench.capture().skew_ms == instant.skew_ms


@contextmanager
def _skewed(skew_ms: float, bench: Bench) -> Iterator[Any]:
    with _access(bench) as access, one_instant(access, [ORDERS, OTHER]) as instant:
        yield snapshots.Instant(instant.holders, instant.time, skew_ms)


@contextmanager
def _access(bench: Bench) -> Iterator[Access]:
    engine = bench.engine
    assert isinstance(engine, PostgresEngine)
    with engine.access() as access:
        yield access


@contextmanager
def _writing(source: PostgresSource, pause: float = 0) -> Iterator[None]:
    """Commit a row after another, with a pause in between."""
    stop = threading.Event()

    def write() -> None:
        with source.connect(ORDERS) as session:
            while not stop.wait(pause):
                session.execute("INSERT INTO item (name) VALUES ('written meanwhile')")

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_a_point_of_an_earlier_version_is_proven_in_its_way(
    bench: Bench, source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is captured here has the manifest and the facts that version 1 made."""
    source.run("ALTER TABLE item ALTER name SET DEFAULT '(a)'")
    with monkeypatch.context() as then:
        then.setattr(proofs, "VERSION", 1)
        then.setattr(proofs.schema_facts, "__defaults__", (None, None, 1))
        snapshot = bench.capture()
    assert {member.proof.algorithm.split("/")[1] for member in snapshot.members} == {"1"}
    assert red(bench.drill(snapshot)) == {}
