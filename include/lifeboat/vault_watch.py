"""What the records of housekeeping tell about the vaults: when they were checked, their size, and how they grow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifeboat.upkeep_documents import UpkeepRecord, VaultCheck

#: Growth is a mean of so long, and unknown before the second.
_PERIOD, _SHORTEST = timedelta(days=7), timedelta(days=1)


@dataclass(frozen=True)
class VaultFacts:
    """What is known about a deployment's vaults; `damage` is what the newest check of each site found."""

    last_check: datetime | None = None
    damage: tuple[str, ...] = ()
    damaged_at: datetime | None = None
    sizes: Mapping[str, int] | None = None
    growth_per_day: float | None = None
    measured_at: datetime | None = None


def vault_facts(records: Sequence[UpkeepRecord]) -> VaultFacts:
    """Given the records of a deployment's housekeeping, newest first, return what they tell about its vaults."""
    passed = [check.checked_at for record in records for check in record.checks if check.passed]
    newest: dict[str, list[VaultCheck]] = {}
    for record in records:
        found: dict[str, list[VaultCheck]] = {}
        for (site, _, _), check in record.newest_checks().items():
            found.setdefault(site, []).append(check)
        # Each run reads again what was damaged, so the newest one that read anything says what still is.
        newest = {**found, **newest}
    damaged = [(site, check) for site, checks in newest.items() for check in checks if not check.passed]
    measured = _measured(records)
    growths = [growth for sizes in measured.values() if (growth := _growth(sizes)) is not None]
    return VaultFacts(
        last_check=max(passed, default=None),
        damage=tuple(f"site {site}, part {check.part} of {check.of}: {check.detail}" for site, check in damaged),
        damaged_at=min((check.checked_at for _, check in damaged), default=None),
        sizes={site: sizes[0][1] for site, sizes in measured.items()},
        growth_per_day=sum(growths) if growths else None,
        measured_at=max((sizes[0][0] for sizes in measured.values()), default=None),
    )


def _measured(records: Sequence[UpkeepRecord]) -> dict[str, list[tuple[datetime, int]]]:
    """Return the sizes of each site's vault with their times, newest first."""
    found: dict[str, list[tuple[datetime, int]]] = {}
    for record in records:
        size = record.size_after if record.size_after is not None else record.size_before
        if size is not None:
            found.setdefault(record.site, []).append((record.finished_at, size))
    return found


def _growth(sizes: Sequence[tuple[datetime, int]]) -> float | None:
    """Given a vault's sizes, newest first, return by how many bytes it grows in a day, or None."""
    last, size = sizes[0]
    time, earlier = [each for each in sizes if last - each[0] <= _PERIOD][-1]
    if last - time < _SHORTEST:
        return None
    return (size - earlier) / ((last - time) / timedelta(days=1))
