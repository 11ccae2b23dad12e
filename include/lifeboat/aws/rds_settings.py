"""What a database of RDS is like beside its data: told at capture, and given to what is restored.

A restored database gets the default parameter group, security group and backup retention unless it is told otherwise,
so a recovery without this would come back with other settings, open to other machines, and without backups.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.rds_words import Database, DatabaseKind
from lifeboat.deployment_cloud import Place

#: RDS takes no IOPS and no throughput of gp3 for less storage than this (GiB).
_GP3_WITH_IOPS = 400


class Settings(BaseModel):
    """The settings of a database, as its own region has them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: DatabaseKind
    engine: str
    engine_version: str
    instance_class: str | None = Field(description="Of the instance, or of the cluster's writer.")
    members: int = Field(1, description="Instances of a cluster.")
    subnet_group: str | None = None
    security_groups: tuple[str, ...] = ()
    parameter_group: str | None = None
    member_parameter_group: str | None = None
    option_group: str | None = None
    port: int | None = None
    multi_az: bool = False
    storage_type: str | None = None
    allocated_gib: int = 0
    iops: int | None = None
    throughput: int | None = None
    longest_gib: int | None = Field(None, description="The limit of storage autoscaling.")
    backup_retention_days: int = 0
    backup_window: str | None = None
    maintenance_window: str | None = None
    deletion_protection: bool = False
    public: bool = False
    iam_authentication: bool = False
    copy_tags: bool = False
    minor_upgrades: bool = True
    logs: tuple[str, ...] = ()
    license: str | None = None


def over(place: Place, settings: Settings) -> Settings:
    """Given what a database gets at a place, and its settings, return those of what is restored there."""
    changed = {key: value for key, value in place.model_dump().items() if value is not None}
    if settings.kind == "cluster" and changed.get("backup_retention_days") == 0:
        changed["backup_retention_days"] = 1  # Aurora knows no less
    return Settings.model_validate(settings.model_dump() | changed)


#: A drill's database: small in what costs, and removable.
TEMPORARY = Place(multi_az=False, backup_retention_days=0, deletion_protection=False, members=1)


def read_settings(cloud: Cloud, database: Database) -> Settings:
    """Return the settings of a live database. Raise CloudMissingError if there is none."""
    return settings_of(cloud, database, database.require(cloud))


def settings_of(cloud: Cloud, database: Database, found: dict[str, Any]) -> Settings:
    """Given what RDS tells of a database, return its settings."""
    return _of_instance(found) if database.kind == "instance" else _of_cluster(cloud, database, found)


