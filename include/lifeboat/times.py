"""Points of time as people read and write them: never without a zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lifeboat.errors import ConfigurationError


def in_utc(time: datetime) -> str:
    """Given a time with its zone, return it for people, with its zone. Parts of a second are rounded up, so that
    a recovery as of the time that is shown for a point finds this point."""
    return f"{_whole_second(time):%Y-%m-%d %H:%M:%S} UTC"


def in_utc_and(zone: ZoneInfo, time: datetime) -> str:
    """Given a zone and a time, return the time for people in UTC, and in the zone if its clocks show another one."""
    there = _whole_second(time).astimezone(zone)
    if not there.utcoffset():
        return in_utc(time)
    return f"{in_utc(time)} ({there:%Y-%m-%d %H:%M:%S} in {zone.key})"


def for_command(time: datetime) -> str:
    """Given a time, return it as `--from-date`, `--to-date` and `--as-of` take it, with its zone."""
    return _whole_second(time).isoformat()


def read_time(text: str) -> datetime:
    """Given what a person wrote, such as 2026-11-20T14:37:12+05:30, return the time; without a zone it is UTC, as
    Airflow's own commands have it. Raise ConfigurationError when it is no time."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(
            f"'{text}' is no time.", next_step="Write it like 2026-11-20T14:37:12 (UTC) or 2026-11-20T14:37:12+05:30."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _whole_second(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=bool(time.microsecond))
