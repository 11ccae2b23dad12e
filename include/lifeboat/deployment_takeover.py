"""The part of a deployment file about a site that takes over: what is made there in AWS, and how traffic comes to
it."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lifeboat.deployment_cloud import Launch
from lifeboat.deployment_model import Model
from lifeboat.deployment_values import ConnectionId, Duration, HostName, Name


class TakeoverDatabase(Model):
    """A database of RDS that a recovery of the site restores from its snapshot."""

    contents: Literal["snapshot", "vault"] = Field(
        "snapshot",
        description="Where its databases come from: the snapshot, quick, of which no row is compared; or the "
        "capture of "
        "its `database_server` in the site's vault, proven, for which the snapshot gives the server, its settings and "
        "its accounts.",
    )
    hourly_cost: float | None = Field(None, ge=0, description="What it costs an hour, for the plan.")


class TakeoverMachine(Model):
    """An EC2 machine that a recovery of the site launches."""

    bindings: list[Name] = Field(
        min_length=1, description="The site's bindings whose `connection` gets its address instead of the host there."
    )
    image: Name | None = Field(None, description="The one of `images` whose image of the restore point it is made of.")
    ami: str | None = Field(
        None,
        pattern="^ami-[0-9a-f]+$",
        description="Or an image of the region; by default that of the launch template.",
    )
    launch: Launch = Field(description="How it is launched.")
    hourly_cost: float | None = Field(None, ge=0, description="What it costs an hour, for the plan.")

    @model_validator(mode="after")
    def _of_one_image(self) -> "TakeoverMachine":
        if self.image and self.ami:
            raise ValueError("give image or ami, not both")
        if not (self.image or self.ami or self.launch.template):
            raise ValueError("give image, ami, or a launch template that names an image")
        return self


class RecordSwitch(Model):
    """A record of Route 53 that gets the addresses of machines, the endpoint of a database, or fixed values."""

    kind: Literal["record"] = Field(description="`record`.")
    zone: str = Field(min_length=1, description="Id of the hosted zone.")
    name: HostName = Field(description="The record's name.")
    type: Literal["A", "AAAA", "CNAME"] = Field("CNAME", description="Its type.")
    set_identifier: str = Field("", description="Which one, when the record has a routing policy.")
    ttl: int = Field(60, ge=0, description="Its time to live, in seconds.")
    machines: list[Name] = Field([], description="Machines whose addresses it gets.")
    database: Name | None = Field(None, description="Or the database whose endpoint it gets.")
    values: list[str] = Field([], description="Or what it gets, such as the name of the site's load balancer.")
    account: ConnectionId | None = Field(None, description="The AWS connection of the zone, if it is not the site's.")

    @model_validator(mode="after")
    def _one_content(self) -> "RecordSwitch":
        if sum(map(bool, (self.machines, self.database, self.values))) != 1:
            raise ValueError("give one of machines, database and values")
        return self


class TargetsSwitch(Model):
    """A target group of a load balancer whose targets the machines become."""

    kind: Literal["targets"] = Field(description="`targets`.")
    group: str = Field(pattern="^arn:", description="ARN of the target group.")
    machines: list[Name] = Field(min_length=1, description="Machines that become its targets.")
    port: int | None = Field(None, ge=1, le=65535, description="Their port, if it is not the group's.")


class CommandSwitch(Model):
    """A program of your own, for whatever else brings traffic: another name service, a firewall, a mail to somebody."""

    kind: Literal["command"] = Field(description="`command`.")
    run: list[str] = Field(
        min_length=1,
        description="Program and arguments, run on the worker; it must be repeatable. LIFEBOAT_RECOVERY, LIFEBOAT_SITE "
        "and LIFEBOAT_ADDRESSES (JSON, the address of each machine and database by name) are in its environment.",
    )
    back: list[str] = Field([], description="The same for the way back.")
    timeout: Duration = Field(timedelta(minutes=10), description="The longest that it may take.")


Switch = Annotated[RecordSwitch | TargetsSwitch | CommandSwitch, Field(discriminator="kind")]


class Takeover(Model):
    """How a site takes over: what is made there, and how traffic comes to it."""

    databases: dict[Name, TakeoverDatabase] = Field({}, description="Those of `rds` that are restored, by name.")
    machines: dict[Name, TakeoverMachine] = Field({}, description="Machines that are launched, by a name of their own.")
    switch: list[Switch] = Field(
        [], description="What brings traffic there, in this order; the way back is the reverse."
    )
    answers_within: Duration = Field(
        timedelta(minutes=10), description="The longest from when a machine runs until it answers over SSH."
    )
    currency: str = Field("USD", description="Of `hourly_cost`.")
