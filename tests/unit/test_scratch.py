"""Scratch places: nobody removes one that is in use, and none is left behind."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lifeboat.errors import PreflightError
from lifeboat.scratch import reap, scratch_place

#: Takes a place, puts something into it and is killed.
_KILLED = """
import os, signal, sys
from pathlib import Path
from lifeboat.scratch import scratch_place
with scratch_place(Path(sys.argv[1])) as place:
    (place / "restored").mkdir()
    (place / "restored/production data").write_text("secret")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_drills_side_by_side_do_not_take_each_others_new_place_for_a_dead_one(tmp_path: Path) -> None:
    def use(number: int) -> bool:
        with scratch_place(tmp_path) as place:
            file = place / "restored"
            file.write_text(str(number))
            return file.read_text() == str(number)

    with ThreadPoolExecutor(max_workers=16) as pool:
        assert all(pool.map(use, range(400)))
    assert list(tmp_path.glob("drill-*")) == []


def test_only_the_owner_lists_a_place(tmp_path: Path) -> None:
    with scratch_place(tmp_path / "scratch") as place:
        assert place.stat().st_mode & 0o777 == 0o711


def test_what_a_killed_drill_left_is_removed_by_the_next(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], env=environment, check=False)
    assert done.returncode == -9
    (left,) = tmp_path.glob("drill-*")
    assert (left / "restored/production data").exists()
    with scratch_place(tmp_path) as place:
        assert list(tmp_path.glob("drill-*")) == [place]


def test_a_living_drill_is_left_alone(tmp_path: Path) -> None:
    with scratch_place(tmp_path) as place:
        assert reap(tmp_path) == []
        assert place.exists()


def test_a_place_is_removed_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch_place(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.glob("drill-*")) == []


def test_a_scratch_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = scratch_place(tmp_path / "file/scratch")
    with pytest.raises(PreflightError, match=r"scratch directory .*/file/scratch' cannot be used"), place:
        pass
