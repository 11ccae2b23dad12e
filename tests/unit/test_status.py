"""`lifeboat status` as a person, Nagios and a program read it, and `lifeboat metrics` as Prometheus does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lifeboat.metrics import collect, exposition
from tests.support.command_line import Ended, lifeboat, lifeboat_here
from tests.support.deployments import write_deployment
from tests.support.receiver import Receiver
from tests.support.watched import DAY, HOUR, NOW, Watched

MINUTE = timedelta(minutes=1)


class Desk:
    """A person's command line over a deployment whose newest good point is so old."""

    def __init__(self, directory: Path) -> None:
        self.deployments = directory / "deployments"
        self.deployments.mkdir()
        self.watched = Watched(directory)
        self.environment = {
            "LIFEBOAT_DEPLOYMENTS": str(self.deployments),
            "LIFEBOAT_CATALOG": str(directory / "catalog.db"),
        }
        self.since_then = datetime.now(UTC) - NOW

    def good_point(self, age: timedelta) -> None:
        self.watched.point(age - self.since_then, "passed")
        self.watched.upkeep(-self.since_then, 5 << 30, passed=True)

    def run(self, *arguments: str) -> Ended:
        return lifeboat_here(self.environment, *arguments)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("age", "status", "begin"),
    [
        (6 * HOUR, 0, "LIFEBOAT OK - all objectives of sample are kept | sample_rpo=21600s;;86400;0 sample_good_age="),
        (DAY + 10 * MINUTE, 1, "LIFEBOAT WARNING - sample: rpo warning (The newest restore point is of 1 day"),
        (DAY + HOUR, 2, "LIFEBOAT CRITICAL - sample: rpo breached (The newest restore point is of 1 day and 1 hour"),
        (None, 3, "LIFEBOAT UNKNOWN - sample: rpo unknown (There is no restore point; it is due in 1 day); sample: "),
    ],
)
def test_it_ends_as_a_plugin_of_nagios_does(desk: Desk, age: timedelta | None, status: int, begin: str) -> None:
    write_deployment(desk.deployments, "sample")
    if age is not None:
        desk.good_point(age)
    ended = desk.run("status", "sample")
    assert ended.status == status
    first, *table = ended.stdout.splitlines()
    assert first.replace("21601s", "21600s").startswith(begin)
    assert table[0].strip() == "Objectives of sample"
    assert "|" not in "".join(table)  # what follows it would be figures to Nagios


def test_all_deployments_are_looked_at_and_a_broken_file_hides_none(desk: Desk) -> None:
    write_deployment(desk.deployments, "sample")
    desk.good_point(6 * HOUR)
    (desk.deployments / "broken.yaml").write_text("version: 1\n")
    ended = desk.run("status")
    assert ended.status == 3
    assert ended.stdout.startswith(f"LIFEBOAT UNKNOWN - {desk.deployments}/broken.yaml:1: name: is missing")
    assert "Objectives of sample" in ended.stdout
    write_deployment(desk.deployments, "other")
    desk.watched.catalog.watched_since("other", datetime.now(UTC) - 2 * DAY)
    assert desk.run("status").status == 2


def test_what_cannot_be_looked_at_is_unknown_and_no_warning(desk: Desk, tmp_path: Path) -> None:
    write_deployment(desk.deployments, "sample")
    damaged = tmp_path / "damaged.db"
    damaged.write_text("no database " * 100)
    desk.environment["LIFEBOAT_CATALOG"] = str(damaged)
    for arguments in (("status", "nobody"), ("status", "sample")):
        ended = desk.run(*arguments)
        assert ended.status == 3
        assert ended.stdout.startswith("LIFEBOAT UNKNOWN - ")
        assert "\n  Next: " in ended.stderr


