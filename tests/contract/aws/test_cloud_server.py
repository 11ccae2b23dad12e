"""The fake AWS that is a server: what is behind it is real, and nothing of it is left."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lifeboat.aws.account import cloud_of
from lifeboat.aws.cloud import Cloud
from lifeboat.aws.ec2_images import copy_image, take_image
from lifeboat.aws.ec2_instances import launch, terminate
from lifeboat.aws.names import Mark
from lifeboat.aws.rds_restore import Endpoint, remove_database, restore_snapshot, restore_to_time
from lifeboat.aws.rds_settings import TEMPORARY, over, read_settings
from lifeboat.aws.rds_snapshots import copy_snapshot, remove_snapshot, take_snapshot
from lifeboat.aws.rds_words import Database
from lifeboat.aws.switch import read_record, set_record
from lifeboat.aws.waiting import Limits, Target, wait
from lifeboat.aws.work import Work, finish
from lifeboat.connections import from_environment
from lifeboat.deployment_cloud import Launch
from lifeboat.host import Command
from lifeboat.process_tree import descendants, is_running
from lifeboat.ssh_host import SshHost
from tests.contract.aws.conftest import ANY_IMAGE, MARK
from tests.support.cloud_server import CloudServer, environment_of
from tests.support.fake_cloud import HOME, OTHER

DRILL = Mark("prod", "drill-1", "drill")
PASSWORD = "the master's own"
SECONDS = 1.0
QUICK = Limits(pause=timedelta(seconds=0.2))


@pytest.fixture(scope="module")
def server() -> Iterator[CloudServer]:
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-cloud-"))
    directory.chmod(0o711)
    server = CloudServer(directory, seconds=SECONDS)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def account(server: CloudServer) -> Cloud:
    connection = server.connection()
    return cloud_of(from_environment(connection.id, environment_of(connection)))


def done(cloud: Cloud, work: Work[Any]) -> Any:
    return finish(cloud, work, QUICK)


def answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def connect(host: str, port: int) -> Any:
    return psycopg.connect(host=host, port=port, user="master", password=PASSWORD, dbname="apim")


def rows(endpoint: Endpoint) -> list[str]:
    with connect(endpoint.host, endpoint.port) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM apis ORDER BY name").fetchall()]


def until_ready(account: Cloud, kind: str, name: str) -> None:
    wait(account, Target(kind, name, HOME), QUICK)


@pytest.fixture(scope="module")
def database(server: CloudServer, account: Cloud) -> Database:
    """A DB instance of PostgreSQL."""
    made = Database("instance", "apim", HOME)
    login = {"MasterUsername": "master", "MasterUserPassword": PASSWORD, "DBName": "apim"}
    size = {"DBInstanceClass": "db.m5.large", "AllocatedStorage": 20, "BackupRetentionPeriod": 7}
    rds = server.client("rds")
    told = rds.create_db_instance(DBInstanceIdentifier=made.id, Engine="postgres", **login, **size)["DBInstance"]
    assert (told["DBInstanceStatus"], told.get("Endpoint")) == ("creating", None)
    until_ready(account, "db-instance", made.id)
    return made


@pytest.fixture(scope="module")
def machine(server: CloudServer, account: Cloud) -> dict[str, Any]:
    """A machine, as EC2 tells of it."""
    launched = server.client("ec2").run_instances(ImageId=ANY_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]
    assert launched["State"]["Name"] == "pending"
    until_ready(account, "machine", launched["InstanceId"])
    return dict(launched)


def test_a_database_is_restored_in_the_other_region_as_it_was(
    server: CloudServer, account: Cloud, database: Database
) -> None:
    there = cloud_of(server.connection(region=OTHER))
    live = database.require(account)["Endpoint"]
    with connect(live["Address"], live["Port"]) as connection:
        connection.execute("CREATE TABLE apis (name text)")
        connection.execute("INSERT INTO apis VALUES ('before')")
    taken = done(account, take_snapshot(account, database, "point", MARK))
    with connect(live["Address"], live["Port"]) as connection:
        connection.execute("INSERT INTO apis VALUES ('later')")
    copied = done(there, copy_snapshot(there, taken, OTHER, "point", MARK))
    done(account, remove_snapshot(account, taken))
    settings = over(TEMPORARY, read_settings(account, database))
    restored = done(there, restore_snapshot(there, copied, "drilled", settings, DRILL))
    latest = done(account, restore_to_time(account, database, None, "latest", settings, DRILL))
    assert (rows(restored), rows(latest)) == (["before"], ["before", "later"])
    for cloud, endpoint in ((there, restored), (account, latest)):
        done(cloud, remove_database(cloud, endpoint.database, DRILL))
        assert not answers(endpoint.host, endpoint.port)
    done(there, remove_snapshot(there, copied))
    assert len(list((server.directory / "databases").iterdir())) == 1
    assert answers(live["Address"], live["Port"])


def test_a_machine_of_a_copied_image_answers_until_it_is_terminated(
    server: CloudServer, account: Cloud, machine: dict[str, Any]
) -> None:
    image = done(account, take_image(account, machine["InstanceId"], HOME, "gw-1", MARK, reboot=False))
    copy = done(account, copy_image(account, image, OTHER, "gw-1", MARK))
    how = Launch(instance_type="m5.large")
    drilled = done(account, launch(account, copy.id, OTHER, "gw-1", how, DRILL))
    assert drilled.address != machine["PrivateIpAddress"]
    with SshHost("gw", server.ssh_connection("gw", drilled.address)) as host:
        left = host.run(Command(["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"])).stdout
        assert is_running(int(left))
        done(account, terminate(account, drilled.id, OTHER, DRILL))
    assert not is_running(int(left))
    assert not answers(drilled.address, server.ssh_port)
    assert answers(machine["PrivateIpAddress"], server.ssh_port)


def test_restic_keeps_a_repository_in_a_bucket(server: CloudServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "RESTIC_PASSWORD": "a password"}
    environment = {**os.environ, **keys, "RESTIC_CACHE_DIR": str(tmp_path / "cache")}
    for command in (["init"], ["backup", str(tmp_path / "file")], ["check"]):
        subprocess.run(["restic", "-r", server.repository("vault"), *command], env=environment, check=True)


def test_a_record_is_switched(server: CloudServer, account: Cloud) -> None:
    made = server.client("route53").create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"]
    before = read_record(account, made.rpartition("/")[2], "am.example.org", "CNAME")
    done(account, set_record(account, before.pointing_to(["lb-2.example.org"])))
    listed = server.client("route53").list_resource_record_sets(HostedZoneId=made)["ResourceRecordSets"]
    values = {each["Type"]: [value["Value"] for value in each["ResourceRecords"]] for each in listed}
    assert values["CNAME"] == ["lb-2.example.org"]


def test_nothing_is_left_when_it_is_stopped(server: CloudServer, database: Database, machine: dict[str, Any]) -> None:
    server.client("rds").create_db_snapshot(DBInstanceIdentifier=database.id, DBSnapshotIdentifier="left")
    processes = descendants(server._keeper.pid)
    names = {Path(f"/proc/{each.pid}/comm").read_text().strip() for each in processes}
    assert names >= {"postgres", "sshd"}
    server.stop()
    assert [each for each in processes if each.living] == []
    assert list((server.directory / "databases").iterdir()) == []
