"""Failures that are no damage: full disks, storage that does not answer or refuses, a restic that is not there."""

import os
import pwd
from pathlib import Path

import pytest

from lifeboat.errors import (
    SpaceError,
    ToolError,
    VaultBusyError,
    VaultError,
    VaultLockedError,
    VaultMissingError,
    VaultPasswordError,
)
from lifeboat.host import LocalHost
from lifeboat.vault import Vault
from lifeboat.vault_tunnel import serve
from tests.support.kept_vaults import Kept, SmallDisk
from tests.support.quick_vault import PASSWORD
from tests.support.s3 import S3Server
from tests.support.stub_server import RESET, reply, stub_server
from tests.support.toolbox import Toolbox

TAGS = {"member": "m"}
MEBIBYTE = 1 << 20


@pytest.mark.parametrize("then", [":", SmallDisk.FILL], ids=["in the middle", "from the start"])
def test_full_vault(local: Kept, place: Path, then: str) -> None:
    """On a disk that is full from the start not even the lock can be written, and nobody else holds one."""
    vault = Vault(str(place / "disk"), PASSWORD, host=SmallDisk(place / "disk", MEBIBYTE, local.directory, then))
    with pytest.raises(SpaceError, match=f"^The disk of vault '{place}/disk' is full") as caught:
        vault.backup_bytes(os.urandom(3 * MEBIBYTE), "/large", TAGS)
    assert "no space left on device" in caught.value.message
    assert caught.value.permanent


def test_full_temporary_directory(local: Kept, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "nothing").mkdir()
    vault = Vault(str(local.directory), PASSWORD, host=SmallDisk(place / "disk", MEBIBYTE, place / "nothing"))
    monkeypatch.setenv("TMPDIR", str(place / "disk"))
    with pytest.raises(SpaceError, match="The temporary directory of restic") as caught:
        vault.backup_bytes(os.urandom(20 * MEBIBYTE), "/large", TAGS)
    assert f"{place}/disk/restic-temp-pack" in caught.value.message
    assert local.files("snapshots") == []


def test_full_target_of_a_restore(local: Kept, place: Path) -> None:
    (place / "home").mkdir()
    (place / "home/large").write_bytes(os.urandom(3 * MEBIBYTE))
    (place / "nothing").mkdir()
    snapshot = local.vault.backup_directory(str(place / "home"), TAGS).snapshot
    vault = Vault(str(local.directory), PASSWORD, host=SmallDisk(place / "disk", MEBIBYTE, place / "nothing"))
    with pytest.raises(SpaceError, match="There is no space for what is restored") as caught:
        vault.restore_directory(snapshot, str(place / "disk/restored"))
    assert f"{place}/disk/restored/large" in caught.value.message


def test_target_of_a_restore_that_cannot_be_made(local: Kept, place: Path) -> None:
    """It is the target that is wrong, so neither is the vault damaged nor does its storage refuse anything."""
    (place / "home").mkdir()
    (place / "home/file").touch()
    snapshot = local.vault.backup_directory(str(place / "home"), TAGS).snapshot
    with pytest.raises(VaultBusyError, match=f"{place}/home/file: not a directory"):
        local.vault.restore_directory(snapshot, str(place / "home/file"))


def test_endpoint_is_down_and_comes_back(tmp_path: Path) -> None:
    server = S3Server(tmp_path)
    # restic asks for the region first; when that is known, it tries again for a while
    vault = Vault(server.repository("bucket"), PASSWORD, {**server.credentials, "AWS_DEFAULT_REGION": ""})
    server.stop()
    for work in (vault.check_access, vault.initialise, lambda: vault.snapshots({})):
        with pytest.raises(VaultBusyError, match=r"The storage of vault .* does not answer") as caught:
            work()
        assert not caught.value.permanent
        assert f"127.0.0.1:{server.port}: connect: connection refused" in caught.value.message
    server.start()
    with pytest.raises(VaultMissingError):
        vault.check_access()
    server.stop()


