"""Traffic switched to what was recovered: a record of Route 53, targets of a load balancer; and put back.

What was before is told by `read_record` and `read_targets`. Whoever switches writes that down before it does, as
recoveries do with their journal: after a kill, what is there may be the new state already.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.waiting import Target
from lifeboat.aws.work import Work
from lifeboat.errors import CloudError, ConfigurationError


@dataclass(frozen=True)
class Record:
    """A record of a zone as Route 53 has it, or that there is none (`content` is None).

    :param set_identifier: which one of several of that name, with a routing policy; empty for a simple one
    """

    zone: str
    name: str
    type: str
    set_identifier: str = ""
    content: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def pointing_to(self, values: Sequence[str], ttl: int = 60) -> "Record":
        """Return the record that has these values instead, with the routing policy that it has now."""
        kept = {key: value for key, value in (self.content or {}).items() if key not in ("TTL", "AliasTarget")}
        content = {
            "Name": self.name,
            "Type": self.type,
            **kept,
            "TTL": ttl,
            "ResourceRecords": [{"Value": value} for value in values],
        }
        if self.set_identifier:
            content["SetIdentifier"] = self.set_identifier
        return Record(self.zone, self.name, self.type, self.set_identifier, content)


def read_record(cloud: Cloud, zone: str, name: str, kind: str, set_identifier: str = "") -> Record:
    """Return the record of this name and type, as it is now. Raise ConfigurationError when there are several and no
    identifier says which."""
    full = name.rstrip(".").lower() + "."
    listed = cloud.service("route53").call(
        "list_resource_record_sets", HostedZoneId=zone, StartRecordName=full, StartRecordType=kind
    )["ResourceRecordSets"]
    found = [each for each in listed if each["Name"].replace("\\052", "*").lower() == full and each["Type"] == kind]
    if not set_identifier and any("SetIdentifier" in each for each in found):
        names = ", ".join(sorted(each["SetIdentifier"] for each in found))
        raise ConfigurationError(
            f"Record {full} {kind} has a routing policy, with several identifiers: {names}.",
            next_step="Name the one to switch.",
        )
    content = next((each for each in found if each.get("SetIdentifier", "") == set_identifier), None)
    return Record(zone, full, kind, set_identifier, content)


def set_record(cloud: Cloud, wanted: Record) -> Work[None]:
    """Make a record what it is to be, also none, and wait until all of Route 53's servers say so; DNS caches keep the
    old one for its TTL."""
    now = read_record(cloud, wanted.zone, wanted.name, wanted.type, wanted.set_identifier)
    content, action = wanted.content, "UPSERT"
    if content is None:
        if now.content is None:
            return
        content, action = now.content, "DELETE"
    elif now.content == content:
        return
    change = cloud.service("route53").call(
        "change_resource_record_sets",
        HostedZoneId=wanted.zone,
        ChangeBatch={"Comment": "Lifeboat", "Changes": [{"Action": action, "ResourceRecordSet": content}]},
    )["ChangeInfo"]
    yield Target("record-change", change["Id"].rpartition("/")[2], cloud.region)
    after = read_record(cloud, wanted.zone, wanted.name, wanted.type, wanted.set_identifier)
    if after.content != wanted.content:
        raise CloudError(
            f"Record {wanted.name} {wanted.type} is not what it was set to.",
            next_step="Somebody else changes it, too; look at the zone, then repeat the task.",
        )


@dataclass(frozen=True)
class Member:
    """A target of a load balancer: an instance or an address, and its port, or the group's."""

    id: str
    port: int | None = None

    def parameters(self) -> dict[str, Any]:
        return {"Id": self.id} | ({"Port": self.port} if self.port else {})


def read_targets(cloud: Cloud, group: str, region: str) -> list[Member]:
    """Return the targets that are registered with a target group now, but for those that are on their way out."""
    listed = cloud.service("elbv2", region).call("describe_target_health", TargetGroupArn=group)
    found = [each for each in listed["TargetHealthDescriptions"] if each["TargetHealth"]["State"] != "draining"]
    return sorted((Member(each["Target"]["Id"], each["Target"].get("Port")) for each in found), key=_order)


def set_targets(cloud: Cloud, group: str, region: str, wanted: Sequence[Member]) -> Work[None]:
    """Make a target group's targets these and no others: the new ones are registered and healthy before any old one
    goes."""
    service = cloud.service("elbv2", region)
    now = read_targets(cloud, group, region)
    new = [each for each in wanted if not _among(each, now)]
    if new:
        service.call("register_targets", TargetGroupArn=group, Targets=[each.parameters() for each in new])
    for each in wanted:
        yield _target(group, each, region)
    old = [each for each in read_targets(cloud, group, region) if not _among(each, wanted)]
    if old:
        service.call("deregister_targets", TargetGroupArn=group, Targets=[each.parameters() for each in old])
    for each in old:
        yield _target(group, each, region, "gone")


def _among(member: Member, others: Sequence[Member]) -> bool:
    """Return whether a target is one of others; without a port it is the group's, which the others may name."""
    return any(
        member.id == each.id and (not member.port or not each.port or member.port == each.port) for each in others
    )


def _order(member: Member) -> tuple[str, int]:
    return (member.id, member.port or 0)


def _target(group: str, member: Member, region: str, wanted: Any = "ready") -> Target:
    return Target("target", f"{group}|{member.id}|{member.port or ''}", region, wanted)
