"""What Airflow's callbacks tell people of a run, and of which runs they are silent."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lifeboat.errors import LifeboatError, NotifyError
from lifeboat_airflow.notices import run_failed, run_takes_long
from tests.support.deployments import write_deployment
from tests.support.receiver import Receiver

FAILED = {"dag": SimpleNamespace(dag_id="told.recovery"), "run_id": "manual__2026-03-01T12:00:00+00:00"}


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Whom the deployment `told` tells."""
    receiver = Receiver()
    write_deployment(tmp_path, "told", lambda document: document.update(notifications={"connections": ["people"]}))
    monkeypatch.setenv("LIFEBOAT_DEPLOYMENTS", str(tmp_path))
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "catalog.db"))
    service = {"conn_type": "apprise", "extra": {"config": {"path": receiver.url}}}
    monkeypatch.setenv("AIRFLOW_CONN_PEOPLE", json.dumps(service))
    yield receiver
    receiver.stop()


def late(state: str) -> dict[str, dict[str, str]]:
    return {"dag_run": {"state": state, "dag_id": "told.system_backup", "dag_run_id": "scheduled__1"}}


def test_only_a_run_that_goes_on_is_late(people: Receiver) -> None:
    for state in ("success", "failed"):
        run_takes_long("told", "2h", late(state))
    assert people.taken == []
    for state in ("queued", "running"):
        run_takes_long("told", "2h", late(state))
    assert people.titles() == ["told.system_backup takes too long"] * 2
    assert {message["type"] for message in people.taken} == {"warning"}


def test_a_notice_names_the_run_and_where_to_look(people: Receiver) -> None:
    run_failed("told", FAILED)
    (message,) = people.taken
    assert (message["title"], message["type"]) == ("told.recovery failed", "failure")
    assert f"Run {FAILED['run_id']} failed.\nNext: " in message["message"]
    assert message["message"].endswith("/dags/told.recovery/runs/manual__2026-03-01T12%3A00%3A00%2B00%3A00")


def test_a_notice_that_is_not_taken_is_an_error_in_the_log(people: Receiver) -> None:
    people.refuses = True
    with pytest.raises(NotifyError):
        run_failed("told", FAILED)


def test_people_are_told_even_without_a_catalog(
    people: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path))
    with pytest.raises(LifeboatError, match="catalog"):
        run_failed("told", FAILED)
    assert people.titles() == ["told.recovery failed"]
