"""What the accounts of a vault on S3 may do, as IAM policies: least privilege for its writer and its housekeeper."""

from typing import Any, Literal

from lifeboat.errors import ConfigurationError
from lifeboat.s3_vault import S3Vault

Role = Literal["writer", "housekeeper"]

_LOOK = ["s3:ListBucket", "s3:GetBucketLocation"]
_SETTINGS = [
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucketVersions",
]
#: Whoever has the housekeeper's account could do these with it; only `lifeboat vault init` needs them.
SET_UP = [
    "s3:CreateBucket",
    "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutLifecycleConfiguration",
]
#: What nobody may do who has one of the two accounts, whatever else is granted to them.
_NEVER = ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:DeleteBucket"]
_NEVER_WRITER = [*_NEVER, "s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:PutBucketVersioning"]
_NEVER_WRITER += ["s3:PutBucketObjectLockConfiguration", "s3:PutLifecycleConfiguration"]


def policy(repository: str, role: Role) -> dict[str, Any]:
    """Given a vault on S3 and a role, return the policy of its account. Raise ConfigurationError for another storage.

    A writer deletes nothing but restic's locks. A housekeeper deletes, which on a bucket with versions adds delete
    markers; versions are destroyed by the bucket's lifecycle rule alone."""
    if not repository.startswith("s3:"):
        raise ConfigurationError(
            "Policies are for vaults on S3.", next_step="On a disk, the rights of the directory decide."
        )
    vault = S3Vault(repository)
    bucket, below = f"arn:aws:s3:::{vault.bucket}", f"arn:aws:s3:::{vault.bucket}/{vault.prefix}"
    if role == "writer":
        allowed = [
            _allow("Look", _LOOK, bucket),
            _allow("ReadAndAdd", ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], f"{below}*"),
            _allow("RemoveLocks", ["s3:DeleteObject"], f"{below}locks/*"),
        ]
        never = _NEVER_WRITER
    else:
        objects = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:PutObject", "s3:DeleteObject"]
        objects += ["s3:PutObjectRetention", "s3:AbortMultipartUpload"]
        allowed = [_allow("Look", [*_LOOK, *_SETTINGS], bucket), _allow("KeepHouse", objects, f"{below}*")]
        never = _NEVER
    forbidden = {"Sid": "Never", "Effect": "Deny", "Action": never, "Resource": [bucket, f"{bucket}/*"]}
    return {"Version": "2012-10-17", "Statement": [*allowed, forbidden]}


def _allow(name: str, actions: list[str], resource: str) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource}
