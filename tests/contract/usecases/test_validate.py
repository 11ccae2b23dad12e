"""`lifeboat validate`: everything that is missing in the world is told at once."""

import os
import shutil
from pathlib import Path

import pytest

from lifeboat.preflight import world_problems
from tests.support.command_line import lifeboat
from tests.support.miniature import Miniature

#: Prints as the real one does, warnings included.
AIRFLOW = """#!/bin/sh
test "$*" = "pools list --output json" || exit 64
echo "[2026-11-23T02:00:00.000+0000] {manager.py:1} WARNING - something old"
cat <<END
[
  {"pool": "default_pool", "slots": "128", "description": "Default pool", "include_deferred": "False"}%s
]
END
"""
TOOLS = ("sh", "test", "cat", "find", "uname", "env", "python3", "setpriv", "df")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory for the PATH with a few programs of the machine."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (directory / name).symlink_to(found)
    return directory


def fake_airflow(directory: Path, *pools: str) -> dict[str, str]:
    """Put an `airflow` that has these pools into a directory, and return the environment that finds it."""
    rows = "".join(f',\n  {{"pool": "{pool}", "slots": "2"}}' for pool in pools)
    (directory / "airflow").write_text(AIRFLOW % rows)
    (directory / "airflow").chmod(0o755)
    return {"AIRFLOW_HOME": str(directory), "PATH": f"{directory}:{os.environ['PATH']}"}


def test_a_deployment_with_everything_there(mini: Miniature, tmp_path: Path) -> None:
    environment = {**mini.environment(), **fake_airflow(tmp_path, "lifeboat_vault")}
    ended = lifeboat(environment, "validate", "mini")
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stdout == "mini: the file is good, and everything that it names is there.\n"


def test_without_airflow_pools_are_not_checked(mini: Miniature) -> None:
    ended = lifeboat(mini.environment(), "validate", "mini")
    assert ended.status == 0
    assert "Pools are not checked: AIRFLOW_HOME is not set" in ended.stderr


def test_everything_that_is_missing_is_told_at_once(mini: Miniature, tmp_path: Path) -> None:
    document = mini.document()
    document["sites"]["main"]["vault"]["housekeeper"] = "the_housekeeper"
    document["sites"]["main"]["scratch"] = "/proc/scratch"
    document["sites"]["west"] = {
        "vault": {"repository": str(tmp_path / "nothing"), "writer": "mini_vault", "pool": "west_vault"},
        "scratch": str(tmp_path / "scratch"),
    }
    document["notifications"] = {"connections": ["nobody", "nonsense"]}
    mini.write_file(document)
    mini.home.rename(mini.home.with_name("aside"))
    environment = {**mini.environment(), **fake_airflow(tmp_path)}
    environment["AIRFLOW_CONN_MINI_VAULT"] = "generic://:of+another+vault@"
    environment["AIRFLOW_CONN_NONSENSE"] = "apprise://?config=nothing"
    environment["AIRFLOW_CONN_MINI_SIGNING"] = "generic://:nokey@"
    del environment["AIRFLOW_CONN_MINI_POSTGRES"]
    ended = lifeboat(environment, "validate", "mini")
    assert (ended.status, ended.stdout) == (1, "")
    for message in (
        "The password of connection 'mini_signing' is not an Ed25519 key",
        "Airflow has no pool 'lifeboat_vault', 'west_vault'; tasks that name it would wait for ever.",
        f"The password of vault '{mini.vault_directory}' is wrong.",
        "Connection 'the_housekeeper' is not set.",
        "The scratch directory '/proc/scratch' cannot be used",
        f"There is no vault at '{tmp_path / 'nothing'}'.",
        "Connection 'nobody' is not set.",
        "Connection 'nonsense' names no service that Apprise can reach.",
        "Connection 'mini_postgres' is not set.",
        f"home/apim-cp-1: '{mini.home}' is not a readable directory on host 'worker'.",
    ):
        assert ended.stderr.count(message) == 1, (message, ended.stderr)
    assert ended.stderr.count("  Next: ") == 10


def test_missing_tools(mini: Miniature, programs: Path) -> None:
    environment = {**mini.environment(), "PATH": str(programs), "LIFEBOAT_POSTGRES_15": str(programs)}
    ended = lifeboat(environment, "validate", "mini")
    assert ended.status == 1
    assert ended.stderr.count("'restic' cannot be run on host 'worker'") == 1
    assert "The tools of PostgreSQL 15 (pg_dump, pg_dumpall) are not installed" in ended.stderr
    assert "The tools of PostgreSQL 15 (initdb, postgres, pg_restore, psql, pg_dump, pg_dumpall)" in ended.stderr
    assert ended.stderr.count("  Next: ") == 3


def test_an_airflow_that_answers_nonsense(mini: Miniature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_airflow(tmp_path).items():
        monkeypatch.setenv(name, value)
    for script in ("echo '[2026-11-23] no JSON'", "exit 3"):
        (tmp_path / "airflow").write_text(f"#!/bin/sh\n{script}\n")
        with mini.runtime() as runtime:
            (problem,) = world_problems(runtime)
        assert "airflow" in problem.message
        assert problem.next_step


def test_the_file_alone(mini: Miniature) -> None:
    ended = lifeboat({"LIFEBOAT_DEPLOYMENTS": str(mini.file.parent)}, "validate", "mini", "--file-only")
    assert (ended.status, ended.stdout, ended.stderr) == (0, "mini: the file is good.\n", "")
