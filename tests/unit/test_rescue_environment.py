"""The environment of a rescued Lifeboat: what is read from `.env`, and which paths in it become others."""

import subprocess
from pathlib import Path

import pytest

from lifeboat.connections import Connection, from_environment
from lifeboat.rescue_environment import (
    as_variables,
    captured_environment,
    fernet_keys,
    move_settings,
    moved,
    write_shell_file,
)
from lifeboat.sample.airflow_settings import Secrets, keep_environment, kept_environment

PLACES = {"/srv/air": "/new/air", "/srv/airflow": "/new/flow", "/srv/airflow/catalog.db": "/new/catalog.db"}
ODD = {"QUOTED": 'it\'s "odd" $HOME `id` \\ and #this', "EMPTY": "", "NAME": "${LIKE_A_VARIABLE}", "JSON": '{"a": "b"}'}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/srv/airflow", "/new/flow"),
        ("/srv/airflow/airflow.db", "/new/flow/airflow.db"),
        ("/srv/airflow/catalog.db", "/new/catalog.db"),
        ("sqlite:////srv/airflow/airflow.db", "sqlite:////srv/airflow/airflow.db".replace("/srv/airflow", "/new/flow")),
        ('{"host": "/srv/air"}', '{"host": "/new/air"}'),
        (
            "/srv/airflow2 /srv/air-old /mnt/srv/air /srv/air.bak",
            "/srv/airflow2 /srv/air-old /mnt/srv/air /srv/air.bak",
        ),
        ("nothing of it", "nothing of it"),
    ],
)
def test_only_whole_paths_that_came_back_are_moved(value: str, expected: str) -> None:
    assert moved({"IT": value}, PLACES) == {"IT": expected}
    assert moved({"IT": value}, {}) == {"IT": value}


def test_values_with_every_odd_sign_go_through_the_file_of_airflow_and_that_of_the_shell(tmp_path: Path) -> None:
    keep_environment(tmp_path, ODD, Secrets("", "", "the key", {}), {"admin": "admin", "watcher": "viewer"})
    assert kept_environment(tmp_path) == (ODD, {"admin": "admin", "watcher": "viewer"})
    captured = captured_environment([tmp_path / "without", tmp_path])
    assert ODD.items() <= captured.items()
    assert fernet_keys([], {}, captured) == "the key"
    file = tmp_path / "environment"
    write_shell_file(file, ODD)
    assert (file.stat().st_mode & 0o777, (tmp_path / ".env").stat().st_mode & 0o777) == (0o600, 0o600)
    shell = subprocess.run(["sh", "-c", '. "$0"; exec env -0', str(file)], env={}, capture_output=True, check=True)
    found = dict(line.split("=", 1) for line in shell.stdout.decode().split("\0") if line)
    assert ODD.items() <= found.items()


def test_settings_of_airflow_are_moved_and_hold_the_last_key(tmp_path: Path) -> None:
    file = tmp_path / "airflow.cfg"
    file.write_text(
        "[core]\nfernet_key = of the file\n[database]\nsql_alchemy_conn = sqlite:////srv/airflow/a.db\nformat = %(x)s\n"
    )
    assert fernet_keys([tmp_path], {}) == "of the file"
    assert fernet_keys([tmp_path], {"AIRFLOW_FERNET_KEY": "of compose"}) == "of compose"
    assert fernet_keys([tmp_path], {"AIRFLOW__CORE__FERNET_KEY": "set"}, {"AIRFLOW_FERNET_KEY": "of compose"}) == "set"
    move_settings([tmp_path, tmp_path / "none"], PLACES)
    assert "sqlite:////new/flow/a.db" in file.read_text()


def test_connections_become_variables_that_are_read_back() -> None:
    connection = Connection("some_id", "mysql", "host", 3307, "me", "p'w$", "schema", {"ssl": {"ca": "/x"}})
    (name,) = variables = as_variables([connection])
    assert name == "AIRFLOW_CONN_SOME_ID"
    assert from_environment("some_id", variables) == connection
