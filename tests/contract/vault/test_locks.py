"""A vault that another process has locked: waiting for it, and giving up."""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from lifeboat.errors import VaultLockedError
from lifeboat.vault import Vault
from tests.contract.vault.conftest import VaultMaker
from tests.support.kept_vaults import Kept, locked
from tests.support.quick_vault import PASSWORD
from tests.support.waiting import eventually

TAGS = {"member": "m"}


@pytest.fixture
def full(local: Kept) -> Kept:
    """A vault with data in it, which a check reads for a while."""
    local.vault.backup_bytes(os.urandom(300_000), "/large", TAGS)
    return local


def test_locked_vault_is_given_up(full: Kept, place: Path) -> None:
    (place / "home").mkdir()
    (place / "home/file").touch()
    snapshot = full.vault.snapshots({})[0].id
    with locked(full) as lock:
        for work in (
            lambda: full.vault.backup_bytes(b"content", "/a", TAGS),
            lambda: full.vault.backup_directory(str(place / "home"), TAGS),
            lambda: full.vault.read(snapshot, "/large"),
            lambda: full.vault.pour(snapshot, "/large", lambda source: source.read()),
            lambda: full.vault.restore_directory(snapshot, str(place / "restored")),
        ):
            with pytest.raises(VaultLockedError) as caught:
                work()
            assert not caught.value.permanent
            assert f"Vault '{full.directory}' is locked by another process." in caught.value.message
            assert f"exclusively by PID {lock.holder.pid} " in caught.value.message
            assert "`restic unlock` clears its lock" in caught.value.next_step
        assert len(full.vault.snapshots({})) == 1  # listing needs no lock


def test_remote_vault_is_given_up(vault_of: VaultMaker, full: Kept) -> None:
    snapshot = full.vault.snapshots({})[0].id
    remote = vault_of("ssh", full.directory)
    with locked(remote), pytest.raises(VaultLockedError, match="is locked by another process"):
        remote.vault.read(snapshot, "/large")


def _patient(kept: Kept) -> Vault:
    return Vault(str(kept.directory), PASSWORD, lock_wait=30)


@pytest.mark.parametrize("work", ["backup", "pour"])
def test_lock_that_goes_away_is_waited_for(full: Kept, work: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lifeboat.vault")
    snapshot = full.vault.snapshots({})[0].id
    calls: list[int] = []

    def feed(sink: IO[bytes]) -> None:
        calls.append(1)
        sink.write(b"the whole content again")

    def drain(source: IO[bytes]) -> int:
        calls.append(1)
        return len(source.read())

    tasks: dict[str, Callable[[], object]] = {
        "backup": lambda: _patient(full).backup_stream(feed, "/a", {"member": "after the lock"}),
        "pour": lambda: _patient(full).pour(snapshot, "/large", drain),
    }
    with ThreadPoolExecutor() as pool, locked(full) as lock:
        waiting = pool.submit(tasks[work])
        assert eventually(lambda: "Trying again in 1 s." in caplog.text)
        lock.release()
        result = waiting.result(timeout=60)
    assert "is locked by another process" in caplog.text
    assert len(calls) >= 2
    if work == "pour":
        assert result == 300_000
    else:
        (found,) = full.vault.snapshots({"member": "after the lock"})
        assert full.vault.read(found.id, "/a") == b"the whole content again"


def test_backups_do_not_wait_for_each_other(full: Kept) -> None:
    started = threading.Barrier(2)

    def feed(sink: IO[bytes]) -> None:
        started.wait(20)
        sink.write(b"content")

    with ThreadPoolExecutor() as pool:
        both = [pool.submit(full.vault.backup_stream, feed, f"/{name}", {"member": name}) for name in "ab"]
        assert len({future.result().snapshot for future in both}) == 2


def test_what_is_said_of_the_lock_of_a_dead_process_is_true(full: Kept) -> None:
    with locked(full) as lock:
        lock.kill_holder()
        with pytest.raises(VaultLockedError, match=f"PID {lock.holder.pid} "):
            full.vault.backup_bytes(b"content", "/a", TAGS)
        assert full.restic("unlock").returncode == 0
        full.vault.backup_bytes(b"content", "/a", TAGS)
