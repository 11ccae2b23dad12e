"""Passwords and keys of a vault: in no argument list and in no message, whatever goes wrong."""

import getpass
import os
from pathlib import Path
from typing import IO

import pytest

from lifeboat.errors import LifeboatError
from lifeboat.vault import Vault
from tests.contract.vault.conftest import VaultMaker
from tests.support.kept_vaults import Kept
from tests.support.quick_vault import PASSWORD
from tests.support.s3 import S3Server
from tests.support.stub_server import reply, stub_server
from tests.support.toolbox import Toolbox
from tests.support.waiting import command_lines, eventually

TAGS = {"member": "m"}
URL_PASSWORD = "password-in-the-url"


def assert_hidden(vault: Vault, *markers: bytes) -> None:
    """Assert that the processes with the markers can be seen, and no secret of the vault in any process's argv."""
    assert eventually(lambda: all(any(marker in line for line in command_lines()) for marker in markers))
    secrets = [PASSWORD, *vault._secrets.values(), vault._backend_secrets.get("AWS_SECRET_ACCESS_KEY", PASSWORD)]
    secrets = [secret for secret in secrets if secret and secret != "eu-central-1"]
    assert PASSWORD in vault._secrets.values()
    shown = [line for line in command_lines() if any(secret.encode() in line for secret in secrets)]
    assert shown == []


def test_streams(vault_of: VaultMaker) -> None:
    for vault in (vault_of("local").vault, vault_of("s3").vault):

        def feed(sink: IO[bytes], vault: Vault = vault) -> None:
            sink.write(os.urandom(1_000_000))
            assert_hidden(vault, b"restic\0backup")

        def drain(source: IO[bytes], vault: Vault = vault) -> bytes:
            assert_hidden(vault, b"restic\0dump")
            return source.read()

        stored = vault.backup_stream(feed, "/a", TAGS)
        assert len(vault.pour(stored.snapshot, "/a", drain)) == 1_000_000


@pytest.mark.parametrize("run_as", [False, True], ids=["own account", "other account"])
def test_directory_of_another_host(
    vault_of: VaultMaker, place: Path, monkeypatch: pytest.MonkeyPatch, run_as: bool
) -> None:
    """There restic, here the tunnel and ssh, and in between whatever becomes another account."""
    (place / "home").mkdir()
    for number in range(200):
        (place / f"home/{number}").write_bytes(os.urandom(1000))
    vault = vault_of("ssh").vault
    checked: list[float] = []

    def progress(fraction: float) -> None:
        assert_hidden(vault, b"backup\0--json\0.", b"rclone\0serve\0restic", b"ssh\0")
        checked.append(fraction)

    account = "nobody" if os.geteuid() == 0 else getpass.getuser()
    vault.backup_directory(str(place / "home"), TAGS, run_as=account if run_as else None, progress=progress)
    assert checked


def test_key_of_the_writer(place: Path, monkeypatch: pytest.MonkeyPatch, local: Kept) -> None:
    toolbox = Toolbox(place / "toolbox")
    toolbox.put("restic", f'for word in "$@"; do echo "$word" >>{place}/words; done\nexec {{real}} "$@"\n')
    monkeypatch.setenv("PATH", toolbox.path)
    local.vault.admit(Vault(str(local.directory), "the writer's password"))
    words = (place / "words").read_text().splitlines()
    assert "--new-password-file" in words
    assert "the writer's password" not in words
    assert PASSWORD not in words


def test_messages(local: Kept, s3: S3Server, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a restic that tells all it knows tells no secret."""
    toolbox = Toolbox(place / "toolbox")
    toolbox.put("restic", "env >&2; env; exit 1\n")
    monkeypatch.setenv("PATH", toolbox.path)
    vaults = [
        Vault(str(local.directory), PASSWORD),
        Vault(s3.repository("bucket"), PASSWORD, s3.credentials),
        Vault(f"rest:http://login:{URL_PASSWORD}@127.0.0.1:1/", PASSWORD),
    ]
    for vault in vaults:
        with pytest.raises(LifeboatError) as caught:
            vault.backup_bytes(b"content", "/a", TAGS)
        told = f"{caught.value} {caught.value!r}"
        assert "RESTIC_PASSWORD=***" in told  # the control: its environment is in the message
        for secret in (PASSWORD, s3.secret_key, URL_PASSWORD):
            assert secret not in told


def test_names_of_vaults() -> None:
    """A message names the vault; a password in its address is left out."""
    with stub_server(reply("401 Unauthorized")) as port:
        vault = Vault(f"rest:http://login:{URL_PASSWORD}@127.0.0.1:{port}/vault", PASSWORD)
        assert vault.name == f"'rest:http://127.0.0.1:{port}/vault'"
        with pytest.raises(LifeboatError, match="refused access") as caught:
            vault.check_access()
    assert f"'rest:http://127.0.0.1:{port}/vault'" in str(caught.value)
    assert URL_PASSWORD not in str(caught.value)


def test_path_of_a_vault_is_no_secret(place: Path) -> None:
    with pytest.raises(LifeboatError, match=f"stat {place}/nothing/config: no such file"):
        Vault(f"{place}/nothing", PASSWORD).check_access()
