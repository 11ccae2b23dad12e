"""People are told of a breach once, again while it lasts, and once that it is over; what was not taken comes later."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lifeboat.alerts import Send, tell_event, tell_findings
from lifeboat.connections import Connection
from lifeboat.errors import ConfigurationError, LifeboatError, NotifyError
from lifeboat.notify import Message, send
from tests.support.receiver import Receiver
from tests.support.watched import DAY, HOUR, NOW, Watched

BREACHED, KEPT = "sample: objective rpo is breached", "sample: objective rpo is kept again"
SECRET = "s3cr3t-of-the-service"


@pytest.fixture
def receivers() -> Iterator[dict[str, Receiver]]:
    started = {name: Receiver() for name in ("mail", "chat")}
    yield started
    for receiver in started.values():
        receiver.stop()


class People:
    """Whom a watched deployment tells, by connections that lead to receivers."""

    def __init__(self, watched: Watched, receivers: dict[str, Receiver]) -> None:
        self.watched = watched
        self.receivers = receivers

    def send(self, connection: str, message: Message) -> None:
        send(Connection(id=connection, extra={"config": {"path": self.receivers[connection].url}}), message)

    def look(self, now: datetime) -> list[LifeboatError]:
        findings = list(self.watched.findings(now).values())
        return tell_findings(self.watched.catalog, self.watched.deployment, findings, now, self.send)

    def event(self, send: Send | None = None) -> list[LifeboatError]:
        message = Message("sample.recovery failed", "Run one failed.", "failure")
        return tell_event(self.watched.catalog, self.watched.deployment, "run/one", message, NOW, send or self.send)


@pytest.fixture
def people(tmp_path: Path, receivers: dict[str, Receiver]) -> People:
    watched = Watched(tmp_path)
    watched.told_by("mail", "chat")
    watched.point(6 * HOUR, "passed")
    watched.upkeep(HOUR, passed=True)
    return People(watched, receivers)


def test_a_breach_is_told_once_and_once_that_it_is_over(people: People) -> None:
    assert people.look(NOW) == []
    later = NOW + DAY
    for minutes in (0, 15, 30):
        assert people.look(later + timedelta(minutes=minutes)) == []
    people.watched.point(-DAY)
    for minutes in (45, 60):
        assert people.look(later + timedelta(minutes=minutes)) == []
    assert {name: receiver.titles() for name, receiver in people.receivers.items()} == {
        "mail": [BREACHED, KEPT],
        "chat": [BREACHED, KEPT],
    }
    assert people.watched.catalog.alerts("sample") == []
    breached, kept = people.receivers["mail"].taken
    assert breached["type"] == "failure"
    assert breached["message"] == (
        "The newest restore point is of 1 day and 6 hours ago: so much work would be lost now; the limit is 1 day.\n"
        "Since 2026-03-02 06:00:00 UTC.\n"
        "Next: Look at the runs of sample.system_backup, or make one: `lifeboat backup sample`."
    )
    assert (kept["type"], kept["message"].split(":")[0]) == ("success", "The newest restore point is of 45 minutes ago")


def test_a_breach_that_lasts_is_told_again(people: People) -> None:
    people.watched.told_by("mail", repeat=6 * HOUR)
    for hours in (20, 22, 25.9, 26, 31, 32):
        people.look(NOW + hours * HOUR)
    assert people.receivers["mail"].titles() == [BREACHED, f"Still: {BREACHED}", f"Still: {BREACHED}"]
    assert "1 day and 14 hours ago" in people.receivers["mail"].taken[-1]["message"]


def test_what_a_service_does_not_take_is_sent_by_the_next_look_and_only_to_that_one(people: People) -> None:
    people.receivers["chat"].refuses = True
    (error,) = people.look(NOW + DAY)
    assert isinstance(error, NotifyError)
    assert str(error).startswith(f"Connection 'chat': JSON did not take the message '{BREACHED}'.")
    assert people.receivers["chat"].taken == []
    people.receivers["chat"].refuses = False
    assert people.look(NOW + DAY + HOUR) == []
    assert [people.receivers[name].titles() for name in ("mail", "chat")] == [[BREACHED], [BREACHED]]


def test_an_end_that_was_not_taken_is_sent_later(people: People) -> None:
    people.watched.told_by("mail")
    people.look(NOW + DAY)
    people.watched.point(-DAY)
    people.receivers["mail"].refuses = True
    assert len(people.look(NOW + DAY)) == 1
    people.receivers["mail"].refuses = False
    people.look(NOW + DAY + HOUR)
    assert people.receivers["mail"].titles() == [BREACHED, KEPT]


def test_an_event_is_told_at_once_and_kept_if_it_was_not_taken(people: People) -> None:
    people.receivers["mail"].refuses = True
    (error,) = people.event()
    assert "'mail'" in str(error)
    assert [(each["title"], each["type"]) for each in people.receivers["chat"].taken] == [
        ("sample.recovery failed", "failure")
    ]
    people.receivers["mail"].refuses = False
    assert people.look(NOW) == []
    assert people.look(NOW) == []
    assert [people.receivers[name].titles() for name in ("mail", "chat")] == [["sample.recovery failed"]] * 2
    assert people.watched.catalog.alerts("sample") == []


def test_an_event_is_told_once_even_if_somebody_looks_meanwhile(people: People) -> None:
    def slow(connection: str, message: Message) -> None:
        assert people.look(NOW) == []
        people.send(connection, message)

    assert people.event(slow) == []
    assert [people.receivers[name].titles() for name in ("mail", "chat")] == [["sample.recovery failed"]] * 2


def test_an_event_whose_teller_was_killed_is_told_a_little_later(people: People) -> None:
    class Killed(BaseException):
        pass

    def killed(connection: str, message: Message) -> None:
        raise Killed

    with pytest.raises(Killed):
        people.event(killed)
    for minutes in (0, 6, 7):
        assert people.look(NOW + timedelta(minutes=minutes)) == []
    assert [people.receivers[name].titles() for name in ("mail", "chat")] == [["sample.recovery failed"]] * 2


def test_what_is_unknown_is_neither_a_breach_nor_the_end_of_one(people: People) -> None:
    people.look(NOW + DAY)
    people.watched.catalog.rebuild("sample", [], [])  # the catalog is lost, and with it when the last backup was
    assert people.watched.states(NOW + 12 * HOUR)["rpo"] == "unknown"
    people.look(NOW + 12 * HOUR)
    assert people.receivers["mail"].titles() == [BREACHED]


def test_a_connection_that_is_no_longer_named_is_told_nothing(people: People) -> None:
    people.receivers["chat"].refuses = True
    people.look(NOW + DAY)
    people.watched.told_by("mail")
    people.receivers["chat"].refuses = False
    assert people.look(NOW + DAY) == []
    assert people.receivers["chat"].taken == []
    assert {alert.connection for alert in people.watched.catalog.alerts("sample")} == {"mail"}


def test_a_look_is_remembered(people: People) -> None:
    assert people.watched.catalog.looked_at("sample") is None
    people.look(NOW)
    assert people.watched.catalog.looked_at("sample") == NOW


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"config": {"url": f"json://127.0.0.1/{SECRET}"}},
        {"config": f"json://127.0.0.1/{SECRET}"},
        {"config": {"path": f"nothing://{SECRET}@127.0.0.1"}},
        {"config": {"path": f"slack://{SECRET}"}},
    ],
)
def test_a_connection_without_a_service_is_an_error_that_keeps_its_secret(
    extra: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigurationError, match="Connection 'mail' names no service") as raised:
        send(Connection(id="mail", extra=extra), Message("a title", "a body", "info"))
    assert SECRET not in str(raised.value) + caplog.text


def test_a_connection_may_name_several_services_as_airflows_form_keeps_them(receivers: dict[str, Receiver]) -> None:
    config = f'[{{"path": "{receivers["mail"].url}", "tag": "ops"}}, {{"path": "{receivers["chat"].url}"}}]'
    send(Connection(id="both", extra={"config": config}), Message("a title", "a body", "info"))
    assert [receiver.titles() for receiver in receivers.values()] == [["a title"], ["a title"]]
