"""Damage in the vault's own files: it is always noticed, and always called damage."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lifeboat.errors import VaultDamagedError
from tests.contract.vault.conftest import VaultMaker
from tests.support.kept_vaults import Kept, change, flip

TAGS = {"member": "m"}
BLOB = 1000 + 32  # what restic adds to a blob that it does not compress


def flip_data(kept: Kept) -> None:
    """Both blobs, for which of the two files comes first in the pack is a matter of luck."""
    flip(kept.files("data")[0], 500)
    flip(kept.files("data")[0], BLOB + 500)


def flip_index(kept: Kept) -> None:
    flip(kept.files("index")[0], 60)


def lose_index(kept: Kept) -> None:
    kept.files("index")[0].unlink()


def flip_snapshot(kept: Kept) -> None:
    flip(kept.files("snapshots")[0], 60)


def cut_key(kept: Kept) -> None:
    change(kept.files("keys")[0], b'{"created": "2026')


def spoil_key(kept: Kept) -> None:
    change(kept.files("keys")[0], b"nothing that is JSON")


def flip_config(kept: Kept) -> None:
    flip(kept.directory / "config", 60)


def swap_blobs(kept: Kept) -> None:
    """Two blobs in each other's place are sound in themselves and not what they are called."""
    pack = kept.files("data")[0]
    content = pack.read_bytes()
    change(pack, content[BLOB : 2 * BLOB] + content[:BLOB] + content[2 * BLOB :])


#: What is done to the vault, and what restic says when it reads a file, or restores a directory.
DAMAGE: dict[Callable[[Kept], None], tuple[str, str]] = {
    flip_data: ("ciphertext verification failed", "ciphertext verification failed"),
    swap_blobs: ("returned invalid hash", "wrong data returned, hash is"),
    flip_index: ("invalid data returned", "invalid data returned"),
    lose_index: ("not found in repository", "not found in repository"),
    flip_snapshot: ("invalid data returned", "invalid data returned"),
    spoil_key: ("Unmarshal: ", "Unmarshal: "),
    cut_key: ("Unmarshal: ", "Unmarshal: "),
    flip_config: ("ciphertext verification failed", "ciphertext verification failed"),
}


def works(kept: Kept, snapshot: str, place: Path) -> dict[str, Callable[[], object]]:
    """Return the ways in which content comes out of a vault; `read` is one more, and much like `pour`."""
    return {
        "pour": lambda: kept.vault.pour(snapshot, "/a", lambda source: source.read()),
        "restore": lambda: kept.vault.restore_directory(snapshot, str(place / "restored")),
    }


@pytest.mark.parametrize("damage", DAMAGE, ids=[damage.__name__ for damage in DAMAGE])
def test_damage_is_noticed(vault_of: VaultMaker, filled: Path, place: Path, damage: Callable[[Kept], None]) -> None:
    kept = vault_of("local", filled)
    snapshot = kept.vault.snapshots({})[0].id
    damage(kept)
    reading, restoring = DAMAGE[damage]
    for name, work in works(kept, snapshot, place).items():
        with pytest.raises(VaultDamagedError, match=restoring if name == "restore" else reading) as caught:
            work()
        assert caught.value.message.startswith(f"Vault '{kept.directory}' lost data, or holds damaged data.")
        assert "restic check --read-data" in caught.value.next_step


@pytest.mark.parametrize("kind", ["s3", "ssh"])
def test_damage_is_noticed_from_afar(vault_of: VaultMaker, filled: Path, place: Path, kind: str) -> None:
    kept = vault_of(kind, filled)
    snapshot = kept.vault.snapshots({})[0].id
    flip_data(kept)
    for work in works(kept, snapshot, place).values():
        with pytest.raises(VaultDamagedError, match="ciphertext verification failed"):
            work()


def test_damaged_tree_is_noticed_in_spite_of_a_cache(vault_of: VaultMaker, home: Path, place: Path) -> None:
    """restic keeps trees in a cache of its own, out of which all seems well."""
    kept = vault_of("local")
    snapshot = kept.vault.backup_directory(str(home), TAGS).snapshot
    _, trees = kept.files("data")
    flip(trees, 60)
    with pytest.raises(VaultDamagedError, match="ciphertext verification failed"):
        kept.vault.restore_directory(snapshot, str(place / "restored"))
    with pytest.raises(VaultDamagedError, match="ciphertext verification failed"):
        kept.vault.read(snapshot, "/below/b")
    # the control: with the cache the damage is hidden
    kept.vault._run(["restore", snapshot, "--target", str(place / "from the cache")])
    assert (place / "from the cache/below/b").read_bytes() == (home / "below/b").read_bytes()


def test_result_of_a_damaged_stream_is_not_returned(vault_of: VaultMaker, filled: Path) -> None:
    """The first part of the stream comes before the damage; nobody must take it for the whole."""
    kept = vault_of("local")
    content = os.urandom(5_000_000)
    snapshot = kept.vault.backup_bytes(content, "/dump", TAGS).snapshot
    largest = kept.files("data")[0]
    flip(largest, largest.stat().st_size - 200_000)
    drained: list[bytes] = []
    with pytest.raises(VaultDamagedError):
        kept.vault.pour(snapshot, "/dump", lambda source: drained.append(source.read()))
    assert len(drained) == 1
    assert len(drained[0]) < len(content)


def test_damaged_snapshot_in_a_listing(vault_of: VaultMaker, filled: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that cannot be read hides no others, and is named."""
    kept = vault_of("local", filled)
    stored = kept.vault.backup_bytes(b"content", "/a", TAGS)
    (damaged,) = (path for path in kept.files("snapshots") if not path.name.startswith(stored.snapshot))
    shutil.rmtree(os.environ["RESTIC_CACHE_DIR"])
    flip(damaged, 60)
    with caplog.at_level(logging.WARNING):
        (found,) = kept.vault.snapshots(TAGS)
    assert found.id.startswith(stored.snapshot)
    assert "holds a damaged snapshot, which is passed over" in caplog.text
    assert damaged.name[:8] in caplog.text
