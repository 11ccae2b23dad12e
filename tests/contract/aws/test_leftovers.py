"""What was left in the cloud: found by tags, removed when it may go, and nothing else."""

from datetime import timedelta

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.ec2_images import copy_image, take_image
from lifeboat.aws.ec2_instances import launch
from lifeboat.aws.leftovers import clear, find_leftovers
from lifeboat.aws.names import Mark, Purpose
from lifeboat.aws.rds_restore import restore_snapshot
from lifeboat.aws.rds_settings import TEMPORARY, over, read_settings
from lifeboat.aws.rds_snapshots import take_snapshot
from lifeboat.aws.rds_words import Database
from lifeboat.aws.work import finish
from lifeboat.deployment_cloud import Launch
from tests.contract.aws.conftest import ANY_IMAGE, MARK
from tests.support.fake_cloud import HOME, OTHER, FakeCloud


def mark(fake: FakeCloud, run: str, purpose: Purpose, hours: float | None) -> Mark:
    return Mark("prod", run, purpose, None if hours is None else fake.clock.clock.now() + timedelta(hours=hours))


def test_what_expired_or_ended_goes_in_order_and_the_rest_stays(
    fake: FakeCloud, cloud: Cloud, database: Database, cluster: Database, machine: str
) -> None:
    expiring, later = mark(fake, "drill-1", "drill", 1), mark(fake, "drill-2", "drill", 100)
    kept, recovery = mark(fake, "point-2", "backup", None), mark(fake, "recovery-1", "recovery", 1)
    old = mark(fake, "point-1", "backup", 1)
    settings, whole = over(TEMPORARY, read_settings(cloud, database)), over(TEMPORARY, read_settings(cloud, cluster))
    source = finish(cloud, take_snapshot(cloud, database, "kept", kept))
    shared = finish(cloud, take_snapshot(cloud, cluster, "gone", old))
    finish(cloud, restore_snapshot(cloud, source, "expired", settings, expiring))
    finish(cloud, restore_snapshot(cloud, shared, "expired-cluster", whole, expiring))
    finish(cloud, restore_snapshot(cloud, source, "ended", settings, later))
    finish(cloud, restore_snapshot(cloud, source, "recovered", settings, recovery))
    image = finish(cloud, take_image(cloud, machine, HOME, "image-kept", kept, reboot=False))
    copy = finish(cloud, copy_image(cloud, image, OTHER, "image-gone", old))
    started = finish(cloud, launch(cloud, image.id, HOME, "gw-1", Launch(instance_type="m5.large"), expiring))

    assert find_leftovers(cloud, [HOME, OTHER]) == []
    fake.clock.sleep(7200)
    found = find_leftovers(cloud, [HOME, OTHER], lambda mark: mark.run in ("drill-2", "recovery-1"))
    assert [(each.thing.what, each.thing.id) for each in found] == [
        ("EC2 instance", started.id),
        ("DB cluster", "expired-cluster"),
        ("DB instance", "expired"),
        ("DB instance", "ended"),
        ("snapshot", "gone"),
        ("image", copy.id),
    ]
    assert {each.thing.id: each.why.partition(" at ")[0] for each in found}["ended"] == "its run drill-2 has ended"
    assert clear(cloud, found).failed == ()
    assert find_leftovers(cloud, [HOME, OTHER]) == []
    left = {each["DBInstanceIdentifier"] for each in fake.client("rds").describe_db_instances()["DBInstances"]}
    assert left == {"apim", "shared-1", "shared-2", "recovered"}
    assert fake.client("ec2", OTHER).describe_snapshots(OwnerIds=["self"], Filters=[])["Snapshots"] == []


def test_what_a_killed_removal_left_of_an_image_is_found(fake: FakeCloud, cloud: Cloud, machine: str) -> None:
    old = mark(fake, "point-1", "backup", -1)
    image = finish(cloud, take_image(cloud, machine, HOME, "image", old, reboot=False))
    fake.client("ec2").deregister_image(ImageId=image.id)
    found = find_leftovers(cloud, [HOME])
    assert [each.thing.what for each in found] == ["EBS snapshot"]
    assert len(clear(cloud, found).removed) == 1
    assert find_leftovers(cloud, [HOME]) == []


def test_a_volume_that_outlived_its_machine_is_found(fake: FakeCloud, cloud: Cloud, keeping_template: str) -> None:
    expiring = mark(fake, "drill-1", "drill", 1)
    started = finish(cloud, launch(cloud, ANY_IMAGE, HOME, "gw-1", Launch(template=keeping_template), expiring))
    fake.clock.sleep(7200)
    assert [each.thing.what for each in find_leftovers(cloud, [HOME])] == ["EC2 instance"]
    fake.client("ec2").terminate_instances(InstanceIds=[started.id])
    found = find_leftovers(cloud, [HOME])
    assert [each.thing.what for each in found] == ["EBS volume"]
    assert len(clear(cloud, found).removed) == 1
    assert fake.client("ec2").describe_volumes()["Volumes"] == []


def test_one_that_cannot_be_removed_keeps_no_other_from_going(
    fake: FakeCloud, cloud: Cloud, database: Database
) -> None:
    old = mark(fake, "point-1", "backup", -1)
    for name in ("first", "second"):
        finish(cloud, take_snapshot(cloud, database, name, old))
    found = find_leftovers(cloud, [HOME])
    with fake.failing_at(0, "denied"):
        cleared = clear(cloud, found)
    assert [(str(each), "may not do" in str(error)) for each, error in cleared.failed] == [
        ("snapshot first in eu-west-1", True)
    ]
    assert [each.thing.id for each in cleared.removed] == ["second"]


def test_what_has_no_readable_mark_is_not_ours(fake: FakeCloud, cloud: Cloud, database: Database) -> None:
    tags = MARK.tags("x") | {"lifeboat:purpose": "drill", "lifeboat:expires": "yesterday"}
    fake.client("rds").create_db_snapshot(
        DBInstanceIdentifier=database.id,
        DBSnapshotIdentifier="odd",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    assert find_leftovers(cloud, [HOME], lambda mark: True) == []


def test_what_is_another_deployments_is_left_to_it(fake: FakeCloud, cloud: Cloud, database: Database) -> None:
    for deployment in ("prod", "other"):
        expired = Mark(deployment, "point-1", "backup", fake.clock.clock.now() - timedelta(hours=1))
        finish(cloud, take_snapshot(cloud, database, deployment, expired))
    assert [each.thing.id for each in find_leftovers(cloud, [HOME], deployment="prod")] == ["prod"]
    assert len(find_leftovers(cloud, [HOME])) == 2
