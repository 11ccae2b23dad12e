"""Waiting for a server, with a limit and with a word in the log now and then."""

import logging
import time
from datetime import timedelta

from lifeboat.deployment import format_duration

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_PROGRESS_SECONDS = 15.0


class Waiting:
    """Waits between looks, says now and then in the log for what, and knows when it has been long enough."""

    def __init__(self, what: str, seconds: float) -> None:
        self.limit = format_duration(timedelta(seconds=seconds))
        self._what = what
        self._seconds = seconds
        self._began = self._told = time.monotonic()

    @property
    def passed(self) -> float:
        """The seconds since it began."""
        return time.monotonic() - self._began

    def is_over(self, detail: str = "") -> bool:
        """Return whether the time is up; otherwise rest a moment first."""
        if self.passed >= self._seconds:
            return True
        if time.monotonic() - self._told >= _PROGRESS_SECONDS:
            self._told = time.monotonic()
            log.info("%s (%.0f of %s) %s", self._what, self.passed, self.limit, detail)
        time.sleep(_POLL_SECONDS)
        return False
