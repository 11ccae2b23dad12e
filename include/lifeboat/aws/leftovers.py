"""What Lifeboat left in the cloud: found by its tags, and removed once it has expired or its run has ended.

A killed drill leaves a database that costs money every hour. Doubt removes nothing: what carries no readable mark is
not ours, and what a recovery made is in use by then and never a leftover.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from lifeboat.aws.cloud import Cloud, tags_of
from lifeboat.aws.ec2_images import remove_ebs_snapshot, remove_image
from lifeboat.aws.ec2_instances import remove_volume, terminate
from lifeboat.aws.names import Mark, marked
from lifeboat.aws.rds_restore import remove_database
from lifeboat.aws.rds_snapshots import remove_snapshot, snapshot_of
from lifeboat.aws.rds_words import WORDS, Database, DatabaseKind
from lifeboat.aws.waiting import Limits
from lifeboat.aws.work import Work, finish
from lifeboat.errors import LifeboatError
from lifeboat.times import in_utc

log = logging.getLogger(__name__)

#: Given the mark of a thing, say whether what it was made for is over, or gone.
Ended = Callable[[Mark], bool]


Remove = Callable[[Mark], Work[None]]


@dataclass(frozen=True)
class Thing:
    """Something in the cloud that carries a tag of Lifeboat's, and how it is removed."""

    what: str
    region: str
    id: str
    tags: dict[str, str]
    remove: Remove

    def __str__(self) -> str:
        return f"{self.what} {self.id} in {self.region}"


@dataclass(frozen=True)
class Leftover:
    """A thing that may go: whose it was, and why it may go."""

    thing: Thing
    mark: Mark
    why: str

    def __str__(self) -> str:
        return str(self.thing)


@dataclass(frozen=True)
class Cleared:
    """What became of leftovers: those that are gone, and those that are not, with the reason."""

    removed: tuple[Leftover, ...]
    failed: tuple[tuple[Leftover, LifeboatError], ...]


def find_leftovers(
    cloud: Cloud, regions: Sequence[str], ended: Ended = lambda mark: False, deployment: str | None = None
) -> list[Leftover]:
    """Return what may go in these regions, of one deployment or of all, in the order in which it can be removed."""
    now = cloud.clock.now()
    found = []
    for region in regions:
        for thing in _things(cloud, region):
            mark = marked(thing.tags)
            why = _why(mark, now, ended) if mark else ""
            if mark and why and deployment in (None, mark.deployment):
                found.append(Leftover(thing, mark, why))
    return found


def find_made(cloud: Cloud, region: str, deployment: str, run: str) -> list[Leftover]:
    """Return the machines, their volumes that outlived them, and the databases that a rehearsal or a recovery has made
    in a region, in the order in which they can be removed. It is for whoever takes all of it down, in use or not."""
    found = []
    for thing in _running(cloud, region):
        mark = marked(thing.tags)
        if mark and (mark.deployment, mark.run) == (deployment, run) and mark.purpose in ("rehearsal", "recovery"):
            found.append(Leftover(thing, mark, f"{mark.purpose} {run} is taken down"))
    return found


def clear(cloud: Cloud, leftovers: Sequence[Leftover], limits: Limits = Limits()) -> Cleared:  # noqa: B008 (frozen)
    """Remove leftovers; one that cannot be removed keeps no other one from going."""
    removed, failed = [], []
    for each in leftovers:
        try:
            finish(cloud, each.thing.remove(each.mark), limits)
        except LifeboatError as error:
            log.error("%s could not be removed: %s", each, error)
            failed.append((each, error))
        else:
            log.info("Removed %s: %s", each, each.why)
            removed.append(each)
    return Cleared(tuple(removed), tuple(failed))


def _why(mark: Mark, now: datetime, ended: Ended) -> str:
    if mark.purpose == "recovery":
        return ""
    if mark.expires is not None and mark.expires <= now:
        return f"it expired at {in_utc(mark.expires)}"
    if not ended(mark):
        return ""
    return f"its restore point {mark.run} is gone" if mark.purpose == "backup" else f"its run {mark.run} has ended"


