"""What a deployment file says of a vault that cannot be destroyed."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from lifeboat.deployment_model import Model
from lifeboat.deployment_values import Duration


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