def test_connection_is_reset() -> None:
    with stub_server(RESET) as port, pytest.raises(VaultBusyError, match=r"does not answer.*reset by peer"):
        Vault(f"rest:http://127.0.0.1:{port}/", PASSWORD).check_access()


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_rest_server_refuses(status: str) -> None:
    with stub_server(reply(status)) as port, pytest.raises(VaultError, match="refused access") as caught:
        Vault(f"rest:http://127.0.0.1:{port}/", PASSWORD).check_access()
    assert type(caught.value) is VaultError
    assert status in caught.value.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "not the secret"}, "Access Denied"),
        ({"AWS_SECRET_ACCESS_KEY": "not the secret", "AWS_DEFAULT_REGION": ""}, "request signature we calculated"),
        ({"AWS_ACCESS_KEY_ID": "nobody", "AWS_DEFAULT_REGION": ""}, "The Access Key Id you provided"),
    ],
    ids=["secret", "secret without region", "key"],
)
def test_s3_refuses(s3: S3Server, change: dict[str, str], words: str) -> None:
    vault = Vault(s3.repository("bucket"), PASSWORD, {**s3.credentials, **change})
    for work in (vault.check_access, vault.initialise):
        with pytest.raises(VaultError, match=r"The storage of vault .* refused access") as caught:
            work()
        assert type(caught.value) is VaultError
        assert words in caught.value.message


def test_disk_refuses(local: Kept, place: Path) -> None:
    """A vault that another account may not even look into."""
    (place / "home").mkdir()
    account = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    (local.directory / "keys").chmod(0)
    with pytest.raises(VaultError, match=r"refused access.*permission denied") as caught:
        local.vault.backup_directory(str(place / "home"), TAGS, run_as=account)
    assert type(caught.value) is VaultError
    (local.directory / "keys").chmod(0o700)


def test_tunnel_asks_for_its_password(local: Kept) -> None:
    with serve(str(local.directory), {}) as served:
        with pytest.raises(VaultError, match="401 Unauthorized"):
            Vault(f"rest:http://127.0.0.1:{served.port}/", PASSWORD).check_access()
        Vault(served.url(served.port), PASSWORD).check_access()


@pytest.mark.parametrize("run_as", [None, "nobody"])
def test_restic_is_not_installed(local: Kept, place: Path, monkeypatch: pytest.MonkeyPatch, run_as: str | None) -> None:
    toolbox = Toolbox(place / "toolbox")
    toolbox.hide("restic")
    monkeypatch.setenv("PATH", toolbox.path)
    with pytest.raises(ToolError, match="'restic'"):
        local.vault.restore_directory("latest", str(place / "restored"), run_as=run_as)


@pytest.mark.parametrize(
    ("status", "error"), [(10, VaultMissingError), (11, VaultLockedError), (12, VaultPasswordError)]
)
def test_exit_status_of_newer_restic(
    local: Kept, place: Path, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    """restic 0.17 and newer tell these by exit status; then their words need not be known."""
    toolbox = Toolbox(place / "toolbox")
    toolbox.put("restic", f"echo 'in words of tomorrow' >&2; exit {status}\n")
    monkeypatch.setenv("PATH", toolbox.path)
    with pytest.raises(error, match=r"\(in words of tomorrow\)"):
        local.vault.snapshots({})


def test_unknown_failure_is_told_in_restic_s_words(local: Kept, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack trace and what was tried before are no help."""
    trace = "github.com/restic/restic/internal/x.(*Y).Z\\n\\tgithub.com/restic/restic/internal/x/y.go:12\\nmain.main"
    attempt = "Load(<data/0123456789>, 0, 0) returned error, retrying after 1s: unexpected EOF"
    toolbox = Toolbox(place / "toolbox")
    toolbox.put("restic", f"printf '{attempt}\\nthe moon is full\\n{trace}\\n' >&2; exit 1\n")
    monkeypatch.setenv("PATH", toolbox.path)
    with pytest.raises(VaultBusyError) as caught:
        local.vault.snapshots({})
    assert caught.value.message == (
        f"Work on vault '{local.directory}' failed: 'restic' on host 'worker' ended with status 1:\nthe moon is full"
    )


def test_restic_that_is_none(local: Kept, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolbox = Toolbox(place / "toolbox")
    toolbox.put("restic", "cat >/dev/null\n")
    monkeypatch.setenv("PATH", toolbox.path)
    with pytest.raises(VaultBusyError, match="told no summary"):
        local.vault.backup_bytes(b"content", "/a", TAGS)
    assert LocalHost().find_tool("restic") is not None
