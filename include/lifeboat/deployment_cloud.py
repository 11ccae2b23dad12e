"""The parts of a deployment file about AWS: databases of RDS, images of EC2 machines, and what they get at a site."""

from typing import Any, Literal

from pydantic import Field, model_validator

from lifeboat.deployment_model import Model
from lifeboat.deployment_values import Name


class Place(Model):
    """What a restored database gets instead, where it is another region's, or only stays for a drill. What is not
    named is as it was."""

    subnet_group: str | None = Field(None, description="DB subnet group.")
    security_groups: list[str] | None = Field(None, description="Ids of security groups of the VPC.")
    parameter_group: str | None = Field(None, description="Parameter group; of a cluster the cluster's.")
    member_parameter_group: str | None = Field(None, description="Parameter group of a cluster's instances.")
    option_group: str | None = Field(None, description="Option group.")
    instance_class: str | None = Field(None, description="Instance class, such as db.m6g.large.")
    multi_az: bool | None = Field(None, description="Whether there is a standby in another zone.")
    backup_retention_days: int | None = Field(None, ge=0, le=35, description="Days of automated backups.")
    deletion_protection: bool | None = Field(None, description="Whether it cannot be deleted before that is off.")
    members: int | None = Field(None, ge=1, le=16, description="Instances of a cluster.")


class Launch(Model):
    """How a machine is launched at a site: by a launch template, by what is named here, or both; the latter wins."""

    template: str | None = Field(None, description="Id or name of a launch template of the region.")
    template_version: str = Field("$Default", description="Its version.")
    instance_type: str | None = Field(None, description="Instance type, such as m6i.large.")
    subnet: str | None = Field(None, description="Subnet of the VPC.")
    security_groups: list[str] = Field([], description="Ids of security groups of the VPC.")
    key_name: str | None = Field(None, description="Key pair for SSH.")
    instance_profile: str | None = Field(None, description="Name of the instance profile, for a role.")
    private_address: str | None = Field(None, description="Private IPv4 address, if it must be a certain one.")

    @model_validator(mode="after")
    def _launchable(self) -> "Launch":
        if not self.template and not self.instance_type:
            raise ValueError("give template or instance_type, or both")
        return self

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the request that launches it."""
        told: dict[str, Any] = {
            "InstanceType": self.instance_type,
            "SubnetId": self.subnet,
            "SecurityGroupIds": self.security_groups or None,
            "KeyName": self.key_name,
            "IamInstanceProfile": {"Name": self.instance_profile} if self.instance_profile else None,
            "PrivateIpAddress": self.private_address,
        }
        if self.template:
            key = "LaunchTemplateId" if self.template.startswith("lt-") else "LaunchTemplateName"
            told["LaunchTemplate"] = {key: self.template, "Version": self.template_version}
        return {key: value for key, value in told.items() if value is not None}


class RdsDatabase(Model):
    """One database of RDS, captured as a snapshot that stays in AWS."""

    identifier: str = Field(min_length=1, description="Identifier of the DB instance or the Aurora cluster.")
    kind: Literal["instance", "cluster"] = Field("instance", description="What it is; `cluster` for Aurora.")
    site: Name = Field("main", description="The site in whose account and region it is.")
    host: Name = Field("worker", description="The host whose worker asks AWS.")
    database_server: Name | None = Field(
        None,
        description="The one of `database_servers` that is in it: drills run the WSO2 checks on what was restored, by "
        "its account and the restored address.",
    )
    places: dict[Name, Place] = Field({}, description="By site, what it gets when it is restored there.")


class MachineImage(Model):
    """One EC2 machine, captured as an image that stays in AWS."""

    instance: str = Field(pattern="^i-[0-9a-f]+$", description="Id of the machine.")
    reboot: bool = Field(
        False, description="Whether AWS restarts it for the image, so that its file systems are whole."
    )
    site: Name = Field("main", description="The site in whose account and region it is.")
    host: Name = Field("worker", description="The host whose worker asks AWS.")
    launches: dict[Name, Launch] = Field(
        {},
        description="By site, how drills launch it from its image there: where it reaches nothing that is live, since "
        "its services start with the configuration that they had.",
    )
