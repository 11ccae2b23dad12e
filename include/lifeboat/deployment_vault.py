"""What a deployment file says of a site's vault."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from lifeboat.deployment_model import Model
from lifeboat.deployment_values import ConnectionId, Duration


class ObjectLock(Model):
    """How long what lies in a vault on S3 cannot be destroyed by anybody who has an account of it."""

    retain: Duration = Field(
        timedelta(days=30),
        description="So long from each night on, whole days, nothing that the vault uses can be destroyed. A theft "
        "must be noticed within that time.",
    )
    mode: Literal["COMPLIANCE", "GOVERNANCE"] = Field(
        "COMPLIANCE",
        description="COMPLIANCE: nobody can shorten it, the owner of the account included. GOVERNANCE, to try it out: "
        "those can who have a right of their own for that.",
    )
    time: Duration = Field(timedelta(hours=2), description="When extending it is ended; the next night goes on.")

    @model_validator(mode="after")
    def _whole_days(self) -> "ObjectLock":
        if self.retain < timedelta(days=1) or self.retain % timedelta(days=1):
            raise ValueError("retain is not a number of whole days, at least one")
        return self


class Vault(Model):
    """The encrypted store of one site."""

    repository: str = Field(
        min_length=1,
        description="A restic repository: an absolute path, s3:https://…/bucket, sftp:… or rest:….",
    )
    writer: ConnectionId = Field(description="Connection whose password opens the vault for backups and drills.")
    housekeeper: ConnectionId | None = Field(
        None,
        description="Connection that may also delete; only housekeeping and `lifeboat vault init` use it.",
    )
    pool: str = Field("lifeboat_vault", description="Airflow pool whose slots bound the work on this vault.")
    object_lock: ObjectLock | None = Field(
        None, description="For a vault on S3: housekeeping keeps everything from being destroyed for a time."
    )

    @model_validator(mode="after")
    def _known_backend(self) -> "Vault":
        if self.object_lock and not self.repository.startswith("s3:"):
            raise ValueError("object_lock is for repositories that begin with s3:")
        if self.object_lock and self.housekeeper is None:
            raise ValueError("object_lock needs a housekeeper")
        if not self.repository.startswith(("/", "s3:", "sftp:", "rest:", "rclone:")):
            raise ValueError("repository is neither an absolute path nor s3:, sftp:, rest: or rclone:")
        return self
