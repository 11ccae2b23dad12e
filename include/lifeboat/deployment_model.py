"""What all parts of a deployment file share."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """What all parts share: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
