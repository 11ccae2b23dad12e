"""The two kinds of databases that RDS has, instances and Aurora clusters, by one set of words.

RDS has an API for each, alike but for the names of operations, parameters and answers; they are told here, once.
"""

from dataclasses import dataclass
from typing import Any, Literal

from lifeboat.aws.cloud import Cloud
from lifeboat.errors import CloudMissingError

DatabaseKind = Literal["instance", "cluster"]


@dataclass(frozen=True)
class Words:
    """The names that one kind goes by in the API of RDS."""

    noun: str
    id: str
    listed: str
    describe: str
    delete: str
    modify: str
    promote: str
    #: Of which a target of `waiting` is.
    target: str
    promoted: str
    replica_of: str
    state: str
    # Snapshots.
    snapshot_id: str
    snapshot_arn: str
    snapshot: str
    snapshots: str
    describe_snapshots: str
    create_snapshot: str
    copy_snapshot: str
    copy_source: str
    copy_target: str
    delete_snapshot: str
    share_snapshot: str
    snapshot_target: str
    encrypted: str
    # Restoring.
    restore: str
    restore_from: str
    restore_to_time: str
    time_source: str
    time_target: str
    time: str


INSTANCE = Words(
    noun="DB instance",
    id="DBInstanceIdentifier",
    listed="DBInstances",
    describe="describe_db_instances",
    delete="delete_db_instance",
    modify="modify_db_instance",
    promote="promote_read_replica",
    target="db-instance",
    promoted="promoted-instance",
    replica_of="ReadReplicaSourceDBInstanceIdentifier",
    state="DBInstanceStatus",
    snapshot_id="DBSnapshotIdentifier",
    snapshot_arn="DBSnapshotArn",
    snapshot="DBSnapshot",
    snapshots="DBSnapshots",
    describe_snapshots="describe_db_snapshots",
    create_snapshot="create_db_snapshot",
    copy_snapshot="copy_db_snapshot",
    copy_source="SourceDBSnapshotIdentifier",
    copy_target="TargetDBSnapshotIdentifier",
    delete_snapshot="delete_db_snapshot",
    share_snapshot="modify_db_snapshot_attribute",
    snapshot_target="instance-snapshot",
    encrypted="Encrypted",
    restore="restore_db_instance_from_db_snapshot",
    restore_from="DBSnapshotIdentifier",
    restore_to_time="restore_db_instance_to_point_in_time",
    time_source="SourceDBInstanceIdentifier",
    time_target="TargetDBInstanceIdentifier",
    time="RestoreTime",
)

CLUSTER = Words(
    noun="DB cluster",
    id="DBClusterIdentifier",
    listed="DBClusters",
    describe="describe_db_clusters",
    delete="delete_db_cluster",
    modify="modify_db_cluster",
    promote="promote_read_replica_db_cluster",
    target="db-cluster",
    promoted="promoted-cluster",
    replica_of="ReplicationSourceIdentifier",
    state="Status",
    snapshot_id="DBClusterSnapshotIdentifier",
    snapshot_arn="DBClusterSnapshotArn",
    snapshot="DBClusterSnapshot",
    snapshots="DBClusterSnapshots",
    describe_snapshots="describe_db_cluster_snapshots",
    create_snapshot="create_db_cluster_snapshot",
    copy_snapshot="copy_db_cluster_snapshot",
    copy_source="SourceDBClusterSnapshotIdentifier",
    copy_target="TargetDBClusterSnapshotIdentifier",
    delete_snapshot="delete_db_cluster_snapshot",
    share_snapshot="modify_db_cluster_snapshot_attribute",
    snapshot_target="cluster-snapshot",
    encrypted="StorageEncrypted",
    restore="restore_db_cluster_from_snapshot",
    restore_from="SnapshotIdentifier",
    restore_to_time="restore_db_cluster_to_point_in_time",
    time_source="SourceDBClusterIdentifier",
    time_target="DBClusterIdentifier",
    time="RestoreToTime",
)

WORDS: dict[str, Words] = {"instance": INSTANCE, "cluster": CLUSTER}


@dataclass(frozen=True)
class Database:
    """A DB instance or an Aurora cluster, in a region."""

    kind: DatabaseKind
    id: str
    region: str

    @property
    def words(self) -> Words:
        return WORDS[self.kind]

    def __str__(self) -> str:
        return f"{self.words.noun} {self.id} in {self.region}"

    def find(self, cloud: Cloud) -> dict[str, Any] | None:
        """Return what RDS tells of it, or None if there is none."""
        words = self.words
        return cloud.service("rds", self.region).one(words.describe, words.listed, **{words.id: self.id})

    def require(self, cloud: Cloud) -> dict[str, Any]:
        """Return what RDS tells of it. Raise CloudMissingError if there is none."""
        found = self.find(cloud)
        if found is None:
            raise CloudMissingError(
                f"There is no {self}.", next_step="Check its name, its kind and its region in the deployment file."
            )
        return found
