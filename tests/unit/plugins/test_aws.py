"""The operators on AWS, with a fake cloud behind Airflow's own connection: both ways of waiting, and their errors."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.triggers.base import TriggerEvent

from lifeboat.aws.cloud import Cloud
from lifeboat.errors import CloudBusyError
from lifeboat_airflow.aws import CloudOperator, CloudTrigger, airflow_cloud
from lifeboat_airflow.aws_ec2 import Ec2CopyImageOperator, Ec2LaunchOperator, Ec2TakeImageOperator
from lifeboat_airflow.aws_rds import (
    RdsCopySnapshotOperator,
    RdsPromoteReplicaOperator,
    RdsRestoreSnapshotOperator,
    RdsRestoreToTimeOperator,
    RdsTakeSnapshotOperator,
)
from tests.support.fake_cloud import HOME, OTHER, FakeCloud, fake_cloud

CONTEXT = {"dag_run": SimpleNamespace(run_after=datetime(2026, 11, 20, tzinfo=UTC))}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    """A fake AWS with a database, a replica of it and a machine, reached by the connection aws_default."""
    connection = {"conn_type": "aws", "login": "key", "password": "secret", "extra": {"region_name": HOME}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    with fake_cloud(monkeypatch) as fake:

        def cloud(aws_conn_id: str | None, region_name: str | None) -> Cloud:
            made: Cloud = airflow_cloud(aws_conn_id, region_name)
            made.clock, session = fake.clock.clock, made.new_session
            made.new_session = lambda: fake.watched(session())
            return made

        monkeypatch.setattr("lifeboat_airflow.aws.airflow_cloud", cloud)
        rds = fake.client("rds")
        login = {"MasterUsername": "admin1", "MasterUserPassword": "not a secret"}
        settings = {"DBInstanceClass": "db.m5.large", "Engine": "postgres", "AllocatedStorage": 20}
        rds.create_db_instance(DBInstanceIdentifier="apim", BackupRetentionPeriod=7, **settings, **login)
        rds.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="apim")
        fake.client("ec2").run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1)
        yield fake


def operator(kind: type[CloudOperator], deferrable: bool, **given: Any) -> CloudOperator:
    """Return an operator as it is after its templates were filled in."""
    return kind(
        task_id="it", deployment="prod", purpose="drill", run="run-1", expires_after=timedelta(days=1),
        deferrable=deferrable, **given,
    )  # fmt: skip


def carried_out(task: CloudOperator) -> tuple[Any, int]:
    """Do a task, its triggers too, as Airflow does; return its result, and how often it waited without a worker."""
    deferred, call = 0, lambda: task.execute(CONTEXT)
    while True:
        try:
            return call(), deferred
        except TaskDeferred as wait:
            deferred += 1
            assert wait.method_name == "resume"
            path, given = wait.trigger.serialize()
            assert path == f"{CloudTrigger.__module__}.{CloudTrigger.__qualname__}"
            event = asyncio.run(_first_event(CloudTrigger(**json.loads(json.dumps(given)))))
            call = lambda payload=event.payload: task.resume(CONTEXT, payload)  # noqa: E731


async def _first_event(trigger: CloudTrigger) -> TriggerEvent:
    async for event in trigger.run():
        return event
    raise AssertionError("no event")


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_database_is_copied_away_restored_there_and_as_of_a_time(
    fake: FakeCloud, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sleep_by_the_fake_clock(fake, monkeypatch)
    fake.slow = 900
    taken, waits = carried_out(operator(RdsTakeSnapshotOperator, deferrable, database="apim", name="point-1"))
    assert waits == (1 if deferrable else 0)
    copy = {"snapshot": taken, "name": "point-1", "region_name": OTHER}
    copied, _ = carried_out(operator(RdsCopySnapshotOperator, deferrable, **copy))
    assert (copied["id"], copied["region"]) == ("point-1", OTHER)
    restore = {"snapshot": taken, "name": "again", "like": "apim", "place": {"backup_retention_days": 1}}
    restored, _ = carried_out(operator(RdsRestoreSnapshotOperator, deferrable, **restore))
    assert (restored["database"], restored["port"]) == ("again", 5432)
    as_of, _ = carried_out(operator(RdsRestoreToTimeOperator, deferrable, name="as-of", like="apim"))
    assert as_of["database"] == "as-of"
    promoted, _ = carried_out(operator(RdsPromoteReplicaOperator, deferrable, database="replica"))
    assert promoted["database"] == "replica"
    found = fake.client("rds").describe_db_instances(DBInstanceIdentifier="again")["DBInstances"][0]
    assert {each["Key"]: each["Value"] for each in found["TagList"]}["lifeboat:expires"] == "2026-11-21T00:00:00+00:00"
    assert found["BackupRetentionPeriod"] == 1
    made = ("CreateDBSnapshot", "CopyDBSnapshot", "RestoreDBInstanceFromDBSnapshot", "RestoreDBInstanceToPointInTime")
    assert [fake.asked.count(each) for each in (*made, "PromoteReadReplica")] == [1] * 5


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_machine_is_imaged_copied_away_and_launched_there(
    fake: FakeCloud, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sleep_by_the_fake_clock(fake, monkeypatch)
    fake.slow = 900
    machine = fake.client("ec2").describe_instances()["Reservations"][0]["Instances"][0]["InstanceId"]
    take = {"instance": machine, "name": "gw-1", "reboot": False}
    image, waits = carried_out(operator(Ec2TakeImageOperator, deferrable, **take))
    assert waits == (1 if deferrable else 0)
    copy = {"image": image, "name": "gw-1", "region_name": OTHER}
    copied, _ = carried_out(operator(Ec2CopyImageOperator, deferrable, **copy))
    launch = {"image": copied["id"], "name": "gw-1", "how": {"instance_type": "m5.large"}, "region_name": OTHER}
    started, _ = carried_out(operator(Ec2LaunchOperator, deferrable, **launch))
    found = fake.client("ec2", OTHER).describe_instances()["Reservations"]
    assert [each["Instances"][0]["InstanceId"] for each in found] == [started["instance"]]


@pytest.mark.parametrize("deferrable", [False, True])
def test_what_failed_in_the_cloud_fails_at_once_and_what_takes_too_long_is_tried_again(
    fake: FakeCloud, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sleep_by_the_fake_clock(fake, monkeypatch)
    fake.slow = 900
    late = {"database": "apim", "name": "late", "longest": timedelta(minutes=5)}
    with pytest.raises(CloudBusyError, match="late in eu-west-1 is still creating"):
        carried_out(operator(RdsTakeSnapshotOperator, deferrable, **late))
    fake.failing["DBSnapshots"] = ("failed", 1)
    with pytest.raises(AirflowFailException, match="bad in eu-west-1 is failed"):
        carried_out(operator(RdsTakeSnapshotOperator, deferrable, database="apim", name="bad"))


def test_a_connection_that_names_no_region_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "login": "k", "password": "s"}))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(AirflowFailException, match="names no region"):
        operator(RdsTakeSnapshotOperator, False, database="apim", name="x").execute(CONTEXT)


def _sleep_by_the_fake_clock(fake: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        fake.clock.sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
