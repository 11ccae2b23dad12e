"""The servers of the sample really run: they read their databases, and two samples do not meet."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from lifeboat.connections import from_environment
from lifeboat.deployment_file import load_deployment
from lifeboat.runtime import Runtime
from lifeboat.sample.running_servers import HEALTH_URL
from lifeboat.sample.stage import Stage
from lifeboat.wso2.server import ServerControl, start_groups
from tests.support.waiting import command_line, is_running

SAMPLE = Path(__file__).parents[3] / "include/deployments/sample.yaml"
NAMES = ["apim-cp-1", "apim-cp-2", "apim-gw-1", "apim-gw-2"]
STANDBY = "apim-standby"


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Not pytest's own directory: PostgreSQL's account must be able to enter it.
    made = Path(tempfile.mkdtemp(prefix="lifeboat-test-", dir="/var/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def stage(directory: Path) -> Iterator[Stage]:
    made = Stage(directory / "sample")
    try:
        made.prepare()
        yield made
    finally:
        made.stop()


def url(stage: Stage, number: int) -> str:
    return HEALTH_URL.replace("{http}", str(9763 + stage.servers.port_offset + number))


def pids(stage: Stage) -> list[int]:
    return [pid for control in stage.servers.controls() for pid in control.state().pids]


def test_the_deployment_file_describes_the_servers_that_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stage.environment().items():
        monkeypatch.setenv(name, value)
    deployment = load_deployment(SAMPLE)
    assert start_groups(deployment, deployment.servers) == [[*NAMES[:2], STANDBY], NAMES[2:]]
    with Runtime(deployment, from_environment) as runtime:
        assert not ServerControl.of(runtime, STANDBY).state().running
        for name in NAMES:
            control = ServerControl.of(runtime, name)
            control.preflight()
            assert control.state().running
            assert control.health() == url(stage, NAMES.index(name))
            assert control.state().ports == {9763 + stage.servers.port_offset + NAMES.index(name)}


def test_health_reads_the_databases(stage: Stage) -> None:
    answer = httpx.get(url(stage, 2))
    assert answer.status_code == 200
    with psycopg.connect(stage.postgres.admin_conninfo, dbname="apim_db") as session:
        row = session.execute("SELECT count(*) FROM am_api").fetchone()
    assert row is not None
    assert answer.json()["health"]["apim_db"] == row[0] > 0
    with psycopg.connect(stage.postgres.admin_conninfo, autocommit=True) as session:
        session.execute("ALTER DATABASE apim_db RENAME TO elsewhere")
        broken = httpx.get(url(stage, 2))
        session.execute("ALTER DATABASE elsewhere RENAME TO apim_db")
    assert broken.status_code == 503
    assert 'database "apim_db" does not exist' in broken.json()["errors"]["apim_db"]
    assert httpx.get(url(stage, 2)).status_code == 200
    version = httpx.get(url(stage, 0).replace("/api/health-check/v1.0/health", "/services/Version"))
    assert "<return>WSO2 API Control Plane-4.5.0</return>" in version.text


def test_no_secret_is_in_a_command_line(stage: Stage) -> None:
    secret = (stage.directory / "secrets.json").read_text().partition('"owner": "')[2].partition('"')[0].encode()
    assert len(secret) == 32
    for pid in pids(stage):
        assert secret not in command_line(pid)
        assert secret not in Path(f"/proc/{pid}/environ").read_bytes()


def test_two_samples_do_not_meet(stage: Stage, directory: Path) -> None:
    before = pids(stage)
    other = Stage(directory / "other")
    shutil.copytree(stage.servers.directory, other.servers.directory, symlinks=True)
    assert other.servers.choose_ports() != stage.servers.port_offset
    other.servers.stop()
    assert pids(stage) == before


def test_servers_that_a_killed_run_has_left_are_replaced(stage: Stage) -> None:
    before, offset = pids(stage), stage.servers.port_offset
    again = Stage(stage.directory)
    again.prepare()
    assert again.servers.port_offset == offset
    assert not any(map(is_running, before))
    assert len(list(again.servers.controls())) == 4
    assert all(control.state().running for control in again.servers.controls())


def test_a_taken_port_is_exchanged_for_a_free_one(stage: Stage) -> None:
    offset = stage.servers.port_offset
    stage.servers.stop()
    assert stage.servers.choose_ports() == offset
    with socket.create_server(("127.0.0.1", 9763 + offset + 3)):
        assert stage.servers.choose_ports() != offset
    stage.prepare()
    toml = (stage.servers.directory / "apim-cp-2/repository/conf/deployment.toml").read_text()
    assert f"offset = {stage.servers.port_offset + 1}\n" in toml


def test_stop_leaves_nothing(stage: Stage) -> None:
    running = pids(stage)
    assert len(running) == 8
    stage.stop()
    assert not any(map(is_running, running))
    assert not stage.postgres.is_running()
    assert not stage.mariadb.is_running()
