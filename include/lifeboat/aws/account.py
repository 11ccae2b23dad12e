"""An AWS account from a connection, as Airflow's own AWS connections have it.

login and password are an access key; without them botocore looks where it always does (environment, the machine's or
task's role). `extra` may have region_name, endpoint_url, aws_session_token, profile_name, role_arn and external_id.
A role's credentials renew themselves before they expire.
"""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.credentials import RefreshableCredentials
from botocore.session import get_session

from lifeboat.aws.cloud import Cloud
from lifeboat.connections import Connection
from lifeboat.errors import ConfigurationError


def cloud_of(connection: Connection, region: str | None = None) -> Cloud:
    """Given an AWS connection and the site's region, which goes before the connection's, return the account.

    Raise ConfigurationError when the connection is of another type, or no region is named.
    """
    if connection.type not in ("aws", ""):
        raise ConfigurationError(
            f"Connection '{connection.id}' is of type {connection.type}, not aws.",
            next_step="Name a connection of type aws as the site's account.",
        )
    chosen = region or str(connection.extra.get("region_name") or "")
    if not chosen:
        raise ConfigurationError(
            f"Connection '{connection.id}' names no region.",
            next_step="Set region_name in its extra, or the site's region in the deployment file.",
        )
    return Cloud(
        new_session=lambda: _session(connection, chosen),
        region=chosen,
        endpoint_url=str(connection.extra.get("endpoint_url") or "") or None,
        verify=connection.extra.get("verify"),
    )


def _session(connection: Connection, region: str) -> Any:
    extra = connection.extra
    basic = boto3.Session(
        aws_access_key_id=connection.login or None,
        aws_secret_access_key=connection.password or None,
        aws_session_token=extra.get("aws_session_token"),
        profile_name=extra.get("profile_name"),
        region_name=region,
    )
    return _as_role(basic, connection, region) if extra.get("role_arn") else basic


def _as_role(basic: Any, connection: Connection, region: str) -> Any:
    """Return a session of the role, whose credentials botocore renews some minutes before they expire."""
    assume = _assume(basic, connection, region)
    session = get_session()
    # botocore has no public way to give a session credentials that renew themselves; Airflow's hook does the same.
    session._credentials = RefreshableCredentials.create_from_metadata(
        metadata=assume(), refresh_using=assume, method="sts-assume-role"
    )
    return boto3.Session(botocore_session=session, region_name=region)


def _assume(basic: Any, connection: Connection, region: str) -> Callable[[], dict[str, str]]:
    extra = connection.extra
    account = Cloud(
        lambda: basic, region, endpoint_url=str(extra.get("endpoint_url") or "") or None, verify=extra.get("verify")
    )
    more = {"ExternalId": extra["external_id"]} if extra.get("external_id") else {}

    def assume() -> dict[str, str]:
        given = account.service("sts").call(
            "assume_role", RoleArn=extra["role_arn"], RoleSessionName="lifeboat", **more
        )["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    return assume
