"""Which restore points stay, and which may go: decided here, carried out elsewhere.

Periods are counted back from the newest point, not from now, as restic and borg do: an installation whose backups
stopped long ago keeps what it has. Of each period the newest good point stays, or the newest when none is good: a
point whose drill is red must not push out one that was proven. Safety points count for no period, since they are taken
when something goes wrong, and would push out the backup of that day; they stay for a time, as do points from before an
upgrade. What must never go stays whatever the rule says: the last known good, the newest point, what somebody holds,
and what an operation under way uses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from lifeboat.catalog.last_good import candidates, newest_good
from lifeboat.catalog.states import PointState, last_instant
from lifeboat.deployment import RetentionSettings

#: What a period is called in the rule, and what tells two moments of one period from those of another.
_PERIODS: Mapping[str, Callable[[datetime], object]] = {
    "daily": lambda moment: moment.date(),
    "weekly": lambda moment: moment.isocalendar()[:2],
    "monthly": lambda moment: (moment.year, moment.month),
    "yearly": lambda moment: moment.year,
}
#: Kinds of points that are taken to be able to go back.
_BEFORE_CHANGES = ("pre_upgrade", "safety")


@dataclass(frozen=True)
class Rule:
    """How many points stay: the newest ones, and the newest of so many days, weeks, months and years."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0

    @classmethod
    def of(cls, settings: RetentionSettings) -> "Rule":
        """Given a deployment's settings, return the rule."""
        return cls(settings.last, settings.daily, settings.weekly, settings.monthly, settings.yearly)


@dataclass(frozen=True)
class Decision:
    """Whether a point stays, and every reason for it; without any it may go."""

    point: PointState
    reasons: tuple[str, ...]

    @property
    def stays(self) -> bool:
        return bool(self.reasons)


def decide(
    states: Sequence[PointState],
    rule: Rule,
    zone: ZoneInfo,
    *,
    held: Mapping[str, str] | None = None,
    used: Mapping[str, str] | None = None,
    changes_since: datetime | None = None,
) -> list[Decision]:
    """Given all points of one deployment, return for each whether it stays, newest first.

    `held` and `used` name points by id, with the reason of the hold and the operation that uses them. Points from
    before a change (an upgrade, a recovery) that are younger than `changes_since` stay. Days begin at midnight in
    `zone`.
    """
    newest_first = sorted(states, key=_age, reverse=True)
    reasons: dict[str, list[str]] = {state.manifest.id: [] for state in newest_first}
    for point, why in _protected(newest_first, held or {}, used or {}):
        reasons[point].append(why)
    for state in newest_first:
        if changes_since and state.manifest.kind in _BEFORE_CHANGES and last_instant(state.manifest) >= changes_since:
            reasons[state.manifest.id].append("from before a recent change")
    counted = candidates(newest_first)
    for state in counted[: rule.last]:
        reasons[state.manifest.id].append(f"one of the last {rule.last}")
    for period in _PERIODS:
        _keep_one_of_each(counted, period, getattr(rule, period), zone, reasons)
    return [Decision(state, tuple(reasons[state.manifest.id])) for state in newest_first]


def _age(state: PointState) -> tuple[datetime, datetime]:
    return last_instant(state.manifest), state.manifest.sealed_at


def _protected(
    newest_first: Sequence[PointState], held: Mapping[str, str], used: Mapping[str, str]
) -> list[tuple[str, str]]:
    if not newest_first:
        return []
    good = newest_good(newest_first)
    found = [(good.manifest.id, "the last known good")] if good is not None else []
    found.append((max(newest_first, key=lambda state: state.manifest.sealed_at).manifest.id, "the newest"))
    known = {state.manifest.id for state in newest_first}
    found += [(point, f"on hold: {why}") for point, why in held.items() if point in known]
    found += [(point, f"in use by {what}") for point, what in used.items() if point in known]
    return found


def _keep_one_of_each(
    newest_first: Sequence[PointState], period: str, count: int, zone: ZoneInfo, reasons: Mapping[str, list[str]]
) -> None:
    periods: dict[object, list[PointState]] = {}
    for state in newest_first:
        periods.setdefault(_PERIODS[period](last_instant(state.manifest).astimezone(zone)), []).append(state)
    for number, states in enumerate(list(periods.values())[:count], 1):
        kept = next((state for state in states if state.verdict == "good"), states[0])
        reasons[kept.manifest.id].append(f"{period} {number} of {count}")
