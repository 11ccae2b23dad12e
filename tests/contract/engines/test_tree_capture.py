"""A tree that changes while it is captured, and what a capture remembers and needs."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifeboat.engines._walks import Walked, walk
from lifeboat.errors import CaptureError, CommandError, SpaceError, ToolError
from lifeboat.host import LocalHost
from lifeboat.treewalk import Walk
from tests.support.disks import small_disk
from tests.support.engine_bench import Bench, red
from tests.support.engine_sources import TreeSource
from tests.support.toolbox import Toolbox

MEMBER = str(TreeSource.unit)


@pytest.fixture
def root(place: Path) -> Path:
    root = place / "root"
    for name in ("a/steady", "a/moving", "b/steady"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.fixture
def bench(root: Path, bench_for: Callable[..., Bench]) -> Bench:
    return _bench(root, bench_for, "worker")


def _bench(root: Path, bench_for: Callable[..., Bench], host: str) -> Bench:
    return bench_for(TreeSource.unit, {"business_data": {TreeSource.unit.name: {"path": str(root), "host": host}}})


def _around_backup(before: str, after: str = "true", *, once: bool = False) -> str:
    """Return a script for restic that runs shell commands right before and after it stores the tree."""
    guard = "[ ! -e $0.done ] && touch $0.done" if once else "true"
    return f"""
case "$*" in
"backup --json . "*)
    if {guard}; then {before}; fi
    {{real}} "$@"; status=$?
    {after}
    exit $status ;;
