"""Orphans: snapshots that no restore point names, which failed backups and interrupted deletions leave."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.manifest import Manifest
from lifeboat.upkeep_documents import Removed
from lifeboat.vault import Snapshot
from lifeboat.vault_upkeep import HousekeeperVault

log = logging.getLogger(__name__)

#: Kinds of snapshots that belong to a restore point besides its manifest. What is of another kind is never an orphan.
_DATA = ("member", "facts")
_PARTS = (*_DATA, "evidence")
_ENDS = {"live": ("new", "old"), "outcome": ("updated", "rolled_back")}


def remove_orphans(deployment: Deployment, catalog: Catalog, vault: HousekeeperVault) -> list[Removed]:
    """Remove the orphans of a deployment that are old enough, and return them, one entry for each point."""
    sealed = {state.manifest.id: state.manifest for state in catalog.points(deployment.name)}
    found = find_orphans(deployment, sealed, vault.snapshots({"deployment": deployment.name}))
    vault.forget([each.id for snapshots in found.values() for each in snapshots])
    removed = []
    for (point, why), snapshots in found.items():
        log.info("Removed %d snapshots of %s: %s", len(snapshots), point, why)
        removed.append(Removed(kind="orphan", name=point, why=why, snapshots=len(snapshots)))
    return removed


def find_orphans(
    deployment: Deployment, sealed: Mapping[str, Manifest], listing: Sequence[Snapshot], now: datetime | None = None
) -> dict[tuple[str, str], list[Snapshot]]:
    """Given a deployment, its genuine manifests by point, and all snapshots of it, return the orphans, by point and by
    what makes them that.

    A point is left alone while data of it is younger than `orphans_after`, or than the time in which captures may
    join it: it may be open still. A point with a manifest that is not among the genuine ones is left to people.
    """
    age = max(deployment.retention.orphans_after, deployment.max_skew)
    before = (now or datetime.now(UTC)) - age
    points: dict[str, list[Snapshot]] = defaultdict(list)
    for each in listing:
        if "point" in each.tags:
            points[each.tags["point"]].append(each)
    found: dict[tuple[str, str], list[Snapshot]] = {}
    for point, snapshots in points.items():
        if any(each.time >= before for each in snapshots if each.tags.get("kind") in _DATA):
            continue
        why, orphans = _orphans_of(sealed.get(point), snapshots)
        if old := [each for each in orphans if each.time < before]:
            found[point, why] = old
    return found


def _orphans_of(manifest: Manifest | None, snapshots: Sequence[Snapshot]) -> tuple[str, list[Snapshot]]:
    """Given a point's genuine manifest, if any, and all its snapshots, return those that it does not name, and why."""
    manifests = [each for each in snapshots if each.tags.get("kind") == "manifest"]
    parts = [each for each in snapshots if each.tags.get("kind") in _PARTS]
    if not manifests:
        return ("", []) if _journal_is_open(parts) else ("its point was never sealed, or is deleted", parts)
    if manifest is None or len(manifests) > 1:
        return "", []
    named = {unit.attempt for unit in manifest.units}
    unnamed = [each for each in parts if each.tags.get("kind") in _DATA and each.tags.get("attempt") not in named]
    return "an attempt that its point does not name", unnamed


def _journal_is_open(evidence: Sequence[Snapshot]) -> bool:
    """Return whether a recovery or an update that is bound to the point was begun and not ended."""
    begun, ended = set(), set()
    for each in evidence:
        about = each.tags.get("attempt") if "update" in each.tags else each.tags.get("recovery")
        if about is not None:
            begun.add(about)
            if any(each.tags.get(tag) in values for tag, values in _ENDS.items()):
                ended.add(about)
    return bool(begun - ended)
