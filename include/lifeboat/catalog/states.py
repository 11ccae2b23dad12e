"""What the catalog tells of a restore point: its manifest, its newest conclusive drill, and the times it shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lifeboat.hold_documents import HoldEvidence
from lifeboat.manifest import DrillEvidence, Manifest


@dataclass(frozen=True)
class PointState:
    """A restore point with its newest conclusive drill, if any, and what holds it, if anything does."""

    manifest: Manifest
    manifest_sha256: str
    drill: DrillEvidence | None
    hold: HoldEvidence | None = None

    @property
    def verdict(self) -> str:
        """`good`, `failed` or `unproven`."""
        if self.drill is None:
            return "unproven"
        return "good" if self.drill.passed else "failed"


def first_instant(manifest: Manifest) -> datetime:
    """Given a manifest, return the earliest instant of its captures: what came later may be missing from it."""
    return min(unit.instant for unit in manifest.units)


def last_instant(manifest: Manifest) -> datetime:
    """Given a manifest, return the latest instant that its captures may show: nothing in it is younger."""
    return max(unit.instant + timedelta(milliseconds=unit.skew_ms) for unit in manifest.units)
