"""Databases of RDS: snapshots, their copies, what is restored of them, and that nothing is made twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lifeboat.aws.cloud import Cloud, tags_of
from lifeboat.aws.names import LONGEST_SNAPSHOT, Mark, rds_name
from lifeboat.aws.rds_restore import promote_replica, remove_database, restore_snapshot, restore_to_time
from lifeboat.aws.rds_settings import TEMPORARY, Settings, over, read_settings
from lifeboat.aws.rds_snapshots import (
    Snapshot,
    bring_snapshot,
    copy_snapshot,
    find_snapshot,
    remove_snapshot,
    share_snapshot,
    snapshot_of,
    take_snapshot,
)
from lifeboat.aws.rds_words import Database
from lifeboat.aws.work import finish
from lifeboat.deployment_cloud import Place
from lifeboat.errors import CloudError, CloudMissingError, ConfigurationError, PointError
from tests.contract.aws.conftest import MARK, make_instance
from tests.support.fake_cloud import HOME, OTHER, FakeCloud

DRILL = Mark("prod", "drill-1", "drill", datetime(2026, 11, 21, tzinfo=UTC))
NAME = rds_name("prod", MARK.run, "apim", longest=LONGEST_SNAPSHOT)


def snapshot(cloud: Cloud, database: Database) -> Snapshot:
    return finish(cloud, take_snapshot(cloud, database, NAME, MARK))


@pytest.mark.parametrize("kind", ["database", "cluster"])
def test_a_snapshot_is_taken_once_carries_its_mark_and_goes(
    kind: str, fake: FakeCloud, cloud: Cloud, request: pytest.FixtureRequest
) -> None:
    source: Database = request.getfixturevalue(kind)
    words = source.words
    first = snapshot(cloud, source)
    assert snapshot(cloud, source) == first
    listed = getattr(fake.client("rds"), words.describe_snapshots)(SnapshotType="manual")[words.snapshots]
    assert [each[words.snapshot_id] for each in listed] == [NAME]
    assert tags_of(listed[0]["TagList"]) == {"Name": NAME, "lifeboat:name": NAME} | {
        "lifeboat:deployment": "prod",
        "lifeboat:run": MARK.run,
        "lifeboat:purpose": "backup",
    }
    finish(cloud, remove_snapshot(cloud, first))
    finish(cloud, remove_snapshot(cloud, first))
    assert getattr(fake.client("rds"), words.describe_snapshots)(SnapshotType="manual")[words.snapshots] == []


def test_a_snapshot_of_the_same_name_that_is_not_ours_is_left_alone(
    fake: FakeCloud, cloud: Cloud, database: Database
) -> None:
    fake.client("rds").create_db_snapshot(DBInstanceIdentifier="apim", DBSnapshotIdentifier=NAME)
    with pytest.raises(CloudError, match="its tags say otherwise"):
        snapshot(cloud, database)


def test_a_snapshot_that_failed_is_taken_again(fake: FakeCloud, cloud: Cloud, database: Database) -> None:
    fake.slow = 60
    fake.failing["DBSnapshots"] = ("failed", 1)
    with pytest.raises(CloudError, match=f"{NAME} in {HOME} is failed"):
        snapshot(cloud, database)
    assert snapshot(cloud, database).id == NAME
    assert fake.asked.count("DeleteDBSnapshot") == 1


@pytest.mark.parametrize("kind", ["database", "cluster"])
def test_a_copy_is_made_in_the_other_region_with_its_key(
    kind: str, fake: FakeCloud, cloud: Cloud, key: str, request: pytest.FixtureRequest
) -> None:
    source = snapshot(cloud, request.getfixturevalue(kind))
    copies = [finish(cloud, copy_snapshot(cloud, source, OTHER, NAME, MARK, kms_key=key)) for _ in range(2)]
    assert copies[0] == copies[1]
    assert (copies[0].region, copies[0].encrypted) == (OTHER, True)
    words = source.words
    listed = getattr(fake.client("rds", OTHER), words.describe_snapshots)()[words.snapshots]
    assert [(each["KmsKeyId"], tags_of(each["TagList"])["lifeboat:run"]) for each in listed] == [(key, MARK.run)]


def test_what_is_encrypted_is_not_copied_without_a_key_of_the_destination(cloud: Cloud, database: Database) -> None:
    with pytest.raises(ConfigurationError, match="no key of us-east-1"):
        finish(cloud, copy_snapshot(cloud, snapshot(cloud, database), OTHER, NAME, MARK))


def test_the_request_of_a_copy_is_signed_for_the_source(cloud: Cloud, database: Database, key: str) -> None:
    source, bodies = snapshot(cloud, database), list[object]()
    client = cloud.client("rds", OTHER)
    client.meta.events.register("before-send.rds.CopyDBSnapshot", lambda request, **_: bodies.append(request.body))
    finish(cloud, copy_snapshot(cloud, source, OTHER, NAME, MARK, kms_key=key))
    assert len(bodies) == 1
    assert "PreSignedUrl=https%3A%2F%2Frds.eu-west-1.amazonaws.com" in str(bodies[0])


def test_a_snapshot_is_shared_with_another_account(fake: FakeCloud, cloud: Cloud, database: Database) -> None:
    source = snapshot(cloud, database)
    for _ in range(2):
        share_snapshot(cloud, source, "111122223333")
    told = fake.client("rds").describe_db_snapshot_attributes(DBSnapshotIdentifier=NAME)
    attributes = told["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]
    assert {(each["AttributeName"], value) for each in attributes for value in each["AttributeValues"]} == {
        ("restore", "111122223333")
    }


def test_a_copy_over_account_and_region_at_once_is_refused_before_it_begins(cloud: Cloud, key: str) -> None:
    arn = "arn:aws:rds:eu-west-1:111122223333:snapshot:theirs"
    theirs = Snapshot("instance", "theirs", HOME, arn, encrypted=True)
    with pytest.raises(ConfigurationError, match="another account and another region at once"):
        finish(cloud, copy_snapshot(cloud, theirs, OTHER, NAME, MARK, kms_key=key))
    with pytest.raises(CloudMissingError, match="is not shared with account"):
        finish(cloud, copy_snapshot(cloud, theirs, HOME, NAME, MARK, kms_key=key))


@pytest.mark.parametrize("region", [HOME, OTHER])
def test_a_snapshot_is_brought_to_another_account_and_region_by_way_of_its_own(
    fake: FakeCloud, cloud: Cloud, database: Database, region: str
) -> None:
    there, source = fake.other_account("111122223333", region), snapshot(cloud, database)
    transit, key = (there.service("kms", each).call("create_key")["KeyMetadata"]["Arn"] for each in (HOME, region))
    for _ in range(2):
        work = bring_snapshot(cloud, there, source, NAME, MARK, kms_key=key, transit_key=transit)
        copied = finish(there, work)
    assert (copied.account, copied.region, copied.encrypted) == ("111122223333", region, True)
    listed = {each: there.service("rds", each).pages("describe_db_snapshots", "DBSnapshots") for each in (HOME, OTHER)}
    assert {each: len(found) for each, found in listed.items()} == {HOME: 0, OTHER: 0} | {region: 1}
    assert fake.asked.count("CopyDBSnapshot") == (1 if region == HOME else 2)


def test_settings_are_told_and_come_back_with_what_the_place_says(
    fake: FakeCloud, cloud: Cloud, database: Database, key: str
) -> None:
    settings = read_settings(cloud, database)
    assert (settings.instance_class, settings.multi_az, settings.deletion_protection) == ("db.m5.large", True, True)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    place = Place(security_groups=["sg-there"], instance_class="db.m6g.xlarge", backup_retention_days=3)
    copy = finish(cloud, copy_snapshot(cloud, snapshot(cloud, database), OTHER, NAME, MARK, kms_key=key))
    wanted = over(place, settings)
    recovery = Mark("prod", "recovery-1", "recovery")
    endpoints = [finish(cloud, restore_snapshot(cloud, copy, "apim-new", wanted, recovery)) for _ in range(2)]
    assert endpoints[0] == endpoints[1]
    restored = read_settings(cloud, Database("instance", "apim-new", OTHER))
    assert (restored.security_groups, restored.backup_retention_days) == (("sg-there",), 3)
    assert (restored.instance_class, restored.multi_az, restored.deletion_protection) == ("db.m6g.xlarge", True, True)
    assert endpoints[0].port == 5432


def test_a_cluster_comes_back_with_its_instances_and_goes_with_them(
    fake: FakeCloud, cloud: Cloud, cluster: Database
) -> None:
    settings = read_settings(cloud, cluster)
    assert (settings.instance_class, settings.members) == ("db.r5.large", 2)
    source = snapshot(cloud, cluster)
    for _ in range(2):
        endpoint = finish(cloud, restore_snapshot(cloud, source, "drilled", over(TEMPORARY, settings), DRILL))
    members = fake.client("rds").describe_db_clusters(DBClusterIdentifier="drilled")["DBClusters"][0]
    assert members["BackupRetentionPeriod"] == 1
    assert len(members["DBClusterMembers"]) == 1
    assert (endpoint.host, endpoint.port) == (members["Endpoint"], 5432)
    for _ in range(2):
        finish(cloud, remove_database(cloud, Database("cluster", "drilled", HOME), DRILL))
    assert [each["DBClusterIdentifier"] for each in fake.client("rds").describe_db_clusters()["DBClusters"]] == [
        "shared"
    ]
    assert len(fake.client("rds").describe_db_instances()["DBInstances"]) == 2


@pytest.mark.parametrize("kind", ["database", "cluster"])
def test_what_is_being_made_goes_as_soon_as_it_can(
    kind: str, fake: FakeCloud, cloud: Cloud, request: pytest.FixtureRequest
) -> None:
    source: Database = request.getfixturevalue(kind)
    point, settings = snapshot(cloud, source), over(TEMPORARY, read_settings(cloud, source))
    fake.clock.sleep(1)
    fake.slow = 3600
    next(restore_snapshot(cloud, point, "drilled", settings, DRILL))
    finish(cloud, remove_database(cloud, Database(source.kind, "drilled", HOME), DRILL))
    assert 3600 < fake.clock.passed < 3800
    assert Database(source.kind, "drilled", HOME).find(cloud) is None
    next(take_snapshot(cloud, source, "late", MARK))
    late = find_snapshot(cloud, source.kind, "late", HOME)
    assert late is not None
    finish(cloud, remove_snapshot(cloud, snapshot_of(source.kind, HOME, late)))
    assert find_snapshot(cloud, source.kind, "late", HOME) is None
    assert 7200 < fake.clock.passed < 7600


def test_what_is_being_deleted_is_as_good_as_gone(fake: FakeCloud, cloud: Cloud, database: Database) -> None:
    settings = over(TEMPORARY, read_settings(cloud, database))
    finish(cloud, restore_snapshot(cloud, snapshot(cloud, database), "drilled", settings, DRILL))
    work = remove_database(cloud, Database("instance", "drilled", HOME), DRILL)
    told = {"Error": {"Code": "InvalidDBInstanceState", "Message": "Instance drilled is already being deleted."}}

    def refuse(**_: Any) -> Any:
        raise ClientError(told, "DeleteDBInstance")  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloud.client("rds", HOME), "delete_db_instance", refuse)
        targets = list(work)
    assert [each.wanted for each in targets] == ["settled", "gone"]
    assert fake.clock.passed == 0


def test_a_database_that_is_not_of_this_drill_is_never_removed(cloud: Cloud, database: Database) -> None:
    with pytest.raises(CloudError, match="its tags say otherwise"):
        finish(cloud, remove_database(cloud, database, DRILL))
    with pytest.raises(CloudError, match="is a backup; it is not removed"):
        finish(cloud, remove_database(cloud, database, MARK))
    assert database.find(cloud)


@pytest.mark.parametrize("kind", ["database", "cluster"])
def test_a_restore_to_a_time_makes_one_database_even_when_it_is_repeated_later(
    kind: str, fake: FakeCloud, cloud: Cloud, request: pytest.FixtureRequest
) -> None:
    source: Database = request.getfixturevalue(kind)
    before = len(fake.client("rds").describe_db_instances()["DBInstances"])
    restored = Database(source.kind, "as-of", HOME)
    fake.clock.sleep(60)
    settings = over(Place(backup_retention_days=2, members=1), read_settings(cloud, source))
    for time in (source.require(cloud)["LatestRestorableTime"], datetime.now(UTC) + timedelta(hours=1)):
        finish(cloud, restore_to_time(cloud, source, time, "as-of", settings, DRILL))
    assert read_settings(cloud, restored).backup_retention_days == 2
    finish(cloud, remove_database(cloud, restored, DRILL))
    assert len(fake.client("rds").describe_db_instances()["DBInstances"]) == before


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=-40)])
def test_a_time_that_the_backups_do_not_reach_is_refused(cloud: Cloud, cluster: Database, ahead: timedelta) -> None:
    settings = read_settings(cloud, cluster)
    with pytest.raises(PointError, match="future" if ahead > timedelta(0) else "begin at"):
        finish(cloud, restore_to_time(cloud, cluster, datetime.now(UTC) + ahead, "as-of", settings, DRILL))
    assert Database("cluster", "as-of", HOME).find(cloud) is None


def test_a_database_without_automated_backups_has_no_time_to_go_back_to(fake: FakeCloud, cloud: Cloud) -> None:
    make_instance(fake, "bare", BackupRetentionPeriod=0)
    bare = Database("instance", "bare", HOME)
    with pytest.raises(ConfigurationError, match="BackupRetentionPeriod is 0"):
        finish(cloud, restore_to_time(cloud, bare, None, "as-of", read_settings(cloud, bare), DRILL))


def test_a_replica_is_promoted_once_and_backed_up_from_then_on(
    fake: FakeCloud, cloud: Cloud, database: Database
) -> None:
    fake.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="apim"
    )
    replica = Database("instance", "replica", HOME)
    assert replica.require(cloud)["ReadReplicaSourceDBInstanceIdentifier"] == "apim"
    for _ in range(2):
        finish(cloud, promote_replica(cloud, replica, backup_retention_days=5))
    assert "ReadReplicaSourceDBInstanceIdentifier" not in replica.require(cloud)
    assert read_settings(cloud, replica).backup_retention_days == 5
    assert fake.asked.count("PromoteReadReplica") == 1
