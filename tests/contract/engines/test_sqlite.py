"""SQLite under way: writers meanwhile, locks, damage, and what a capture and an exchange leave."""

import random
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lifeboat import sqlitecopy
from lifeboat.engines import sqlite
from lifeboat.errors import CaptureError, CaptureInterruptedError, ConfigurationError, PreflightError, VaultBusyError
from lifeboat.manifest import Manifest
from lifeboat.recovery_plan import select_members
from lifeboat.swap import State
from tests.contract.engines.test_beside import beside, plan
from tests.support import sqlite_everything
from tests.support.chance import SEED
from tests.support.engine_bench import Bench, red
from tests.support.sqlite_source import SQLiteSource
from tests.support.toolbox import KILLED_RESTIC, Toolbox


@pytest.fixture
def source(place: Path) -> SQLiteSource:
    return SQLiteSource(place, lambda name: None)


@pytest.fixture
def host() -> str:
    return "worker"


@pytest.fixture(autouse=True)
def _no_copy_is_left(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    copies = place / "copies"
    copies.mkdir()
    monkeypatch.setenv("TMPDIR", str(copies))  # others may capture on this machine as well
    yield
    assert list(copies.iterdir()) == []


@contextmanager
def writing(source: SQLiteSource) -> Iterator[Callable[[], int]]:
    """Move amounts between two rows, one transaction after the other, and count them."""
    source.run("CREATE TABLE account (id integer, amount integer); INSERT INTO account VALUES (1, 0), (2, 0)")
    done, count = threading.Event(), 0

    def write() -> None:
        nonlocal count
        with closing(sqlite3.connect(source.path, timeout=30, isolation_level=None)) as session:
            while not done.is_set():
                session.executescript(
                    "BEGIN IMMEDIATE; UPDATE account SET amount = amount - 1 WHERE id = 1;"
                    "INSERT INTO twins VALUES ('written meanwhile');"
                    "UPDATE account SET amount = amount + 1 WHERE id = 2; COMMIT"
                )
                count += 1

    writer = threading.Thread(target=write)
    writer.start()
    yield lambda: count
    done.set()
    writer.join()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_writers_go_on_and_the_copy_is_of_one_instant(bench: Bench, source: SQLiteSource, mode: str) -> None:
    source.run(f"PRAGMA journal_mode = {mode}")
    with writing(source) as count:
        before = count()
        snapshot = bench.capture()
        assert count() > before
    captured = bench.facts(snapshot)
    with bench.restored(snapshot) as restored:
        assert isinstance(restored, sqlite.RestoredFile)
        assert red(bench.compare(captured, restored.prove())) == {}
        with closing(sqlite3.connect(restored.path)) as session:
            assert session.execute("SELECT sum(amount) FROM account").fetchone() == (0,)
            moved, written = session.execute(
                "SELECT (SELECT amount FROM account WHERE id = 2), "
                "(SELECT count(*) FROM twins WHERE value = 'written meanwhile')"
            ).fetchone()
            assert moved == written > 0


def test_a_lock_that_stays_ends_the_capture(
    bench: Bench, source: SQLiteSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WAIT_SECONDS", 0.3)
    source.run("PRAGMA journal_mode = DELETE")
    with closing(source.connect()) as session:
        session.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CaptureInterruptedError, match=r"lifeboat/main .*locked"):
            bench.capture()
    assert bench.vault.snapshots({}) == []
    bench.capture()


def test_a_damaged_database_is_not_captured(bench: Bench, source: SQLiteSource) -> None:
    source.run("PRAGMA journal_mode = DELETE; VACUUM")
    content = bytearray(source.path.read_bytes())
    at = content.rindex(b"first")
    content[at - 40 : at] = bytes(40)
    source.path.write_bytes(content)
    with pytest.raises(CaptureError, match=r"lifeboat/main .*is damaged"):
        bench.capture()
    assert bench.vault.snapshots({}) == []


def test_what_is_no_database_is_refused(bench: Bench, source: SQLiteSource) -> None:
    source.path.write_bytes(b"something else")
    with pytest.raises(PreflightError, match="no SQLite database"):
        bench.engine.preflight()
    source.path.unlink()
    with pytest.raises(PreflightError, match=r"lifeboat\.db.* no such file"):
        bench.engine.preflight()


def test_a_file_is_one_database(source: SQLiteSource, bench_for: Callable[..., Bench]) -> None:
    document = source.document("worker")
    document["database_servers"]["lifeboat"]["databases"] = {"main": {}, "other": {}}
    with pytest.raises(ConfigurationError, match="just one"):
        bench_for(source.unit, document, source.connections()).engine.preflight()


def test_a_failed_capture_leaves_no_copy(bench: Bench, toolbox: Toolbox) -> None:
    toolbox.put("restic", KILLED_RESTIC)
    with pytest.raises(VaultBusyError):
        bench.capture()


def test_a_changed_row_in_the_vault_is_seen(bench: Bench, source: SQLiteSource) -> None:
    captured = bench.facts(bench.capture())
    source.run(
        "INSERT INTO twins VALUES ('a'); DELETE FROM twins WHERE rowid = 3; UPDATE item SET price = 2 WHERE id = 1"
    )
    found = red(bench.drill(bench.capture(), captured))
    assert found == {"table-content": "1 changed: item"}


def test_an_open_database_is_not_exchanged(bench: Bench, source: SQLiteSource) -> None:
    snapshot = bench.capture()
    replacement = plan(bench, snapshot)
    with beside(bench, snapshot, replacement):
        pass
    step = bench.engine.step(replacement)
    with closing(source.connect()) as session:
        session.execute("SELECT * FROM item").fetchall()
        for refused in (step.forward, lambda: plan(bench, snapshot)):
            with pytest.raises(PreflightError, match="in use by"):
                refused()
    assert step.state() is State.OLD
    step.forward()
    assert step.state() is State.NEW
    step.discard()


def test_a_recovery_of_everything_leaves_it_alone(bench: Bench) -> None:
    snapshot = bench.capture()
    manifest = Manifest.model_construct(id="point", units=(snapshot,))
    assert select_members(manifest, ()) == {}
    assert select_members(manifest, ("database/lifeboat",)) == {bench.unit: ["database/lifeboat/main"]}


def test_a_database_that_is_gone_comes_back(bench: Bench, source: SQLiteSource) -> None:
    snapshot = bench.capture()
    captured = bench.facts(snapshot)
    source.path.unlink()
    replacement = plan(bench, snapshot)
    with beside(bench, snapshot, replacement):
        pass
    bench.engine.step(replacement).forward()
    assert red(bench.compare(captured, bench.facts(bench.capture()))) == {}
    assert source.path.stat().st_mode & 0o777 == 0o644


@pytest.fixture
def everything(source: SQLiteSource) -> SQLiteSource:
    """The source, with everything in it that a database can hold."""
    source.path.unlink()
    sqlite_everything.make(source.path)
    return source


def test_everything_comes_back(bench: Bench, everything: SQLiteSource) -> None:
    snapshot = bench.capture()
    captured = bench.facts(snapshot)
    assert len(captured[bench.engine.database_member]["tables"]) > sqlite_everything.MANY + 15
    with bench.restored(snapshot) as restored:
        assert isinstance(restored, sqlite.RestoredFile)
        assert red(bench.compare(captured, restored.prove())) == {}
        paths = (everything.path, restored.path)
        first, second = (subprocess.check_output(["sqlite3", path, ".schema", ".dump"]) for path in paths)
    assert first == second


def test_any_change_of_everything(everything: SQLiteSource, chance: random.Random) -> None:
    with closing(sqlite3.connect(everything.path, isolation_level=None)) as session:
        before, changes = sqlitecopy.facts_of(session), sqlite_everything.Changes(session, chance)
        for _ in range(40):
            statement = changes.make()
            after = sqlitecopy.facts_of(session)
            changes.undo()
            assert after != before, f"seed {SEED}: {statement}"
        assert sqlitecopy.facts_of(session) == before


def test_a_database_comes_back_as_its_file(bench: Bench, source: SQLiteSource, place: Path, tmp_path: Path) -> None:
    snapshot = bench.capture()
    part = bench.part(snapshot, snapshot.members[0].member, place / "part")
    returned = bench.engine.restore_files(part, tmp_path / "back", None)
    assert {check.outcome for check in returned.checks} == {"passed"}
    with closing(source.connect()) as live, closing(sqlite3.connect(returned.where)) as back:
        assert list(back.iterdump()) == list(live.iterdump())
