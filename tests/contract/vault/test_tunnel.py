"""The tunnel by which a host over SSH reaches a vault: what it lets through, and to whom."""

import getpass
import os
from pathlib import Path

import pytest

from lifeboat.errors import ConfigurationError, ToolError, VaultBusyError
from lifeboat.host import LocalHost
from lifeboat.process_tree import descendants
from lifeboat.ssh_host import SshHost
from lifeboat.vault import Vault
from lifeboat.vault_tunnel import serve
from tests.contract.vault.conftest import VaultMaker
from tests.support.kept_vaults import Kept
from tests.support.quick_vault import PASSWORD
from tests.support.served import request
from tests.support.toolbox import Toolbox
from tests.support.waiting import command_line, eventually


def tunnels() -> list[int]:
    """Return the servers of tunnels that this process runs."""
    return [each.pid for each in descendants(os.getpid()) if b"serve\0restic" in command_line(each.pid)]


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_vault_can_be_added_to_and_not_be_taken_from(vault_of: VaultMaker, kind: str, filled: Path) -> None:
    kept = vault_of(kind, filled)
    before = {path: path.read_bytes() for each in ("data", "index", "keys", "snapshots") for path in kept.files(each)}
    with serve(kept.vault.repository, kept.vault._backend_secrets) as served:
        through = Vault(served.url(served.port), PASSWORD)
        through.backup_bytes(b"added through the tunnel", "/a", {"member": "added"})
        for path in before:
            assert request(served, "DELETE", f"{path.relative_to(kept.directory).parts[0]}/{path.name}") == 403
        assert request(served, "DELETE", "config") == 403
        (found,) = through.snapshots({"member": "added"})
        assert through.read(found.id, "/a") == b"added through the tunnel"
    assert {path: path.read_bytes() for path in before} == before
    assert kept.files("locks") == []  # locks may be removed
    assert kept.restic("check").returncode == 0


def test_only_who_knows_its_password_may_look(local: Kept) -> None:
    with serve(str(local.directory), {}) as one, serve(str(local.directory), {}) as other:
        assert request(one, "HEAD", "config") == 200
        assert request(one, "HEAD", "config", password="") == 401
        assert request(one, "HEAD", "config", password=other.password) == 401
        assert one.password not in repr(one)


def test_it_listens_on_loopback_alone(local: Kept) -> None:
    with serve(str(local.directory), {}) as served:
        sockets = [Path(f"/proc/net/{name}").read_text().splitlines() for name in ("tcp", "tcp6")]
        listening = [line.split() for lines in sockets for line in lines]
        addresses = {
            fields[1].partition(":")[0]
            for fields in listening
            if fields[3] == "0A" and fields[1].endswith(f":{served.port:04X}")
        }
    assert addresses == {"0100007F"}  # 127.0.0.1, as the kernel writes it


def test_it_ends_with_its_use(local: Kept, ssh_host: SshHost) -> None:
    before = tunnels()
    with pytest.raises(RuntimeError), local.vault.on(ssh_host) as vault:
        vault.check_access()
        assert len(tunnels()) == len(before) + 1
        raise RuntimeError
    assert eventually(lambda: tunnels() == before)


def test_another_account_of_this_worker_uses_a_vault_that_it_may_not_enter(local: Kept, place: Path) -> None:
    (place / "home").mkdir()
    (place / "home/file").touch()
    local.directory.chmod(0o700)
    account = "nobody" if os.geteuid() == 0 else getpass.getuser()
    with local.vault.on(LocalHost(), account) as vault:
        stored = vault.backup_directory(str(place / "home"), {"member": "m"}, run_as=account)
    local.vault.restore_directory(stored.snapshot, str(place / "restored"))
    assert (place / "restored/file").exists()


def test_vault_that_no_tunnel_leads_to(ssh_host: SshHost) -> None:
    vault = Vault("sftp:vault@example.com:/vault", PASSWORD)
    with pytest.raises(ConfigurationError, match="cannot reach the vault at 'sftp:'"), vault.on(ssh_host):
        pass


def test_rclone_is_not_installed(local: Kept, ssh_host: SshHost, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolbox = Toolbox(place / "toolbox")
    toolbox.hide("rclone")
    monkeypatch.setenv("PATH", toolbox.path)
    with pytest.raises(ToolError, match="'rclone'"), local.vault.on(ssh_host):
        pass


def test_rclone_that_cannot_serve(local: Kept, ssh_host: SshHost, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolbox = Toolbox(place / "toolbox")
    toolbox.put("rclone", "echo 'no port left' >&2; exit 1\n")
    monkeypatch.setenv("PATH", toolbox.path)
    with pytest.raises(VaultBusyError, match="tunnel did not start: no port left"), local.vault.on(ssh_host):
        pass