def _things(cloud: Cloud, region: str) -> Iterator[Thing]:
    """Yield all that could be Lifeboat's: users before what they use."""
    yield from _running(cloud, region)
    yield from _snapshots(cloud, region, "instance")
    yield from _snapshots(cloud, region, "cluster")
    yield from _images(cloud, region)
    yield from _ebs_snapshots(cloud, region)


def _running(cloud: Cloud, region: str) -> Iterator[Thing]:
    """Yield of that what runs, or outlived what ran."""
    yield from _machines(cloud, region)
    yield from _volumes(cloud, region)
    yield from _databases(cloud, region, "cluster")  # with its instances
    yield from _databases(cloud, region, "instance")


_TAGGED = {"Name": "tag-key", "Values": ["lifeboat:run"]}
_ALIVE = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}


def _machines(cloud: Cloud, region: str) -> Iterator[Thing]:
    service = cloud.service("ec2", region)
    for reservation in service.pages("describe_instances", "Reservations", Filters=[_TAGGED, _ALIVE]):
        for each in reservation["Instances"]:
            name = each["InstanceId"]
            yield Thing(
                "EC2 instance", region, name, tags_of(each.get("Tags")), partial(terminate, cloud, name, region)
            )


def _volumes(cloud: Cloud, region: str) -> Iterator[Thing]:
    """Yield the volumes of machines that are gone; those of others go with them."""
    alone = {"Name": "status", "Values": ["available", "error"]}
    for each in cloud.service("ec2", region).pages("describe_volumes", "Volumes", Filters=[_TAGGED, alone]):
        remove = _whoever(partial(remove_volume, cloud, each["VolumeId"], region))
        yield Thing("EBS volume", region, each["VolumeId"], tags_of(each.get("Tags")), remove)


def _databases(cloud: Cloud, region: str, kind: DatabaseKind) -> Iterator[Thing]:
    words = WORDS[kind]
    for each in cloud.service("rds", region).pages(words.describe, words.listed):
        of_a_cluster = kind == "instance" and each.get("DBClusterIdentifier")
        if not of_a_cluster and each[words.state] != "deleting":
            database = Database(kind, each[words.id], region)
            remove = partial(remove_database, cloud, database)
            yield Thing(words.noun, region, database.id, tags_of(each.get("TagList")), remove)


def _snapshots(cloud: Cloud, region: str, kind: DatabaseKind) -> Iterator[Thing]:
    words = WORDS[kind]
    listed = cloud.service("rds", region).pages(words.describe_snapshots, words.snapshots, SnapshotType="manual")
    for each in listed:
        snapshot = snapshot_of(kind, region, each)
        remove = _whoever(partial(remove_snapshot, cloud, snapshot))
        yield Thing("snapshot", region, snapshot.id, tags_of(each.get("TagList")), remove)


def _images(cloud: Cloud, region: str) -> Iterator[Thing]:
    for each in cloud.service("ec2", region).pages("describe_images", "Images", Owners=["self"], Filters=[_TAGGED]):
        remove = _whoever(partial(remove_image, cloud, each["ImageId"], region))
        yield Thing("image", region, each["ImageId"], tags_of(each.get("Tags")), remove)


def _ebs_snapshots(cloud: Cloud, region: str) -> Iterator[Thing]:
    """Yield EBS snapshots that no image stands on any more."""
    service = cloud.service("ec2", region)
    used = {
        disk.get("Ebs", {}).get("SnapshotId")
        for image in service.pages("describe_images", "Images", Owners=["self"])
        for disk in image.get("BlockDeviceMappings") or ()
    }
    for each in service.pages("describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=[_TAGGED]):
        if each["SnapshotId"] not in used:
            remove = _whoever(partial(_without_snapshot, cloud, each["SnapshotId"], region))
            yield Thing("EBS snapshot", region, each["SnapshotId"], tags_of(each.get("Tags")), remove)


def _without_snapshot(cloud: Cloud, name: str, region: str) -> Work[None]:
    remove_ebs_snapshot(cloud, name, region)
    yield from ()


def _whoever(remove: Callable[[], Work[None]]) -> Remove:
    """Return how something is removed that asks for no mark: its own was read a moment ago."""
    return lambda mark: remove()
