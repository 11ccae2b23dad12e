"""What people were told, and since when anybody looks, in both databases that a catalog may lie in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.catalog.models import Alert

NOON, HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)


def message(subject: str, connection: str = "mail", **changes: object) -> Alert:
    fields = {"kind": "failure", "stands": True, "title": "a title", "body": "a body", "sent_at": None, "due_at": NOON}
    return Alert(deployment="sample", subject=subject, connection=connection, **fields | changes)


def test_a_message_is_kept_once_and_forgotten_alone(url: URL) -> None:
    catalog = Catalog(url)
    for alert in (message("rpo"), message("rto"), message("rpo", "chat")):
        catalog.keep_alert(alert)
    catalog.keep_alert(message("rpo", sent_at=NOON, due_at=NOON + HOUR, body="newer"))
    kept = {(alert.connection, alert.subject): alert for alert in Catalog(url).alerts("sample")}
    assert list(kept) == [("chat", "rpo"), ("mail", "rpo"), ("mail", "rto")]
    newest = kept["mail", "rpo"]
    assert (newest.body, newest.sent_at, newest.due_at, newest.stands) == ("newer", NOON, NOON + HOUR, True)
    catalog.drop_alert(newest)
    catalog.rebuild("sample", [], [])
    assert [(alert.connection, alert.subject) for alert in catalog.alerts("sample")] == [
        ("chat", "rpo"),
        ("mail", "rto"),
    ]
    assert catalog.alerts("another") == []


def test_the_first_look_counts_of_two_at_once(url: URL) -> None:
    catalogs = [Catalog(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(each.watched_since, "sample", NOON + n * HOUR) for n, each in enumerate(catalogs)]
        (since,) = {look.result() for look in looks}
    catalogs[0].mark_looked_at("sample", NOON + 9 * HOUR)
    assert catalogs[1].watched_since("sample", NOON + 10 * HOUR) == since
    assert (catalogs[1].looked_at("sample"), catalogs[1].looked_at("another")) == (NOON + 9 * HOUR, None)
