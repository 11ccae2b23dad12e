"""What two vaults hold of one deployment's restore points, by their listings: what the second one still lacks."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lifeboat.documents import located
from lifeboat.manifest import Address, Manifest
from lifeboat.vault import Snapshot

#: Given a listing, says which of its snapshots are meant.
Choose = Callable[[Sequence[Snapshot]], Sequence[Snapshot]]
#: Evidence that is made at a site and told to the home vault as well.
_TOLD_HOME = ("drill", "replica")


def addresses(manifest: Manifest) -> list[Address]:
    """Return where all that a manifest names lies: facts and members, unit by unit."""
    return [where for unit in manifest.units for where in (unit.facts, *(each.address for each in unit.members))]


def same_in_both(snapshot: Snapshot) -> tuple[str, ...]:
    """Return what a snapshot has in common with its copies; evidence may have been written into both vaults."""
    tags = snapshot.tags
    if tags.get("kind") == "evidence" and "id" in tags:
        return ("evidence", tags["id"])
    return (snapshot.tree, *(f"{name}={value}" for name, value in sorted(tags.items())))


@dataclass(frozen=True)
class Scan:
    """The listings of the home vault and of the vault of another site, by point, oldest first."""

    home: Mapping[str, Sequence[Snapshot]]
    there: Mapping[str, Sequence[Snapshot]]

    @classmethod
    def of(cls, home: Sequence[Snapshot], there: Sequence[Snapshot]) -> "Scan":
        """Given the listings of a deployment in both vaults, return the scan."""
        return cls(_by_point(home), _by_point(there))

    def sealed(self) -> list[str]:
        """Return the points that have a manifest in the home vault, newest first: they are wanted most."""
        sealed = {point: manifests(listing)[-1].time for point, listing in self.home.items() if manifests(listing)}
        return sorted(sealed, key=lambda point: sealed[point], reverse=True)

    def complete(self, point: str, manifest: Manifest) -> bool:
        """Given a point and its genuine manifest, return whether the site holds all that it names."""
        return not missing(manifest, self.there.get(point, ()))

    def lacking(self, point: str, choose: Choose) -> list[str]:
        """Return the ids, in the home vault, of those of a point's chosen snapshots that the site does not hold."""
        there = {same_in_both(each) for each in self.there.get(point, ())}
        return [each.id for each in choose(self.home[point]) if same_in_both(each) not in there]

    def untold(self) -> list[Snapshot]:
        """Return the evidence, in the vault of the site, that was made there and the home vault does not hold."""
        found = []
        for point, listing in self.there.items():
            known = {same_in_both(each) for each in self.home.get(point, ())}
            if manifests(self.home.get(point, ())):
                made = [each for each in listing if each.tags.get("type") in _TOLD_HOME]
                found += [each for each in made if same_in_both(each) not in known]
        return found


def missing(manifest: Manifest, listing: Sequence[Snapshot]) -> list[Address]:
    """Given a manifest and the listing of its point in some vault, return the sealed addresses that it lacks."""
    there = {each.id for each in listing}
    pairs = zip(addresses(manifest), addresses(located(manifest, listing)), strict=True)
    return [sealed for sealed, found in pairs if found.snapshot not in there]


def manifests(listing: Sequence[Snapshot]) -> list[Snapshot]:
    """Given a listing, return the manifests in it."""
    return [each for each in listing if each.tags.get("kind") == "manifest"]


def evidence_to_send(listing: Sequence[Snapshot]) -> list[Snapshot]:
    """Given a listing, return the evidence in it that other sites should have; what is known about copies is written
    where it belongs."""
    return [each for each in listing if each.tags.get("kind") == "evidence" and each.tags.get("type") != "replica"]


def _by_point(listing: Sequence[Snapshot]) -> dict[str, list[Snapshot]]:
    points: dict[str, list[Snapshot]] = defaultdict(list)
    for each in listing:
        if "point" in each.tags:
            points[each.tags["point"]].append(each)
    return points
