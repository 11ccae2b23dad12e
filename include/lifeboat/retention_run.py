"""Retention carried out: what goes is decided and marked in one transaction, then removed in an order that may be
interrupted anywhere.

Of each point its manifest goes first: from then on the point does not exist (rule: no point without a sealed manifest),
so nobody finds half of one. Then go its data and evidence, and its row of the catalog last. A run begins by reading the
vault; what a killed run has marked is finished, or decided anew if the mark is old.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lifeboat.catalog import Catalog
from lifeboat.catalog.last_good import candidates
from lifeboat.catalog.states import PointState, first_instant
from lifeboat.deployment import Deployment, format_duration
from lifeboat.refresh import refresh
from lifeboat.retention import Decision, Rule, decide
from lifeboat.retention_uses import uses_by_journals
from lifeboat.runtime import Runtime
from lifeboat.upkeep_documents import Removed
from lifeboat.vault_upkeep import HousekeeperVault

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What retention decided: each point with its reasons to stay, and why nothing goes now although some might."""

    decisions: Sequence[Decision]
    held_back: tuple[str, ...]

    @property
    def going(self) -> dict[str, str]:
        """The points that go, each with the reason."""
        if self.held_back:
            return {}
        return {each.point.manifest.id: "no rule keeps it" for each in self.decisions if not each.stays}


class Retention:
    """One look at a deployment's points; making it reads the vault into the catalog."""

    def __init__(self, runtime: Runtime, catalog: Catalog) -> None:
        self.deployment, self._catalog = runtime.deployment, catalog
        self._doubts = _doubts(refresh(runtime, catalog).refused)
        self._journals = uses_by_journals(catalog, runtime.deployment)

    def verdict(self) -> Verdict:
        """Return what would be decided now."""
        name = self.deployment.name
        return self._decide(self._catalog.points(name), self._catalog.leases(name))

    def mark(self, only: Collection[str] | None = None) -> tuple[Verdict, dict[str, str]]:
        """Decide, and mark what goes, of which nobody can take a lease any more; with `only`, of those points alone.
        Return the verdict and what goes, each with the reason."""
        decided: list[Verdict] = []

        def choose(states: Sequence[PointState], used: Mapping[str, str]) -> dict[str, str]:
            decided.append(self._decide(states, used))
            going = decided[-1].going
            return {point: why for point, why in going.items() if only is None or point in only}

        going = self._catalog.mark_going(self.deployment.name, choose)
        return decided[-1], {} if self._doubts else going

    def _decide(self, states: Sequence[PointState], used: Mapping[str, str]) -> Verdict:
        settings, now = self.deployment.retention, datetime.now(UTC)
        decisions = decide(
            states,
            Rule.of(settings),
            self.deployment.schedules.zone(),
            held={state.manifest.id: f"{state.hold.reason} ({state.hold.by})" for state in states if state.hold},
            used={**self._journals, **used},
            changes_since=now - settings.swapped_out,
        )
        return Verdict(decisions, (*self._doubts, *reasons_to_wait(states, self.deployment, now)))


def reasons_to_wait(states: Sequence[PointState], deployment: Deployment, now: datetime) -> list[str]:
    """Given all points, say why none of them should go now: what there is may be all there will be."""
    objectives, found = deployment.objectives, []
    backups = [first_instant(state.manifest) for state in states if state.manifest.kind == "system_backup"]
    if not backups or now - max(backups) > objectives.rpo:
        age = f"is {format_duration(now - max(backups))} old" if backups else "was never made"
        found.append(f"the newest backup {age}, and the objective (rpo) is {format_duration(objectives.rpo)}")
    passed = [state.drill.finished_at for state in states if state.drill and state.drill.passed]
    if not passed or now - max(passed) > objectives.drill_age:
        age = f"{format_duration(now - max(passed))} ago" if passed else "never"
        found.append(f"a drill passed {age}, and the objective (drill_age) is {format_duration(objectives.drill_age)}")
    drilled = [state for state in candidates(states) if state.drill is not None]
    if drilled and drilled[0].verdict == "failed":
        found.append(f"the drill of {drilled[0].manifest.id}, the newest that was drilled, failed")
    return found


def remove_points(
    vault: HousekeeperVault, catalog: Catalog, deployment: str, going: Mapping[str, str], removed: list[Removed]
) -> None:
    """Remove points that are marked: manifests, all else of them, rows. `removed` gets them as soon as they are no
    points any more."""
    if not going:
        return
    mine = [each for each in vault.snapshots({"deployment": deployment}) if each.tags.get("point") in going]
    vault.forget([each.id for each in mine if each.tags.get("kind") == "manifest"])
    counts = {point: sum(each.tags["point"] == point for each in mine) for point in going}
    removed += [Removed(kind="point", name=point, why=why, snapshots=counts[point]) for point, why in going.items()]
    vault.forget([each.id for each in mine if each.tags.get("kind") != "manifest"])
    catalog.gone(deployment, list(going))
    for point, why in going.items():
        log.info("Removed restore point %s: %s (%d snapshots)", point, why, counts[point])


def _doubts(refused: Sequence[str]) -> list[str]:
    """Given what of the vault's documents was refused, say why nothing should go: one of them may be a hold."""
    if not refused:
        return []
    return [f"{len(refused)} documents of the vault are forged or damaged, such as: {refused[0].splitlines()[0]}"]
