"""Traffic switched over and put back: records of Route 53, targets of load balancers."""

from typing import Any

import pytest

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.switch import Member, Record, read_record, read_targets, set_record, set_targets
from lifeboat.aws.work import finish
from lifeboat.errors import ConfigurationError
from tests.support.fake_cloud import HOME, FakeCloud


def upsert(fake: FakeCloud, zone: str, **content: Any) -> None:
    change = {"Action": "UPSERT", "ResourceRecordSet": {"Name": "am.example.org.", "Type": "CNAME", **content}}
    fake.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})


def values(cloud: Cloud, zone: str, identifier: str = "") -> list[str]:
    content = read_record(cloud, zone, "am.example.org", "CNAME", identifier).content or {}
    return [each["Value"] for each in content.get("ResourceRecords", ())]


def test_a_record_is_switched_and_put_back(fake: FakeCloud, cloud: Cloud, zone: str) -> None:
    upsert(fake, zone, TTL=300, ResourceRecords=[{"Value": "lb-1.example.org"}])
    before = read_record(cloud, zone, "AM.example.org", "CNAME")
    for _ in range(2):
        finish(cloud, set_record(cloud, before.pointing_to(["lb-2.example.org"])))
        assert values(cloud, zone) == ["lb-2.example.org"]
    finish(cloud, set_record(cloud, Record(**before.document())))
    assert read_record(cloud, zone, "am.example.org", "CNAME") == before
    assert fake.asked.count("ChangeResourceRecordSets") == 3


def test_a_record_that_was_not_there_goes_again(fake: FakeCloud, cloud: Cloud, zone: str) -> None:
    before = read_record(cloud, zone, "am.example.org", "CNAME")
    assert before.content is None
    finish(cloud, set_record(cloud, before.pointing_to(["lb-2.example.org"])))
    for _ in range(2):
        finish(cloud, set_record(cloud, before))
    assert values(cloud, zone) == []


def test_a_record_with_a_routing_policy_is_switched_by_its_identifier(fake: FakeCloud, cloud: Cloud, zone: str) -> None:
    for number in (1, 2):
        content = {"TTL": 60, "ResourceRecords": [{"Value": f"lb-{number}.example.org"}]}
        upsert(fake, zone, SetIdentifier=f"s{number}", Weight=number, **content)
    with pytest.raises(ConfigurationError, match="several identifiers: s1, s2"):
        read_record(cloud, zone, "am.example.org", "CNAME")
    second = read_record(cloud, zone, "am.example.org", "CNAME", "s2")
    finish(cloud, set_record(cloud, second.pointing_to(["lb-3.example.org"])))
    assert (values(cloud, zone, "s1"), values(cloud, zone, "s2")) == (["lb-1.example.org"], ["lb-3.example.org"])
    assert (read_record(cloud, zone, "am.example.org", "CNAME", "s2").content or {})["Weight"] == 2


def test_targets_are_exchanged_and_put_back(fake: FakeCloud, cloud: Cloud) -> None:
    vpc = fake.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = fake.client("elbv2").create_target_group(
        Name="gw", Protocol="HTTPS", Port=8243, VpcId=vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    fake.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}, {"Id": "10.0.0.2"}])
    before = read_targets(cloud, group, HOME)
    assert [each.id for each in before] == ["10.0.0.1", "10.0.0.2"]
    for _ in range(2):
        finish(cloud, set_targets(cloud, group, HOME, [Member("10.0.0.2"), Member("10.0.0.3", 8243)]))
        assert [each.id for each in read_targets(cloud, group, HOME)] == ["10.0.0.2", "10.0.0.3"]
    assert fake.asked.count("RegisterTargets") == 2  # ours and the test's own
    finish(cloud, set_targets(cloud, group, HOME, before))
    assert read_targets(cloud, group, HOME) == before
