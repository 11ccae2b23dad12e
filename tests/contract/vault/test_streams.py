"""What every vault must do with streams and documents, and with the tags by which they are found."""

import hashlib
import os
import shlex
import signal
import time
from pathlib import Path
from typing import IO

import pytest

import lifeboat.vault
from lifeboat.errors import CaptureError, VaultBusyError, VaultDamagedError
from lifeboat.process_tree import descendants
from lifeboat.restic_arguments import encode_tags
from tests.contract.vault.conftest import VaultMaker
from tests.support.kept_vaults import Kept
from tests.support.toolbox import Toolbox
from tests.support.waiting import command_line, eventually

TAGS = {"kind": "member", "member": "database/main/shared_db"}
ODD_VALUES = [
    "a,b",
    "50%",
    "%2C",
    "x=y=z",
    " spaces ",
    "größer ✓ 株式会社",
    "'\"`$HOME\\",
    "[*?]",
    "-n",
    "two\nlines",
    "tab\t",
]


@pytest.fixture(params=["local", "s3"])
def stream_vault(request: pytest.FixtureRequest, vault_of: VaultMaker) -> Kept:
    """An empty vault of each kind that takes streams: all but those of another host."""
    return vault_of(str(request.param))


def test_document_comes_back(stream_vault: Kept) -> None:
    stored = stream_vault.vault.backup_bytes(b"content", "/a document.json", TAGS)
    assert stored.size_bytes == len(b"content")
    assert stream_vault.vault.read(stored.snapshot, "/a document.json") == b"content"


def test_stream_comes_back(stream_vault: Kept) -> None:
    chunks = [os.urandom(700_000) for _ in range(4)]
    digest = hashlib.sha256()

    def feed(sink: IO[bytes]) -> None:
        for chunk in chunks:
            sink.write(chunk)

    def drain(source: IO[bytes]) -> int:
        size = 0
        while chunk := source.read(100_000):
            digest.update(chunk)
            size += len(chunk)
        return size

    stored = stream_vault.vault.backup_stream(feed, "/shared_db.dump", TAGS)
    assert stored.size_bytes == 2_800_000 <= stored.added_bytes
    assert stream_vault.vault.pour(stored.snapshot, "/shared_db.dump", drain) == 2_800_000
    assert digest.hexdigest() == hashlib.sha256(b"".join(chunks)).hexdigest()


def test_same_stream_again_adds_next_to_nothing(local: Kept) -> None:
    content = os.urandom(1_000_000)
    first, again = (local.vault.backup_bytes(content, "/a", TAGS) for _ in range(2))
    assert first.added_bytes > 1_000_000
    assert again.added_bytes < 1000


def test_empty_stream_is_refused(local: Kept) -> None:
    """restic cannot store it; and a dump without a byte is none."""
    with pytest.raises(CaptureError, match="There is nothing to store in vault"):
        local.vault.backup_bytes(b"", "/empty", TAGS)
    assert (local.files("snapshots"), local.files("locks")) == ([], [])


@pytest.mark.parametrize(
    ("written", "error"), [(0, CaptureError("pg_dump died")), (2_000_000, OSError("no such luck"))], ids=["0", "many"]
)
def test_failed_producer_leaves_no_snapshot_and_no_lock(stream_vault: Kept, written: int, error: Exception) -> None:
    """restic would take the end of its input for the end of the dump; ended too early, it would leave its lock."""

    def feed(sink: IO[bytes]) -> None:
        sink.write(os.urandom(written))
        raise error

    with pytest.raises(type(error), match=str(error)):
        stream_vault.vault.backup_stream(feed, "/shared_db.dump", TAGS)
    assert (stream_vault.files("snapshots"), stream_vault.files("locks")) == ([], [])


def test_failure_after_the_end_of_the_stream_is_a_failure(local: Kept) -> None:
    def feed(sink: IO[bytes]) -> None:
        sink.write(b"all")
        sink.close()
        assert eventually(lambda: local.files("snapshots") and not local.files("locks"))
        raise CaptureError("what went into the dump was wrong")

    with pytest.raises(CaptureError, match="was wrong"):
        local.vault.backup_stream(feed, "/shared_db.dump", TAGS)


def test_stream_of_another_host_is_refused(vault_of: VaultMaker) -> None:
    with pytest.raises(AssertionError, match="from this worker"):
        vault_of("ssh").vault.backup_bytes(b"content", "/a", TAGS)


