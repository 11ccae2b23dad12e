"""The timetable of a recovery: started by hand or by a backfill of one instant, never by the scheduler itself.

`airflow backfill create --dag-id prod.recovery --from-date T --to-date T` makes exactly one run, whose logical date
is T to the second: the time to recover to.
"""

from datetime import datetime
from typing import Any, NoReturn

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from lifeboat.times import in_utc


class RecoveryTimetable(Timetable):
    """Has no runs of its own; a backfill from an instant to the same instant has one, of that instant.

    A backfill over a longer range is refused: there is one state of the deployment to recover to, not several.
    """

    description = "Never by itself: by hand, or by a backfill from an instant to the same instant"
    periodic = True
    can_be_scheduled = True

    @property
    def summary(self) -> str:
        return "by hand or backfill"

    def infer_manual_data_interval(self, *, run_after: Any) -> DataInterval:
        """Return the interval of a run that a person starts: its own instant."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the one run of a backfill, and none to the scheduler, which asks without catch-up or an end."""
        first, last = restriction.earliest, restriction.latest
        if not restriction.catchup or first is None or last is None:
            return None
        if first != last:
            return _RefusedRange.between(first, last)
        return None if last_automated_data_interval is not None else DagRunInfo.exact(first)


class _RefusedRange(DagRunInfo):
    """What stands for the runs of a range. Airflow swallows and logs what a timetable raises, and then says only
    that there are no runs; so this raises when Airflow looks at it. The error reaches the person: the REST API and
    the form answer 422 with it, the command line ends with it, dry runs too; nothing is created."""

    @classmethod
    def between(cls, first: datetime, last: datetime) -> "_RefusedRange":
        """Return what refuses the range from one instant to another."""
        refused = cls(run_after=last, data_interval=None)  # type: ignore[arg-type]
        refused.refusal = (
            f"A recovery is to one instant, not to a range ({in_utc(first)} to {in_utc(last)}): nothing was started. "
            f"Give the same time as begin and end of the backfill, for example {last.isoformat()} as both, to recover "
            "to the newest good restore point at or before it. To find out which points of a range are good, "
            "backfill the restore_drill DAG over it."
        )
        return refused

    @property
    def data_interval(self) -> NoReturn:  # type: ignore[override]
        from airflow.models.backfill import InvalidBackfillDateRange

        raise InvalidBackfillDateRange(self.refusal)
