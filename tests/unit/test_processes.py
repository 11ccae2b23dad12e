"""Child processes: drained, limited in time, and ended with all that they started."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lifeboat.process_tree import descendants
from lifeboat.processes import MASK, STDERR_TAIL_BYTES, Process, end_all, mask, pump
from tests.support.waiting import eventually, is_running


def shell(script: str, **options: object) -> Process:
    return Process(["sh", "-c", script], **options)  # type: ignore[arg-type]


# Secrets


def test_mask_hides_longer_secrets_first() -> None:
    assert mask("pass password", ["pass", "password"]) == f"{MASK} {MASK}"
    assert mask("ab stays, abc goes", ["ab", "abc"]) == f"ab stays, {MASK} goes"
    assert mask("nothing", ["", "other"]) == "nothing"


def test_standard_error_is_masked_and_bounded() -> None:
    with shell("head -c 300000 /dev/zero | tr '\\0' x >&2; echo the-secret >&2", secrets=["the-secret"]) as process:
        assert process.wait() == 0
    text = process.stderr()
    assert text.endswith("x\n***") or text.endswith(f"x{MASK}")
    assert len(text) <= STDERR_TAIL_BYTES


# Status and streams


@pytest.mark.parametrize(("script", "status"), [("true", 0), ("exit 7", 7), ("kill -KILL $$", -9)])
def test_status(script: str, status: int) -> None:
    with shell(script) as process:
        assert process.wait() == status
        assert not process.running


def test_child_is_in_our_process_group() -> None:
    with shell("exec sleep 60") as process:
        assert os.getpgid(process.pid) == os.getpgrp()


def test_feed_writes_while_the_output_is_read() -> None:
    data = os.urandom(4 << 20)
    with Process(["cat"], stdin=subprocess.PIPE) as process:
        process.feed(data)
        assert process.stdout.read() == data
        assert process.wait() == 0


def test_feed_to_a_child_that_reads_nothing(recwarn: pytest.WarningsRecorder) -> None:
    with Process(["true"], stdin=subprocess.PIPE) as process:
        process.feed(bytes(4 << 20))
        assert process.wait() == 0
    time.sleep(0.1)
    assert [str(warning.message) for warning in recwarn if "Thread" in str(warning.category)] == []


def test_ends_within() -> None:
    with shell("sleep 0.3") as process:
        assert not process.ends_within(0)
        assert process.ends_within(5)


# The end


def test_time_limit_that_is_kept() -> None:
    with shell("echo done") as process, process.time_limit(10):
        assert process.stdout.read() == b"done\n"


def test_time_limit_ends_the_child_and_names_it() -> None:
    began = time.monotonic()
    said = r"'pg_dump' did not finish within 0\.2 seconds"
    process = shell("exec sleep 60", name="pg_dump")
    with pytest.raises(TimeoutError, match=said), process, process.time_limit(0.2):
        process.stdout.read()
    assert time.monotonic() - began < 30
    assert not process.running


def test_time_limit_ends_children_that_hold_the_output_open() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError), shell("sleep 60 & wait; true") as process, process.time_limit(0.2):
        process.stdout.read()
    assert time.monotonic() - began < 30


def test_no_time_limit() -> None:
    with shell("sleep 0.1") as process, process.time_limit(None):
        assert process.wait() == 0


@pytest.mark.parametrize(("ignored", "status"), [([], -2), (["INT"], -15), (["INT", "TERM"], -9)])
def test_end_asks_before_it_kills(ignored: list[str], status: int) -> None:
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    code += "".join(f"signal.signal(signal.SIG{name}, signal.SIG_IGN);" for name in ignored)
    code += "print(flush=True); time.sleep(60)"
    process = Process([sys.executable, "-c", code])
    process.stdout.readline()
    process.end(grace=0.3)
    assert process.wait() == status


def test_end_lets_the_child_clean_up() -> None:
    process = shell("trap 'echo cleaned >&2; exit 3' INT; echo; while :; do sleep 0.05; done")
    process.stdout.readline()
    process.end()
    assert (process.wait(), process.stderr()) == (3, "cleaned")


def test_end_kills_grandchildren_that_stay() -> None:
    process = shell("(trap '' INT TERM; sh -c 'echo $$; sleep 60; true'); true")
    pid = int(process.stdout.readline())
    assert pid in [relative.pid for relative in descendants(process.pid)]
    process.end(grace=0.3)
    assert eventually(lambda: not is_running(pid))


def test_end_leaves_daemons_of_a_finished_child() -> None:
    with shell("sleep 60 >/dev/null 2>&1 & echo $!") as process:
        pid = int(process.stdout.readline())
        assert process.wait() == 0
    try:
        assert is_running(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_child_of_another_account_is_ended_under_that_account(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(["env", "sh", "-c", "sleep 60 & echo $!; wait; true"], account_prefix=["env"])
    pid = int(process.stdout.readline())
    inner = subprocess.Popen.send_signal

    def refuse(popen: "subprocess.Popen[bytes]", number: int) -> None:
        if popen.pid == process.pid and number != signal.SIGKILL:
            raise PermissionError  # as the kernel says of a sudo
        inner(popen, number)

    monkeypatch.setattr(subprocess.Popen, "send_signal", refuse)
    process.end(grace=0.3)
    assert not is_running(pid)


def test_end_all() -> None:
    processes = [shell("exec sleep 60") for _ in range(3)]
    end_all()
    assert not [process for process in processes if process.running]


@pytest.mark.parametrize("occupation", ["wait", "read", "write"])
def test_end_all_for_a_signal(occupation: str) -> None:
    """As in Airflow: the signal interrupts the thread that waits for the child, reads from it or writes to it."""
    process = Process(["sleep", "60"], stdin=subprocess.PIPE)
    before = signal.signal(signal.SIGALRM, lambda *_: threading.Thread(target=end_all).start())
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    began = time.monotonic()
    with process:
        if occupation == "read":
            assert process.stdout.read() == b""
        elif occupation == "write":
            with pytest.raises(BrokenPipeError):
                process.stdin.write(bytes(1 << 20))
        assert process.wait() == -signal.SIGINT
    signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 30


def test_descendants_are_told_from_later_processes_of_the_same_number() -> None:
    with shell("sleep 60 & wait; true") as process:
        assert eventually(lambda: descendants(process.pid))
        (child,) = descendants(process.pid)
        assert child.living
    assert eventually(lambda: not child.living)
    assert descendants(process.pid) == []


# Copies


def test_pump_copies_and_shows_every_byte() -> None:
    data, sink, seen, heard = os.urandom(3 << 20), io.BytesIO(), bytearray(), []
    total = pump(io.BytesIO(data), sink, seen.extend, heard.append, every_seconds=0)
    assert (total, sink.getvalue(), bytes(seen)) == (len(data), data, data)
    assert heard[-1] == len(data) and heard == sorted(heard)


def test_pump_is_silent_about_progress_in_between() -> None:
    heard: list[int] = []
    assert pump(io.BytesIO(bytes(3 << 20)), io.BytesIO(), progress=heard.append) == 3 << 20
    assert heard == []


def test_pump_into_a_child_that_ends_early() -> None:
    with Process(["head", "-c", "1"], stdin=subprocess.PIPE) as process:
        with pytest.raises(BrokenPipeError):
            pump(io.BytesIO(bytes(8 << 20)), process.stdin)
        assert process.stdout.read() == b"\0"
        assert process.wait() == 0