def _of_instance(found: dict[str, Any]) -> Settings:
    return Settings(
        kind="instance",
        instance_class=found["DBInstanceClass"],
        subnet_group=(found.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
        parameter_group=_own(_first(found.get("DBParameterGroups"), "DBParameterGroupName")),
        option_group=_own(_first(found.get("OptionGroupMemberships"), "OptionGroupName")),
        port=(found.get("Endpoint") or {}).get("Port"),
        storage_type=found.get("StorageType"),
        throughput=found.get("StorageThroughput"),
        longest_gib=found.get("MaxAllocatedStorage"),
        license=found.get("LicenseModel"),
        **_common(found),
    )


def _of_cluster(cloud: Cloud, database: Database, found: dict[str, Any]) -> Settings:
    members = cluster_members(cloud, database)
    writers = {each["DBInstanceIdentifier"] for each in found.get("DBClusterMembers") or () if each["IsClusterWriter"]}
    first = next((each for each in members if each["DBInstanceIdentifier"] in writers), None)
    first = first or (members[0] if members else {})
    return Settings(
        kind="cluster",
        instance_class=first.get("DBInstanceClass"),
        members=max(1, len(members)),
        subnet_group=found.get("DBSubnetGroup"),
        parameter_group=_own(found.get("DBClusterParameterGroup")),
        member_parameter_group=_own(_first(first.get("DBParameterGroups"), "DBParameterGroupName")),
        option_group=_own(_first(found.get("DBClusterOptionGroupMemberships"), "DBClusterOptionGroupName")),
        port=found.get("Port"),
        **_common(found),
    )


def _common(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "engine": found["Engine"],
        "engine_version": found["EngineVersion"],
        "security_groups": tuple(each["VpcSecurityGroupId"] for each in found.get("VpcSecurityGroups") or ()),
        "multi_az": bool(found.get("MultiAZ")),
        "allocated_gib": found.get("AllocatedStorage") or 0,
        "iops": found.get("Iops"),
        "backup_retention_days": found.get("BackupRetentionPeriod") or 0,
        "backup_window": found.get("PreferredBackupWindow"),
        "maintenance_window": found.get("PreferredMaintenanceWindow"),
        "deletion_protection": bool(found.get("DeletionProtection")),
        "public": bool(found.get("PubliclyAccessible")),
        "iam_authentication": bool(found.get("IAMDatabaseAuthenticationEnabled")),
        "copy_tags": bool(found.get("CopyTagsToSnapshot")),
        "minor_upgrades": bool(found.get("AutoMinorVersionUpgrade", True)),
        "logs": tuple(sorted(found.get("EnabledCloudwatchLogsExports") or ())),
    }


def cluster_members(cloud: Cloud, database: Database) -> list[dict[str, Any]]:
    """Return the instances of a cluster, by name."""
    filters = [{"Name": "db-cluster-id", "Values": [database.id]}]
    found = cloud.service("rds", database.region).pages("describe_db_instances", "DBInstances", Filters=filters)
    return sorted(found, key=lambda each: str(each["DBInstanceIdentifier"]))


def restore_parameters(settings: Settings) -> dict[str, Any]:
    """Given the settings of what is restored, return the parameters of the request that restores it."""
    told: dict[str, Any] = {
        "DBSubnetGroupName": settings.subnet_group,
        "VpcSecurityGroupIds": list(settings.security_groups) or None,
        "Port": settings.port,
        "DeletionProtection": settings.deletion_protection,
        "CopyTagsToSnapshot": settings.copy_tags,
        "EnableIAMDatabaseAuthentication": settings.iam_authentication,
        "EnableCloudwatchLogsExports": list(settings.logs) or None,
    }
    if settings.kind == "cluster":
        told["DBClusterParameterGroupName"] = settings.parameter_group
        return _given(told)
    told |= {
        "DBInstanceClass": settings.instance_class,
        "DBParameterGroupName": settings.parameter_group,
        "OptionGroupName": settings.option_group,
        "MultiAZ": settings.multi_az,
        "PubliclyAccessible": settings.public,
        "AutoMinorVersionUpgrade": settings.minor_upgrades,
        "BackupRetentionPeriod": settings.backup_retention_days,
        "StorageType": settings.storage_type,
    }
    if settings.storage_type in ("io1", "io2") or settings.allocated_gib >= _GP3_WITH_IOPS:
        told |= {"Iops": settings.iops, "StorageThroughput": settings.throughput}
    return _given(told)


def member_parameters(settings: Settings) -> dict[str, Any]:
    """Given the settings of a restored cluster, return the parameters of the request that makes an instance in it."""
    return _given(
        {
            "DBInstanceClass": settings.instance_class,
            "Engine": settings.engine,
            "DBParameterGroupName": settings.member_parameter_group,
            "PubliclyAccessible": settings.public,
            "AutoMinorVersionUpgrade": settings.minor_upgrades,
        }
    )


def changes(wanted: Settings, live: Settings) -> dict[str, Any]:
    """Given the settings that a restored database should have and those that it has, return the parameters of the
    request that changes the rest; empty when all is as it should be."""
    parameters: dict[str, Any] = {}
    names = _CLUSTER_CHANGES if wanted.kind == "cluster" else _INSTANCE_CHANGES
    for field, name in names.items():
        value = getattr(wanted, field)
        if value is not None and value != () and value != getattr(live, field):
            parameters[name] = list(value) if isinstance(value, tuple) else value
    return parameters


_CHANGES = {
    "security_groups": "VpcSecurityGroupIds",
    "backup_retention_days": "BackupRetentionPeriod",
    "deletion_protection": "DeletionProtection",
    "copy_tags": "CopyTagsToSnapshot",
    "iam_authentication": "EnableIAMDatabaseAuthentication",
}
_CLUSTER_CHANGES = {**_CHANGES, "parameter_group": "DBClusterParameterGroupName"}
_INSTANCE_CHANGES = {
    **_CHANGES,
    "parameter_group": "DBParameterGroupName",
    "instance_class": "DBInstanceClass",
    "multi_az": "MultiAZ",
    "longest_gib": "MaxAllocatedStorage",
    "minor_upgrades": "AutoMinorVersionUpgrade",
}


def _given(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if value is not None}


def _own(group: str | None) -> str | None:
    """Given a group's name, return it, or None for one of AWS's defaults: RDS chooses that itself, and in a region
    where it was never used there is none to name."""
    return None if group is None or group.startswith(("default.", "default:")) else group


def _first(listed: list[dict[str, Any]] | None, key: str) -> str | None:
    return listed[0][key] if listed else None
