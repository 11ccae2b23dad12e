"""What people were told, and since when a deployment's objectives are looked at: the catalog's only own memory."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from lifeboat.catalog.models import Alert, Watch
from lifeboat.catalog.sessions import Sessions


class Alerts(Sessions):
    """Messages that are to be sent, or stand for what is still breached."""

    def watched_since(self, deployment: str, now: datetime) -> datetime:
        """Return since when the deployment's objectives are looked at: since now, if they never were."""
        with self._session() as session:
            found = session.get(Watch, deployment)
        if found is not None:
            return found.since
        # Two may look for the first time at once; the first one counts.
        with suppress(IntegrityError), self._session(writing=True) as session:
            session.add(Watch(deployment=deployment, since=now, looked_at=None))
        with self._session() as session:
            return session.get_one(Watch, deployment).since

    def looked_at(self, deployment: str) -> datetime | None:
        """Return when the objectives were looked at last in order to tell people, or None."""
        with self._session() as session:
            found = session.get(Watch, deployment)
        return found.looked_at if found else None

    def mark_looked_at(self, deployment: str, now: datetime) -> None:
        """Keep that the objectives were looked at in order to tell people."""
        since = self.watched_since(deployment, now)
        with self._session(writing=True) as session:
            session.merge(Watch(deployment=deployment, since=since, looked_at=now))

    def alerts(self, deployment: str) -> list[Alert]:
        """Given a deployment, return all its messages, in a stable order."""
        with self._session() as session:
            return list(
                session.scalars(
                    select(Alert).where(Alert.deployment == deployment).order_by(Alert.connection, Alert.subject)
                )
            )

    def keep_alert(self, alert: Alert) -> None:
        """Keep a message, in place of an older one of the same subject to the same connection."""
        with self._session(writing=True) as session:
            session.merge(alert)

    def drop_alert(self, alert: Alert) -> None:
        """Forget a message."""
        with self._session(writing=True) as session:
            session.execute(
                delete(Alert).where(
                    Alert.deployment == alert.deployment,
                    Alert.subject == alert.subject,
                    Alert.connection == alert.connection,
                )
            )
