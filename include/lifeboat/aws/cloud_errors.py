"""What AWS and botocore say, in Lifeboat's errors: what happened, to which thing, and what to do next.

The codes are those of the API references of EC2, RDS, ELB, Route 53 and STS. Some services append `Fault` or
`Exception` to a code and some do not; a code is compared without it.
"""

from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

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

_EXPIRED = {"ExpiredToken", "RequestExpired"}
_REGION_OFF = {"OptInRequired", "RegionDisabled"}
_BAD_KEY = {
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
}
_DENIED = {"AccessDenied", "NotAuthorized", "UnauthorizedOperation"}
_BUSY = {
    "BandwidthLimitExceeded",
    "EC2Throttled",
    "IncorrectInstanceState",
    "IncorrectState",
    "InsufficientDBClusterCapacity",
    "InsufficientDBInstanceCapacity",
    "InsufficientInstanceCapacity",
    "InternalError",
    "InternalFailure",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "SlowDown",
    "Throttled",
    "Throttling",
    "TooManyRequests",
    "TransactionInProgress",
    "Unavailable",
}
_QUOTA_ENDINGS = ("QuotaExceeded", "LimitExceeded", "CountExceeded", "LimitReached")
_EXISTS = {"InvalidAMIName.Duplicate", "InvalidKeyPair.Duplicate"}
_MISSING = {"InvalidAMIID.Unavailable", "NoSuchHostedZone", "NoSuchChange"}


@dataclass(frozen=True)
class Request:
    """What was asked: of which service, in which region, and by which name AWS knows the action."""

    service: str
    region: str
    action: str

    def __str__(self) -> str:
        return f"{self.service}:{self.action} in {self.region}"


def is_expired(error: Exception) -> bool:
    """Return whether AWS refused because the credentials' time is over."""
    return isinstance(error, ClientError) and _code(error) in _EXPIRED


def translated(error: Exception, request: Request) -> LifeboatError:
    """Given what botocore raised, return the error that Lifeboat raises instead."""
    return _of_answer(error, request) if isinstance(error, ClientError) else _of_no_answer(error, request)


def _of_answer(error: ClientError, request: Request) -> LifeboatError:
    code, said = _code(error), _said(error)
    what = f"AWS refused {request}: {said}"
    if code in _EXPIRED | _REGION_OFF | _BAD_KEY | _DENIED or code == "KMSKeyNotAccessible":
        return _of_access(code, said, request)
    if code.endswith(_QUOTA_ENDINGS) and code not in _BUSY:
        return CloudQuotaError(
            f"A quota of the account stands in the way of {request}: {said}",
            next_step=f"Quota {code}: what was made before this stands and is found again. Remove what is not needed "
            f"(`lifeboat aws leftovers`), or have the quota raised in Service Quotas for {request.region}; then "
            "repeat the task: it goes on from here.",
        )
    if code in _EXISTS or code.endswith("AlreadyExists"):
        return CloudExistsError(what, next_step="Look at the thing of that name in the console.")
    if code in _MISSING or "NotFound" in code or (code.endswith("State") and "being deleted" in said):
        return CloudMissingError(what, next_step="Look for it in the console, in this account and region.")
    if code in _BUSY or code.endswith("State") or _status(error) >= 500 or _status(error) == 429:
        return CloudBusyError(what, next_step="It may pass: repeat the task; it goes on from here.")
    return CloudError(what, next_step="Read what AWS says; the request does not become good by repeating it.")


def _of_access(code: str, said: str, request: Request) -> LifeboatError:
    if code in _EXPIRED:
        return AccessError(
            f"The credentials have expired, and new ones have, too: {request}: {said}",
            next_step="Give the AWS connection a key or a role that renews itself; check this machine's clock.",
        )
    if code in _REGION_OFF:
        return UnreachableError(
            f"Region {request.region} is not switched on for this account: {said}",
            next_step=f"Enable {request.region} in the account's settings (Account, AWS Regions), then repeat.",
        )
    if code in _BAD_KEY:
        return AccessError(
            f"AWS does not know the access key in {request.region}: {said}",
            next_step=f"Check the AWS connection's key and clock; if other regions take it, {request.region} is not "
            "enabled for the account.",
        )
    if code == "KMSKeyNotAccessible":
        return AccessError(
            f"The KMS key cannot be used for {request}: {said}",
            next_step=f"Give a key of {request.region} that is enabled, and whose policy lets this account's role use "
            "it (kms:CreateGrant, kms:DescribeKey, kms:Decrypt, kms:ReEncrypt*).",
        )
    return AccessError(
        f"The AWS account may not do {request}: {said}",
        next_step=f"Allow {request.service}:{request.action} in the policy of the role or user; docs/aws.md has a "
        "policy that suffices.",
    )


def _of_no_answer(error: Exception, request: Request) -> LifeboatError:
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return ConfigurationError(
            f"The AWS connection is not complete: {error}",
            next_step="Give it login and password, or a role of the machine, and extra.region_name.",
        )
    if isinstance(error, CredentialRetrievalError):
        return AccessError(
            f"No credentials for {request}: {error}",
            next_step="Check the role (extra.role_arn), its trust policy, and what may assume it.",
        )
    if isinstance(error, HTTPClientError | ConnectionError):
        return UnreachableError(
            f"Region {request.region} does not answer {request.service}:{request.action}: {error}",
            next_step="Check the network, a proxy, extra.endpoint_url, and https://health.aws.amazon.com; when the "
            "region is lost, recover from another site.",
        )
    if isinstance(error, ResponseParserError):
        return UnreachableError(
            f"What answers {request} is not AWS: {str(error).splitlines()[0]}",
            next_step="Check extra.endpoint_url, and what a proxy between this worker and AWS says.",
        )
    if isinstance(error, BotoCoreError):
        return CloudError(
            f"{request} could not be asked: {error}", next_step="Check the deployment file's names, keys and regions."
        )
    raise error


def _code(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code.removesuffix("Exception").removesuffix("Fault")


def _said(error: ClientError) -> str:
    told = error.response.get("Error", {})
    return f"{told.get('Message') or 'no message'} ({told.get('Code')})"


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
