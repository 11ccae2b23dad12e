"""Puppet and a server of a deployment: kept away from a recovery, and run only after the home was captured."""

import tests.support.airflow_home  # noqa: F401, I001 (before airflow)

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lifeboat_airflow.base as base
from lifeboat import recovery_run, update
from lifeboat.connections import from_environment
from lifeboat.errors import ConfigurationError, PuppetError, SwapError, UpdateError, VaultPasswordError
from lifeboat.puppet import PuppetOnHost
from lifeboat.puppet_agent import enable_agents
from lifeboat.puppet_run import run_puppet
from lifeboat.recovery_documents import RecoveryEvidence, RecoveryRequest
from lifeboat.recovery_run import plan_and_begin, recover
from lifeboat_airflow.puppet import RunPuppetOperator
from lifeboat_airflow.recovery import StopServerOperator, SwapOperator
from lifeboat_airflow.recovery_record import RecordRecoveryOperator
from tests.support.command_line import lifeboat_here
from tests.support.puppet_place import PuppetPlace
from tests.support.quick_vault import make_quick_vault
from tests.support.small_deployment import NAME, Small
from tests.support.wso2_server import HEALTH, SCRIPT, DoubleHome, make_home

LOST = "repository/deployment/server/api.xml"


@dataclass
class Managed:
    """A deployment with a server that Puppet manages as WSO2's own modules do: it deletes the home in each run."""

    small: Small
    home: DoubleHome
    place: PuppetPlace

    @property
    def lost(self) -> Path:
        return self.home.home / LOST

    def recover(self, point: str) -> RecoveryEvidence:
        with self.small.runtime() as runtime:
            catalog = self.small.catalog()
            request = RecoveryRequest(point=point, units=("home/served",), unproven=True, safety_point=False)
            journal = plan_and_begin(runtime, catalog, request, "a tester", lambda plan: True)
            assert journal is not None
            return recover(runtime, catalog, journal)


@pytest.fixture(scope="module")
def empty_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("puppet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTIC_CACHE_DIR", str(directory / "cache"))
        yield make_quick_vault(directory / "empty")


@pytest.fixture
def managed(
    place: PuppetPlace, empty_vault: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Managed]:
    monkeypatch.setattr(PuppetOnHost, "paths", place.paths())  # each new runtime would ask, which takes a second
    home = make_home(tmp_path / "served")
    pack = shutil.make_archive(str(tmp_path / "pack"), "zip", home.home)
    (home.home / LOST).parent.mkdir(parents=True)
    (home.home / LOST).write_text("<api/>")
    manifest = (
        f"exec {{ '/bin/rm -rf {home.home}': }}\n"
        f"-> exec {{ '/usr/bin/unzip -q {pack} -d {home.home}': creates => '{home.home}' }}"
    )
    server = {
        "type": "apim-control-plane",
        "home": str(home.home),
        "control": {"script": SCRIPT, "stop_timeout": "5s", "start_timeout": "5s"},
        "port_offset": home.offset,
        "health_url": HEALTH,
        "drain": ["cp", str(place.disabled), str(tmp_path / "at-stop")],
        "undrain": ["cp", str(place.disabled), str(tmp_path / "at-start")],
        "puppet": place.settings(manifest),
    }
    small = Small.make(tmp_path / "s", empty_vault, servers={"served": server}, business_data={})
    yield Managed(small, home, place)
    home.end()


def test_a_home_that_a_run_deleted_and_one_of_a_lost_machine_come_back(managed: Managed) -> None:
    done = lifeboat_here(managed.small.environment(), "puppet", NAME, "served")
    assert done.status == 0, done.stderr
    (point,) = (state.manifest.id for state in managed.small.catalog().points(NAME))
    assert f"Restore point {point} holds the home as it was before.\n" in done.stdout
    assert "Puppet changed the host (" in done.stdout
    assert "the home of served: replaced." in done.stdout
    assert not managed.lost.exists()
    shutil.rmtree(managed.home.home)
    with managed.small.runtime() as runtime:
        again = run_puppet(runtime, managed.small.catalog(), "served")
    assert (again.home, again.safety_point) == ("made", "")  # there was nothing to capture
    assert managed.recover(point).live == "new"
    assert managed.lost.read_text() == "<api/>"


