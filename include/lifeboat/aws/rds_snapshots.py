"""Manual snapshots of RDS databases: taken, shared with an account, copied to other regions and accounts, removed."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from lifeboat.aws.cloud import Cloud, tag_list, tags_of
from lifeboat.aws.names import Mark
from lifeboat.aws.once import made_once
from lifeboat.aws.rds_words import WORDS, Database, DatabaseKind, Words
from lifeboat.aws.waiting import Target
from lifeboat.aws.work import Work
from lifeboat.errors import CloudError, CloudMissingError, ConfigurationError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """A manual snapshot: its kind, name, region and ARN, and whether a key of KMS encrypts it."""

    kind: DatabaseKind
    id: str
    region: str
    arn: str
    encrypted: bool

    @property
    def words(self) -> Words:
        return WORDS[self.kind]

    @property
    def account(self) -> str:
        """The number of the account that owns it."""
        return self.arn.split(":")[4]

    def target(self, wanted: Any = "ready") -> Target:
        return Target(self.words.snapshot_target, self.id, self.region, wanted)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def find_snapshot(cloud: Cloud, kind: DatabaseKind, name: str, region: str) -> dict[str, Any] | None:
    """Given a snapshot's kind, name and region, return what RDS tells of it, or None if there is none."""
    words = WORDS[kind]
    return cloud.service("rds", region).one(
        words.describe_snapshots, words.snapshots, **dict[str, Any]({words.snapshot_id: name})
    )


def snapshot_of(kind: DatabaseKind, region: str, found: dict[str, Any]) -> Snapshot:
    """Given what RDS tells of a snapshot, return it."""
    words = WORDS[kind]
    encrypted = bool(found.get(words.encrypted))
    return Snapshot(kind, found[words.snapshot_id], region, found[words.snapshot_arn], encrypted)


def take_snapshot(cloud: Cloud, database: Database, name: str, mark: Mark) -> Work[Snapshot]:
    """Take a snapshot of a database by this name, or go on with the one that an earlier try began."""
    words = database.words

    def make() -> None:
        cloud.service("rds", database.region).call(
            words.create_snapshot,
            **dict[str, Any]({words.id: database.id, words.snapshot_id: name}),
            Tags=tag_list(mark.tags(name)),
        )

    return (yield from _made(cloud, database.kind, database.region, name, mark, make))


def copy_snapshot(
    cloud: Cloud, source: Snapshot, region: str, name: str, mark: Mark, *, kms_key: str | None = None
) -> Work[Snapshot]:
    """Copy a snapshot to a region of the account `cloud`, which may be another one than the snapshot's. The request
    goes to the destination, with the source's ARN, and what is encrypted gets a key of the destination.

    Raise ConfigurationError when an encrypted one is copied without a key, or over a region and an account at once,
    which RDS does not do for Aurora and for encrypted snapshots (`bring_snapshot`).
    """
    words, account = source.words, cloud.account()
    _refuse_journey(source, region, account, kms_key)
    if source.account != account:
        _require_shared(cloud, source)

    def make() -> None:
        more: dict[str, Any] = {}
        if kms_key:
            more["KmsKeyId"] = kms_key
        if source.region != region:
            more["SourceRegion"] = source.region  # botocore signs the request for the source by it
        cloud.service("rds", region).call(
            words.copy_snapshot,
            **dict[str, Any]({words.copy_source: source.arn, words.copy_target: name}),
            CopyTags=source.account == account,
            Tags=tag_list(mark.tags(name)),
            **more,
        )

    return (yield from _made(cloud, source.kind, region, name, mark, make))


def bring_snapshot(
    home: Cloud,
    there: Cloud,
    source: Snapshot,
    name: str,
    mark: Mark,
    *,
    kms_key: str | None = None,
    transit_key: str | None = None,
) -> Work[Snapshot]:
    """Bring a snapshot of the account `home` to the account and region `there`: share it, copy it, and when both differ
    copy it within its region first, with a key of the other account there; that copy goes in the end."""
    region, account = there.region, there.account()
    if account == source.account:
        return (yield from copy_snapshot(there, source, region, name, mark, kms_key=kms_key))
    share_snapshot(home, source, account)
    if region == source.region:
        return (yield from copy_snapshot(there, source, region, name, mark, kms_key=kms_key))
    found = find_snapshot(there, source.kind, name, region)
    if found is None or found["Status"] != "available":
        transit = yield from copy_snapshot(there, source, source.region, name, mark, kms_key=transit_key)
        yield from copy_snapshot(there, transit, region, name, mark, kms_key=kms_key)
    copied = find_snapshot(there, source.kind, name, region) or {}
    mark.require(tags_of(copied.get("TagList")), f"snapshot {name} in {region}")
    transited = find_snapshot(there, source.kind, name, source.region)
    if transited is not None:
        yield from remove_snapshot(there, snapshot_of(source.kind, source.region, transited))
    return snapshot_of(source.kind, region, copied)


