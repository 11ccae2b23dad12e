"""The tunnel that lets restic on a remote host reach a vault of this worker: `rclone serve restic`.

The served vault can only be added to, listens on loopback alone and asks for a password that lives as long
as the tunnel. The host learns no storage account; the vault's own password reaches restic's environment there.
"""

import contextlib
import logging
import re
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lifeboat.errors import ConfigurationError, VaultBusyError
from lifeboat.host import Command, LocalHost
from lifeboat.processes import Process

log = logging.getLogger(__name__)

_SERVING = re.compile(r"Serving restic REST API on .*?:(\d+)")
_START_SECONDS = 20.0


@dataclass(frozen=True)
class Served:
    """A served vault: its port on this worker's loopback and the account that it asks for."""

    port: int
    login: str
    password: str = field(repr=False)

    def url(self, port: int) -> str:
        """Given the port through which the vault is reached, return restic's address of it."""
        return f"rest:http://{self.login}:{self.password}@127.0.0.1:{port}/"


@contextlib.contextmanager
def serve(repository: str, backend_secrets: Mapping[str, str]) -> Iterator[Served]:
    """Given a repository on disk or S3 and its account, serve it for as long as the context lasts.

    Raise ConfigurationError for another kind of repository, VaultBusyError when the server does not start.
    """
    login, password = "tunnel", secrets.token_urlsafe(24)
    target, settings = rclone_target(repository)
    command = Command(
        [
            "rclone",
            "serve",
            "restic",
            "--append-only",
            "--addr",
            "127.0.0.1:0",
            "--log-level",
            "INFO",
            target,
        ],
        environment={"RCLONE_CONFIG": "/dev/null", **settings},
        secrets={**rclone_account(backend_secrets), "RCLONE_USER": login, "RCLONE_PASS": password},
    )
    with LocalHost().start(command, stdout=subprocess.DEVNULL) as server:
        yield Served(_wait_for_port(server), login, password)


def _wait_for_port(server: Process) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.running:
        if match := _SERVING.search(server.stderr()):
            return int(match[1])
        time.sleep(0.05)
    if not server.running:
        server.wait()  # its last words may still be on their way
    raise VaultBusyError(
        f"The vault's tunnel did not start: {server.stderr() or 'no message'}",
        next_step="Run `rclone serve restic` by hand on this worker to see why.",
    )


def rclone_target(repository: str) -> tuple[str, dict[str, str]]:
    """Given a repository, return rclone's name of it and the environment that says where that is."""
    if repository.startswith("/"):
        return repository, {}
    if repository.startswith("s3:"):
        address = repository.removeprefix("s3:")
        parts = urlsplit(address if "://" in address else f"https://{address}")
        return f"vault:{parts.path.strip('/')}", {
            "RCLONE_CONFIG_VAULT_TYPE": "s3",
            "RCLONE_CONFIG_VAULT_PROVIDER": "Other",
            "RCLONE_CONFIG_VAULT_ENDPOINT": f"{parts.scheme}://{parts.netloc}",
            "RCLONE_CONFIG_VAULT_NO_CHECK_BUCKET": "true",  # a writer may have no right to look for buckets
        }
    raise ConfigurationError(
        f"A host over SSH cannot reach the vault at '{repository.partition(':')[0]}:'.",
        next_step="Use a vault on this worker's disk or on S3 for deployments with SSH hosts.",
    )


def rclone_account(backend_secrets: Mapping[str, str]) -> dict[str, str]:
    """Given the storage's account as restic takes it, return it as rclone does. Without one, both take what this
    worker has by itself: its environment, or the role of its machine."""
    if "AWS_ACCESS_KEY_ID" not in backend_secrets:
        return {"RCLONE_CONFIG_VAULT_ENV_AUTH": "true"}
    return {
        "RCLONE_CONFIG_VAULT_ACCESS_KEY_ID": backend_secrets["AWS_ACCESS_KEY_ID"],
        "RCLONE_CONFIG_VAULT_SECRET_ACCESS_KEY": backend_secrets.get("AWS_SECRET_ACCESS_KEY", ""),
        "RCLONE_CONFIG_VAULT_REGION": backend_secrets.get("AWS_DEFAULT_REGION", ""),
    }