def test_noop_captures_nothing_and_changes_nothing(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a task of Airflow."""
    for name, value in managed.small.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(base, "airflow_connection", from_environment)
    found = RunPuppetOperator(task_id="puppet", deployment=NAME, server="served", noop=True).execute({})
    assert found == {"changed": False, "home": "kept", "safety_point": ""}
    assert managed.small.catalog().points(NAME) == []
    assert managed.lost.exists()


def test_puppet_does_not_run_when_the_home_cannot_be_captured(managed: Managed) -> None:
    managed.small.passwords["small_writer"] = "wrong"
    with managed.small.runtime() as runtime, pytest.raises(VaultPasswordError) as caught:
        run_puppet(runtime, managed.small.catalog(), "served")
    assert "--no-safety-point" in caught.value.next_step
    assert managed.lost.exists()


def test_a_server_that_puppet_does_not_manage(managed: Managed) -> None:
    document = managed.small.document()
    del document["servers"]["served"]["puppet"]
    managed.small.write(document)
    with managed.small.runtime() as runtime:
        for name, what in (("served", "has no `puppet`"), ("other", "does not exist")):
            with pytest.raises(ConfigurationError, match=f"Server '{name}' {what}") as caught:
                run_puppet(runtime, managed.small.catalog(), name)
            assert "Servers with Puppet: (none)" in caught.value.next_step


def test_the_agent_is_disabled_from_stop_to_start(managed: Managed, tmp_path: Path) -> None:
    point = managed.small.point().manifest.id
    with managed.small.runtime() as runtime:
        managed.home.control(runtime.host("worker")).start()
    evidence = managed.recover(point)
    assert evidence.succeeded
    for moment in ("at-stop", "at-start"):
        reason = f'{{"disabled_message":"Lifeboat: recovery {evidence.recovery} of {NAME}"}}'
        assert (tmp_path / moment).read_text() == reason
    assert not managed.place.disabled.exists()


def test_it_is_enabled_when_the_recovery_fails(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = []

    def fail(*arguments: Any) -> None:
        reasons.append(managed.place.reason())
        raise SwapError("the disk is gone")

    monkeypatch.setattr(recovery_run, "swap", fail)
    with pytest.raises(SwapError):
        managed.recover(managed.small.point().manifest.id)
    assert reasons
    assert reasons[0].startswith("Lifeboat: recovery ")
    assert not managed.place.disabled.exists()


def test_every_agent_that_can_be_is_enabled(managed: Managed) -> None:
    document = managed.small.document()
    lost = {**document["servers"]["served"], "host": "lost"}
    document["servers"] = {"lost": lost, "served": document["servers"]["served"]}
    document["hosts"] = {"lost": {"ssh": "small_writer"}}
    managed.small.write(document)
    managed.place.disable_by_hand("Lifeboat: a test")
    with managed.small.runtime() as runtime, pytest.raises(PuppetError, match="that of server 'lost': "):
        enable_agents(runtime, ["lost", "served"], "Lifeboat: a test")
    assert not managed.place.disabled.exists()


@pytest.mark.parametrize("still_open", [[], ["an attempt"]], ids=["rolled back", "in any state"])
def test_it_is_disabled_during_an_update_until_the_server_is_as_before(
    managed: Managed, monkeypatch: pytest.MonkeyPatch, still_open: list[str]
) -> None:
    reasons: list[str] = []

    def fail(*arguments: Any, **more: Any) -> list[str]:
        if reasons:
            return still_open
        reasons.append(managed.place.reason())
        raise UpdateError("the vault is gone")

    monkeypatch.setattr(update, "updated", lambda *arguments: None)
    monkeypatch.setattr(update, "open_attempts", fail)
    plan: Any = SimpleNamespace(id="20261125T120000Z-00000001", deployment=NAME)
    anything: Any = None
    with managed.small.runtime() as runtime, pytest.raises(UpdateError):
        update.update_server(runtime, anything, plan, anything, "served", "a tester")
    assert reasons == [f"Lifeboat: update 20261125T120000Z-00000001 of {NAME}"]
    assert managed.place.disabled.exists() is bool(still_open)


def test_the_tasks_of_a_recovery_disable_it_until_the_record(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only the swap is cleared, long after the record of a failure enabled it."""
    for name, value in managed.small.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(base, "airflow_connection", from_environment)
    with managed.small.runtime() as runtime:
        request = RecoveryRequest(
            point=managed.small.point().manifest.id, units=("home/served",), unproven=True, safety_point=False
        )
        journal = plan_and_begin(runtime, managed.small.catalog(), request, "a tester", lambda plan: True)
        assert journal is not None
    plan = journal.plan.model_dump(mode="json")
    ours = f"Lifeboat: recovery {journal.recovery} of {NAME}"
    instance = SimpleNamespace(
        xcom_pull=lambda task_ids, key="": "yes" if task_ids == "confirm" else None,
        xcom_push=lambda *arguments: None,
        try_number=1,
        get_task_states=lambda dag_id, run_ids: {run_ids[0]: {"swap": "failed"}},
    )
    run = SimpleNamespace(
        dag_id="d", run_id="r", start_date=journal.plan.point_instant, triggering_user_name="otto", run_type=None
    )
    context = {"ti": instance, "dag_run": run}
    StopServerOperator(task_id="stop", deployment=NAME, plan=plan, server="served").execute(context)
    assert managed.place.reason() == ours
    managed.place.disabled.unlink()
    with pytest.raises(base.AirflowFailException):  # nothing was restored beside, so it cannot be exchanged
        SwapOperator(task_id="swap", deployment=NAME, plan=plan).execute(context)
    assert managed.place.reason() == ours
    tasks = {"restore": {}, "check": "check", "start": {}}
    with pytest.raises(base.AirflowFailException, match="failed"):
        RecordRecoveryOperator(task_id="record", deployment=NAME, plan=plan, tasks=tasks, approvals=[]).execute(context)
    assert not managed.place.disabled.exists()
