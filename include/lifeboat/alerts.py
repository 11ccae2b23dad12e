"""Who is told what, and when: each breach once, again while it lasts, and once that it is over.

What is to be said is kept before it is sent and marked as sent after it was, for each connection by itself. So a
service that fails holds up no other, gets its messages later, and none is lost; a process that is killed right between
sending and marking sends a message twice.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

from lifeboat.catalog import Catalog
from lifeboat.catalog.models import Alert
from lifeboat.deployment import Deployment
from lifeboat.errors import LifeboatError
from lifeboat.notify import Kind, Message
from lifeboat.objectives import Finding
from lifeboat.times import in_utc

#: Given a connection's id, sends a message by it. Raises a LifeboatError when it was not taken.
Send = Callable[[str, Message], None]

_OBJECTIVE = "objective/"
#: For so long an event is left to whoever tells it; after that it was killed.
_BEING_TOLD = timedelta(minutes=5)


def tell_findings(
    catalog: Catalog, deployment: Deployment, findings: Sequence[Finding], now: datetime, send: Send
) -> list[LifeboatError]:
    """Given what became of a deployment's objectives, tell people what is new or due, and what could not be told
    before. Return what went wrong; what was not sent stays and is sent by the next call."""
    name, connections = deployment.name, deployment.notifications.connections
    _drop_unwanted(catalog, deployment, findings)
    kept = {(alert.subject, alert.connection): alert for alert in catalog.alerts(name)}
    for connection in connections:
        for finding in findings:
            subject = _OBJECTIVE + finding.name
            told = kept.get((subject, connection)) or _untold(name, subject, connection, now)
            if _changes(told, finding, now):
                catalog.keep_alert(told)
    due = [alert for alert in catalog.alerts(name) if alert.due_at <= now]
    errors = _deliver(catalog, deployment, due, now, send)
    catalog.mark_looked_at(name, now)
    return errors


def tell_event(
    catalog: Catalog, deployment: Deployment, subject: str, message: Message, now: datetime, send: Send
) -> list[LifeboatError]:
    """Tell people of something that happened, such as a run that failed. Return what went wrong; what was not sent
    stays and is sent when the objectives are looked at next."""
    alerts = [
        _untold(deployment.name, subject, connection, now + _BEING_TOLD)
        for connection in deployment.notifications.connections
    ]
    for alert in alerts:
        alert.kind, alert.title, alert.body = message.kind, message.title, message.body
        catalog.keep_alert(alert)
    return _deliver(catalog, deployment, alerts, now, send)


def _drop_unwanted(catalog: Catalog, deployment: Deployment, findings: Sequence[Finding]) -> None:
    """Forget what was to be told to connections, or stood for objectives, that the deployment no longer names."""
    subjects = {_OBJECTIVE + finding.name for finding in findings}
    for alert in catalog.alerts(deployment.name):
        unknown = alert.subject.startswith(_OBJECTIVE) and alert.subject not in subjects
        if unknown or alert.connection not in deployment.notifications.connections:
            catalog.drop_alert(alert)


def _untold(deployment: str, subject: str, connection: str, due_at: datetime) -> Alert:
    """Return a message without content about something of which nobody was told."""
    return Alert(
        deployment=deployment,
        subject=subject,
        connection=connection,
        kind="info",
        stands=False,
        title="",
        body="",
        sent_at=None,
        due_at=due_at,
    )


def _changes(alert: Alert, finding: Finding, now: datetime) -> bool:
    """Given what was told about an objective and what became of it, bring the message up to date, and return whether
    it is to be kept. An objective that is unknown is neither breached nor kept."""
    if finding.state == "breached":
        if not alert.stands:
            alert.kind, alert.stands, alert.sent_at, alert.due_at = "failure", True, None, now
        since = f"\nSince {in_utc(finding.since)}." if finding.since else ""
        alert.title = f"{alert.deployment}: objective {finding.name} is breached"
        alert.body = f"{finding.sentence}{since}\nNext: {finding.next_step}"
        return True
    if alert.stands and finding.state in ("ok", "warning"):
        alert.kind, alert.stands, alert.sent_at, alert.due_at = "success", False, None, now
        alert.title = f"{alert.deployment}: objective {finding.name} is kept again"
        alert.body = finding.sentence
        return True
    return False


def _deliver(
    catalog: Catalog, deployment: Deployment, alerts: Sequence[Alert], now: datetime, send: Send
) -> list[LifeboatError]:
    errors = []
    for alert in alerts:
        again = "Still: " if alert.sent_at is not None else ""
        try:
            send(alert.connection, Message(again + alert.title, alert.body, cast(Kind, alert.kind)))
        except LifeboatError as error:
            errors.append(error)
            alert.due_at = now
            catalog.keep_alert(alert)
            continue
        if alert.stands:
            alert.sent_at, alert.due_at = now, now + deployment.notifications.repeat
            catalog.keep_alert(alert)
        else:
            catalog.drop_alert(alert)
    return errors
