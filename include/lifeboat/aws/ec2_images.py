"""Images of EC2 machines: made, copied to regions with a key of theirs, and removed with their snapshots."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from lifeboat.aws.cloud import Cloud, tag_list, tags_of
from lifeboat.aws.names import Mark, client_token
from lifeboat.aws.once import made_once
from lifeboat.aws.waiting import Target
from lifeboat.aws.work import Work
from lifeboat.errors import CloudError, CloudMissingError, ConfigurationError

#: What AWS says of snapshots that went with their image; `skipped` ones are another image's, too.
_DELETED = ("success", "skipped")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Image:
    """An image of a machine: its name, which is unique in its account and region, and its id there."""

    name: str
    id: str
    region: str
    encrypted: bool

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def take_image(cloud: Cloud, instance: str, region: str, name: str, mark: Mark, *, reboot: bool) -> Work[Image]:
    """Make an image of a machine. With `reboot` AWS restarts it, so that its file systems are whole; without, they are
    as after a power failure, which is right for a machine whose data is captured otherwise."""
    service = cloud.service("ec2", region)

    def make() -> None:
        tags = tag_list(mark.tags(name))
        specifications = [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
        service.call(
            "create_image", InstanceId=instance, Name=name, NoReboot=not reboot, TagSpecifications=specifications
        )

    return (yield from _made(cloud, region, name, mark, make))


def copy_image(
    cloud: Cloud, source: Image, region: str, name: str, mark: Mark, *, kms_key: str | None = None
) -> Work[Image]:
    """Copy an image to a region, encrypted with a key of that region, or with the account's default one there.

    Raise ConfigurationError when the destination is the source's region."""
    if region == source.region:
        raise ConfigurationError(
            f"Image {source.name} is in {region} already.", next_step="Name another region to copy it to."
        )
    service = cloud.service("ec2", region)

    def make() -> None:
        tags = tag_list(mark.tags(name))
        service.call(
            "copy_image",
            Name=name,
            SourceImageId=source.id,
            SourceRegion=source.region,
            Encrypted=True,
            **({"KmsKeyId": kms_key} if kms_key else {}),
            ClientToken=client_token("copy-image", region, name, mark.run, str(mark.expires)),
            TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")],
        )

    return (yield from _made(cloud, region, name, mark, make))


def find_image(cloud: Cloud, name: str, region: str) -> dict[str, Any] | None:
    """Given an image's name, return what EC2 tells of the account's own one, or None if there is none."""
    named = [{"Name": "name", "Values": [name]}]
    return cloud.service("ec2", region).one("describe_images", "Images", Owners=["self"], Filters=named)


def remove_image(cloud: Cloud, image_id: str, region: str) -> Work[None]:
    """Deregister an image and delete the EBS snapshots under it that no other one uses, by one request; what is gone
    already is no error. Raise CloudError when a snapshot could not be deleted; `leftovers` finds it."""
    try:
        answer = cloud.service("ec2", region).call("deregister_image", ImageId=image_id, DeleteAssociatedSnapshots=True)
    except CloudMissingError:
        return
    kept = [each for each in answer.get("DeleteSnapshotResults") or () if each["ReturnCode"] not in _DELETED]
    if kept:
        told = ", ".join(f"{each['SnapshotId']} ({each['ReturnCode']})" for each in kept)
        raise CloudError(
            f"Image {image_id} in {region} is gone, but not these EBS snapshots: {told}.",
            next_step="Allow ec2:DeleteSnapshot; then `lifeboat aws leftovers` finds them once they have expired.",
        )
    yield Target("image", image_id, region, "gone")


def remove_ebs_snapshot(cloud: Cloud, snapshot: str, region: str) -> None:
    """Delete an EBS snapshot; one that is gone already is no error."""
    try:
        cloud.service("ec2", region).call("delete_snapshot", SnapshotId=snapshot)
    except CloudMissingError:
        log.info("EBS snapshot %s in %s is gone already.", snapshot, region)


def _made(cloud: Cloud, region: str, name: str, mark: Mark, make: Callable[[], object]) -> Work[Image]:
    service, what = cloud.service("ec2", region), f"image {name} in {region}"
    found = find_image(cloud, name, region)
    if found is not None and found["State"] in ("failed", "error", "invalid"):
        mark.require(tags_of(found.get("Tags")), what)
        log.warning("%s of an earlier try has failed; it is removed and made again.", what)
        yield from remove_image(cloud, found["ImageId"], region)
    found = made_once(service, what, mark, lambda: find_image(cloud, name, region), make)
    yield Target("image", found["ImageId"], region)
    found = service.one("describe_images", "Images", ImageIds=[found["ImageId"]]) or found
    disks = [each["Ebs"] for each in found.get("BlockDeviceMappings") or () if "Ebs" in each]
    return Image(name, found["ImageId"], region, bool(disks) and all(each.get("Encrypted") for each in disks))