def test_programs_read_it_as_json(desk: Desk) -> None:
    write_deployment(desk.deployments, "sample")
    desk.good_point(DAY + HOUR)
    ended = desk.run("status", "sample", "--json")
    document = json.loads(ended.stdout)
    assert (ended.status, document["state"], document["errors"]) == (2, "breached", [])
    rpo = document["deployments"]["sample"][0]
    assert (rpo["name"], rpo["state"], rpo["objective"], rpo["unit"]) == ("rpo", "breached", 86400.0, "seconds")
    assert datetime.fromisoformat(rpo["since"]) == datetime.fromisoformat(rpo["last_success"]) + DAY


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def test_it_tells_people_where_there_is_no_airflow(desk: Desk, receiver: Receiver) -> None:
    write_deployment(
        desk.deployments, "sample", lambda document: document.update(notifications={"connections": ["ops"]})
    )
    desk.environment["AIRFLOW_CONN_OPS"] = json.dumps(
        {"conn_type": "apprise", "extra": {"config": {"path": receiver.url}}}
    )
    desk.good_point(DAY + HOUR)
    receiver.refuses = True
    refused = desk.run("status", "sample", "--notify")
    assert (refused.status, receiver.taken) == (2, [])
    assert "Error: Connection 'ops': JSON did not take the message" in refused.stderr
    receiver.refuses = False
    assert [desk.run("status", "sample", *more).status for more in ((), ("--notify",), ("--notify",))] == [2, 2, 2]
    assert receiver.titles() == ["sample: objective rpo is breached"]


def test_metrics_are_times_of_the_last_success(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.point(8 * DAY)
    watched.point(2 * DAY, "passed")
    watched.point(6 * HOUR, "failed")
    watched.upkeep(HOUR, 5 << 30, passed=True)
    watched.catalog.mark_looked_at("sample", NOW - MINUTE)
    text = exposition(collect(watched.catalog, [watched.deployment], NOW, 1))
    found = {
        (sample.name, *(value for key, value in sample.labels.items() if key != "deployment")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("deployment", "sample") == "sample"
    }
    assert found == {
        ("lifeboat_broken_deployment_files",): 1,
        ("lifeboat_last_backup_timestamp_seconds",): (NOW - 6 * HOUR).timestamp(),
        ("lifeboat_last_known_good_timestamp_seconds",): (NOW - 2 * DAY).timestamp(),
        ("lifeboat_last_passed_drill_timestamp_seconds",): (NOW - 2 * DAY + HOUR + MINUTE).timestamp(),
        ("lifeboat_last_vault_check_timestamp_seconds",): (NOW - HOUR).timestamp(),
        ("lifeboat_last_watch_timestamp_seconds",): (NOW - MINUTE).timestamp(),
        ("lifeboat_restore_points", "good"): 1,
        ("lifeboat_restore_points", "failed"): 1,
        ("lifeboat_restore_points", "unproven"): 1,
        ("lifeboat_recovery_seconds",): 60,
        ("lifeboat_vault_size_bytes", "main"): 5 << 30,
        **{("lifeboat_objective_seconds", name): seconds for name, seconds in _ALLOWED.items()},
        **{("lifeboat_objective_met", name): name != "drill_result" for name in (*_ALLOWED, "drill_result")},
    }


_ALLOWED = {"rpo": 86400, "good_age": 8 * 86400, "drill_age": 7 * 86400, "rto": 7200, "check_age": 3 * 86400}


def test_what_never_happened_was_at_the_beginning_of_time_and_is_neither_kept_nor_breached(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    text = exposition(collect(watched.catalog, [watched.deployment], NOW, 0))
    assert 'lifeboat_last_backup_timestamp_seconds{deployment="sample"} 0.0' in text
    assert "lifeboat_objective_met{" not in text
    assert "lifeboat_objective_met{" in exposition(collect(watched.catalog, [watched.deployment], NOW + 2 * DAY, 0))


def test_metrics_are_printed_and_written_whole(desk: Desk, tmp_path: Path) -> None:
    write_deployment(desk.deployments, "sample")
    desk.good_point(6 * HOUR)
    file = tmp_path / "collector" / "lifeboat.prom"
    unwritable = desk.run("metrics", "--output", str(file))
    assert (unwritable.status, unwritable.stdout) == (1, "")
    assert f"cannot be written to {file}" in unwritable.stderr
    file.parent.mkdir()
    file.write_text("old")
    written = lifeboat(desk.environment, "metrics", "--output", str(file))
    assert (written.status, written.stdout) == (0, "")
    assert list(file.parent.iterdir()) == [file]
    assert file.read_text() == desk.run("metrics").stdout
    assert 'lifeboat_objective_met{deployment="sample",objective="rpo"} 1.0' in file.read_text()
