"""The ticks of a schedule, counted as Airflow's CronTriggerTimetable counts them, also on the days when clocks change.

Were they counted otherwise, the stretches of two runs would leave a gap or overlap, and a restore point in it would
fall to no run, or to two.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

_EVERY_HOUR = ["*"]
#: Clocks leave out at most so much; a tick in a gap is still to come when they have just jumped over it.
_LONGEST_GAP = timedelta(hours=3)


def tick_before(cron: str, zone: ZoneInfo, time: datetime) -> datetime:
    """Given a schedule and a time, return the last tick before it."""
    wall = _wall(time, zone)
    ticks = croniter(cron, wall)
    while True:
        found: datetime = ticks.get_prev(datetime)
        before = _moment(ticks, wall, found, time, zone)
        if before < time:
            return before


def tick_after(cron: str, zone: ZoneInfo, time: datetime) -> datetime:
    """Given a schedule and a time, return the first tick after it."""
    wall = _wall(time, zone)
    ticks = croniter(cron, wall - _LONGEST_GAP)
    while True:
        found: datetime = ticks.get_next(datetime)
        after = _moment(ticks, wall, found, time, zone)
        if after > time:
            return after


def _wall(time: datetime, zone: ZoneInfo) -> datetime:
    return time.astimezone(zone).replace(tzinfo=None, fold=0)


def _moment(ticks: croniter, wall: datetime, found: datetime, time: datetime, zone: ZoneInfo) -> datetime:
    """Given a time with its wall clock, and the wall clock of a tick near it, return when the tick is. A schedule of
    every hour goes on through a change of the clocks."""
    if ticks.expanded[1] == _EVERY_HOUR:
        return time.astimezone(UTC) + (found - wall)
    return _shown_at(found, zone)


def _shown_at(wall: datetime, zone: ZoneInfo) -> datetime:
    """Given a time of day, return when a zone's clocks show it: the second time if they show it twice, and as long
    after the change as it is after the missing hour's begin if they leave it out."""
    return max(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
