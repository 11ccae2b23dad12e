"""H2 under way: open databases, foreign jars, wrong passwords, homes that are exchanged around them."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lifeboat.capture import engine_for
from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from lifeboat.engines.h2 import H2Engine, source
from lifeboat.engines.h2.restored import RestoredDatabases
from lifeboat.errors import CaptureError, CaptureInterruptedError, ConfigurationError, PreflightError, SwapError
from lifeboat.host import LocalHost
from lifeboat.swap import State, Step, roll_back, roll_forward
from tests.contract.engines.test_beside import RECOVERY, beside, plan
from tests.support import h2_everything
from tests.support.chance import SEED
from tests.support.engine_bench import Bench, red
from tests.support.h2_source import H2Source, opened, run_sql

HOME = Unit.parse("home/apim-cp-1")
CARBON, BROKER = H2Source.databases


@pytest.fixture
def source_(place: Path) -> H2Source:
    return H2Source(place, lambda name: None)


@pytest.fixture
def h2(source_: H2Source, bench_for: Callable[..., Bench]) -> Bench:
    return bench_for(source_.unit, source_.document("worker"), source_.connections())


def changed(source_: H2Source, bench_for: Callable[..., Bench], server: dict[str, object], **home: object) -> Bench:
    """Return the bench with other settings of the database server and of the home."""
    document = source_.document("worker")
    document["database_servers"][source_.unit.name].update(server)
    document["servers"]["apim-cp-1"].update(home)
    return bench_for(source_.unit, document, source_.connections())


def test_an_open_database_is_never_copied(h2: Bench, source_: H2Source, bench_for: Callable[..., Bench]) -> None:
    with opened(source_.folder / CARBON):
        with pytest.raises(CaptureError, match=rf"{CARBON}\.mv\.db: another process holds a lock on it"):
            h2.capture()
        assert h2.vault.snapshots({}) == []
        skipping = changed(source_, bench_for, {"while_running": "skip"})
        snapshot = skipping.capture()
    assert snapshot.members == ()
    assert "not captured, since it is open" in snapshot.warnings[0]
    assert h2.capture().warnings == ()


def test_a_database_that_processes_share_is_open_too(h2: Bench, source_: H2Source) -> None:
    with (
        opened(source_.folder / BROKER, ";AUTO_SERVER=TRUE"),
        pytest.raises(CaptureError, match=rf"lock file .*{BROKER}\.lock\.db is there"),
    ):
        h2.capture()


def test_a_file_that_is_touched_meanwhile_is_not_kept(
    h2: Bench, source_: H2Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = source.fetch

    def fetch(host: LocalHost, path: str, target: Path, run_as: str | None) -> str:
        if path.endswith(f"{CARBON}.mv.db"):
            run_sql(source_.folder / CARBON, "INSERT INTO twins VALUES ('b')")
        return real(host, path, target, run_as)

    with monkeypatch.context() as during:
        during.setattr(source, "fetch", fetch)
        with pytest.raises(CaptureInterruptedError, match=rf"{CARBON}\.mv\.db changed while it was copied"):
            h2.capture()
    assert h2.vault.snapshots({}) == []
    assert list(h2.scratch.glob("drill-*")) == []


def test_a_capture_leaves_the_files_alone(h2: Bench, source_: H2Source) -> None:
    before = {path: path.read_bytes() for path in source_.folder.iterdir()}
    h2.capture()
    assert {path: path.read_bytes() for path in source_.folder.iterdir()} == before


def test_an_unfit_jar_is_refused_before_anything(h2: Bench, source_: H2Source, bench_for: Callable[..., Bench]) -> None:
    plugins = source_.home / "repository/components/plugins"
    jar = plugins / "h2_2.1.214.wso2v1.jar"
    shutil.move(jar, plugins / "h2_1.4.199.wso2v1.jar")
    with pytest.raises(PreflightError, match=r"MV store format 2, which no H2 of its product reads .*1\.4\.199"):
        h2.engine.preflight()
    elsewhere = source_.home / "h2-2.1.214.jar"
    shutil.copy(plugins / "h2_1.4.199.wso2v1.jar", elsewhere)
    connection = Connection("bench_h2", "generic", login="x", password="y", extra={"jar": str(elsewhere)})
    fit = bench_for(source_.unit, source_.document("worker"), {"bench_h2": connection})
    assert fit.engine.preflight()["h2"] == "h2-2.1.214.jar"


@pytest.mark.parametrize("name", ["NO_SUCH_DB", "../WSO2CARBON_DB"])
def test_a_database_that_is_not_there_is_named(source_: H2Source, bench_for: Callable[..., Bench], name: str) -> None:
    with pytest.raises((PreflightError, ConfigurationError), match=name):
        changed(source_, bench_for, {"databases": {name: {}}}).engine.preflight()


def test_a_wrong_password_and_a_damaged_file_are_told_apart_by_h2(
    h2: Bench, source_: H2Source, bench_for: Callable[..., Bench]
) -> None:
    wrong = Connection("bench_h2", "generic", login="wso2carbon", password="wrong secret")
    with pytest.raises(CaptureError, match="Wrong user name or password") as caught:
        bench_for(source_.unit, source_.document("worker"), {"bench_h2": wrong}).capture()
    assert "wrong secret" not in str(caught.value)
    path = source_.folder / f"{CARBON}.mv.db"
    content = bytearray(path.read_bytes())
    content[8192:] = bytes(len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=f"{CARBON}: h2_2.1.214"):
        h2.capture()
    assert h2.vault.snapshots({}) == []


def test_a_jar_that_was_exchanged_in_the_vault_is_not_run(h2: Bench) -> None:
    snapshot = h2.capture()
    details = {**snapshot.members[0].details, "jar_sha256": "0" * 64}
    forged = snapshot.members[0].model_copy(update={"details": details})
    with h2.restored(snapshot.model_copy(update={"members": (forged, snapshot.members[1])})) as restored:
        assert restored.prove().keys() == {snapshot.members[1].member}
    assert "it is not run" in red(restored.checks)["restore-complete"]


def test_an_open_database_is_not_exchanged(h2: Bench, source_: H2Source) -> None:
    snapshot = h2.capture()
    replacement = plan(h2, snapshot)
    with beside(h2, snapshot, replacement):
        pass
    step = h2.engine.step(replacement)
    with opened(source_.folder / BROKER), pytest.raises(SwapError, match=rf"open: .*{BROKER}"):
        step.forward()
    assert step.state() is State.OLD


# Everything that a database can hold


@pytest.fixture
def everything(source_: H2Source) -> Path:
    """The first database of the source, with everything in it."""
    (source_.folder / f"{CARBON}.mv.db").unlink()
    h2_everything.make(source_.folder / CARBON)
    return source_.folder / CARBON


def test_everything_comes_back(h2: Bench, everything: Path) -> None:
    snapshot = h2.capture()
    captured = h2.facts(snapshot)
    assert len(captured[snapshot.members[0].member]["tables"]) > h2_everything.MANY + 10
    with h2.restored(snapshot) as restored:
        assert isinstance(restored, RestoredDatabases)
        assert red(h2.compare(captured, restored.prove())) == {}
        files = [everything.parent / f"{CARBON}.mv.db", restored.found[0].file]
        first, second = (h2_everything.schema_script(file) for file in files)
    assert first == second
    assert first.count("CREATE ") > h2_everything.MANY


def test_any_change_of_everything(everything: Path, place: Path, chance: random.Random) -> None:
    before, tried = h2_everything.try_changes(everything, place, chance, 24)
    changes = [each for each in tried if each.is_change]
    assert len(changes) > 5, SEED
    for each in changes:
        assert each.changed != before, f"seed {SEED}: {each.statement}"
    for each in tried:
        assert each.undone == before, f"seed {SEED}: after {each.statement}"


# A home around them


@contextmanager
def both_beside(h2: Bench) -> Iterator[tuple[list[Step], Callable[[], None]]]:
    """Capture home and databases, and yield the steps of a recovery of both, and what restores them beside."""
    home = Bench(h2.runtime, HOME, h2.vault_directory, h2.scratch)
    snapshots = {bench.unit: (bench, bench.capture()) for bench in (home, h2)}

    def restore() -> None:
        for bench, snapshot in snapshots.values():
            with beside(bench, snapshot, replacements[bench.unit]):
                pass

    replacements = {}
    for bench, snapshot in snapshots.values():
        replacements[bench.unit] = plan(bench, snapshot)
    engines = [engine_for(h2.runtime, unit) for unit in (h2.unit, HOME)]
    ordered = sorted(engines, key=lambda engine: engine.inside_a_home)
    assert [type(engine) for engine in ordered][1] is H2Engine
    yield [engine.step(replacements[engine.unit]) for engine in ordered], restore


def rows(source_: H2Source, home: Path) -> bytes:
    return (home / "repository/database" / f"{CARBON}.mv.db").read_bytes()


def test_a_home_is_exchanged_first_and_the_old_one_stays_as_it_was(h2: Bench, source_: H2Source) -> None:
    then = rows(source_, source_.home)
    with both_beside(h2) as (steps, restore):
        run_sql(source_.folder / CARBON, "DROP TABLE twins")
        now = rows(source_, source_.home)
        (source_.home / "repository/conf/deployment.toml").write_text("changed")
        restore()
        roll_forward(steps)
        assert [step.state() for step in steps] == [State.NEW, State.NEW]
        assert rows(source_, source_.home) == then
        assert (source_.home / "repository/conf/deployment.toml").read_text() == "[server]\n"
        kept = source_.home.with_name(f"home.before-{RECOVERY}")
        assert rows(source_, kept) == now
        roll_back(steps)
        assert [step.state() for step in steps] == [State.OLD, State.OLD]
        assert rows(source_, source_.home) == now
        roll_forward(steps)
        assert rows(source_, source_.home) == then
        for step in steps:
            step.discard()
        assert sorted(path.name for path in source_.folder.iterdir()) == [f"{CARBON}.mv.db", f"{BROKER}.mv.db"]
        assert not kept.exists()


@pytest.mark.parametrize("end", [roll_forward, roll_back])
def test_an_exchange_of_both_that_was_killed_ends_whole(
    h2: Bench, source_: H2Source, end: Callable[[list[Step]], None]
) -> None:
    then = rows(source_, source_.home)
    with both_beside(h2) as (steps, restore):
        run_sql(source_.folder / CARBON, "DROP TABLE twins")
        now = rows(source_, source_.home)
        restore()
        shutil.copytree(
            source_.folder,
            source_.home.with_name(f"home.restored-{RECOVERY}") / "repository/database",
            dirs_exist_ok=True,
        )
        source_.home.rename(source_.home.with_name(f"home.before-{RECOVERY}"))
        assert [step.state() for step in steps] == [State.BETWEEN, State.BETWEEN]
        end(steps)
        assert rows(source_, source_.home) == (then if end is roll_forward else now)
        assert {step.state() for step in steps} == {State.NEW if end is roll_forward else State.OLD}


def test_a_home_that_is_gone_comes_back_with_its_databases(h2: Bench, source_: H2Source) -> None:
    then = rows(source_, source_.home)
    captured = {unit: Bench(h2.runtime, unit, h2.vault_directory, h2.scratch) for unit in (HOME, h2.unit)}
    snapshots = {unit: bench.capture() for unit, bench in captured.items()}
    shutil.rmtree(source_.home)
    replacements = {unit: plan(bench, snapshots[unit]) for unit, bench in captured.items()}
    for unit, bench in captured.items():
        with beside(bench, snapshots[unit], replacements[unit]) as restored:
            assert restored.prove()
        assert red(restored.checks) == {}
    roll_forward([bench.engine.step(replacements[unit]) for unit, bench in captured.items()])
    assert rows(source_, source_.home) == then


def test_a_database_that_is_made_anew_is_left_behind(source_: H2Source, bench_for: Callable[..., Bench]) -> None:
    bench = changed(source_, bench_for, {"databases": {BROKER: {}}}, recreated_databases=[CARBON])
    home = Bench(bench.runtime, HOME, bench.vault_directory, bench.scratch)
    snapshot = home.capture()
    assert not [warning for warning in snapshot.warnings if "embedded" in warning]
    replacement = plan(home, snapshot)
    with beside(home, snapshot, replacement):
        pass
    home.engine.step(replacement).forward()
    assert sorted(path.name for path in source_.folder.iterdir()) == [f"{BROKER}.mv.db"]


def test_embedded_databases_that_nobody_captures_are_told(source_: H2Source, bench_for: Callable[..., Bench]) -> None:
    bench = changed(source_, bench_for, {"databases": {BROKER: {}}})
    home = Bench(bench.runtime, HOME, bench.vault_directory, bench.scratch)
    (warning,) = (text for text in home.capture().warnings if "embedded" in text)
    assert CARBON in warning
    assert BROKER not in warning


def test_a_database_comes_back_as_its_file(h2: Bench, source_: H2Source, place: Path, tmp_path: Path) -> None:
    snapshot = h2.capture()
    part = h2.part(snapshot, snapshot.members[0].member, place / "part")
    returned = h2.engine.restore_files(part, tmp_path / "back", None)
    assert [check.outcome for check in returned.checks] == ["passed"]
    assert Path(returned.where).read_bytes() == rows(source_, source_.home)
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == [f"{CARBON}.mv.db", "h2_2.1.214.wso2v1.jar"]
    other = replace(part, member=part.member.model_copy(update={"stream_sha256": "0" * 64}))
    assert red(list(h2.engine.restore_files(other, tmp_path / "other", None).checks)).keys() == {"stream-digest"}
    with pytest.raises(ConfigurationError, match="without paths inside"):
        h2.engine.restore_files(part, tmp_path / "path", "x")