esac
exec {{real}} "$@"
"""


def _member_snapshots(bench: Bench) -> int:
    return len(bench.vault.snapshots({"kind": "member", "member": MEMBER}))


def test_a_file_that_changes_once(root: Path, bench_for: Callable[..., Bench], toolbox: Toolbox, host: str) -> None:
    bench = _bench(root, bench_for, host)
    toolbox.put("restic", _around_backup(f"echo more >>{root}/a/moving", once=True))
    snapshot = bench.capture()
    assert (snapshot.warnings, snapshot.skew_ms, _member_snapshots(bench)) == ((), 0, 2)
    assert bench.facts(snapshot)[MEMBER]["skew"] == []
    assert red(bench.drill(snapshot)) == {}


def test_a_file_that_changes_always(root: Path, bench_for: Callable[..., Bench], toolbox: Toolbox, host: str) -> None:
    """It is the one thing that the proof leaves out."""
    bench = _bench(root, bench_for, host)
    toolbox.put("restic", _around_backup(f"echo more >>{root}/a/moving"))
    snapshot = bench.capture()
    facts = bench.facts(snapshot)
    assert facts[MEMBER]["skew"] == ["a/moving"]
    assert snapshot.warnings == (f"{MEMBER}: 1 paths kept changing and are not proven: a/moving",)
    assert snapshot.skew_ms > 0 and snapshot.members[0].proof.summary["skew_files"] == 1
    assert red(bench.drill(snapshot)) == {}
    assert red(bench.compare(facts, _without(facts, "a/moving"))) == {}
    assert red(bench.compare(facts, _without(facts, "a/steady"))).keys() == {"tree-files"}


def _without(facts: dict[str, Any], path: str) -> dict[str, Any]:
    entries = {name: entry for name, entry in facts[MEMBER]["entries"].items() if name != path}
    return {MEMBER: {**facts[MEMBER], "entries": entries}}


@pytest.mark.parametrize("change", ["rm {root}/a/moving", "mv {root}/a {root}/c; touch {root}/new"])
def test_paths_that_go_or_come_once(bench: Bench, root: Path, toolbox: Toolbox, change: str) -> None:
    toolbox.put("restic", _around_backup(change.format(root=root), once=True))
    snapshot = bench.capture()
    found = {str(path.relative_to(root)) for path in root.rglob("*")}
    assert bench.facts(snapshot)[MEMBER]["entries"].keys() == {".", *found}
    assert _member_snapshots(bench) == 2
    assert red(bench.drill(snapshot)) == {}


def test_a_file_that_comes_and_goes_every_time(bench: Bench, root: Path, toolbox: Toolbox) -> None:
    """The walks never see it, and restic does: it is passed over, but nothing else is that is too much."""
    toolbox.put("restic", _around_backup(f"mkdir {root}/a/lock; touch {root}/a/lock/pid", f"rm -r {root}/a/lock"))
    snapshot = bench.capture()
    facts = bench.facts(snapshot)
    assert (snapshot.warnings, _member_snapshots(bench)) == ((), 1)
    with bench.restored(snapshot) as restored:
        proven = restored.prove()
        assert "a/lock/pid" in proven[MEMBER]["entries"]
        assert red(bench.compare(facts, proven)) == {}
        proven[MEMBER]["entries"]["b/too much"] = proven[MEMBER]["entries"]["a/lock/pid"]
        assert "1 extra: b/too much" in red(bench.compare(facts, proven))["tree-files"]


@pytest.mark.parametrize("number", [2, 13])
def test_a_file_that_restic_could_not_store(bench: Bench, root: Path, toolbox: Toolbox, number: int) -> None:
    """One that was gone when restic came to it (error 2) is no longer there; any other must not be left out."""
    message = {"message_type": "error", "error": {"Op": "open", "Path": "gone", "Err": number}, "item": "/gone"}
    report = f"echo '{json.dumps(message)}' >&2; status=3"
    toolbox.put("restic", _around_backup("true", report))
    if number == 2:
        assert red(bench.drill(bench.capture())) == {}
    else:
        with pytest.raises(CaptureError, match=r"(?i)/gone: permission denied"):
            bench.capture()


# The walker and its cache


def test_a_walker_that_is_killed(bench: Bench, toolbox: Toolbox) -> None:
    toolbox.put("python3", "kill -KILL $$")
    with pytest.raises(CommandError, match="'python3' on host 'worker'"):
        bench.capture()


def test_a_walker_that_is_missing(bench: Bench, toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    toolbox.hide("python3")
    with monkeypatch.context() as changed, pytest.raises(ToolError, match="python3 is not installed"):
        changed.setenv("PATH", toolbox.path)
        bench.capture()


def _walk(root: Path, cache: Path) -> Walked:
    return walk(LocalHost(), str(root), [], digest=True, cache=str(cache))


def test_what_did_not_change_is_not_read_again(root: Path, tmp_path: Path) -> None:
    """Digests are altered in the cache to see whose come out of it."""
    cache = tmp_path / "cache/digests.json"
    time.sleep(1.1)
    before = _walk(root, cache)
    known = json.loads(cache.read_text())
    assert sorted(known.values()) == sorted(entry[6] for entry in before.entries.values() if entry[0] == "f")
    cache.write_text(json.dumps({stamp: "from the cache" for stamp in known}))
    status = (root / "a/moving").stat()
    (root / "a/moving").write_text("A/MOVING")
    os.utime(root / "a/moving", ns=(status.st_atime_ns, status.st_mtime_ns))
    after = {path: entry[6] for path, entry in _walk(root, cache).entries.items() if entry[0] == "f"}
    assert after.pop("a/moving") not in {"from the cache", before.entries["a/moving"][6]}
    assert set(after.values()) == {"from the cache"}
    assert (root / "a/moving").stat().st_size == status.st_size


def test_what_changed_just_now_is_not_remembered(root: Path, tmp_path: Path) -> None:
    """It could change again within one tick of the clock, and then without a trace."""
    cache = tmp_path / "digests.json"
    time.sleep(1.1)
    (root / "a/moving").write_text("just now")
    Walk({"root": str(root), "rules": [], "digest": True, "cache": str(cache)}).run()
    assert len(json.loads(cache.read_text())) == 2


@pytest.mark.parametrize("content", ["", "not JSON", "[1, 2]"])
def test_a_cache_that_is_no_use_is_made_anew(root: Path, tmp_path: Path, content: str) -> None:
    cache = tmp_path / "digests.json"
    cache.write_text(content)
    assert _walk(root, cache).entries == _walk(root, tmp_path / "other.json").entries
    assert isinstance(json.loads(cache.read_text()), dict)


def test_a_capture_remembers_digests(bench: Bench, root: Path, toolbox: Toolbox) -> None:
    time.sleep(1.1)
    bench.capture()
    cache = toolbox.home / ".cache/lifeboat/digests" / f"{str(root).replace('/', '_')}.json"
    assert len(json.loads(cache.read_text())) == 3


# Drills


def test_a_scratch_directory_that_is_too_small(bench: Bench, root: Path) -> None:
    (root / "large").write_bytes(os.urandom(1_000_000))
    snapshot = bench.capture()
    bench.scratch.mkdir()
    with (
        small_disk(bench.scratch, free=500_000),
        pytest.raises(SpaceError, match=r"documents does not fit into .* on host 'worker'") as caught,
    ):
        bench.drill(snapshot)
    assert str(bench.scratch) in str(caught.value)
    assert "sites.….scratch" in caught.value.next_step
    assert red(bench.drill(snapshot)) == {}
