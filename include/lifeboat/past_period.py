"""What a backup of a past period can truthfully say: which restore point covers it, or that none can be made.

A restore point holds what was there when it was made. Nothing that runs now can make one of last week; a run that
stands for a period of last week looks for the point that was made then.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from lifeboat.catalog import Catalog, PointState
from lifeboat.catalog.last_good import candidates, described, newest_good
from lifeboat.deployment import Deployment
from lifeboat.errors import PointError
from lifeboat.ticks import tick_after
from lifeboat.times import for_command, in_utc_and

_ORDER = ("good", "unproven", "failed")


def point_of_period(catalog: Catalog, deployment: Deployment, tick: datetime) -> PointState:
    """Given a tick of the backups' schedule, return the restore point that was sealed from it on and before the
    tick after it; of several a good one, or else one that did not fail, the newest of such.

    Raise PointError, with what there is around it and how to recover as of then, when there is none; when the
    period is not over yet, with how to make one.
    """
    end = next_tick(deployment, tick)
    usable = candidates(catalog.points(deployment.name))
    covering = [
        state
        for state in usable
        if tick <= state.manifest.sealed_at and (end is None or state.manifest.sealed_at < end)
    ]
    if covering:
        return min(covering, key=lambda state: _ORDER.index(state.verdict))
    if end is None or end > datetime.now(UTC):
        raise _not_over(deployment, tick)
    raise _uncovered(deployment, usable, tick, end)


def next_tick(deployment: Deployment, tick: datetime) -> datetime | None:
    """Given a time, return the first tick of the backups' schedule after it, or None without a schedule."""
    schedules = deployment.schedules
    if schedules.system_backup is None:
        return None
    return tick_after(schedules.system_backup, schedules.zone(), tick)


def recovery_command(deployment: str, time: datetime) -> str:
    """Given a deployment and a time, return the command that recovers to the last known good as of then."""
    when = for_command(time)
    return f"airflow backfill create --dag-id {deployment}.recovery --from-date {when} --to-date {when}"


def _not_over(deployment: Deployment, tick: datetime) -> PointError:
    return PointError(
        f"No restore point of '{deployment.name}' was sealed since {in_utc_and(deployment.schedules.zone(), tick)}, "
        "and that period is not over; a backfill captures nothing.",
        next_step=f"Make one now: trigger {deployment.name}.system_backup, or `lifeboat backup {deployment.name}`.",
    )


def _uncovered(deployment: Deployment, usable: Sequence[PointState], tick: datetime, end: datetime) -> PointError:
    name, zone = deployment.name, deployment.schedules.zone()
    before = [state for state in usable if state.manifest.sealed_at < tick]
    after = [state for state in usable if state.manifest.sealed_at >= end]
    nearest = [
        f"the nearest before is {described(before[0])}" if before else "there is none before",
        f"the nearest after is {described(after[-1])}" if after else "there is none after",
    ]
    return PointError(
        f"No restore point of '{name}' was sealed from {in_utc_and(zone, tick)} until {in_utc_and(zone, end)}, and "
        f"none can be made any more: what was there then is gone; {', '.join(nearest)}.",
        next_step=_way_back(name, usable, tick),
    )


def _way_back(name: str, usable: Sequence[PointState], tick: datetime) -> str:
    good = newest_good(usable, tick)
    if good is None:
        way = f"No good point is as old as that: prove one with `lifeboat drill {name} POINT`."
    else:
        way = f"`{recovery_command(name, tick)}` recovers as of then, to {described(good)}."
    return f"{way} If the vault holds more than the catalog, `lifeboat catalog rebuild {name}` first."
