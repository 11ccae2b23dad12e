"""A server is stopped and started by what is seen of it, on this machine and over SSH."""

import getpass
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifeboat.errors import ConfigurationError, PreflightError, ServerError
from lifeboat.host import Host, LocalHost
from lifeboat.ssh_host import SshHost
from lifeboat.wso2 import server_probe
from tests.support.sshd import TestSshd
from tests.support.waiting import eventually, is_running
from tests.support.wso2_server import MARKER, SCRIPT, DoubleHome

HERE = LocalHost("here")
ACCOUNT = "nobody"


@pytest.fixture
def stranger() -> Iterator[int]:
    """The process of somebody else."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def padded(pid: int) -> bytes:
    return str(pid).encode().ljust(100, b"\0")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# From stopped to running and back


def test_a_life(host: Host, home: DoubleHome) -> None:
    control = home.control(host)
    (home.home / "tmp").mkdir()
    (home.home / "tmp/unpacked").mkdir()
    (home.home / "tmp/unpacked/upload").touch()
    control.preflight()
    assert (control.state().running, str(control.state()), home.processes()) == (False, "stopped", [])
    assert control.stop() is False
    assert control.start() is True
    state = control.state()
    assert state.pid == int(home.pid_file.read_bytes().strip(b"\0"))
    assert str(state) == f"running (process {state.pid})"
    assert state.ports == {home.port}
    assert set(state.pids) == set(home.processes())
    assert list((home.home / "tmp").iterdir()) == []
    assert control.start() is False
    assert control.state().pids == state.pids
    assert control.health() == f"http://127.0.0.1:{home.port}/api/health-check/v1.0/health"
    assert control.stop() is True
    assert home.processes() == []
    assert not listens(home.port)
    assert control.stop() is False
    assert control.bring_up()
    assert control.state().running


def test_a_started_server_outlives_who_started_it_and_knows_none_of_its_secrets(home: DoubleHome) -> None:
    program = (
        "import sys\n"
        "from lifeboat.deployment import Server\n"
        "from lifeboat.host import LocalHost\n"
        "from lifeboat.wso2.server import ServerControl\n"
        "server = Server.model_validate_json(sys.argv[1])\n"
        "ServerControl(LocalHost(), 'one', server).start()\n"
        "print('started', flush=True)\n"
        "sys.stdin.read()\n"
    )
    settings = home.control(HERE, environment={"JAVA_HOME": "/opt/java 21"}).server.model_dump_json()
    with subprocess.Popen(
        [os.environ.get("PYTHON", "python"), "-c", program, settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "AIRFLOW_CONN_SIGNING": "the-key-of-everything"},
        start_new_session=True,
    ) as task:
        assert task.stdout is not None
        assert task.stdout.readline() == b"started\n"
        os.killpg(task.pid, signal.SIGKILL)
    state = home.control(HERE).state()
    assert state.running
    for pid in state.pids:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"the-key-of-everything" not in environment
        assert b"JAVA_HOME=/opt/java 21\0" in environment
    assert home.control(HERE).health()


def test_a_home_behind_a_link_is_the_same_home(home: DoubleHome) -> None:
    link = home.home.with_name("current")
    link.symlink_to("home")
    control = home.control(HERE, home=str(link))
    assert control.start()
    assert home.control(HERE).state().pids == control.state().pids
    assert control.state().pid == int(home.pid_file.read_bytes().strip(b"\0"))
    assert control.stop()
    assert not listens(home.port)


# PID files that are wrong


def test_a_pid_file_of_a_stranger_is_removed_before_a_start(host: Host, home: DoubleHome, stranger: int) -> None:
    home.pid_file.write_bytes(padded(stranger))
    control = home.control(host)
    assert str(control.state()) == f"stopped (stale {home.pid_file})"
    assert control.stop() is False
    assert control.start()
    assert control.state().pid != stranger
    assert is_running(stranger)


@pytest.mark.parametrize("content", [b"", b"no number", padded(2**22 - 3)])
def test_a_pid_file_of_nobody_is_removed_before_a_start(home: DoubleHome, content: bytes) -> None:
    home.pid_file.write_bytes(content)
    assert home.control(HERE).start()


def test_already_running_is_a_failure_when_nothing_runs(home: DoubleHome, stranger: int) -> None:
    home.rewrite(SCRIPT, '<"$home/wso2carbon.pid"', '<"$home/other.pid"')
    (home.home / "other.pid").write_bytes(padded(stranger))
    began = time.monotonic()
    with pytest.raises(ServerError, match="ended before it had started") as caught:
        home.control(HERE).start()
    assert "Process is already running" in caught.value.message
    assert time.monotonic() - began < 10


def test_a_server_without_its_pid_file_is_stopped(host: Host, home: DoubleHome) -> None:
    control = home.control(host)
    control.start()
    home.pid_file.unlink()
    assert control.state().running
    assert control.stop() is True
    assert home.processes() == []


def test_a_stranger_in_the_pid_file_is_not_stopped(host: Host, home: DoubleHome, stranger: int) -> None:
    control = home.control(host)
    control.start()
    home.pid_file.write_bytes(padded(stranger))
    assert control.stop() is True
    assert home.processes() == []
    assert is_running(stranger)


# Servers that do not end


def test_stop_returns_when_a_slow_server_has_ended(home: DoubleHome) -> None:
    control = home.behave(STOP_SECONDS=1.5).control(HERE)
    control.start()
    began = time.monotonic()
    assert control.stop() is True
    assert time.monotonic() - began > 1.5
    assert home.processes() == []


def test_a_server_that_does_not_end_is_left_as_it_is(host: Host, home: DoubleHome) -> None:
    home.rewrite("bin/sample-server.py", "lambda number, frame: self.stopping.set()", "signal.SIG_IGN")
    control = home.control(host, stop_timeout="1s")
    control.start()
    before = control.state()
    with pytest.raises(ServerError, match=rf"did not end within 1s: process {before.pid} is still there") as caught:
        control.stop()
    assert "by hand" in caught.value.next_step
    assert control.state().pids == before.pids


def test_ports_that_stay_held_keep_a_server_from_being_down(home: DoubleHome) -> None:
    control = home.control(HERE, stop_timeout="2s")
    home.rewrite(
        "bin/sample-server.py",
        "            self.stopping.wait()\n",
        '            subprocess.Popen(["sleep", "600"], pass_fds=[listener.fileno()])\n'
        "            self.stopping.wait()\n",
    )
    control.start()
    (child,) = children_named("sleep", control.state().pids[0])
    try:
        with pytest.raises(ServerError, match=f"its ports are held by another process: {home.port}"):
            control.stop()
    finally:
        os.kill(child, signal.SIGKILL)


def children_named(name: str, parent: int) -> list[int]:
    listed = subprocess.check_output(["ps", "-o", "pid=,comm=", "--ppid", str(parent)], text=True)
    return [int(line.split()[0]) for line in listed.splitlines() if line.split()[1] == name]


def test_progress_is_told_while_a_server_ends(
    home: DoubleHome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lifeboat.wso2.server_waiting._PROGRESS_SECONDS", 0.5)
    control = home.behave(STOP_SECONDS=1.5).control(HERE)
    control.start()
    with caplog.at_level(logging.INFO):
        control.stop()
    assert "Server apim-cp-1 has not ended yet" in caplog.text


# Servers that do not start


def test_a_server_that_dies_at_its_start_shows_the_end_of_its_log(host: Host, home: DoubleHome) -> None:
    home.log.write_text(MARKER)
    with socket.create_server(("127.0.0.1", home.port)), pytest.raises(ServerError) as caught:
        home.control(host).start()
    assert "ended before it had started. The end of its log:" in caught.value.message
    assert f"FATAL {{org.wso2.carbon}} - Port {home.port} cannot be used" in caught.value.message
    assert "started in 31 sec" not in caught.value.message


def test_a_line_of_an_earlier_start_does_not_count(home: DoubleHome) -> None:
    home.log.write_text(MARKER)
    control = home.behave(START_SECONDS=600.0).control(HERE, start_timeout="2s")
    with pytest.raises(ServerError, match=r"has not started within 2s(?s:.*)Starting WSO2 Carbon"):
        control.start()


@pytest.mark.parametrize("rotation", ["renamed", "copied and cut", "replaced"])
def test_a_log_that_is_rotated_during_the_start(home: DoubleHome, rotation: str) -> None:
    home.log.write_text(MARKER * 3)
    control = home.behave(START_SECONDS=2.0).control(HERE)

    def rotate() -> None:
        assert eventually(lambda: "Starting WSO2" in home.log.read_text())
        old = home.log.with_name("wso2carbon-11-25-2026.log")
        if rotation == "renamed":
            home.log.rename(old)
        elif rotation == "copied and cut":
            old.write_bytes(home.log.read_bytes())
            os.truncate(home.log, 0)
        else:
            home.log.unlink()
            home.log.write_text("x" * 5000 + "\n")

    thread = threading.Thread(target=rotate)
    thread.start()
    assert control.start() is True
    thread.join()
    assert len(home.log.read_text().splitlines()) < 5


def test_a_log_that_was_cut_and_has_grown_again_is_read_from_its_beginning(tmp_path: Path) -> None:
    log_file = tmp_path / "repository/logs/wso2carbon.log"
    log_file.parent.mkdir(parents=True)
    log_file.write_text("old\n" * 100)
    position = server_probe.log_position(str(tmp_path))
    assert server_probe.written_since(str(tmp_path), position) == ""
    os.truncate(log_file, 0)  # the same inode, as a new file may have it too
    log_file.write_text(MARKER + "new\n" * 500)
    assert server_probe.written_since(str(tmp_path), position).startswith(MARKER)


def test_a_line_that_was_rotated_away_still_counts(home: DoubleHome) -> None:
    home.log.write_text(MARKER)
    home.rewrite(
        "bin/sample-server.py",
        "            self.stopping.wait()\n",
        '            os.rename(self.home / "repository/logs/wso2carbon.log", '
        'self.home / "repository/logs/wso2carbon-1.log")\n            self.stopping.wait()\n',
    )
    assert home.control(HERE).start() is True
    assert not home.log.exists()


def test_a_connection_that_is_lost_while_a_server_starts(sshd: TestSshd, home: DoubleHome) -> None:
    with SshHost("there", sshd.connection()) as host:
        control = home.behave(START_SECONDS=3.0).control(host)

        def cut_off() -> None:
            assert eventually(lambda: home.log.exists())
            for _ in range(15):
                sshd.cut_off()
                time.sleep(0.1)

        thread = threading.Thread(target=cut_off)
        thread.start()
        assert control.start() is True
        thread.join()
        assert control.health()


# Health


def test_a_server_that_is_not_healthy(home: DoubleHome) -> None:
    home.rewrite("bin/sample-server.py", "QUERIES: dict[str, str] = {}", 'QUERIES = {"apim_db": "SELECT 1"}')
    home.rewrite(
        "repository/conf/deployment.toml",
        "[server]",
        '[database.apim_db]\nurl = "jdbc:postgresql://127.0.0.1:1/apim_db"\nusername = "a"\npassword = "b"\n[server]',
    )
    control = home.control(HERE, start_timeout="1s")
    control.start()
    with pytest.raises(ServerError, match=r"is not healthy after 1s: .*503: .*apim_db.*Connection refused"):
        control.health()
    assert control.state().running


def test_a_server_that_ends_while_its_health_is_asked(home: DoubleHome) -> None:
    control = home.control(HERE)
    control.start()
    home.end()
    with pytest.raises(ServerError, match=r"has ended while .* was asked"):
        control.health()


# Load balancers


def test_hooks_run_around_stop_and_start(home: DoubleHome) -> None:
    told = home.home.with_name("told")

    def hook(word: str) -> list[str]:
        return [
            "sh",
            "-c",
            'echo "$1 $(cat "$2/wso2carbon.pid" | tr -d "\\0")" >>"$3"',
            "sh",
            word,
            str(home.home),
            str(told),
        ]

    control = home.control(HERE, drain=hook("out"), undrain=hook("in"))
    control.bring_up()
    first = control.state().pid
    control.stop()
    assert told.read_text() == f"in {first}\nout {first}\n"
    control.stop()
    assert len(told.read_text().splitlines()) == 2


@pytest.mark.parametrize("drain", [["sh", "-c", "echo no such target >&2; exit 4"], ["no-such-tool"]])
def test_a_server_that_cannot_be_drained_is_not_stopped(home: DoubleHome, drain: list[str]) -> None:
    control = home.control(HERE, drain=drain)
    control.start()
    with pytest.raises(ServerError, match=r"was not drained: (?s:.*)(no such target|no-such-tool)") as caught:
        control.stop()
    assert "take it out of the deployment file" in caught.value.next_step
    assert control.state().running


# Deployment files that leave things open


def test_a_server_without_control_is_seen_but_not_touched(home: DoubleHome) -> None:
    home.control(HERE).start()
    control = home.control(HERE, control=None)
    assert control.state().running
    for act in (control.stop, control.preflight):
        with pytest.raises(ConfigurationError, match="has no `control`") as caught:
            act()
        assert "Stop it by hand, or add control.unit or control.script" in caught.value.next_step
    home.control(HERE).stop()
    control.preflight()
    assert control.stop() is False
    with pytest.raises(ConfigurationError, match="cannot start it"):
        control.start()


@pytest.mark.parametrize("fault", ["missing", "not executable"])
def test_a_script_that_cannot_be_run(home: DoubleHome, fault: str) -> None:
    if fault == "missing":
        (home.home / SCRIPT).unlink()
    else:
        (home.home / SCRIPT).chmod(0o644)
    for act in (home.control(HERE).preflight, home.control(HERE).start):
        with pytest.raises(PreflightError, match=f"is not there or cannot be run: '{home.home / SCRIPT}'"):
            act()


def test_an_account_that_sees_too_little_does_not_call_a_server_stopped(
    home: DoubleHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = home.control(HERE)
    seen = HERE.run_python("lifeboat.wso2.server_probe", {"do": "look", "home": str(home.home)})
    assert seen["sees_all"] is True
    # What the probe answers to a plain account where /proc is mounted with hidepid.
    hidden = {**seen, "sees_all": False, "account": ACCOUNT, "processes": []}
    monkeypatch.setattr(HERE, "run_python", lambda *arguments, **options: hidden)
    with pytest.raises(PreflightError, match=r"hidepid.* cannot be told") as caught:
        control.state()
    assert "run_as to" in caught.value.next_step
    hidden["account"] = hidden["owner"]
    assert not control.state().running


def test_a_home_that_is_not_there_yet_is_no_problem(home: DoubleHome) -> None:
    control = home.control(HERE, home=str(home.home / "missing"))
    control.preflight()
    assert str(control.state()) == "stopped"


def test_a_server_runs_under_the_account_of_its_home(host: Host, home: DoubleHome) -> None:
    give_away(home.home, ACCOUNT)
    for act in (home.control(host).preflight, home.control(host).start):
        with pytest.raises(PreflightError, match=f"belongs to '{ACCOUNT}'") as caught:
            act()
        assert f"run_as to {ACCOUNT}" in caught.value.next_step
    assert home.processes() == []
    control = home.control(host, run_as=ACCOUNT)
    control.preflight()
    control.bring_up()
    assert {path.owner() for path in home.home.rglob("*")} == {ACCOUNT}
    assert {Path(f"/proc/{pid}").owner() for pid in control.state().pids} == {ACCOUNT}
    assert control.stop() is True
    give_away(home.home, getpass.getuser())


def give_away(directory: Path, account: str) -> None:
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*sudo, "chown", "-R", f"{account}:", directory], check=True)