def test_broken_pipe_of_the_producer_is_no_end_of_the_stream(local: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(sink: IO[bytes]) -> None:
        sink.write(b"half a dump")
        raise BrokenPipeError

    monkeypatch.setattr(lifeboat.vault, "_END_SECONDS", 0.2)
    with pytest.raises(BrokenPipeError):
        local.vault.backup_stream(feed, "/shared_db.dump", TAGS)
    assert (local.files("snapshots"), local.files("locks")) == ([], [])


def test_killed_restic_leaves_no_snapshot(local: Kept) -> None:
    def feed(sink: IO[bytes]) -> None:
        sink.write(os.urandom(2_000_000))
        (restic,) = (each.pid for each in descendants(os.getpid()) if b"shared_db" in command_line(each.pid))
        assert eventually(lambda: local.files("locks"))
        os.kill(restic, signal.SIGKILL)
        while True:
            sink.write(bytes(1_000_000))

    with pytest.raises(VaultBusyError, match="status -9") as caught:
        local.vault.backup_stream(feed, "/shared_db.dump", TAGS)
    assert not caught.value.permanent
    assert local.files("snapshots") == []
    assert local.files("locks") != []
    local.vault.backup_bytes(b"the next try is not kept from working", "/shared_db.dump", TAGS)


@pytest.mark.timeout(60)
def test_long_backup_is_not_blocked_by_messages_that_nobody_reads(
    local: Kept, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an hour restic's status messages, here long and many, would fill the pipe to us, and then it stops."""
    toolbox = Toolbox(place / "toolbox")
    faster = "if [[ ${RESTIC_PROGRESS_FPS:-0} != 0 ]]; then export RESTIC_PROGRESS_FPS=60; fi"
    toolbox.put("restic", f'{faster}\nexec {{real}} "$@"\n')
    monkeypatch.setenv("PATH", toolbox.path)
    path = f"/{'d' * 200}" * 18

    def feed(sink: IO[bytes]) -> None:
        for _ in range(60):
            sink.write(os.urandom(700_000))
            sink.flush()
            time.sleep(0.05)

    assert local.vault.backup_stream(feed, path, TAGS).size_bytes == 42_000_000


def test_unknown_snapshot_or_path_is_lost_data(local: Kept) -> None:
    stored = local.vault.backup_bytes(b"content", "/a", TAGS)
    with pytest.raises(VaultDamagedError, match="no matching ID found"):
        local.vault.read("0123456789", "/a")
    with pytest.raises(VaultDamagedError, match='path "/b" not found'):
        local.vault.read(stored.snapshot, "/b")
    with pytest.raises(VaultDamagedError, match="no matching ID found"):
        local.vault.restore_directory("0123456789", "/nowhere")


def test_tags_come_back_and_are_found_by(stream_vault: Kept) -> None:
    tags = {str(number): value for number, value in enumerate(ODD_VALUES)}
    stored = stream_vault.vault.backup_bytes(b"content", "/a", tags)
    for wanted in ({}, tags, *({name: value} for name, value in tags.items())):
        (found,) = stream_vault.vault.snapshots(wanted)
        assert found.tags == tags
        assert found.id.startswith(stored.snapshot)
        assert len(found.id) == 64
    assert stream_vault.vault.snapshots({"0": "a"}) == []


def test_snapshots_are_found_by_all_of_their_tags(local: Kept) -> None:
    vault = local.vault
    first = vault.backup_bytes(b"1", "/a", {"point": "p1", "member": "a"})
    second = vault.backup_bytes(b"2", "/a", {"point": "p1", "member": "a,b"})
    vault.backup_bytes(b"3", "/a", {"point": "p2", "member": "b"})
    local.restic("backup", "--quiet", "--tag", "by hand", "--tag", "point=p3", "/etc/hostname")

    def found(**tags: str) -> list[str]:
        return [snapshot.id[:8] for snapshot in vault.snapshots(tags)]

    assert found(point="p1") == [first.snapshot, second.snapshot]  # oldest first
    assert found(point="p1", member="a,b") == [second.snapshot]
    assert found(point="p2", member="a") == []
    assert len(found()) == 4
    (by_hand,) = vault.snapshots({"point": "p3"})
    assert by_hand.tags == {"point": "p3"}


def test_equal_content_has_an_equal_tree(local: Kept, place: Path) -> None:
    """The tree id tells content apart, whatever the snapshot is called: it survives a copy to another vault."""
    directory = place / "tree"
    directory.mkdir()
    (directory / "file").write_text("content")
    local.vault.backup_directory(str(directory), {"try": "1"})
    local.vault.backup_directory(str(directory), {"try": "2"})
    (directory / "file").write_text("other content")
    local.vault.backup_directory(str(directory), {"try": "3"})
    first, again, other = (snapshot.tree for snapshot in local.vault.snapshots({}))
    assert first == again != other


def test_what_restic_is_told_can_be_used_by_hand(local: Kept) -> None:
    """A tag as the vault writes it is found by restic itself with the same words."""
    local.vault.backup_bytes(b"content", "/a", {"member": "home/apim 1"})
    told = encode_tags({"member": "home/apim 1"})
    assert shlex.quote(told) == told
    assert len(local.restic("snapshots", "--json", "--tag", told).stdout) > len("[]\n")
