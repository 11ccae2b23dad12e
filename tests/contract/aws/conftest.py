from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.names import Mark
from lifeboat.aws.rds_words import Database
from tests.support.fake_cloud import HOME, OTHER, FakeCloud, fake_cloud
from tests.support.quick_vault import make_quick_vault
from tests.support.two_sites import OTHER_PASSWORD

#: moto launches whatever image is named.
ANY_IMAGE = "ami-0123456789abcdef0"
MARK = Mark("prod", "20261120T143712Z", "backup")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    """A fake AWS with nothing in it."""
    with fake_cloud(monkeypatch) as fake:
        yield fake


@pytest.fixture
def cloud(fake: FakeCloud) -> Cloud:
    """An account of the fake AWS."""
    return fake.cloud()


@pytest.fixture
def key(fake: FakeCloud) -> str:
    """A key of the other region."""
    arn: str = fake.client("kms", OTHER).create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture
def database(fake: FakeCloud) -> Database:
    """An encrypted DB instance in the home region, with settings that no default has."""
    make_instance(fake)
    return Database("instance", "apim", HOME)


@pytest.fixture
def cluster(fake: FakeCloud) -> Database:
    """An Aurora cluster in the home region with two instances."""
    rds = fake.client("rds")
    login = {"MasterUsername": "admin1", "MasterUserPassword": "not a secret"}
    rds.create_db_cluster(
        DBClusterIdentifier="shared",
        Engine="aurora-postgresql",
        BackupRetentionPeriod=9,
        StorageEncrypted=True,
        **login,
    )
    for name in ("shared-1", "shared-2"):
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBClusterIdentifier="shared",
            DBInstanceClass="db.r5.large",
            Engine="aurora-postgresql",
        )
    return Database("cluster", "shared", HOME)


@pytest.fixture(scope="session")
def empty_vaults(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two vaults with nothing in them; never changed."""
    directory = tmp_path_factory.mktemp("vaults")
    return make_quick_vault(directory / "home"), make_quick_vault(directory / "other", OTHER_PASSWORD)


@pytest.fixture
def machine(fake: FakeCloud) -> str:
    """The id of a running EC2 instance in the home region."""
    return start_machine(fake)


@pytest.fixture
def zone(fake: FakeCloud) -> str:
    """A hosted zone for example.org."""
    made: str = fake.client("route53").create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"]
    return made.rpartition("/")[2]


@pytest.fixture
def keeping_template(fake: FakeCloud) -> str:
    """The name of a launch template of both regions, whose machines have a second disk that outlives them."""
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 10, "DeleteOnTermination": False}}
    data = {"InstanceType": "m6i.large", "BlockDeviceMappings": [disk]}
    for region in (HOME, OTHER):
        fake.client("ec2", region).create_launch_template(LaunchTemplateName="keeping", LaunchTemplateData=data)
    return "keeping"


def start_machine(fake: FakeCloud) -> str:
    ec2 = fake.client("ec2")
    started: str = ec2.run_instances(ImageId=ANY_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    return started


def make_instance(fake: FakeCloud, name: str = "apim", **more: Any) -> None:
    """Make a DB instance in the home region."""
    settings = {"BackupRetentionPeriod": 7, "MultiAZ": True, "StorageEncrypted": True, "CopyTagsToSnapshot": True}
    settings |= {"DeletionProtection": True, "AllocatedStorage": 20}
    fake.client("rds").create_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass="db.m5.large",
        Engine="postgres",
        MasterUsername="admin1",
        MasterUserPassword="not a secret",
        **(settings | more),
    )
