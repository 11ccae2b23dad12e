"""What can be waited for: how each kind of thing is looked at, which states are good, and which will never be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lifeboat.aws.cloud import Service

Found = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of thing.

    :param find: given the service and an id, return what AWS tells of it, or None if there is no such thing
    :param good: the states in which it is ready
    :param failing: the states in which it will never become ready by itself
    :param held_up: what keeps a thing of a good state from being ready, in words, or an empty text
    """

    service: str
    noun: str
    find: Callable[[Service, str], Found | None]
    state: Callable[[Found], str]
    good: frozenset[str]
    failing: frozenset[str]
    percent: Callable[[Found], int | None] = lambda found: found.get("PercentProgress")
    reason: Callable[[Found], str] = lambda found: ""
    held_up: Callable[[Found], str] = lambda found: ""
    #: The states of what is removed, for kinds that AWS shows for a while then.
    gone: frozenset[str] = frozenset()


_DATABASE_FAILING = frozenset(
    {
        "failed",
        "inaccessible-encryption-credentials",
        "inaccessible-encryption-credentials-recoverable",
        "incompatible-create",
        "incompatible-credentials",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "migration-failed",
        "restore-error",
        "stopped",
        "storage-full",
        "deleting",
    }
)


def _described(operation: str, key: str, parameter: str, *, many: bool = False) -> Callable[[Service, str], Any]:
    def find(service: Service, name: str) -> Found | None:
        return service.one(operation, key, **{parameter: [name] if many else name})

    return find


def _instance(service: Service, name: str) -> Found | None:
    found = service.one("describe_instances", "Reservations", InstanceIds=[name])
    return found["Instances"][0] if found else None


def _change(service: Service, name: str) -> Found | None:
    change: Found = service.call("get_change", Id=name)["ChangeInfo"]
    return change


def _target(service: Service, name: str) -> Found | None:
    group, target, port = name.split("|")
    asked = {"Id": target} | ({"Port": int(port)} if port else {})
    listed = service.call("describe_target_health", TargetGroupArn=group, Targets=[asked])["TargetHealthDescriptions"]
    return listed[0] if listed else None


def _target_state(found: Found) -> str:
    health = found["TargetHealth"]
    return "unused" if health.get("Reason") == "Target.NotRegistered" else str(health["State"])


def _status_infos(found: Found) -> str:
    return "; ".join(str(each.get("Message") or each.get("Status")) for each in found.get("StatusInfos") or ())


def _state_reason(found: Found) -> str:
    return str((found.get("StateReason") or {}).get("Message") or found.get("StateTransitionReason") or "")


def _pending(found: Found) -> str:
    pending = {key: value for key, value in (found.get("PendingModifiedValues") or {}).items() if value}
    return f"{', '.join(sorted(pending))} to be changed yet" if pending else ""


def _still_a_replica(found: Found) -> str:
    source = found.get("ReadReplicaSourceDBInstanceIdentifier") or found.get("ReplicationSourceIdentifier")
    return f"it still follows {source}" if source else _pending(found)


def _ebs_percent(found: Found) -> int | None:
    told = str(found.get("Progress") or "").rstrip("%")
    return int(told) if told.isdigit() else None


def _database(service_key: tuple[str, str, str, str], noun: str, held_up: Callable[[Found], str]) -> Kind:
    operation, key, parameter, state = service_key
    return Kind(
        "rds",
        noun,
        _described(operation, key, parameter),
        lambda found: str(found[state]),
        frozenset({"available"}),
        _DATABASE_FAILING,
        reason=_status_infos,
        held_up=held_up,
    )


def _snapshot(operation: str, key: str, parameter: str, noun: str) -> Kind:
    return Kind(
        "rds",
        noun,
        _described(operation, key, parameter),
        lambda found: str(found["Status"]),
        frozenset({"available"}),
        frozenset({"failed", "incompatible-restore", "deleting"}),
    )


_INSTANCE = ("describe_db_instances", "DBInstances", "DBInstanceIdentifier", "DBInstanceStatus")
_CLUSTER = ("describe_db_clusters", "DBClusters", "DBClusterIdentifier", "Status")

KINDS: dict[str, Kind] = {
    "db-instance": _database(_INSTANCE, "DB instance", _pending),
    "db-cluster": _database(_CLUSTER, "DB cluster", _pending),
    "promoted-instance": _database(_INSTANCE, "read replica", _still_a_replica),
    "promoted-cluster": _database(_CLUSTER, "replica cluster", _still_a_replica),
    "instance-snapshot": _snapshot("describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier", "DB snapshot"),
    "cluster-snapshot": _snapshot(
        "describe_db_cluster_snapshots", "DBClusterSnapshots", "DBClusterSnapshotIdentifier", "cluster snapshot"
    ),
    "image": Kind(
        "ec2",
        "image",
        _described("describe_images", "Images", "ImageIds", many=True),
        lambda found: str(found["State"]),
        frozenset({"available"}),
        frozenset({"failed", "error", "invalid", "deregistered"}),
        reason=_state_reason,
        gone=frozenset({"deregistered"}),
    ),
    "ebs-snapshot": Kind(
        "ec2",
        "EBS snapshot",
        _described("describe_snapshots", "Snapshots", "SnapshotIds", many=True),
        lambda found: str(found["State"]),
        frozenset({"completed"}),
        frozenset({"error", "recoverable"}),
        percent=_ebs_percent,
        reason=lambda found: str(found.get("StateMessage") or ""),
    ),
    "volume": Kind(
        "ec2",
        "EBS volume",
        _described("describe_volumes", "Volumes", "VolumeIds", many=True),
        lambda found: str(found["State"]),
        frozenset({"available"}),
        frozenset({"error", "deleting", "deleted"}),
        gone=frozenset({"deleted"}),
    ),
    "machine": Kind(
        "ec2",
        "EC2 instance",
        _instance,
        lambda found: str(found["State"]["Name"]),
        frozenset({"running"}),
        frozenset({"shutting-down", "terminated", "stopping", "stopped"}),
        reason=_state_reason,
        gone=frozenset({"terminated"}),
    ),
    "record-change": Kind(
        "route53",
        "change of a record",
        _change,
        lambda found: str(found["Status"]),
        frozenset({"INSYNC"}),
        frozenset(),
    ),
    "target": Kind(
        "elbv2",
        "load balancer's target",
        _target,
        _target_state,
        frozenset({"healthy"}),
        frozenset({"unused"}),
        reason=lambda found: str(found["TargetHealth"].get("Description") or ""),
        gone=frozenset({"unused"}),
    ),
}
