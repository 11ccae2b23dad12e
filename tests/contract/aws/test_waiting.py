"""Waiting: what is said meanwhile, when it ends, and that work can be begun again at any time."""

import logging
from datetime import timedelta

import pytest

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.ec2_images import take_image
from lifeboat.aws.rds_restore import restore_snapshot
from lifeboat.aws.rds_settings import read_settings
from lifeboat.aws.rds_snapshots import take_snapshot
from lifeboat.aws.rds_words import Database
from lifeboat.aws.waiting import Limits, Target, look, wait
from lifeboat.aws.work import Done, advance, finish
from lifeboat.errors import AccessError, CloudBusyError, CloudError, CloudMissingError
from tests.contract.aws.conftest import MARK
from tests.support.fake_cloud import HOME, FakeCloud

HOUR = timedelta(hours=1)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "lifeboat.aws.waiting")
    return caplog


def test_what_takes_hours_is_waited_for_and_told(
    fake: FakeCloud, cloud: Cloud, database: Database, said: pytest.LogCaptureFixture
) -> None:
    fake.unseen, fake.slow = 10, 5 * 3600
    assert finish(cloud, take_snapshot(cloud, database, "slow", MARK)).id == "slow"
    assert 5 * 3600 <= fake.clock.passed < 5.1 * 3600
    assert "DB snapshot slow in eu-west-1: creating, 50 %, after 2 hours and 30 minutes" in said.text
    assert "slow in eu-west-1: available, after 5 hours" in said.text


def test_a_limit_ends_the_waiting_and_a_repetition_goes_on(fake: FakeCloud, cloud: Cloud, database: Database) -> None:
    fake.slow = 3 * 3600
    with pytest.raises(CloudBusyError, match=r"still creating, 3\d % after 1 hour") as raised:
        finish(cloud, take_snapshot(cloud, database, "slow", MARK), Limits(longest=HOUR))
    assert "go on waiting" in raised.value.next_step
    finish(cloud, take_snapshot(cloud, database, "slow", MARK), Limits(longest=3 * HOUR))
    assert fake.asked.count("CreateDBSnapshot") == 1


def test_what_failed_ends_the_waiting_at_once_with_the_reason(fake: FakeCloud, cloud: Cloud, machine: str) -> None:
    fake.slow, fake.failing["Images"] = 120, ("failed", 1)
    with pytest.raises(CloudError, match="is failed and will not become available: the disk was on fire") as raised:
        finish(cloud, take_image(cloud, machine, HOME, "image", MARK, reboot=False))
    assert raised.value.permanent
    assert fake.clock.passed < 300


def test_an_image_that_failed_is_made_again(fake: FakeCloud, cloud: Cloud, machine: str) -> None:
    fake.slow, fake.failing["Images"] = 120, ("failed", 1)
    with pytest.raises(CloudError):
        finish(cloud, take_image(cloud, machine, HOME, "image", MARK, reboot=False))
    image = finish(cloud, take_image(cloud, machine, HOME, "image", MARK, reboot=False))
    assert [each["ImageId"] for each in fake.client("ec2").describe_images(Owners=["self"])["Images"]] == [image.id]


def test_an_account_that_is_throttled_for_an_hour_loses_no_waiting(
    fake: FakeCloud, cloud: Cloud, database: Database, said: pytest.LogCaptureFixture
) -> None:
    fake.slow = 2 * 3600
    work = take_snapshot(cloud, database, "slow", MARK)
    target = next(work)
    with fake.failing_at(0, "down"):
        wait(cloud, target, Limits())
    assert "cannot be asked: Region eu-west-1 does not answer" in said.text
    assert fake.clock.passed >= 7200


def test_what_is_never_seen_or_may_not_be_seen_ends_the_waiting(fake: FakeCloud, cloud: Cloud) -> None:
    target = Target("instance-snapshot", "none", HOME)
    with pytest.raises(CloudMissingError, match="There is no DB snapshot none in eu-west-1"):
        wait(cloud, target, Limits(settling=timedelta(minutes=3)))
    assert 180 <= fake.clock.passed < 240
    with fake.failing_at(0, "denied"), pytest.raises(AccessError):
        wait(cloud, target, Limits())
    assert look(cloud, Target("instance-snapshot", "none", HOME, "gone")).done


def test_work_goes_on_from_where_it_is_without_a_process_that_waits(
    fake: FakeCloud, cloud: Cloud, database: Database
) -> None:
    settings = read_settings(cloud, database)
    fake.slow = 600
    source = finish(cloud, take_snapshot(cloud, database, "source", MARK))
    targets = []
    while not isinstance(reached := advance(cloud, restore_snapshot(cloud, source, "new", settings, MARK)), Done):
        targets.append(reached)
        wait(cloud, reached, Limits())
    assert reached.result.database == Database("instance", "new", HOME)
    assert targets == [Target("db-instance", "new", HOME)]
    assert fake.asked.count("RestoreDBInstanceFromDBSnapshot") == 1
