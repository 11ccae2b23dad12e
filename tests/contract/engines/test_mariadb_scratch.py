"""The MariaDB server of a drill: closed to everybody else, and gone with its drill, however that ends."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifeboat.engines._dumps import load
from lifeboat.engines.mariadb.restored import UNFIT, RestoredServer
from lifeboat.engines.mariadb.scratch import scratch_server
from lifeboat.errors import PreflightError, SpaceError, ToolError, UnreachableError
from lifeboat.host import Command
from lifeboat.sample.mariadb_server import SampleMariaDB
from lifeboat.scratch import reap, scratch_place
from tests.support.leftovers import processes_with
from tests.support.toolbox import Toolbox
from tests.support.waiting import eventually, is_running

SERIES = (10, 11)

#: Runs a scratch server in a scratch place below the first argument, and waits to be killed.
_DRILL = """
import sys, time
from pathlib import Path
from lifeboat.engines.mariadb.scratch import scratch_server
from lifeboat.scratch import scratch_place
with scratch_place(Path(sys.argv[1])) as place, scratch_server((10, 11), place / "my"):
    print("ready", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def root(place: Path) -> Iterator[Path]:
    """A scratch directory; nothing may be left of what the test did there."""
    yield place / "scratch"
    assert list((place / "scratch").glob("drill-*")) == []
    assert processes_with(str(place / "scratch"), "mariadbd") == []


def _server(place: Path) -> int:
    return int((place / "my/data/mariadbd.pid").read_text())


def test_it_leaves_the_temporary_files_of_other_servers_alone(root: Path, place: Path) -> None:
    """A server removes such files when it starts, wherever it keeps its own; where it does by itself, others do too."""
    with tempfile.NamedTemporaryFile(prefix="#sql-temptable-", suffix=".MAI") as other:
        if os.geteuid() == 0:
            shutil.chown(other.name, "mysql")
        with scratch_place(root) as scratch, scratch_server(SERIES, scratch / "my"):
            pass
        sample = SampleMariaDB(place / "sample")
        sample.start()
        sample.stop()
        assert Path(other.name).exists()


def test_nobody_else_reaches_it(root: Path) -> None:
    with scratch_place(root) as place, scratch_server(SERIES, place / "my") as access:
        tables = [Path(f"/proc/net/{name}").read_text().splitlines() for name in ("tcp", "tcp6")]
        listening = {line.split()[9] for lines in tables for line in lines}
        sockets = {os.readlink(file) for file in Path(f"/proc/{_server(place)}/fd").iterdir()}
        assert not {f"socket:[{inode}]" for inode in listening} & sockets
        for path in (place / "my", place / "my/s"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        with access.connect() as session:
            users = session.rows("SELECT User FROM mysql.user ORDER BY User")
            assert users == [("lifeboat_scratch",), ("mariadb.sys",)]
            assert session.one("SELECT @@event_scheduler, @@skip_networking, @@log_bin") == ("OFF", 1, 0)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_it_ends_with_its_drill(root: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), scratch_place(root) as place, scratch_server(SERIES, place / "my"):
        server = _server(place)
        raise error
    assert not is_running(server)


def test_a_killed_drill_is_reaped_with_its_server(root: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    drill = subprocess.Popen(
        [sys.executable, "-c", _DRILL, str(root)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert drill.stdout and drill.stdout.readline() == "ready\n"
    (place,) = root.glob("drill-*")
    server = _server(place)
    assert reap(root) == []
    drill.kill()
    drill.wait()
    assert reap(root) == [place]
    assert eventually(lambda: not is_running(server))


def test_settings_of_the_source_hold(root: Path) -> None:
    settings = {"lower_case_table_names": "1", "innodb_page_size": "32768", "explicit_defaults_for_timestamp": "OFF"}
    with scratch_place(root) as place, scratch_server(SERIES, place / "my", settings) as access:
        with access.connect() as session:
            found = session.one(f"SELECT {', '.join(f'@@{name}' for name in settings)}")
        assert found == (1, 32768, 0)


def test_a_path_that_is_too_long_for_a_socket(root: Path) -> None:
    with scratch_place(root) as place, pytest.raises(PreflightError, match="too long for a Unix socket"):
        _start(place / ("long" * 20) / "my")


def test_a_server_that_does_not_start(root: Path, toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = toolbox.directory / "broken-mariadb/bin"
    directory.mkdir(parents=True)
    script = 'case " $* " in *" --version "*|*" --bootstrap "*) exec {real} "$@";; esac; echo "no luck" >&2; exit 1'
    toolbox.put_beside(directory, "mariadbd", script, "/usr/sbin/mariadbd")
    (directory / "mariadb-install-db").symlink_to("/usr/bin/mariadb-install-db")
    monkeypatch.setenv("LIFEBOAT_MARIADB_10_11", str(directory.parent))
    with scratch_place(root) as place, pytest.raises(UnreachableError, match="did not start: no luck"):
        _start(place / "my")


def test_a_server_of_another_series(root: Path) -> None:
    with (
        scratch_place(root),
        pytest.raises(ToolError, match=r"no mariadbd of MariaDB 11\.4"),
        scratch_server((11, 4), root / "my"),
    ):
        pytest.fail("it started")


def _start(directory: Path) -> None:
    with scratch_server(SERIES, directory):
        pytest.fail("it started")


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ("ERROR 1114 (HY000) at line 7: The table 'x' is full", SpaceError, "1114.*scratch"),
        ("ERROR 1273 (HY000) at line 7: Unknown collation: 'uca1400_ai_ci'", PreflightError, "same release"),
        ("ERROR 1286 (42000) at line 7: Unknown storage engine 'rocksdb'", PreflightError, "Install that plugin"),
        ("ERROR 2013 (HY000) at line 7: Lost connection to server", UnreachableError, "scratch MariaDB ended"),
    ],
)
def test_what_this_worker_lacks_is_an_error_and_no_red_check(message: str, kind: type[Exception], words: str) -> None:
    restored = RestoredServer()
    with pytest.raises(kind, match=f"(?s)database/my-db/small.*{words}"):
        load(restored, "database/my-db/small", Command(["sh", "-c", f'echo "{message}" >&2; exit 1']), UNFIT)
    assert restored.checks == []
