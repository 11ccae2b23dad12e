"""EC2 machines: launched from an image, by parameters or by a launch template, and terminated."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lifeboat.aws.cloud import Cloud, tag_list, tags_of
from lifeboat.aws.names import Mark, client_token
from lifeboat.aws.once import made_once
from lifeboat.aws.waiting import Target
from lifeboat.aws.work import Work
from lifeboat.errors import CloudError, CloudMissingError, ConfigurationError


class Launch(BaseModel):
    """How a machine is launched at a site: by a launch template, by what is named here, or both; the latter wins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str | None = Field(None, description="Id or name of a launch template of the region.")
    template_version: str = Field("$Default", description="Its version.")
    instance_type: str | None = Field(None, description="Such as m6i.large.")
    subnet: str | None = Field(None, description="Subnet of the VPC.")
    security_groups: tuple[str, ...] = Field((), description="Security groups of the VPC.")
    key_name: str | None = Field(None, description="Key pair for SSH.")
    instance_profile: str | None = Field(None, description="Name of the instance profile, for a role.")
    private_address: str | None = Field(None, description="Private IPv4 address, if it must be a certain one.")

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the request. Raise ConfigurationError without a template and a type."""
        if not self.template and not self.instance_type:
            raise ConfigurationError(
                "Neither a launch template nor an instance type is named.", next_step="Name one for this site."
            )
        told: dict[str, Any] = {
            "InstanceType": self.instance_type,
            "SubnetId": self.subnet,
            "SecurityGroupIds": list(self.security_groups) or None,
            "KeyName": self.key_name,
            "IamInstanceProfile": {"Name": self.instance_profile} if self.instance_profile else None,
            "PrivateIpAddress": self.private_address,
        }
        if self.template:
            key = "LaunchTemplateId" if self.template.startswith("lt-") else "LaunchTemplateName"
            told["LaunchTemplate"] = {key: self.template, "Version": self.template_version}
        return {key: value for key, value in told.items() if value is not None}


@dataclass(frozen=True)
class Machine:
    """An EC2 instance that runs."""

    id: str
    region: str
    address: str


def launch(cloud: Cloud, image_id: str, region: str, name: str, how: Launch, mark: Mark) -> Work[Machine]:
    """Launch a machine of this name from an image and wait until it runs, or go on with the one of an earlier try."""
    service = cloud.service("ec2", region)
    parameters, tags = how.parameters(), tag_list(mark.tags(name))

    def make() -> None:
        service.call(
            "run_instances",
            settling=image_id,
            ImageId=image_id,
            MinCount=1,
            MaxCount=1,
            ClientToken=client_token("launch", region, name, mark.run, image_id, *terminated(cloud, name, region)),
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
    """Terminate a machine that carries this mark; one that is gone is no error. Raise CloudError for any other."""
    service = cloud.service("ec2", region)
    reservation = service.one("describe_instances", "Reservations", InstanceIds=[instance])
    if reservation is None:
        return
    found = reservation["Instances"][0]
    if found["State"]["Name"] != "terminated":
        mark.require(tags_of(found.get("Tags")), f"EC2 instance {instance} in {region}")
        try:
            service.call("terminate_instances", InstanceIds=[instance])
        except CloudMissingError:
            return
    yield Target("machine", instance, region, "gone")
