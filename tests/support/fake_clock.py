"""A clock whose pauses take no time."""

from datetime import UTC, datetime, timedelta

from lifeboat.aws.clock import Clock


class FakeClock:
    """Time that passes only by pauses; it begins now, since the fake cloud dates what it makes by the real clock."""

    def __init__(self) -> None:
        self.began = datetime.now(UTC)
        self.passed = 0.0
        self.clock = Clock(now=self._now, seconds=lambda: self.passed, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def _now(self) -> datetime:
        return self.began + timedelta(seconds=self.passed)
