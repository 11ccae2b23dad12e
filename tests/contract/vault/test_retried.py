"""Failures that restic meets ten times, for 45 seconds, before it tells them; they go on beside the other tests."""

from concurrent.futures import Future

import pytest

from lifeboat.errors import VaultDamagedError, VaultError


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lost pack, dump", "cannot dump file: .*no such file or directory"),
        ("lost pack, restore", "StreamPack: .*no such file or directory"),
        ("lost pack on S3", r"StreamPack: The specified key does not exist\."),
        ("lost pack behind the tunnel", "StreamPack: .* does not exist"),
        ("cut pack", "StreamPack: .*unexpected EOF"),
        ("empty pack", "cannot dump file: .*EOF"),
        ("cut pack on S3", "StreamPack: .*unexpected EOF"),
    ],
)
def test_lost_data(retried: dict[str, Future[object]], name: str, words: str) -> None:
    with pytest.raises(VaultDamagedError, match=words) as caught:
        retried[name].result(timeout=120)
    assert "lost data, or holds damaged data" in caught.value.message
    assert "retrying" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "words"),
    [("no right to write", "permission denied"), ("read-only disk", "read-only file system")],
)
def test_vault_that_can_only_be_read(retried: dict[str, Future[object]], name: str, words: str) -> None:
    """restic takes a lock to read, too. That it cannot is neither damage nor somebody else's lock."""
    with pytest.raises(VaultError, match=f"refused access.*{words}") as caught:
        retried[name].result(timeout=120)
    assert type(caught.value) is VaultError
    assert "`restic --no-lock`" in caught.value.next_step
