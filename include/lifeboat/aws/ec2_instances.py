"""EC2 machines: launched from an image, by parameters or by a launch template, and terminated."""

import logging
from dataclasses import dataclass
from typing import Any

from lifeboat.aws.cloud import Cloud, Service, tag_list, tags_of
from lifeboat.aws.names import Mark, client_token, marked
from lifeboat.aws.once import made_once
from lifeboat.aws.waiting import Target
from lifeboat.aws.work import Work
from lifeboat.deployment_cloud import Launch
from lifeboat.errors import CloudError, CloudMissingError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """An EC2 instance that runs."""

    id: str
    region: str
    address: str


def launch(cloud: Cloud, image_id: str, region: str, name: str, how: Launch, mark: Mark) -> Work[Machine]:
    """Launch a machine of this name from an image, or with an empty text from that of its launch template, and wait
    until it runs, or go on with the one of an earlier try."""
    service = cloud.service("ec2", region)
    parameters, tags = how.parameters(), tag_list(mark.tags(name))
    if image_id:
        parameters["ImageId"] = image_id

    def make() -> None:
        service.call(
            "run_instances",
            settling=image_id,
            MinCount=1,
            MaxCount=1,
            ClientToken=client_token(
                "launch", region, name, mark.run, str(mark.expires), image_id, *terminated(cloud, name, region)
            ),
            TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
            **parameters,
        )

    found = made_once(
        service, f"EC2 instance {name} in {region}", mark, lambda: find_machine(cloud, name, region), make
    )
    yield Target("machine", found["InstanceId"], region)
    found = find_machine(cloud, name, region) or found
    return Machine(found["InstanceId"], region, found.get("PrivateIpAddress") or "")


def find_machine(cloud: Cloud, name: str, region: str) -> dict[str, Any] | None:
    """Given a machine's name, return what EC2 tells of it, or None if there is none that lives. Raise CloudError when
    there are several: people copied its tags."""
    found = _named(cloud, name, region, ["pending", "running", "stopping", "stopped"])
    if len(found) > 1:
        ids = ", ".join(sorted(each["InstanceId"] for each in found))
        raise CloudError(
            f"Several machines in {region} carry the name {name}: {ids}.",
            next_step="Take the tag lifeboat:name away from those that Lifeboat did not launch.",
        )
    return found[0] if found else None


def terminated(cloud: Cloud, name: str, region: str) -> list[str]:
    """Return the ids of machines of this name that are gone: a request with the token of one of them would be answered
    with it, instead of a new one."""
    return sorted(each["InstanceId"] for each in _named(cloud, name, region, ["shutting-down", "terminated"]))


def _named(cloud: Cloud, name: str, region: str, states: list[str]) -> list[dict[str, Any]]:
    filters = [
        {"Name": "tag:lifeboat:name", "Values": [name]},
        {"Name": "instance-state-name", "Values": states},
    ]
    reservations = cloud.service("ec2", region).pages("describe_instances", "Reservations", Filters=filters)
    return [each for reservation in reservations for each in reservation["Instances"]]


def terminate(cloud: Cloud, instance: str, region: str, mark: Mark) -> Work[None]:
    """Terminate a machine that carries this mark, also one that its template protects from that, with the volumes that
    were made with it: EC2 keeps those whose image says so. One that is gone is no error. Raise CloudError for any
    other."""
    service = cloud.service("ec2", region)
    reservation = service.one("describe_instances", "Reservations", InstanceIds=[instance])
    if reservation is None:
        return
    found = reservation["Instances"][0]
    if found["State"]["Name"] != "terminated":
        mark.require(tags_of(found.get("Tags")), f"EC2 instance {instance} in {region}")
        try:
            _unprotect(service, instance)
            service.call("terminate_instances", InstanceIds=[instance])
        except CloudMissingError:
            return
    yield Target("machine", instance, region, "gone")
    name = {"Name": "tag:lifeboat:name", "Values": [tags_of(found.get("Tags")).get("lifeboat:name", "")]}
    for volume in service.pages("describe_volumes", "Volumes", Filters=[name]):
        if marked(tags_of(volume.get("Tags"))) == mark:
            yield from remove_volume(cloud, volume["VolumeId"], region)


def remove_volume(cloud: Cloud, volume: str, region: str) -> Work[None]:
    """Remove an EBS volume, once its machine is gone; one that is gone already is no error."""
    service = cloud.service("ec2", region)
    yield Target("volume", volume, region, "settled")
    try:
        service.call("delete_volume", VolumeId=volume)
    except CloudMissingError:
        return
    yield Target("volume", volume, region, "gone")


def _unprotect(service: Service, instance: str) -> None:
    told = service.call("describe_instance_attribute", InstanceId=instance, Attribute="disableApiTermination")
    if told.get("DisableApiTermination", {}).get("Value"):
        log.info("EC2 instance %s is protected from termination, which is taken away", instance)
        service.call("modify_instance_attribute", InstanceId=instance, DisableApiTermination={"Value": False})
