"""Lifeboat's machine is lost in the middle of a backup; docs/self-recovery.md brings it back, command by command."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.connections import environment_variable
from lifeboat.drill import drill_point
from lifeboat.sample.airflow_client import AirflowClient
from tests.e2e.runs import Run, eventually
from tests.e2e.world import REPOSITORY, World
from tests.support.documents import command_blocks

NAME, DATABASE, CONNECTION = "drowned", "drowned_db", "drowned_postgres"
BACKUP, RECOVERY, OWN = f"{NAME}.system_backup", f"{NAME}.recovery", "lifeboat.system_backup"
NOTE = "Ended by lifeboat rescue"


@dataclass
class Machine:
    """The new machine: nothing of the old one's environment, and the page's commands with this test's names."""

    world: World
    directory: Path

    @property
    def back(self) -> Path:
        return self.directory / "back"

    def blocks(self) -> list[str]:
        named = {
            "s3:https://s3.example.com/lifeboat": str(self.world.vault_directory("lifeboat")),
            "/srv/lifeboat": str(self.back),
            " prod": f" {NAME}",
        }
        blocks = command_blocks("self-recovery.md", "On an empty machine")
        for old, new in named.items():
            blocks = [block.replace(old, new) for block in blocks]
        return blocks

    def environment(self) -> dict[str, str]:
        own = [each for each in os.environ["PATH"].split(os.pathsep) if not Path(each).is_relative_to(REPOSITORY)]
        return {"PATH": os.pathsep.join(own), "HOME": str(self.directory), "LANG": "C.UTF-8"}

    def shell(self, commands: str, typed: str) -> str:
        """Run commands as a person does who stops at the first failure, and return what they printed."""
        done = subprocess.run(
            ["bash", "-eu", "-c", commands],
            env=self.environment(),
            cwd=REPOSITORY,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@dataclass
class Lost:
    """What was true on the machine when its own restore point was captured."""

    ended: tuple[str, ...]
    waiting: str
    history: set[str]


@pytest.fixture(scope="module")
def lost(world: World) -> Lost:
    """Lose a Lifeboat while one of its backups runs and a recovery waits for a person, and lose a deployment."""
    before = {run.run_id for run in world.all_runs()}
    for name in (NAME, "lifeboat"):
        world.admit_housekeeper(name)
    documents = world.directory / f"documents-of-{NAME}"
    documents.mkdir()
    (documents / "contract.txt").write_text("signed")
    with psycopg.connect(world.stage.postgres.admin_conninfo, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {DATABASE}".encode())
    with psycopg.connect(world.stage.postgres.admin_conninfo, dbname=DATABASE, autocommit=True) as session:
        session.execute("CREATE TABLE item AS SELECT g AS id, repeat('x', 1000) AS text FROM generate_series(1, 100) g")
    tell_airflow(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(environment_variable(CONNECTION), os.environ[environment_variable("wso2_postgres")])
        drilled(world, NAME, world.make_point(NAME).id)
    waiting = world.trigger(RECOVERY, {"reason": "of yesterday"})
    with world.slow_dump.held(BACKUP):
        running = world.trigger(BACKUP)
        world.slow_dump.wait_until_reached(BACKUP)
        waiting.asks()
        own = world.trigger(OWN).wait()
    drilled(world, "lifeboat", own.result("seal"))
    running.wait()
    waiting.fail()
    with psycopg.connect(world.stage.postgres.admin_conninfo, autocommit=True) as session:
        session.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
    shutil.rmtree(documents)
    return Lost((running.run_id, waiting.run_id, own.run_id), waiting.run_id, before)


def tell_airflow(world: World) -> None:
    """Keep a connection in Airflow's database alone, where its key encrypts it."""
    server = psycopg.conninfo.conninfo_to_dict(world.stage.postgres.admin_conninfo)
    body = {
        "connection_id": CONNECTION,
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": world.stage.postgres.port,
        "login": server["user"],
        "password": server["password"],
    }
    world.airflow.request("POST", "/connections", json=body)


def drilled(world: World, name: str, point: str) -> None:
    with world.runtime(name) as runtime:
        assert drill_point(runtime, world.catalog, point).passed


@pytest.fixture(scope="module")
def machine(world: World, lost: Lost) -> Iterator[Machine]:
    directory = world.directory / "new-machine"
    directory.mkdir()
    yield Machine(world, directory)


@pytest.fixture(scope="module")
def airflow(machine: Machine, world: World) -> Iterator[AirflowClient]:
    """The Airflow that the page's commands bring back and start."""
    _, rescue, start, _ = machine.blocks()
    password = json.loads(world.environment[environment_variable("lifeboat_vault_writer")])["password"]
    said = machine.shell(rescue, typed=f"{password}\n")
    assert "signed by the key that came back with them" in said
    log = machine.directory / "start.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            ["bash", "-eu", "-c", start],
            env=machine.environment(),
            cwd=REPOSITORY,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        eventually(lambda: "stays up until Ctrl-C" in log.read_text() or started.poll() is not None, "Airflow", 150)
        assert started.poll() is None, log.read_text()
        home = machine.back / "airflow"
        port = json.loads((home / "ports.json").read_text())["api"]
        passwords = json.loads((home / "passwords.json").read_text())
        yield AirflowClient(f"http://127.0.0.1:{port}", "admin", passwords["admin"])
    finally:
        os.killpg(started.pid, signal.SIGINT)
        started.wait(60)


def test_its_history_is_there_and_nothing_goes_on(airflow: AirflowClient, lost: Lost) -> None:
    runs = {run["dag_run_id"]: run for dag in airflow.dags() for run in airflow.dag_runs(dag["dag_id"])}
    assert lost.history <= runs.keys()
    ended = {run_id: (runs[run_id]["state"], (runs[run_id]["note"] or "")[: len(NOTE)]) for run_id in lost.ended}
    assert ended == dict.fromkeys(lost.ended, ("failed", NOTE))
    assert {run["state"] for run in runs.values()} <= {"success", "failed"}
    scheduled = [dag for dag in airflow.dags() if dag["dag_id"] == f"{NAME}.restore_drill"]
    assert [bool(dag["next_dagrun_run_after"]) for dag in scheduled] == [True]  # worked out anew, not taken over
    asked = airflow.request("GET", "/dags/~/dagRuns/~/hitlDetails", params={"response_received": False})
    assert [each for each in asked["hitl_details"] if each["task_instance"]["dag_run_id"] == lost.waiting] == []


def test_the_rest_of_the_page_recovers_and_proves_what_was_lost(
    airflow: AirflowClient, machine: Machine, world: World
) -> None:
    said = machine.shell(machine.blocks()[-1], typed=f"{NAME}\n")
    assert f"{NAME}: the file is good, and everything that it names is there." in said
    with psycopg.connect(world.stage.postgres.admin_conninfo, dbname=DATABASE) as session:
        assert session.execute("SELECT count(*), sum(length(text)) FROM item").fetchone() == (100, 100_000)
    assert (world.directory / f"documents-of-{NAME}/contract.txt").read_text() == "signed"
    catalog = Catalog(URL.create("sqlite", database=str(machine.back / "lifeboat-catalog/catalog.db")))
    for name in (NAME, "lifeboat"):
        assert {state.manifest.id for state in catalog.points(name)} == {
            snapshot.tags["point"] for snapshot in world.snapshots(name, kind="manifest")
        }
    assert catalog.points("lifeboat")[0].verdict == "good"


def test_connections_of_its_database_work_in_a_run_of_the_new_scheduler(
    airflow: AirflowClient, machine: Machine, world: World
) -> None:
    run = Run(airflow, BACKUP, airflow.trigger(BACKUP))  # type: ignore[arg-type]
    run.wait()
    assert run.states()["capture database/main-db"] == "success"
    assert run.run_id not in {each.run_id for each in world.runs(BACKUP)}  # the two share nothing
    with world.runtime(NAME) as runtime:
        listed: list[Any] = runtime.vault("main").snapshots({"kind": "manifest", "point": run.result("seal")})
    assert len(listed) == 1
