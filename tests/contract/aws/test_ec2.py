"""Machines of EC2: images, their copies, what is launched of them, and that nothing is made twice."""

from typing import Any

import pytest

from lifeboat.aws.cloud import Cloud, tags_of
from lifeboat.aws.ec2_images import Image, copy_image, remove_image, take_image
from lifeboat.aws.ec2_instances import find_machine, launch, terminate
from lifeboat.aws.names import Mark, image_name
from lifeboat.aws.work import finish
from lifeboat.deployment_cloud import Launch
from lifeboat.errors import CloudError, ConfigurationError
from tests.contract.aws.conftest import ANY_IMAGE, MARK
from tests.support.fake_cloud import HOME, OTHER, FakeCloud

DRILL = Mark("prod", "drill-1", "drill")
NAME = image_name("prod", MARK.run, "gw-1")
HOW = Launch(instance_type="m5.large")


def images(fake: FakeCloud, region: str) -> list[dict[str, Any]]:
    return list(fake.client("ec2", region).describe_images(Owners=["self"])["Images"])


def snapshots(fake: FakeCloud, region: str) -> list[dict[str, Any]]:
    tagged = [{"Name": "tag-key", "Values": ["lifeboat:run"]}]
    return list(fake.client("ec2", region).describe_snapshots(OwnerIds=["self"], Filters=tagged)["Snapshots"])


def machines(fake: FakeCloud, region: str) -> list[dict[str, Any]]:
    found = fake.client("ec2", region).describe_instances()["Reservations"]
    return [each for reservation in found for each in reservation["Instances"]]


def test_an_image_is_made_once_copied_once_and_goes_with_its_snapshots(
    fake: FakeCloud, cloud: Cloud, machine: str, key: str
) -> None:
    for _ in range(2):
        image = finish(cloud, take_image(cloud, machine, HOME, NAME, MARK, reboot=False))
        copy = finish(cloud, copy_image(cloud, image, OTHER, NAME, MARK, kms_key=key))
    assert [each["ImageId"] for each in images(fake, HOME)] == [image.id]
    assert [each["ImageId"] for each in images(fake, OTHER)] == [copy.id]
    assert copy.encrypted and not image.encrypted
    assert tags_of(images(fake, OTHER)[0]["Tags"])["lifeboat:run"] == MARK.run
    assert (len(snapshots(fake, HOME)), len(snapshots(fake, OTHER))) == (1, 1)
    for each in (image, copy, copy):
        finish(cloud, remove_image(cloud, each.id, each.region))
    assert images(fake, HOME) == images(fake, OTHER) == []
    assert snapshots(fake, HOME) == snapshots(fake, OTHER) == []


@pytest.mark.parametrize("reboot", [True, False])
def test_a_machine_is_restarted_for_its_image_only_when_that_is_wanted(
    fake: FakeCloud, cloud: Cloud, machine: str, reboot: bool
) -> None:
    asked: list[str] = []
    cloud.client("ec2", HOME).meta.events.register(
        "before-send.ec2.CreateImage", lambda request, **_: asked.append(str(request.body))
    )
    finish(cloud, take_image(cloud, machine, HOME, NAME, MARK, reboot=reboot))
    assert [f"NoReboot={str(not reboot).lower()}" in each for each in asked] == [True]


def test_an_image_is_not_copied_to_where_it_is(cloud: Cloud) -> None:
    with pytest.raises(ConfigurationError, match="is in eu-west-1 already"):
        finish(cloud, copy_image(cloud, Image(NAME, "ami-1", HOME, False), HOME, NAME, MARK))


def test_a_machine_is_launched_once_and_terminated_by_its_own_drill_only(
    fake: FakeCloud, cloud: Cloud, machine: str
) -> None:
    image = finish(cloud, take_image(cloud, machine, HOME, NAME, MARK, reboot=False))
    started = [finish(cloud, launch(cloud, image.id, HOME, "gw-1", HOW, DRILL)) for _ in range(2)]
    assert started[0] == started[1]
    assert started[0].address
    assert len(machines(fake, HOME)) == 2
    with pytest.raises(CloudError, match="its tags say otherwise"):
        finish(cloud, terminate(cloud, machine, HOME, DRILL))
    for _ in range(2):
        finish(cloud, terminate(cloud, started[0].id, HOME, DRILL))
    states = {each["InstanceId"]: each["State"]["Name"] for each in machines(fake, HOME)}
    assert states == {machine: "running", started[0].id: "terminated"}


def test_a_machine_is_launched_by_a_template(fake: FakeCloud, cloud: Cloud, machine: str) -> None:
    image = finish(cloud, take_image(cloud, machine, HOME, NAME, MARK, reboot=False))
    fake.client("ec2").create_launch_template(LaunchTemplateName="gw", LaunchTemplateData={"InstanceType": "m6i.large"})
    started = finish(cloud, launch(cloud, image.id, HOME, "gw-2", Launch(template="gw"), DRILL))
    found = fake.client("ec2").describe_instances(InstanceIds=[started.id])["Reservations"][0]["Instances"][0]
    assert (found["InstanceType"], found["ImageId"]) == ("m6i.large", image.id)


def test_a_machine_goes_with_its_volumes_though_it_is_protected(
    fake: FakeCloud, cloud: Cloud, keeping_template: str
) -> None:
    ec2 = fake.client("ec2")
    started = finish(cloud, launch(cloud, ANY_IMAGE, HOME, "gw-2", Launch(template=keeping_template), DRILL))
    ec2.modify_instance_attribute(InstanceId=started.id, DisableApiTermination={"Value": True})
    somebodys = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=somebodys, InstanceId=started.id, Device="/dev/sdz")
    assert len(ec2.describe_volumes()["Volumes"]) == 3
    for _ in range(2):
        finish(cloud, terminate(cloud, started.id, HOME, DRILL))
    assert [each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]] == [somebodys]


def test_two_machines_of_one_name_are_told_apart_by_nobody(fake: FakeCloud, cloud: Cloud, machine: str) -> None:
    tags = [{"Key": key, "Value": value} for key, value in DRILL.tags("gw-1").items()]
    fake.client("ec2").create_tags(Resources=[machine], Tags=tags)
    specification = [{"ResourceType": "instance", "Tags": tags}]
    fake.client("ec2").run_instances(ImageId=ANY_IMAGE, MinCount=1, MaxCount=1, TagSpecifications=specification)
    with pytest.raises(CloudError, match="Several machines in eu-west-1 carry the name gw-1"):
        finish(cloud, launch(cloud, ANY_IMAGE, HOME, "gw-1", HOW, DRILL))


def test_a_machine_that_is_not_seen_yet_is_not_launched_a_second_time(
    fake: FakeCloud, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = finish(cloud, launch(cloud, ANY_IMAGE, HOME, "gw-1", HOW, DRILL))
    looks = iter([None])
    monkeypatch.setattr("lifeboat.aws.ec2_instances.find_machine", lambda *given: next(looks, find_machine(*given)))
    assert finish(cloud, launch(cloud, ANY_IMAGE, HOME, "gw-1", HOW, DRILL)) == first
    assert fake.asked.count("RunInstances") == 2
    assert len(machines(fake, HOME)) == 1
    finish(cloud, terminate(cloud, first.id, HOME, DRILL))
    assert finish(cloud, launch(cloud, ANY_IMAGE, HOME, "gw-1", HOW, DRILL)).id != first.id
