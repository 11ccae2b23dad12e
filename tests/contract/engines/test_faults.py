"""What goes wrong while an engine captures: a clear error, nothing referenced, nothing left running, and a capture
afterwards that works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lifeboat.connections import Connection
from lifeboat.errors import LifeboatError, SpaceError, ToolError, VaultBusyError, VaultPasswordError
from tests.support.disks import small_disk
from tests.support.engine_bench import Bench
from tests.support.engine_sources import Source
from tests.support.leftovers import processes_with
from tests.support.quick_vault import PASSWORD
from tests.support.toolbox import KILLED_RESTIC, OLD_RESTIC, Toolbox

TOOLS = ("restic", "pg_dump", "pg_dumpall", "mariadb-dump", "rclone", "sleep")


@pytest.fixture(autouse=True)
def _nothing_is_left(bench: Bench) -> Iterator[None]:
    """After every test nothing runs any more."""
    yield
    assert processes_with(str(bench.vault_directory), *TOOLS) == []


def _assert_works(bench: Bench) -> None:
    """A capture works, and names just what it stored."""
    snapshot = bench.capture()
    stored = [snapshot.facts, *(member.address for member in snapshot.members)]
    assert {address.snapshot for address in stored} == {
        found.id[:8] for found in bench.vault.snapshots({"attempt": snapshot.attempt})
    }


@contextmanager
def refused(kind: type[LifeboatError], *words: str) -> Iterator[None]:
    """The block ends with an error of this kind that holds the words and the next step, and no secret."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.value.next_step
    for word in words:
        assert word in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_restic_is_killed(bench: Bench, toolbox: Toolbox) -> None:
    toolbox.put("restic", KILLED_RESTIC)
    with refused(VaultBusyError, "'restic'", str(bench.vault_directory)):
        bench.capture()
    assert list((bench.vault_directory / "locks").iterdir())
    toolbox.reset()
    _assert_works(bench)


def test_restic_is_missing(bench: Bench, toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    toolbox.hide("restic")
    with monkeypatch.context() as changed, refused(ToolError, "'restic'", "Install"):
        changed.setenv("PATH", toolbox.path)
        bench.capture()


def test_restic_is_too_old(bench: Bench, toolbox: Toolbox) -> None:
    toolbox.put("restic", OLD_RESTIC)
    with refused(ToolError, "restic 0.9.6", "Install restic 0.14"):
        bench.capture()


def test_vault_has_another_password(bench: Bench, source: Source, host: str, bench_for: Callable[..., Bench]) -> None:
    connections = {**source.connections(), "bench_vault": Connection("bench_vault", "generic", password="another")}
    with refused(VaultPasswordError, str(bench.vault_directory), "password"):
        bench_for(source.unit, source.document(host), connections).capture()


# Behind the tunnel of a host over SSH, restic itself tries a failing storage again for most of a minute.
@pytest.mark.parametrize("host", ["worker"], indirect=True)
def test_disk_of_the_vault_is_full(bench: Bench) -> None:
    with small_disk(bench.vault_directory, free=300_000) as filler:
        with refused(SpaceError, str(bench.vault_directory)):
            bench.capture()
        filler.unlink()
        _assert_works(bench)
