"""Which restore points a drill run covers."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import croniter

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment

_EVERY_HOUR = ["*"]


def pick_by_tick(catalog: Catalog, deployment: Deployment, tick: datetime) -> list[str]:
    """Given a tick of the drills' schedule, or the time of a run between two, return the ids of the undrilled
    points sealed since the tick before it, newest first, at most `drills_per_run`."""
    return catalog.undrilled(
        deployment.name, previous_tick(deployment, tick), tick, deployment.schedules.drills_per_run
    )


def pick_by_hand(catalog: Catalog, deployment: Deployment) -> list[str]:
    """Return the newest undrilled point, or the newest point when all are drilled, or nothing."""
    states = catalog.points(deployment.name)
    undrilled = [state.manifest.id for state in states if state.drill is None]
    return (undrilled or [state.manifest.id for state in states])[:1]


def previous_tick(deployment: Deployment, tick: datetime) -> datetime | None:
    """Given a time, return the last tick of the drills' schedule before it, or None without a schedule.

    Ticks are counted as Airflow's CronTriggerTimetable counts them, also on the days when clocks change: else
    the stretches of two runs would leave a gap, and a point in it would never be drilled.
    """
    schedule, zone = deployment.schedules.restore_drill, deployment.schedules.zone()
    if schedule is None:
        return None
    wall = tick.astimezone(zone).replace(tzinfo=None, fold=0)
    cron = croniter(schedule, wall)
    while True:
        found: datetime = cron.get_prev(datetime)
        every_hour = cron.expanded[1] == _EVERY_HOUR
        previous = tick.astimezone(UTC) - (wall - found) if every_hour else _moment(found, zone)
        if previous < tick:
            return previous


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Given a time of day, return when a zone's clocks show it: the second time if they show it twice, and as long
    after the change as it is after the missing hour's begin if they leave it out."""
    return max(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
