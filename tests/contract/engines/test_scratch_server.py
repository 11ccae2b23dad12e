"""The PostgreSQL server of a drill: closed to everybody else, and gone with its drill, however that ends."""

import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from lifeboat.engines._dumps import load, spool_member
from lifeboat.engines.postgres.restored import UNFIT, RestoredServer
from lifeboat.engines.postgres.scratch import scratch_server
from lifeboat.errors import CommandError, PreflightError, SpaceError, UnreachableError
from lifeboat.host import Command
from lifeboat.manifest import UnitSnapshot
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.scratch import reap, scratch_place
from tests.support.disks import small_disk
from tests.support.engine_bench import Bench, red
from tests.support.leftovers import processes_with
from tests.support.toolbox import Toolbox
from tests.support.waiting import eventually, is_running

#: Runs a scratch server in a scratch place below the first argument, and waits to be killed.
_DRILL = """
import sys, time
from pathlib import Path
from lifeboat.engines.postgres.scratch import scratch_server
from lifeboat.scratch import scratch_place
with scratch_place(Path(sys.argv[1])) as place, scratch_server(sys.argv[2], place / "pg"):
    print("ready", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def root(place: Path) -> Iterator[Path]:
    """A scratch directory; nothing may be left of what the test did there."""
    yield place / "scratch"
    assert list((place / "scratch").glob("drill-*")) == []
    assert processes_with(str(place / "scratch"), "postgres") == []


@pytest.fixture
def tools(real_tools: tuple[str, Path]) -> str:
    return str(real_tools[1])


def _server(place: Path) -> int:
    return int((place / "pg/data/postmaster.pid").read_text().splitlines()[0])


def test_nobody_else_reaches_it(root: Path, tools: str) -> None:
    with scratch_place(root) as place, scratch_server(tools, place / "pg") as access:
        tables = [Path(f"/proc/net/{name}").read_text().splitlines() for name in ("tcp", "tcp6")]
        listening = {line.split()[9] for lines in tables for line in lines}
        sockets = {os.readlink(file) for file in Path(f"/proc/{_server(place)}/fd").iterdir()}
        assert not {f"socket:[{inode}]" for inode in listening} & sockets
        for path in (place / "pg", place / "pg/s", place / "pg/data"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert stat.S_IMODE((place / "pg/s/.s.PGSQL.5432").stat().st_mode) == 0o700
        with access.connect("postgres") as session:
            assert session.execute(
                "SELECT count(*) FROM pg_hba_file_rules WHERE type <> 'local' AND auth_method <> 'reject'"
            ).fetchall() == [(0,)]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_it_ends_with_its_drill(root: Path, tools: str, error: type[BaseException]) -> None:
    with pytest.raises(error), scratch_place(root) as place, scratch_server(tools, place / "pg"):
        server = _server(place)
        raise error
    assert not is_running(server)


def test_a_killed_drill_is_reaped_with_its_server_and_a_living_one_is_not(root: Path, tools: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _DRILL, str(root), tools]
    drills = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for drill in drills:
        assert drill.stdout and drill.stdout.readline() == "ready\n"
    places = {place: _server(place) for place in root.glob("drill-*")}
    assert reap(root) == []
    drills[0].kill()
    drills[0].wait()
    (dead,) = reap(root)
    assert not dead.exists()
    assert eventually(lambda: not is_running(places[dead]))
    (alive,) = places.keys() - {dead}
    assert is_running(places[alive]) and alive.exists()
    drills[1].send_signal(signal.SIGINT)
    drills[1].wait()


def test_a_path_that_is_too_long_for_a_socket(root: Path, tools: str) -> None:
    with scratch_place(root) as place, pytest.raises(PreflightError, match="too long for a Unix socket") as caught:
        _start(tools, place / ("long" * 20) / "pg")
    assert "shorter path" in caught.value.next_step


def test_a_directory_that_postgresql_cannot_use(root: Path, tools: str) -> None:
    with scratch_place(root) as place:
        (place / "shut").mkdir(mode=0o500)
        with pytest.raises(PreflightError, match=f"cannot use the scratch directory {place}/shut/pg") as caught:
            _start(tools, place / "shut/pg")
    assert "0711" in caught.value.next_step


def _start(tools: str, directory: Path) -> None:
    with scratch_server(tools, directory):
        pytest.fail("it started")


def test_a_server_that_does_not_start(root: Path, toolbox: Toolbox, tools: str) -> None:
    broken = toolbox.postgresql_with(Path(tools), "postgres", "echo 'no luck' >&2; exit 1")
    initdb = f'exec {tools}/initdb "$@"'  # finds its postgres beside itself
    (broken / "initdb").unlink()
    toolbox.put_beside(broken, "initdb", initdb, "")
    with scratch_place(root) as place, pytest.raises(UnreachableError, match="did not start: no luck"):
        _start(str(broken), place / "pg")


def test_directories_that_even_their_owner_cannot_empty(root: Path) -> None:
    """A restored tree has such directories, and a worker need not be root."""
    root.mkdir()
    with _nobody(root), scratch_place(root) as place:
        (place / "tree/a/b").mkdir(parents=True)
        (place / "tree/a/link").symlink_to(root)
        for path, mode in (("tree/a/b", 0o500), ("tree/a", 0o000), ("tree", 0o500)):
            (place / path).chmod(mode)
    assert stat.S_IMODE(root.stat().st_mode) == 0o755


@contextmanager
def _nobody(directory: Path) -> Iterator[None]:
    """Give a directory to an account that is not root, and be that account."""
    account = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    directory.chmod(0o755)
    os.chown(directory, account, -1)
    before = os.geteuid()
    os.seteuid(account)
    try:
        yield
    finally:
        os.seteuid(before)


# What says nothing about the restore point


@pytest.fixture
def captured(postgres: SamplePostgres, postgres_bench: Callable[..., Bench]) -> Iterator[tuple[Bench, UnitSnapshot]]:
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute("CREATE DATABASE small")
        bench = postgres_bench("small")
        yield bench, bench.capture()
        admin.execute("DROP DATABASE small")


def _restore_by(script: str, toolbox: Toolbox, real_tools: tuple[str, Path], patch: pytest.MonkeyPatch) -> None:
    variable, directory = real_tools
    patch.setenv(variable, str(toolbox.postgresql_with(directory, "pg_restore", script)))


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ('extension "pg_cron" is not available', PreflightError, "pg_cron.*Install that extension on this worker"),
        ('invalid locale name: "de_DE.UTF-8"', PreflightError, "de_DE.*Generate that locale"),
        ("could not extend file: No space left on device", SpaceError, "No space.*scratch"),
        ("server closed the connection unexpectedly", UnreachableError, "scratch PostgreSQL ended"),
    ],
)
def test_what_this_worker_lacks_is_an_error_and_no_red_check(message: str, kind: type[Exception], words: str) -> None:
    restored = RestoredServer()
    with pytest.raises(kind, match=f"(?s)database/main-db/small.*{words}"):
        command = Command(["sh", "-c", f"echo 'ERROR:  {message}' >&2; exit 1"])
        load(restored, "database/main-db/small", command, UNFIT)
    assert restored.checks == []


def test_a_loader_that_is_killed_is_an_error_and_no_red_check(
    captured: tuple[Bench, UnitSnapshot],
    toolbox: Toolbox,
    real_tools: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, snapshot = captured
    _restore_by("kill -KILL $$", toolbox, real_tools, monkeypatch)
    with pytest.raises(CommandError, match="pg_restore"):
        bench.drill(snapshot)
    assert list(bench.scratch.glob("drill-*")) == []


def test_a_dump_that_cannot_be_loaded_is_a_red_check(
    captured: tuple[Bench, UnitSnapshot],
    toolbox: Toolbox,
    real_tools: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, snapshot = captured
    _restore_by(
        "echo 'pg_restore: error: could not read from input file' >&2; exit 1", toolbox, real_tools, monkeypatch
    )
    found = red(bench.drill(snapshot))
    assert found.keys() == {"restore-complete", "member-proven"}
    assert "could not read" in found["restore-complete"]


def test_a_dump_that_does_not_fit(captured: tuple[Bench, UnitSnapshot], place: Path) -> None:
    bench, snapshot = captured
    (place / "spool").mkdir()
    with small_disk(place / "spool", free=0), pytest.raises(SpaceError, match=f"{snapshot.members[0].member}.*spool"):
        spool_member(RestoredServer(), bench.vault, snapshot.members[0], place / "spool/dump")


def test_a_database_that_is_called_like_the_server_s_own(
    postgres_bench: Callable[..., Bench],
) -> None:
    bench = postgres_bench("postgres")
    assert red(bench.drill(bench.capture())) == {}
