"""Who uses which restore point now, and which points are being deleted: neither is decided without the other.

A lease ends by itself, for its holder may be killed. An operation that could not be repeated without its point, a
recovery or an update that has begun, is protected by its journal in the vault as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from lifeboat.catalog.models import Evidence, Going, Lease, Point
from lifeboat.catalog.queries import forget, point_states
from lifeboat.catalog.sessions import Sessions
from lifeboat.catalog.states import PointState
from lifeboat.errors import PointError

#: How long a point is kept for an operation that uses it once: longer than any drill takes.
USE = timedelta(days=2)
#: So long a run that marks points may take until it has removed them.
_AT_WORK = timedelta(hours=1)
#: Given all points and who uses which, says which go, each with the reason.
Choice = Callable[[Sequence[PointState], Mapping[str, str]], Mapping[str, str]]


class Leases(Sessions):
    """Leases of restore points, and the marks of those that are going."""

    def lease(self, deployment: str, point: str, what: str, duration: timedelta) -> None:
        """Keep a point from being deleted for so long, because `what` uses it; taking a lease again prolongs it.
        Raise PointError when the point is being deleted; what a run marked that was killed since then is not."""
        now = datetime.now(UTC)
        with self._session(writing=True) as session:
            _exclude_others(session)
            mark = session.get(Going, (deployment, point))
            exists = session.get(Point, (deployment, point)) is not None
            if mark is not None and mark.since < now - _AT_WORK and exists:
                session.delete(mark)
            elif mark is not None:
                raise PointError(
                    f"Restore point '{point}' of '{deployment}' is being deleted by retention; {what} cannot use it.",
                    next_step=f"Choose another one: `lifeboat points {deployment}`. If the run that deletes it was "
                    "killed, this one can be used again an hour later.",
                )
            session.merge(Lease(deployment=deployment, point=point, what=what, until=now + duration))

    def give_back(self, deployment: str, what: str) -> None:
        """End all leases of an operation."""
        with self._session(writing=True) as session:
            session.execute(delete(Lease).where(Lease.deployment == deployment, Lease.what == what))

    @contextmanager
    def leased(self, deployment: str, point: str, what: str, duration: timedelta) -> Iterator[None]:
        """Hold a lease while a block runs. Raise PointError when the point is being deleted."""
        self.lease(deployment, point, what, duration)
        try:
            yield
        finally:
            self.give_back(deployment, what)

    def leases(self, deployment: str) -> dict[str, str]:
        """Given a deployment, return its points that are in use, each with what uses it."""
        with self._session() as session:
            return _in_use(session, deployment, datetime.now(UTC))

    def going(self, deployment: str) -> dict[str, str]:
        """Given a deployment, return the points that are being deleted, each with the reason."""
        with self._session() as session:
            rows = session.scalars(select(Going).where(Going.deployment == deployment)).all()
        return {row.point: row.why for row in rows}

    def mark_going(self, deployment: str, choose: Choice) -> dict[str, str]:
        """Let `choose` say which points go, mark them, and return them with the reasons. No lease can be taken and no
        evidence kept between the two.

        What an earlier run marked and did not remove is decided anew, since it may be the last good point by now; but
        for a while nobody can use it, for that run may be at work. Of what exists no more the rest is to be removed:
        it is returned as well.
        """
        now = datetime.now(UTC)
        with self._session(writing=True) as session:
            _exclude_others(session)
            session.execute(delete(Lease).where(Lease.deployment == deployment, Lease.until <= now))
            states = point_states(session, deployment)
            points = {state.manifest.id for state in states}
            marks = session.scalars(select(Going).where(Going.deployment == deployment)).all()
            going = {mark.point: mark.why for mark in marks if mark.point not in points}
            for mark in marks:
                if mark.point in points and mark.since < now - _AT_WORK:
                    session.delete(mark)
            session.flush()
            chosen = dict(choose(states, _in_use(session, deployment, now)))
            for point, why in chosen.items():
                session.merge(Going(deployment=deployment, point=point, why=why, since=now))
        return {**going, **chosen}

    def gone(self, deployment: str, points: Sequence[str]) -> None:
        """Forget points that no vault holds any more, with their evidence and marks."""
        with self._session(writing=True) as session:
            rows = select(Point.manifest_sha256).where(Point.deployment == deployment, Point.id.in_(points))
            forget(session, set(session.scalars(rows)))
            session.execute(delete(Going).where(Going.deployment == deployment, Going.point.in_(points)))


def _in_use(session: Session, deployment: str, now: datetime) -> dict[str, str]:
    rows = session.scalars(select(Lease).where(Lease.deployment == deployment, Lease.until > now)).all()
    return {row.point: row.what for row in rows}


def _exclude_others(session: Session) -> None:
    """Let nobody else write leases, marks, points or evidence before the transaction ends, as on SQLite anyway."""
    if session.get_bind().dialect.name == "postgresql":
        tables = ", ".join(model.__tablename__ for model in (Point, Evidence, Lease, Going))
        session.execute(text(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"))
