"""What the catalog tells of a restore point: its manifest, its newest conclusive drill, and the times it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lifeboat.hold_documents import HoldEvidence
from lifeboat.manifest import DrillEvidence, Manifest
from lifeboat.replica_documents import ReplicaEvidence


@dataclass(frozen=True)
class PointState:
    """A restore point with its newest conclusive drill, if any, and what holds it, if anything does.

    `drill` is one of its home vault. `replicas` are the newest evidence about copies, by site, and `site_drills` the
    newest conclusive drills by site: what was found in one vault says nothing about another one.
    """

    manifest: Manifest
    manifest_sha256: str
    drill: DrillEvidence | None
    hold: HoldEvidence | None = None
    replicas: Mapping[str, ReplicaEvidence] = field(default_factory=dict)
    site_drills: Mapping[str, DrillEvidence] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`good`, `failed` or `unproven`."""
        if self.drill is None:
            return "unproven"
        return "good" if self.drill.passed else "failed"

    def at(self, site: str) -> "PointState":
        """Return the point as the vault of another site has it: its verdict is that of the drills there."""
        return replace(self, drill=self.site_drills.get(site))

    def whole_at(self, site: str) -> bool:
        """Return whether all of the point was read in the vault of another site, and nothing was wrong with it."""
        return site in self.replicas and self.replicas[site].passed

    def verdict_at(self, site: str) -> str:
        """Return the verdict at another site; `missing` when it is not there, `damaged` when it is not whole there."""
        if not self.whole_at(site):
            return "damaged" if site in self.replicas else "missing"
        return self.at(site).verdict


def first_instant(manifest: Manifest) -> datetime:
    """Given a manifest, return the earliest instant of its captures: what came later may be missing from it."""
    return min(unit.instant for unit in manifest.units)


def last_instant(manifest: Manifest) -> datetime:
    """Given a manifest, return the latest instant that its captures may show: nothing in it is younger."""
    return max(unit.instant + timedelta(milliseconds=unit.skew_ms) for unit in manifest.units)
