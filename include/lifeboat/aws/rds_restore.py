"""Databases of RDS brought back: from a snapshot, as of a time, by promoting a replica; and removed again."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lifeboat.aws.cloud import Cloud, tag_list, tags_of
from lifeboat.aws.names import Mark, rds_name
from lifeboat.aws.once import made_once
from lifeboat.aws.rds_settings import (
    Settings,
    changes,
    cluster_members,
    member_parameters,
    restore_parameters,
    settings_of,
)
from lifeboat.aws.rds_snapshots import Snapshot
from lifeboat.aws.rds_words import Database
from lifeboat.aws.waiting import Target
from lifeboat.aws.work import Work
from lifeboat.errors import CloudBusyError, CloudError, CloudMissingError, ConfigurationError, PointError
from lifeboat.times import in_utc

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """Where a database answers."""

    database: Database
    host: str
    port: int


def restore_snapshot(cloud: Cloud, snapshot: Snapshot, name: str, settings: Settings, mark: Mark) -> Work[Endpoint]:
    """Restore a snapshot as a new database of this name, in the snapshot's region, with these settings; those that
    name things of a region must name the ones there (`rds_settings.over`)."""
    words = snapshot.words
    parameters = {words.id: name, words.restore_from: snapshot.id, **restore_parameters(settings)}
    if snapshot.kind == "cluster":
        parameters |= {"Engine": settings.engine, "EngineVersion": settings.engine_version}
    database = Database(snapshot.kind, name, snapshot.region)
    return (yield from _restored(cloud, database, settings, mark, words.restore, parameters))


def restore_to_time(
    cloud: Cloud, source: Database, time: datetime | None, name: str, settings: Settings, mark: Mark
) -> Work[Endpoint]:
    """Restore a database as it was at a time, or as late as possible, as a new one of this name in its region.

    Raise PointError when the time is not one that the automated backups reach, a future one above all, and
    ConfigurationError when there are no automated backups.
    """
    database, words = Database(source.kind, name, source.region), source.words
    if database.find(cloud) is None:  # a repeated try must not be refused since time has passed
        _refuse_time(cloud, source, time)
    chosen: dict[str, Any] = {"UseLatestRestorableTime": True} if time is None else {words.time: time.astimezone(UTC)}
    parameters = {words.time_source: source.id, words.time_target: name, **chosen, **restore_parameters(settings)}
    return (yield from _restored(cloud, database, settings, mark, words.restore_to_time, parameters))


def promote_replica(cloud: Cloud, replica: Database, *, backup_retention_days: int = 7) -> Work[Endpoint]:
    """Make a read replica a database of its own, and let RDS back it up, which it does not do for replicas. One that
    was promoted already is fine. Nothing undoes this."""
    words = replica.words
    found = replica.require(cloud)
    if found.get(words.replica_of):
        more: dict[str, Any] = {"BackupRetentionPeriod": backup_retention_days} if replica.kind == "instance" else {}
        cloud.service("rds", replica.region).call(words.promote, **{words.id: replica.id}, **more)
    yield Target(words.promoted, replica.id, replica.region)
    live = settings_of(cloud, replica, replica.require(cloud))
    if live.backup_retention_days == 0:
        _modify(cloud, replica, {"BackupRetentionPeriod": backup_retention_days})
        yield Target(words.target, replica.id, replica.region)
    return endpoint_of(cloud, replica)


def remove_database(cloud: Cloud, database: Database, mark: Mark) -> Work[None]:
    """Remove a database that carries this mark, without a last snapshot: one of a drill, of a rehearsal, or of a
    recovery that is given up. One that is gone already is no error. Raise CloudError for any other one."""
    found = database.find(cloud)
    if found is None:
        return
    if mark.purpose == "backup":
        raise CloudError(f"{database} is a backup; it is not removed.", next_step="Remove it by hand if it must go.")
    mark.require(tags_of(found.get("TagList")), str(database))
    members = _members_of(cloud, database)
    for each in (*members, database):  # RDS refuses to remove what is being made
        yield Target(each.words.target, each.id, each.region, "settled")
    if found.get("DeletionProtection"):
        _modify(cloud, database, {"DeletionProtection": False})
        yield Target(database.words.target, database.id, database.region)
    for each in members:
        _delete(cloud, each)
    for each in members:
        yield Target(each.words.target, each.id, each.region, "gone")
    _delete(cloud, database)
    yield Target(database.words.target, database.id, database.region, "gone")


def _restored(
    cloud: Cloud, database: Database, settings: Settings, mark: Mark, operation: str, parameters: dict[str, Any]
) -> Work[Endpoint]:
    service = cloud.service("rds", database.region)
    tags = tag_list(mark.tags(database.id))
    made_once(
        service,
        str(database),
        mark,
        lambda: database.find(cloud),
        lambda: service.call(operation, **parameters, Tags=tags),
    )
    yield Target(database.words.target, database.id, database.region)
    yield from _with_members(cloud, database, settings, mark)
    yield from _as_wanted(cloud, database, settings)
    return endpoint_of(cloud, database)


def _with_members(cloud: Cloud, database: Database, settings: Settings, mark: Mark) -> Work[None]:
    """Give a restored cluster its instances: RDS restores the storage alone, which nobody can connect to."""
    if database.kind == "instance":
        return
    members = [Database("instance", rds_name(database.id, str(n)), database.region) for n in range(settings.members)]
    for member in members:
        made_once(
            cloud.service("rds", database.region),
            str(member),
            mark,
            _finder(cloud, member),
            _maker(cloud, database, member, settings, mark),
        )
    for member in members:
        yield Target("db-instance", member.id, database.region)


def _finder(cloud: Cloud, member: Database) -> Callable[[], dict[str, Any] | None]:
    return lambda: member.find(cloud)


def _maker(
    cloud: Cloud, cluster: Database, member: Database, settings: Settings, mark: Mark
) -> Callable[[], dict[str, Any]]:
    return lambda: cloud.service("rds", cluster.region).call(
        "create_db_instance",
        DBInstanceIdentifier=member.id,
        DBClusterIdentifier=cluster.id,
        **member_parameters(settings),
        Tags=tag_list(mark.tags(member.id)),
    )


def _as_wanted(cloud: Cloud, database: Database, settings: Settings) -> Work[None]:
    """Change what the restored database has otherwise, and look that it took."""
    missing = changes(settings, settings_of(cloud, database, database.require(cloud)))
    if not missing:
        return
    log.info("%s gets its settings: %s", database, ", ".join(sorted(missing)))
    _modify(cloud, database, missing)
    yield Target(database.words.target, database.id, database.region)
    left = changes(settings, settings_of(cloud, database, database.require(cloud)))
    if left:
        raise CloudBusyError(
            f"{database} does not have these settings yet: {', '.join(sorted(left))}.",
            next_step="Repeat the task; if they stay as they are, look at its events in the console.",
        )


def _modify(cloud: Cloud, database: Database, parameters: dict[str, Any]) -> None:
    words = database.words
    service = cloud.service("rds", database.region)
    service.call(words.modify, settling=database.id, **{words.id: database.id}, **parameters, ApplyImmediately=True)


def _members_of(cloud: Cloud, database: Database) -> list[Database]:
    members = cluster_members(cloud, database) if database.kind == "cluster" else []
    return [Database("instance", each["DBInstanceIdentifier"], database.region) for each in members]


def _delete(cloud: Cloud, database: Database) -> None:
    words = database.words
    more: dict[str, Any] = {"DeleteAutomatedBackups": True} if database.kind == "instance" else {}
    try:
        cloud.service("rds", database.region).call(
            words.delete, **{words.id: database.id}, SkipFinalSnapshot=True, **more
        )
    except CloudMissingError:
        log.info("%s is gone already, or going.", database)


def _refuse_time(cloud: Cloud, source: Database, time: datetime | None) -> None:
    found = source.require(cloud)
    if not found.get("BackupRetentionPeriod"):
        raise ConfigurationError(
            f"{source} has no automated backups (BackupRetentionPeriod is 0), so there is no time to restore it to.",
            next_step="Restore a snapshot; set its backup retention to 7 days or more, so that this works next time.",
        )
    if time is None:
        return
    if time.tzinfo is None:
        raise ConfigurationError("The time has no zone.", next_step="Write it like 2026-11-20T14:37:12+00:00.")
    latest, earliest = found.get("LatestRestorableTime"), found.get("EarliestRestorableTime")
    if time > cloud.clock.now():
        raise PointError(f"{in_utc(time)} is in the future.", next_step="Give a time that has passed.")
    if latest is None or time > latest:
        reach = f"reach until {in_utc(latest)}" if latest else "are not ready yet"
        raise PointError(
            f"The backups of {source} {reach}; {in_utc(time)} is later.",
            next_step="Wait some minutes, or leave the time out for the latest one.",
        )
    earliest = earliest or _earliest(cloud, source)
    if earliest is not None and time < earliest:
        raise PointError(
            f"The backups of {source} begin at {in_utc(earliest)}; {in_utc(time)} is earlier.",
            next_step="Take a later time, or restore a snapshot from before.",
        )


def _earliest(cloud: Cloud, source: Database) -> datetime | None:
    backups = cloud.service("rds", source.region).pages(
        "describe_db_instance_automated_backups", "DBInstanceAutomatedBackups", DBInstanceIdentifier=source.id
    )
    windows = [each["RestoreWindow"]["EarliestTime"] for each in backups if each.get("RestoreWindow")]
    return min(windows, default=None)


def endpoint_of(cloud: Cloud, database: Database) -> Endpoint:
    """Return where a database answers, with an empty host while it does not. Raise CloudMissingError if there is
    none."""
    found = database.require(cloud)
    told = found.get("Endpoint")
    if database.kind == "cluster":
        return Endpoint(database, str(told or ""), int(found.get("Port") or 0))
    return Endpoint(database, str((told or {}).get("Address") or ""), int((told or {}).get("Port") or 0))
