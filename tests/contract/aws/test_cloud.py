"""An account and its calls: what is repeated, what is told, and credentials that renew themselves."""

import logging
from datetime import timedelta

import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ParamValidationError
from botocore.parsers import ResponseParserError

from lifeboat.aws.account import cloud_of
from lifeboat.aws.cloud import Cloud
from lifeboat.aws.cloud_errors import Request, translated
from lifeboat.connections import Connection
from lifeboat.errors import (
    AccessError,
    CloudBusyError,
    CloudError,
    CloudExistsError,
    CloudMissingError,
    CloudQuotaError,
    ConfigurationError,
    LifeboatError,
    UnreachableError,
)
from tests.support.fake_cloud import HOME, FakeCloud

REQUEST = Request("rds", "eu-west-1", "CopyDBSnapshot")


def refused(code: str, status: int = 400) -> ClientError:
    told = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "CopyDBSnapshot")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "kind", "permanent", "words"),
    [
        ("Throttling", CloudBusyError, False, "repeat the task"),
        ("RequestLimitExceeded", CloudBusyError, False, "repeat the task"),
        ("InvalidDBInstanceState", CloudBusyError, False, "repeat the task"),
        ("InsufficientDBInstanceCapacityFault", CloudBusyError, False, "repeat the task"),
        ("SnapshotQuotaExceeded", CloudQuotaError, True, "Quota SnapshotQuotaExceeded"),
        ("InstanceLimitExceeded", CloudQuotaError, True, "have the quota raised"),
        ("AccessDenied", AccessError, True, "Allow rds:CopyDBSnapshot"),
        ("UnauthorizedOperation", AccessError, True, "Allow rds:CopyDBSnapshot"),
        ("ExpiredToken", AccessError, True, "clock"),
        ("InvalidClientTokenId", AccessError, True, "eu-west-1 is not enabled"),
        ("KMSKeyNotAccessibleFault", AccessError, True, "key of eu-west-1"),
        ("OptInRequired", UnreachableError, False, "Enable eu-west-1"),
        ("DBSnapshotNotFoundFault", CloudMissingError, True, "Look for it"),
        ("InvalidAMIID.NotFound", CloudMissingError, True, "Look for it"),
        ("DBSnapshotAlreadyExists", CloudExistsError, True, "of that name"),
        ("InvalidAMIName.Duplicate", CloudExistsError, True, "of that name"),
        ("InvalidParameterValue", CloudError, True, "Read what AWS says"),
    ],
)
def test_what_aws_refuses_is_told_with_the_next_step(
    code: str, kind: type[LifeboatError], permanent: bool, words: str
) -> None:
    error = translated(refused(code), REQUEST)
    assert (type(error), error.permanent) == (kind, permanent)
    assert words in error.next_step
    assert "eu-west-1" in error.message


def test_a_failing_service_is_busy_whatever_its_code() -> None:
    assert type(translated(refused("Weird", 500), REQUEST)) is CloudBusyError


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://rds.eu-west-1.amazonaws.com"), UnreachableError),
        (ResponseParserError("Unable to parse response\n<html>Proxy</html>"), UnreachableError),
        (NoCredentialsError(), ConfigurationError),
        (ParamValidationError(report="Missing parameter"), CloudError),
    ],
)
def test_no_answer_is_told_with_the_region(raised: Exception, kind: type[LifeboatError]) -> None:
    error = translated(raised, REQUEST)
    assert type(error) is kind
    assert error.next_step


def test_what_is_no_error_of_botocore_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        translated(ZeroDivisionError(), REQUEST)


def test_a_call_is_repeated_until_patience_is_over_and_no_longer(fake: FakeCloud) -> None:
    cloud = fake.cloud(patience=timedelta(minutes=2))
    with fake.failing_at(0, "down"), pytest.raises(UnreachableError, match="Region eu-west-1 does not answer"):
        cloud.service("rds").call("describe_db_instances")
    assert 60 < fake.clock.passed < 180
    assert cloud.service("rds").call("describe_db_instances")["DBInstances"] == []


def test_expired_credentials_are_fetched_again_in_the_middle(fake: FakeCloud, cloud: Cloud) -> None:
    cloud.account()
    sessions = fake.sessions
    with fake.failing_at(0, "expired"):
        assert cloud.account() == "123456789012"
    assert fake.sessions == sessions + 1


def test_what_is_denied_names_the_action_and_is_not_repeated(fake: FakeCloud, cloud: Cloud) -> None:
    with fake.failing_at(0, "denied"), pytest.raises(AccessError, match="may not do rds:DescribeDBInstances"):
        cloud.service("rds").call("describe_db_instances")
    assert (fake.asked, fake.clock.passed) == (["DescribeDBInstances"], 0.0)


def connection(**extra: str) -> Connection:
    return Connection("aws_prod", "aws", login="AKIA1", password="secret-of-the-key", extra=extra)


@pytest.mark.usefixtures("fake")
def test_a_role_is_assumed_and_its_credentials_renew_themselves(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "lifeboat")
    cloud = cloud_of(connection(region_name=HOME, role_arn="arn:aws:iam::111122223333:role/lifeboat"))
    assert cloud.account() == "111122223333"
    credentials = cloud._session.get_credentials()
    assert isinstance(credentials, RefreshableCredentials)
    first = credentials.get_frozen_credentials().token
    credentials._expiry_time = credentials._expiry_time - timedelta(hours=2)
    assert credentials.get_frozen_credentials().token != first
    assert "secret-of-the-key" not in caplog.text
    assert "secret" not in repr(cloud)


@pytest.mark.usefixtures("fake")
def test_a_key_is_used_as_it_is_and_the_sites_region_goes_before_the_connections() -> None:
    cloud = cloud_of(connection(region_name="eu-north-1"), HOME)
    assert (cloud.region, cloud.account()) == (HOME, "123456789012")


def test_a_connection_without_a_region_or_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="names no region"):
        cloud_of(connection())
    with pytest.raises(ConfigurationError, match="not aws"):
        cloud_of(Connection("x", "postgres"), HOME)
