"""Legal holds as evidence: that a restore point must not be deleted, or that it may be again."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from lifeboat.manifest import Document


class HoldEvidence(Document):
    """That somebody put a restore point on hold, or released it. Of several about a point the newest counts."""

    schema_version: Literal["lifeboat/evidence/1"] = Field("lifeboat/evidence/1", alias="schema")
    type: Literal["hold"] = "hold"
    id: str
    deployment: str
    point: str
    manifest_sha256: str
    site: str
    finished_at: datetime
    held: bool
    reason: str
    by: str
    complete: Literal[False] = False

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @property
    def passed(self) -> bool:
        """A hold proves nothing."""
        return False

    def more_tags(self) -> dict[str, str]:
        """Return what its snapshot is found by besides."""
        return {"held": "yes" if self.held else "no"}
