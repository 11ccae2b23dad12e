"""A file that is exchanged takes the files that belong to it along, wherever the exchange is interrupted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat import treeswap
from lifeboat.engines._tree_beside import DirectoryStep
from lifeboat.host import LocalHost
from lifeboat.recovery_documents import Exchange
from lifeboat.swap import State

SIDES = ["-wal", "-shm"]


class Killed(Exception):
    """The program is killed before it renames once more."""


@pytest.fixture
def names(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """A live database with what is in its log, and a restored one."""
    names = {name: tmp_path / name for name in ("live", "beside", "kept")}
    for suffix in ("", *SIDES):
        Path(f"{names['live']}{suffix}").write_text(f"old{suffix}")
    names["beside"].write_text("new")
    yield names


def step(names: dict[str, Path]) -> DirectoryStep:
    exchange = Exchange(member="x", **{name: str(path) for name, path in names.items()})
    return DirectoryStep(LocalHost(), exchange, None, {"sides": SIDES})


def run(names: dict[str, Path], action: str, renames: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run a part of an exchange, killed before the rename after so many; say whether it was killed."""
    left, real = renames, treeswap.rename

    def rename(source: str, target: str) -> None:
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        real(source, target)

    paths = [str(names[name]) for name in ("live", "beside", "kept")]
    payload: dict[str, Any] = {"carried": [], "directories": [], "sides": SIDES}
    with monkeypatch.context() as changed:
        changed.setattr(treeswap, "rename", rename)
        try:
            if action == "forward":
                treeswap.forward(*paths, payload)
            else:
                treeswap.back(*paths, SIDES)
        except Killed:
            return True
    return False


def content(path: Path) -> dict[str, str]:
    """Return the file and the files that belong to it."""
    paths = {suffix: Path(f"{path}{suffix}") for suffix in ("", *SIDES)}
    return {suffix: each.read_text() for suffix, each in paths.items() if each.exists()}


OLD = {"": "old", "-wal": "old-wal", "-shm": "old-shm"}
NEW = {"": "new", "-wal": "new-wal"}


@pytest.mark.parametrize("renames", range(6))
@pytest.mark.parametrize("then", ["forward", "back"])
@pytest.mark.parametrize("action", ["forward", "back"])
def test_an_interrupted_exchange_ends_whole(
    names: dict[str, Path], action: str, renames: int, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = step(names)
    if action == "back":
        it.forward()
        Path(f"{names['live']}-wal").write_text("new-wal")  # a server ran meanwhile
    killed = run(names, action, renames, monkeypatch)
    assert killed is (renames < (4 if action == "forward" else 5))
    if killed and renames:
        assert it.state() is State.BETWEEN
    (it.forward if then == "forward" else it.back)()
    new = {"": "new"} if action == "forward" else NEW
    assert it.state() is (State.NEW if then == "forward" else State.OLD)
    assert content(names["live"]) == (new if then == "forward" else OLD)
    assert content(names["kept" if then == "forward" else "beside"]) == (OLD if then == "forward" else new)
    it.discard()
    assert len(list(names["live"].parent.iterdir())) == len(content(names["live"]))
