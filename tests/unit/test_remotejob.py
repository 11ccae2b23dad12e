"""What the host keeps of long work: leftovers go, and an end reaches work that is only just beginning."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat import remotejob


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def keeper(directory: Path, pid: int) -> None:
    """Let a job's directory say that this process keeps it, or kept it if there is none."""
    directory.mkdir(parents=True)
    remotejob.write(str(directory / "process"), f"{pid} {remotejob.began(pid) or '1'}")


def ask(home: Path, **payload: Any) -> Any:
    environment = {**os.environ, "HOME": str(home)}
    argv = [sys.executable, remotejob.__file__]
    done = subprocess.run(argv, input=json.dumps(payload).encode(), env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def test_an_end_reaches_work_whose_group_is_not_written_down_yet(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    keeper(tmp_path / "job", sleeper.pid)
    later = threading.Timer(0.3, remotejob.write, (str(tmp_path / "job/group"), str(sleeper.pid)))
    later.start()
    remotejob.end(str(tmp_path / "job"))
    later.join()
    assert not remotejob.is_running(str(tmp_path / "job"))


def test_a_start_removes_what_nobody_took_for_long_unless_it_still_runs(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    kept = tmp_path / ".cache/lifeboat/jobs"
    for name, pid in (("lost", 2**22 + 1), ("running", sleeper.pid), ("young", 2**22 + 1)):
        keeper(kept / name, pid)
        (kept / name / "ended" if pid != sleeper.pid else kept / name / "output").write_text("[0, false]")
    old = (kept / "young").stat().st_mtime - remotejob.KEPT_SECONDS - 60
    for name in ("lost", "running"):
        os.utime(kept / name, (old, old))
    start = {"argv": ["true"], "directory": "", "environment": {}, "input": "", "seconds": 60}
    assert ask(tmp_path, action="start", job="new", **start)["known"]
    assert sorted(path.name for path in kept.iterdir()) == ["new", "running", "young"]
