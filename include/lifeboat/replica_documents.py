"""Replicas as evidence: that a restore point is whole in another site's vault, and how that was found out."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from lifeboat.manifest import Document


class ReplicaEvidence(Document):
    """That a restore point was copied to a site and read back there, or what was wrong with it. Of several about a
    point and a site the newest counts.

    `copied` is the number of snapshots that were not there before; `size_bytes` is what was read from the site's vault:
    `streams` were compared with the digests that the manifest signs, `trees` are directories of which all content was
    read, restic holding each part against its digest, below the tree that the manifest signs.
    """

    schema_version: Literal["lifeboat/evidence/1"] = Field("lifeboat/evidence/1", alias="schema")
    type: Literal["replica"] = "replica"
    id: str
    deployment: str
    point: str
    manifest_sha256: str
    site: str
    source: str
    started_at: datetime
    finished_at: datetime
    copied: int
    size_bytes: int
    seconds: float
    streams: int
    trees: int
    failures: tuple[str, ...] = ()
    complete: Literal[True] = True

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @property
    def passed(self) -> bool:
        """Whether the point is whole at the site."""
        return not self.failures

    @property
    def verified(self) -> str:
        """How it was verified, for people."""
        return f"{self.streams} streams by their SHA-256, {self.trees} trees by all their content"

    def more_tags(self) -> dict[str, str]:
        """Return what its snapshot is found by besides."""
        return {"site": self.site}
