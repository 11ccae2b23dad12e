"""Nothing that a kept command starts outlives the wish to end it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lifeboat.sample import process_keeper

# One child in a session of its own, one orphan that ignores polite signals, and the command itself.
_COMMAND = r"""
setsid sleep 600 & echo $! >> "$0"
(trap '' INT TERM; sleep 600 & echo $! >> "$0")
echo $$ >> "$0"
exec sleep 600
"""


def _keeper(process_ids: Path, grace: str = "0.5") -> list[str]:
    return [sys.executable, process_keeper.__file__, grace, "sh", "-c", _COMMAND, str(process_ids)]


def _started(process_ids: Path) -> list[int]:
    deadline = time.monotonic() + 60
    while not process_ids.exists() or len(process_ids.read_text().split()) < 3:
        assert time.monotonic() < deadline, "the command has not started its children"
        time.sleep(0.05)
    return [int(word) for word in process_ids.read_text().split()]


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_closing_the_pipe_ends_the_command_and_all_that_descends_from_it(tmp_path: Path) -> None:
    with subprocess.Popen(_keeper(tmp_path / "ids"), stdin=subprocess.PIPE) as keeper:
        process_ids = _started(tmp_path / "ids")
        assert all(_is_alive(process_id) for process_id in process_ids)
        assert process_keeper.descendants_of(keeper.pid) >= set(process_ids)
        keeper.communicate()
    assert keeper.returncode == 0
    assert not any(_is_alive(process_id) for process_id in process_ids)


def test_the_death_of_the_asker_ends_it_too(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        "subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, *_keeper(tmp_path / "ids")]) as asker:
        process_ids = _started(tmp_path / "ids")
        asker.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(_is_alive(process_id) for process_id in process_ids):
        assert time.monotonic() < deadline, "processes outlive the one that asked for them"
        time.sleep(0.1)


def test_the_exit_status_of_a_command_that_ends_by_itself_is_passed_on() -> None:
    command = [sys.executable, process_keeper.__file__, "0.5", "sh", "-c", "exit 7"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as keeper:
        assert keeper.wait(timeout=10) == 7
