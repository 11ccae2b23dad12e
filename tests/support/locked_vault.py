"""The smallest deployment whose vault is on S3 with versions and Object Lock: moto's server, in this process.

moto enforces that a locked version is not destroyed, and no policies unless `policies_enforced`; it lets a lock be
shortened, which AWS refuses.
"""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from moto import settings as moto_settings
from moto.server import ThreadedMotoServer

from lifeboat.connections import Connection
from lifeboat.s3_policy import Role, policy
from tests.support.quick_vault import PASSWORD
from tests.support.small_deployment import NAME, Small

BUCKET, PREFIX = "vaults", "small"
_REGION = "us-east-1"


@dataclass(frozen=True)
class Account:
    """The key of an account of the storage."""

    key: str
    secret: str = field(repr=False)

    def client(self, service: str, port: int) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name=_REGION,
        )


ADMINISTRATOR = Account("administrator", "of the whole account")


class Storage:
    """A running endpoint, whose buckets go with `empty`."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.port = int(self._server.get_host_and_port()[1])
        self.s3 = ADMINISTRATOR.client("s3", self.port)

    def empty(self) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200

    def stop(self) -> None:
        self._server.stop()

    def account(self, name: str, repository: str, role: Role) -> Account:
        """Make a user who may do what Lifeboat's policy of a role says."""
        iam = ADMINISTRATOR.client("iam", self.port)
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=role, PolicyDocument=json.dumps(policy(repository, role)))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Account(made["AccessKeyId"], made["SecretAccessKey"])


@contextlib.contextmanager
def policies_enforced() -> Iterator[None]:
    """Let moto ask the policies of whoever calls it."""
    before = moto_settings.INITIAL_NO_AUTH_ACTION_COUNT
    moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
    try:
        yield
    finally:
        moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = before


@dataclass
class Locked(Small):
    """A deployment with such a vault; by default both accounts may do everything."""

    storage: Storage | None = None
    accounts: dict[str, Account] = field(default_factory=dict)

    @classmethod
    def on(cls, storage: Storage, directory: Path, empty_vault: Path | None) -> "Locked":
        """Make one; without an empty vault to copy, the bucket alone."""
        repository = f"s3:http://127.0.0.1:{storage.port}/{BUCKET}/{PREFIX}"
        vault = {
            "repository": repository,
            "writer": "small_writer",
            "housekeeper": "small_housekeeper",
            "object_lock": {"retain": "30d"},
        }
        sites = {"main": {"vault": vault, "scratch": str(directory / "scratch")}}
        settings = {"sites": sites, "retention": {"check_parts": 1}}
        made = cls(directory, settings, storage=storage)
        for name in ("", "documents", "deployments"):
            (directory / name).mkdir()
        (directory / "documents/a").write_text("the first")
        made.write(made.document())
        with made.runtime() as runtime:
            runtime.s3_vault("main").make_bucket()
            runtime.s3_vault("main").set_up("COMPLIANCE", 30)
            for file in (each for each in empty_vault.rglob("*") if each.is_file()) if empty_vault else ():
                made.s3.put_object(
                    Bucket=BUCKET, Key=f"{PREFIX}/{file.relative_to(empty_vault)}", Body=file.read_bytes()
                )
        return made

    @property
    def s3(self) -> Any:
        assert self.storage
        return self.storage.s3

    @property
    def repository(self) -> str:
        return str(self.settings["sites"]["main"]["vault"]["repository"])

    def connections(self) -> dict[str, Connection]:
        found = super().connections()
        for name in ("small_writer", "small_housekeeper"):
            account = self.accounts.get(name, ADMINISTRATOR)
            extra = {"secret_access_key": account.secret, "region": _REGION}
            found[name] = Connection(name, "generic", login=account.key, password=PASSWORD, extra=extra)
        return found

    def versions(self) -> list[dict[str, Any]]:
        """Return all versions of the vault's objects, but of restic's locks."""
        listed = self.s3.list_object_versions(Bucket=BUCKET, Prefix=f"{PREFIX}/", MaxKeys=10_000)
        return [each for each in listed.get("Versions", ()) if "/locks/" not in each["Key"]]

    def lock_of(self, version: dict[str, Any]) -> Any:
        """Return until when a version is locked, or None."""
        head = self.s3.head_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
        return head.get("ObjectLockRetainUntilDate")


__all__ = ["ADMINISTRATOR", "BUCKET", "NAME", "PREFIX", "Account", "Locked", "Storage", "policies_enforced"]
