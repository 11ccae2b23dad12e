"""Long work on a host over SSH that goes on when the connection is cut, is found again, and runs once."""

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat import ssh_job
from lifeboat.errors import CommandError, ToolError, UnreachableError
from lifeboat.host import Command, Completed
from lifeboat.processes import end_all
from lifeboat.ssh_host import SshHost
from tests.support.sshd import TestSshd, jobs_directory
from tests.support.waiting import command_lines, eventually, is_running

#: One that has a home.
ACCOUNT = "postgres"
SECRET = "the secret's 'value'"
#: Says that it began, waits until it may go on, and ends with a status of its own.
WORK = """
echo "began $$"; echo $$ >>"$1/began"; printf %s "$SECRET" >"$1/secret"
i=0; while [ ! -e "$1/go" ]; do sleep 0.1; i=$((i+1)); [ $i -lt 600 ] || exit 9; done
echo "ended with $SECRET"; echo "a warning" >&2; exit 7
"""


@pytest.fixture
def host(sshd: TestSshd) -> Iterator[SshHost]:
    with SshHost("there", sshd.connection()) as made:
        yield made


class Jobs:
    """Where the host keeps what it knows of the jobs of a test."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @property
    def directories(self) -> list[Path]:
        return [path for name in self.names if (path := jobs_directory() / name).exists()]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """Nothing of a job is left on the host."""
    made, begin = Jobs(), ssh_job._Job.start

    def start(job: Any, *arguments: Any) -> None:
        made.names.append(job.name)
        begin(job, *arguments)

    monkeypatch.setattr(ssh_job._Job, "start", start)
    yield made
    assert made.directories == []


class Running:
    """The work, in the background."""

    def __init__(self, host: SshHost, directory: Path, timeout: float = 60) -> None:
        self.directory = directory
        self.result: Any = None
        self._command = Command(["sh", "-c", WORK, "sh", str(directory)], secrets={"SECRET": SECRET})
        self._thread = threading.Thread(target=self._run, args=(host, timeout))
        self._thread.start()
        assert eventually(lambda: (directory / "secret").exists())

    def _run(self, host: SshHost, timeout: float) -> None:
        try:
            self.result = host.run_lasting(self._command, timeout=timeout, accept=(7,))
        except Exception as error:  # looked at by the test
            self.result = error

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in (self.directory / "began").read_text().split()]

    def wait(self) -> Any:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.result

    def go(self) -> None:
        (self.directory / "go").touch()


@pytest.mark.usefixtures("jobs")
def test_work_goes_on_while_the_connection_is_cut_and_its_end_is_learnt_afterwards(
    sshd: TestSshd, host: SshHost, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        running = Running(host, tmp_path)
        (pid,) = running.pids
        assert eventually(lambda: f"began {pid}" in caplog.text)  # its output is followed
        sshd.stop()
        time.sleep(1.5)  # refused meanwhile
        assert is_running(pid)
        running.go()
        assert eventually(lambda: not is_running(pid))
        sshd.start()
        done = running.wait()
    assert isinstance(done, Completed)
    assert done == Completed(7, f"began {pid}\nended with {SECRET}\n".encode(), "a warning")
    assert running.pids == [pid]
    assert "what runs there goes on" in caplog.text
    assert SECRET not in caplog.text


def test_its_secrets_are_neither_in_a_file_nor_in_an_argument(host: SshHost, tmp_path: Path, jobs: Jobs) -> None:
    running = Running(host, tmp_path)
    (directory,) = jobs.directories
    assert oct(directory.stat().st_mode)[-3:] == "700"
    assert [path.name for path in directory.iterdir() if SECRET.encode() in path.read_bytes()] == []
    assert [line for line in command_lines() if SECRET.encode() in line] == []
    running.go()
    assert running.wait().exit_status == 7


@pytest.mark.usefixtures("jobs")
def test_a_start_whose_answer_is_lost_starts_nothing_twice(
    host: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "go").touch()
    asked, call = [], ssh_job._Job._call

    def lossy(job: Any, action: str, **more: Any) -> Any:
        answer = call(job, action, **more)
        asked.append(action)
        if asked.count(action) == 1:
            raise UnreachableError("the answer is lost")
        return answer

    monkeypatch.setattr(ssh_job._Job, "_call", lossy)
    running = Running(host, tmp_path)
    assert running.wait().exit_status == 7
    assert len(running.pids) == 1
    assert asked.count("start") == 2


@pytest.mark.usefixtures("jobs")
def test_a_time_limit_ends_it_on_the_host(host: SshHost, tmp_path: Path) -> None:
    running = Running(host, tmp_path, timeout=1)
    assert str(running.wait()) == "'sh' did not finish within 1 seconds"
    assert not is_running(running.pids[0])


@pytest.mark.usefixtures("jobs")
def test_a_task_that_is_killed_ends_it_on_the_host(host: SshHost, tmp_path: Path) -> None:
    running = Running(host, tmp_path)
    end_all()
    assert eventually(lambda: not is_running(running.pids[0]))
    assert not isinstance(running.wait(), Completed)


def test_a_host_that_was_restarted_says_so(host: SshHost, tmp_path: Path, jobs: Jobs) -> None:
    running = Running(host, tmp_path)
    (directory,) = jobs.directories
    keeper = int((directory / "process").read_text().split()[0])
    os.kill(keeper, signal.SIGKILL)
    os.kill(running.pids[0], signal.SIGKILL)
    error = running.wait()
    assert isinstance(error, CommandError)
    assert "was the host restarted?" in error.message


def test_a_host_that_stays_away_is_given_up(
    sshd: TestSshd, host: SshHost, tmp_path: Path, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_job, "PATIENCE_SECONDS", 1.0)
    running = Running(host, tmp_path)
    sshd.stop()
    try:
        assert isinstance(running.wait(), UnreachableError)
        assert is_running(running.pids[0])
    finally:
        running.go()
        sshd.start()
    (left,) = jobs.directories
    assert eventually((left / "ended").exists)
    shutil.rmtree(left)


@pytest.mark.usefixtures("jobs")
def test_ends_of_all_kinds(host: SshHost, tmp_path: Path) -> None:
    big = host.run_lasting(Command(["sh", "-c", "cat; head -c 3000000 /dev/zero"]), input=b"in", timeout=60).stdout
    assert (len(big), big[:3]) == (3_000_002, b"in\0")
    with pytest.raises(ToolError, match="'no-such-tool' is not installed on host 'there'"):
        host.run_lasting(Command(["no-such-tool"]), timeout=60)
    with pytest.raises(CommandError, match=r"(?s)'sh' on host 'there' ended with status 3:\nno luck"):
        host.run_lasting(Command(["sh", "-c", "echo no luck >&2; exit 3"]), timeout=60)
    assert host.run_lasting(Command(["sh", "-c", "kill -9 $$"]), timeout=60, accept=(137,)).exit_status == 137
    done = host.run_lasting(Command(["pwd"], working_directory=str(tmp_path)), timeout=60)
    assert done.stdout.decode() == f"{tmp_path}\n"


def test_it_runs_under_another_account(host: SshHost) -> None:
    done = host.run_lasting(Command(["id", "-un"], run_as=ACCOUNT), timeout=60)
    assert done.stdout.decode().strip() == ACCOUNT
