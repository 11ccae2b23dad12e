"""The bucket of a vault on S3: versions, Object Lock, lifecycle rules.

restic and rclone know nothing of versions that are locked; boto3, which Airflow's provider for AWS brings, does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lifeboat.connections import Connection
from lifeboat.errors import LifeboatError, UnreachableError, VaultError

#: The rule of ours among the bucket's lifecycle rules.
RULE = "lifeboat-noncurrent"
_EMPTY_MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
_ABSENT = ("NoSuchLifecycleConfiguration", "ObjectLockConfigurationNotFoundError")


@dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker."""

    key: str
    id: str
    time: datetime
    latest: bool
    marker: bool
    etag: str = ""
    size: int = 0

    def same_content(self, other: "Version") -> bool:
        """Return whether two versions have the same content; of what was sent in several parts, the same size."""
        in_parts = "-" in self.etag or "-" in other.etag
        return self.size == other.size and (in_parts or self.etag == other.etag)


@dataclass(frozen=True)
class Lock:
    """Until when a version cannot be destroyed; None if it can be now."""

    mode: str | None
    until: datetime | None


class S3Vault:
    """The bucket of a vault, or the part of it below a prefix, as the holder of one account sees it."""

    def __init__(self, repository: str, connection: Connection | None = None) -> None:
        address = repository.removeprefix("s3:")
        parts = urlsplit(address if "://" in address else f"https://{address}")
        self.bucket, _, prefix = parts.path.strip("/").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self._endpoint = f"{parts.scheme}://{parts.netloc}"
        self._connection = connection or Connection("none")
        self._made: Any = None

    @property
    def _client(self) -> Any:
        if self._made is None:
            import boto3
            from botocore.config import Config

            extra = self._connection.extra
            account = {
                "aws_access_key_id": self._connection.login or None,
                "aws_secret_access_key": extra.get("secret_access_key") or None,
                "region_name": extra.get("region") or "us-east-1",
            }
            config = Config(s3={"addressing_style": "path"}, max_pool_connections=32, retries={"mode": "standard"})
            self._made = boto3.client("s3", endpoint_url=self._endpoint, config=config, **account)
            self._made.meta.events.register("before-call.s3.CopyObject", _say_digest)
        return self._made

    # -- the bucket -----------------------------------------------------------------------------------------

    def make_bucket(self) -> None:
        """Make the bucket, with Object Lock, unless it is there."""
        try:
            self._ask("head_bucket")
        except VaultError:
            region = self._client.meta.region_name
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self._ask("create_bucket", ObjectLockEnabledForBucket=True, **where)

    def set_up(self, mode: str, days: int) -> None:
        """Switch on versions and Object Lock with a default for what is new, and have versions expire that nothing
        uses any more. Other lifecycle rules stay."""
        self._ask("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
        rule = {"DefaultRetention": {"Mode": mode, "Days": days}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        if self._object_lock() != lock:
            self._ask("put_object_lock_configuration", ObjectLockConfiguration=lock)
        rules = [each for each in self._lifecycle() if each.get("ID") != RULE]
        ours = {
            "ID": RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": self.prefix},
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        }
        self._ask("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [*rules, ours]})

    def problems(self, mode: str, days: int) -> list[str]:
        """Return in words what of the bucket's settings lets data be destroyed, or grow for ever."""
        found = []
        status = self._ask("get_bucket_versioning").get("Status", "off")
        if status != "Enabled":
            found.append(f"versioning of bucket '{self.bucket}' is {status.lower()}: what is overwritten is lost")
        lock = self._object_lock()
        default = lock.get("Rule", {}).get("DefaultRetention", {})
        default_days = default.get("Days", 0) + 365 * default.get("Years", 0)
        if lock.get("ObjectLockEnabled") != "Enabled":
            found.append(f"Object Lock of bucket '{self.bucket}' is off: everything can be destroyed")
        elif default_days < days or (default.get("Mode") != mode and mode == "COMPLIANCE"):
            told = f"{default_days} days of {default.get('Mode')}" if default_days else "none"
            found.append(f"new objects in bucket '{self.bucket}' are retained for {told}, not {days} days of {mode}")
        rules = [each for each in self._lifecycle() if each.get("Status") == "Enabled"]
        mine = [each for each in rules if self._concerns(each)]
        if not any("NoncurrentVersionExpiration" in each for each in mine):
            found.append(f"no lifecycle rule of bucket '{self.bucket}' removes noncurrent versions: it only grows")
        for each in mine:
            if {"Days", "Date"} & set(each.get("Expiration", {})):
                found.append(f"lifecycle rule '{each.get('ID')}' of bucket '{self.bucket}' deletes what the vault uses")
        return found

    def _object_lock(self) -> dict[str, Any]:
        return dict(self._ask("get_object_lock_configuration").get("ObjectLockConfiguration", {}))

    def _lifecycle(self) -> list[dict[str, Any]]:
        return list(self._ask("get_bucket_lifecycle_configuration").get("Rules", ()))

    def _concerns(self, rule: dict[str, Any]) -> bool:
        chosen = rule.get("Filter", {})
        prefix = str(chosen.get("Prefix", chosen.get("And", {}).get("Prefix", rule.get("Prefix", ""))))
        return self.prefix.startswith(prefix) or prefix.startswith(self.prefix)

    # -- objects --------------------------------------------------------------------------------------------

    def versions(self) -> Iterator[list[Version]]:
        """Yield for each object of the vault but restic's locks all its versions and delete markers, oldest first."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=self.prefix)
        found: dict[str, list[Version]] = {}
        with _told(self.bucket, "list_object_versions"):
            for page in pages:
                for kind in ("Versions", "DeleteMarkers"):
                    for each in page.get(kind, ()):
                        one = Version(
                            each["Key"],
                            each["VersionId"],
                            each["LastModified"],
                            each["IsLatest"],
                            kind == "DeleteMarkers",
                            each.get("ETag", ""),
                            each.get("Size", 0),
                        )
                        if not one.key.startswith(f"{self.prefix}locks/"):
                            found.setdefault(one.key, []).append(one)
        for of_key in found.values():  # times are whole seconds; S3 lists the newest first
            yield sorted(reversed(of_key), key=lambda each: (each.time, each.latest))

    def lock_of(self, version: Version) -> Lock:
        """Return how a version is protected."""
        head = self._ask("head_object", Key=version.key, VersionId=version.id)
        return Lock(head.get("ObjectLockMode"), head.get("ObjectLockRetainUntilDate"))

    def retain(self, version: Version, mode: str, until: datetime) -> None:
        """Protect a version until then. Only ever called with a later time than it has."""
        retention = {"Mode": mode, "RetainUntilDate": until}
        self._ask("put_object_retention", Key=version.key, VersionId=version.id, Retention=retention)

    def bring_back(self, version: Version) -> None:
        """Put an old version on top of all that came after it, which stays below it."""
        source = {"Bucket": self.bucket, "Key": version.key, "VersionId": version.id}
        self._ask("copy_object", Key=version.key, CopySource=source)

    def hide(self, key: str) -> None:
        """Put a delete marker on top of an object; its versions stay, if the bucket keeps versions."""
        self._ask("delete_object", Key=key)

    def names(self, directory: str) -> list[str]:
        """Return the names of the files in a directory of the vault."""
        place = f"{self.prefix}{directory}/"
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=place, Delimiter="/")
        with _told(self.bucket, "list_objects_v2"):
            found = [each["Key"].removeprefix(place) for page in pages for each in page.get("Contents", ())]
        return sorted(name for name in found if name)

    def move(self, source: str, target: str) -> None:
        """Move a file of the vault: it is at one of both paths, or at both, whenever this ends."""
        self.copy(source, target)
        self.remove(source)

    def copy(self, source: str, target: str) -> None:
        """Copy a file of the vault."""
        origin = {"Bucket": self.bucket, "Key": f"{self.prefix}{source}"}
        self._ask("copy_object", Key=f"{self.prefix}{target}", CopySource=origin)

    def remove(self, path: str) -> None:
        """Remove a file of the vault."""
        self.hide(f"{self.prefix}{path}")

    def read(self, version: Version) -> bytes:
        """Return the content of a small version."""
        return bytes(self._ask("get_object", Key=version.key, VersionId=version.id)["Body"].read())

    def _ask(self, what: str, **arguments: Any) -> Any:
        with _told(self.bucket, what) as answer:
            answer.append(getattr(self._client, what)(Bucket=self.bucket, **arguments))
        return answer[0]


def _say_digest(params: dict[str, Any], **_: Any) -> None:
    """Give a copy the digest of its body, which is empty: what adds to a bucket with locks must have one."""
    params["headers"]["Content-MD5"] = _EMPTY_MD5


class _told:
    """Turns boto3's errors into ours; what is not set up is an empty answer."""

    def __init__(self, bucket: str, what: str) -> None:
        self._bucket, self._what = bucket, what
        self._answer: list[Any] = []

    def __enter__(self) -> list[Any]:
        return self._answer

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                self._answer.append({})
                return True
            raise self._failure(code, str(error)) from error
        if isinstance(error, BotoCoreError):
            raise self._failure("", str(error)) from error
        return False

    def _failure(self, code: str, message: str) -> LifeboatError:
        if code in ("AccessDenied", "403"):
            return VaultError(
                f"The account may not do {self._what} on bucket '{self._bucket}': {message}",
                next_step="Give the housekeeper the rights that `lifeboat vault policy` prints.",
            )
        if code in ("404", "NoSuchBucket", "NoSuchKey", "NoSuchVersion"):
            return VaultError(
                f"Bucket '{self._bucket}' does not have it: {message}",
                next_step="`lifeboat vault init` makes the bucket.",
            )
        return UnreachableError(
            f"{self._what} on bucket '{self._bucket}' failed: {message}",
            next_step="Check the endpoint and the network; the next run goes on.",
        )
