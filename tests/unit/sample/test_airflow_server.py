"""The parts of the local Airflow that need no scheduler: ports, secrets, environment, start errors."""

import base64
import json
import os
import socket
from pathlib import Path

import pytest

from lifeboat.sample import process_keeper
from lifeboat.sample.airflow_client import AirflowError
from lifeboat.sample.airflow_server import AirflowServer
from lifeboat.sample.airflow_settings import (
    Ports,
    airflow_environment,
    passwords_file,
    remembered_ports,
    remembered_secrets,
)


def test_ports_stay_the_same_from_start_to_start(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path)
    assert len({first.api, first.scheduler_log, first.triggerer_log}) == 3
    assert remembered_ports(tmp_path) == first


def test_a_port_that_another_program_has_taken_is_replaced(tmp_path: Path) -> None:
    first = remembered_ports(tmp_path)
    with socket.create_server(("127.0.0.1", first.api)):
        second = remembered_ports(tmp_path)
    assert second.api != first.api
    assert remembered_ports(tmp_path) == second


def test_secrets_are_long_remembered_and_readable_by_us_alone(tmp_path: Path) -> None:
    first = remembered_secrets(tmp_path, ["admin"])
    assert len(base64.urlsafe_b64decode(first.fernet_key)) == 32
    assert min(len(first.jwt_secret), len(first.secret_key)) >= 64
    assert json.loads(passwords_file(tmp_path).read_text()) == first.passwords
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}

    second = remembered_secrets(tmp_path, ["admin", "viewer"])
    assert (second.jwt_secret, second.secret_key, second.fernet_key) == (
        first.jwt_secret,
        first.secret_key,
        first.fernet_key,
    )
    assert second.passwords["admin"] == first.passwords["admin"]
    assert second.passwords["viewer"] not in ("", first.passwords["admin"])


def test_the_environment_agrees_with_itself_and_holds_nothing_of_another_airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere/else")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://of.somebody.else/airflow")
    monkeypatch.setenv("_AIRFLOW_DB_MIGRATE", "true")
    monkeypatch.setenv("MINE", "kept")
    environment = airflow_environment(
        tmp_path,
        dags_folder=tmp_path / "dags",
        plugins_folder=tmp_path / "plugins",
        ports=Ports(api=20001, scheduler_log=20002, triggerer_log=20003),
        keys=remembered_secrets(tmp_path, ["admin", "watcher"]),
        users={"admin": "admin", "watcher": "viewer"},
    )
    assert environment["AIRFLOW_HOME"] == str(tmp_path)
    assert environment["MINE"] == "kept"
    assert not {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "_AIRFLOW_DB_MIGRATE"} & environment.keys()
    assert environment["AIRFLOW__API__PORT"] == "20001"
    assert environment["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:20001"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:20001/execution/"
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "admin:admin,watcher:viewer"


def test_a_start_that_fails_says_why_and_leaves_nothing_running(tmp_path: Path) -> None:
    server = AirflowServer(
        tmp_path / "state",
        dags_folder=tmp_path,
        plugins_folder=tmp_path,
        environment={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "no-such-database://"},
    )
    before = process_keeper.descendants_of(os.getpid())
    with pytest.raises(
        AirflowError, match=r"(?s)ended while it was starting.*Could not parse SQLAlchemy URL"
    ) as caught:
        server.start()
    assert str(server.log_file) in caught.value.next_step
    assert process_keeper.descendants_of(os.getpid()) <= before


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    AirflowServer(tmp_path / "state", dags_folder=tmp_path, plugins_folder=tmp_path).stop()