def share_snapshot(cloud: Cloud, snapshot: Snapshot, account: str) -> None:
    """Let another account copy and restore a snapshot. Raise AccessError or CloudError when RDS refuses, as it does for
    what is encrypted with the account's default key."""
    if account == snapshot.account:
        return
    words = snapshot.words
    try:
        cloud.service("rds", snapshot.region).call(
            words.share_snapshot,
            settling=snapshot.id,
            **dict[str, Any]({words.snapshot_id: snapshot.id}),
            AttributeName="restore",
            ValuesToAdd=[account],
        )
    except CloudError as error:
        if snapshot.encrypted and not isinstance(error, CloudMissingError):
            error.next_step += (
                " A snapshot that is encrypted with aws/rds cannot be shared: encrypt the database, or a copy of the "
                f"snapshot, with a key of your own whose policy lets account {account} use it."
            )
        raise


def remove_snapshot(cloud: Cloud, snapshot: Snapshot) -> Work[None]:
    """Remove a snapshot; one that is gone already is no error."""
    words = snapshot.words
    yield snapshot.target("settled")  # RDS refuses to remove what is being made
    try:
        cloud.service("rds", snapshot.region).call(
            words.delete_snapshot, **dict[str, Any]({words.snapshot_id: snapshot.id})
        )
    except CloudMissingError:
        return
    yield snapshot.target("gone")


def _made(
    cloud: Cloud, kind: DatabaseKind, region: str, name: str, mark: Mark, make: Callable[[], object]
) -> Work[Snapshot]:
    words = WORDS[kind]
    what = f"snapshot {name} in {region}"
    found = find_snapshot(cloud, kind, name, region)
    if found is not None and found["Status"] == "failed":
        mark.require(tags_of(found.get("TagList")), what)
        log.warning("%s of an earlier try has failed; it is removed and taken again.", what)
        yield from remove_snapshot(cloud, snapshot_of(kind, region, found))
    service = cloud.service("rds", region)
    found = made_once(service, what, mark, lambda: find_snapshot(cloud, kind, name, region), make)
    yield Target(words.snapshot_target, name, region)
    return snapshot_of(kind, region, find_snapshot(cloud, kind, name, region) or found)


def _refuse_journey(source: Snapshot, region: str, account: str, kms_key: str | None) -> None:
    if source.encrypted and source.region != region and not kms_key:
        raise ConfigurationError(
            f"Snapshot {source.id} is encrypted, and no key of {region} is given for its copy.",
            next_step=f"Name a KMS key of {region}.",
        )
    if source.account != account and source.encrypted and not kms_key:
        raise ConfigurationError(
            f"Snapshot {source.id} is encrypted with a key of account {source.account}; its copy needs one of "
            f"account {account}.",
            next_step=f"Name a KMS key of account {account} in {region}.",
        )
    if source.account != account and source.region != region and (source.encrypted or source.kind == "cluster"):
        raise ConfigurationError(
            f"Snapshot {source.id} cannot be copied to another account and another region at once.",
            next_step=f"Copy it to {source.region} of account {account} first, then that copy to {region}.",
        )


def _require_shared(cloud: Cloud, source: Snapshot) -> None:
    """Raise CloudMissingError, before anything is begun, when the other account has not shared the snapshot."""
    words = source.words
    found = cloud.service("rds", source.region).one(
        words.describe_snapshots,
        words.snapshots,
        **dict[str, Any]({words.snapshot_id: source.arn}),
        SnapshotType="shared",
        IncludeShared=True,
    )
    if found is None:
        raise CloudMissingError(
            f"Snapshot {source.arn} is not shared with account {cloud.account()}.",
            next_step=f"Share it from account {source.account} first.",
        )
