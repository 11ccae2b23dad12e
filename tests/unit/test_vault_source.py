"""How one process of restic opens a second vault: whose account, which address, and what of it is secret."""

import pytest

from lifeboat.errors import ToolError
from lifeboat.vault import Vault
from lifeboat.vault_source import source_environment

DISK = Vault("/vaults/there", "theirs")
S3 = "s3:https://s3.example.com/bucket/below"


def s3(key: str) -> Vault:
    secrets = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": f"secret-{key}", "AWS_DEFAULT_REGION": "eu-central-1"}
    return Vault(S3, f"password-{key}", secrets)


def rest(login: str) -> Vault:
    return Vault(
        "rest:https://rest.example.com/vault", "ours", {"RESTIC_REST_USERNAME": login, "RESTIC_REST_PASSWORD": "p@ss"}
    )


def test_a_vault_on_disk_needs_no_more_than_its_password() -> None:
    plain, secret = source_environment(Vault("/vaults/here", "ours"), DISK)
    assert plain | secret == {"RESTIC_FROM_REPOSITORY": "/vaults/here", "RESTIC_FROM_PASSWORD": "ours"}
    assert "RESTIC_FROM_PASSWORD" in secret


@pytest.mark.parametrize("destination", [DISK, s3("same")])
def test_the_account_of_the_source_is_told_to_restic_if_the_destination_has_no_other_one(destination: Vault) -> None:
    plain, secret = source_environment(s3("same"), destination)
    assert plain == {}
    assert secret["RESTIC_FROM_REPOSITORY"] == S3
    assert (secret["AWS_ACCESS_KEY_ID"], secret["AWS_SECRET_ACCESS_KEY"]) == ("same", "secret-same")


@pytest.mark.parametrize("source", [s3("ours"), Vault(S3, "password-ours")])
def test_between_two_accounts_the_source_is_reached_through_rclone(
    source: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifeboat.vault_source.shutil.which", lambda program: f"/usr/bin/{program}")
    plain, secret = source_environment(source, s3("theirs"))
    assert plain["RESTIC_FROM_REPOSITORY"] == "rclone:vault:bucket/below"
    assert plain["RCLONE_CONFIG_VAULT_ENDPOINT"] == "https://s3.example.com"
    assert not any(name.startswith("AWS_") for name in plain | secret)
    assert not any("secret" in value for value in plain.values())
    keys = {"RCLONE_CONFIG_VAULT_ACCESS_KEY_ID": "ours", "RCLONE_CONFIG_VAULT_SECRET_ACCESS_KEY": "secret-ours"}
    assert keys.items() <= secret.items() or secret["RCLONE_CONFIG_VAULT_ENV_AUTH"] == "true"


def test_without_rclone_two_accounts_are_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifeboat.vault_source.shutil.which", lambda program: None)
    with pytest.raises(ToolError, match="rclone is not on the PATH"):
        source_environment(s3("ours"), s3("theirs"))


def test_between_two_accounts_of_rest_servers_the_login_is_in_the_address_which_is_secret() -> None:
    plain, secret = source_environment(rest("ours"), rest("theirs"))
    assert plain == {}
    assert secret["RESTIC_FROM_REPOSITORY"] == "rest:https://ours:p%40ss@rest.example.com/vault"
    assert "RESTIC_REST_USERNAME" not in secret


def test_limits_are_told_to_restic_in_its_own_unit() -> None:
    limited = DISK.limited(500 << 10, 3 << 20)
    assert limited._command(["copy"]).argv[:3] == ["restic", "--limit-upload=500", "--limit-download=3072"]
    assert DISK._command(["copy"]).argv == ["restic", "copy"]
