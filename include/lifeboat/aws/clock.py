"""The time that passes while the cloud works: one object, so that tests need not wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import humanize


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """The time of day, seconds that only grow, and a pause."""

    now: Callable[[], datetime] = _now
    seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def spoken(seconds: float) -> str:
    """Given seconds, return them as people say them, such as 2 hours and 5 minutes."""
    smallest = "minutes" if seconds >= 600 else "seconds"
    return humanize.precisedelta(timedelta(seconds=round(seconds)), minimum_unit=smallest, format="%d")
