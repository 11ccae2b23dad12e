"""Operators on RDS that Airflow's own provider lacks. `kind` is instance, or cluster for Aurora."""

from collections.abc import Sequence
from typing import Any

from lifeboat_airflow.aws import CloudOperator


class RdsTakeSnapshotOperator(CloudOperator):
    """Takes a manual snapshot of a database, and waits until it is whole.

    :param database: the database's identifier
    :param name: the snapshot's name
    """

    template_fields: Sequence[str] = (*CloudOperator.template_fields, "database", "name")

    def __init__(self, *, database: str, name: str, kind: str = "instance", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.database = database
        self.name = name
        self.kind = kind

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.rds_snapshots import take_snapshot
        from lifeboat.aws.rds_words import Database

        database = Database(self.kind, self.database, cloud.region)  # type: ignore[arg-type]
        return take_snapshot(cloud, database, self.name, mark)


class RdsCopySnapshotOperator(CloudOperator):
    """Copies a snapshot to this task's region and account, encrypted with a key of theirs.

    Airflow's RdsCopyDbSnapshotOperator sends an empty KmsKeyId and PreSignedUrl, with which AWS copies nothing that is
    encrypted to another region.

    :param snapshot: what RdsTakeSnapshotOperator returned: kind, id, region, arn, encrypted
    :param name: the copy's name
    :param kms_key: a key of this region
    """

    template_fields: Sequence[str] = (*CloudOperator.template_fields, "snapshot", "name", "kms_key")

    def __init__(self, *, snapshot: Any, name: str, kms_key: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.name = name
        self.kms_key = kms_key

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.rds_snapshots import Snapshot, copy_snapshot

        return copy_snapshot(cloud, Snapshot(**self.snapshot), cloud.region, self.name, mark, kms_key=self.kms_key)


class _Restoring(CloudOperator):
    """Makes a new database with the settings of another one.

    :param name: the new database's identifier
    :param like: a database of this region that it gets the settings of
    :param place: what it gets instead: subnet_group, security_groups, parameter_group, option_group, instance_class,
        multi_az, backup_retention_days, deletion_protection, members
    """

    template_fields: Sequence[str] = (*CloudOperator.template_fields, "name", "like", "place")

    def __init__(self, *, name: str, like: str, place: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.like = like
        self.place = place

    def settings(self, cloud: Any, kind: str) -> Any:
        """Return the settings of what is restored."""
        from lifeboat.aws.rds_settings import over, read_settings
        from lifeboat.aws.rds_words import Database
        from lifeboat.deployment_cloud import Place

        live = read_settings(cloud, Database(kind, self.like, cloud.region))  # type: ignore[arg-type]
        return over(Place.model_validate(self.place or {}), live)

    def document(self, result: Any) -> Any:
        return {"database": result.database.id, "host": result.host, "port": result.port}


class RdsRestoreSnapshotOperator(_Restoring):
    """Restores a snapshot of this region as a new database, with all its settings, and waits until it answers.

    :param snapshot: what the operator returned that took or copied it
    """

    template_fields: Sequence[str] = (*_Restoring.template_fields, "snapshot")

    def __init__(self, *, snapshot: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.rds_restore import restore_snapshot
        from lifeboat.aws.rds_snapshots import Snapshot

        snapshot = Snapshot(**self.snapshot)
        return restore_snapshot(cloud, snapshot, self.name, self.settings(cloud, snapshot.kind), mark)


class RdsRestoreToTimeOperator(_Restoring):
    """Restores a database as it was at a time as a new one, with its settings (`like`), and waits until it answers.

    :param time: the time with its zone, such as 2026-11-20T14:37:12+00:00; empty for the latest there is
    """

    template_fields: Sequence[str] = (*_Restoring.template_fields, "time")

    def __init__(self, *, time: str = "", kind: str = "instance", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.time = time
        self.kind = kind

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.rds_restore import restore_to_time
        from lifeboat.aws.rds_words import Database
        from lifeboat.times import read_time

        source = Database(self.kind, self.like, cloud.region)  # type: ignore[arg-type]
        time = read_time(self.time) if self.time else None
        return restore_to_time(cloud, source, time, self.name, self.settings(cloud, self.kind), mark)


class RdsPromoteReplicaOperator(CloudOperator):
    """Makes a read replica a database of its own that is backed up; nothing undoes that.

    :param database: the replica's identifier
    :param backup_retention_days: how long RDS keeps its automated backups
    """

    template_fields: Sequence[str] = (*CloudOperator.template_fields, "database")

    def __init__(self, *, database: str, kind: str = "instance", backup_retention_days: int = 7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.database = database
        self.kind = kind
        self.backup_retention_days = backup_retention_days

    def work(self, cloud: Any, mark: Any) -> Any:
        from lifeboat.aws.rds_restore import promote_replica
        from lifeboat.aws.rds_words import Database

        replica = Database(self.kind, self.database, cloud.region)  # type: ignore[arg-type]
        return promote_replica(cloud, replica, backup_retention_days=self.backup_retention_days)

    def document(self, result: Any) -> Any:
        return {"database": result.database.id, "host": result.host, "port": result.port}
