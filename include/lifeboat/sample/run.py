"""`make run`: backs up the sample deployment in a real Airflow, drills the backup, and shows both.

Everything lies in one directory per clone, outside of it, because PostgreSQL's account must be able to get there:
LIFEBOAT_STATE, by default /var/tmp/lifeboat-<user id>-<hash of the clone's path>.
"""

import argparse
import fcntl
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.errors import LifeboatError
from lifeboat.report import print_drill, print_point
from lifeboat.runtime import Runtime
from lifeboat.sample.airflow_client import AirflowError
from lifeboat.sample.airflow_server import AirflowServer
from lifeboat.sample.console import console, say, say_login, wait_for_interrupt
from lifeboat.sample.own import own_environment
from lifeboat.sample.servers import SERVERS
from lifeboat.sample.stage import Stage

REPOSITORY = Path(__file__).parents[3]
BACKUP, DRILL = "sample.system_backup", "sample.restore_drill"
_DRILL_STARTS_SECONDS = 120


def state_directory() -> Path:
    """Return where this clone's sample lives; two clones on one machine do not collide."""
    named = os.environ.get("LIFEBOAT_STATE")
    digest = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:8]
    return Path(named) if named else Path(f"/var/tmp/lifeboat-{os.geteuid()}-{digest}")


def main() -> int:
    """Run the sample; return 0 when its drill passed."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--scale", choices=["small", "reference"], default="small")
    parser.add_argument("--exit", action="store_true", help="end after the drill instead of staying up")
    parser.add_argument("--remove", action="store_true", help="remove what earlier runs have left")
    parser.add_argument("--shell", action="store_true", help="open a shell in which `lifeboat` reaches the sample")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        if arguments.shell:
            return _shell(state_directory())
        with _only_one(state_directory()):
            if arguments.remove:
                Stage(state_directory() / "sample").stop()
                shutil.rmtree(state_directory())
                return 0
            return _run(state_directory(), arguments.scale, stay=not arguments.exit)
    except LifeboatError as error:
        console.print(f"[bold red]Error:[/] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Ended.")
        return 130


def _shell(directory: Path) -> int:
    """Run the person's shell with the sample's connections, `lifeboat` and PostgreSQL's tools."""
    stage = Stage(directory / "sample")
    if not stage.postgres.is_running():
        raise LifeboatError(f"The sample in {directory} does not run.", next_step="Start it with `make run` first.")
    tools = f"{REPOSITORY / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**os.environ, **_environment(directory, stage), **stage.postgres.client_environment(), "PATH": tools}
    console.print("In this shell `lifeboat` and `psql` reach the sample; its deployment is called sample. End: exit")
    # Its status is that of the last command in it: no matter of ours.
    subprocess.run([os.environ.get("SHELL") or "/bin/bash"], env=environment, check=False)
    return 0


def _environment(directory: Path, stage: Stage) -> dict[str, str]:
    found = stage.environment()
    deployments = {"LIFEBOAT_DEPLOYMENTS": str(REPOSITORY / "include/deployments")}
    return {**found, **own_environment(directory / "airflow", found["LIFEBOAT_CATALOG"]), **deployments}


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LifeboatError(
                f"The sample in {directory} is running already.",
                next_step="End the other `make run` with Ctrl-C, or give this one a LIFEBOAT_STATE of its own.",
            ) from None
        yield


def _run(directory: Path, scale: Any, *, stay: bool) -> int:
    stage = Stage(directory / "sample")
    try:
        say(f"Preparing the sample deployment ({scale}) in {directory}")
        stage.prepare(scale)
        say(f"PostgreSQL, MariaDB and {len(SERVERS)} servers run: {', '.join(server.name for server in SERVERS)}")
        environment = _environment(directory, stage)
        os.environ.update(environment)
        airflow = AirflowServer(
            directory / "airflow",
            dags_folder=REPOSITORY / "dags",
            plugins_folder=REPOSITORY / "plugins",
            environment=environment,
            pools={"lifeboat_vault": 2},
        )
        try:
            with ThreadPoolExecutor(max_workers=1) as pool:
                vaults = pool.submit(_make_vaults)
                airflow.start(say)
                vaults.result()
            passed = _tour(airflow, Catalog(URL.create("sqlite", database=environment["LIFEBOAT_CATALOG"])))
            say_login(airflow)
            if stay:
                console.print(
                    "It stays up until Ctrl-C. To lose a database and recover it: docs/recovery.md, in `make shell`."
                )
                wait_for_interrupt()
                say("Stopping the servers, Airflow and the databases")
        finally:
            stage.servers.stop()  # first: Airflow's keeper waits for servers that a recovery has started
            airflow.stop()
    finally:
        stage.stop()
    return 0 if passed else 1


def _make_vaults() -> None:
    """Make the vaults of the sample and of Lifeboat itself, where there are none."""
    for name in ("sample", "lifeboat"):
        with Runtime(find_deployment(name), from_environment) as runtime:
            runtime.initialise_vault(runtime.deployment.home_site())


def _tour(airflow: AirflowServer, catalog: Catalog) -> bool:
    """Back up and drill through the scheduler, show both, and return whether the drill passed."""
    for dag_id in (BACKUP, DRILL):
        airflow.unpause(dag_id)
    earlier = {run["dag_run_id"] for run in airflow.dag_runs(DRILL)}
    run_id = airflow.trigger(BACKUP, {"reason": "make run"})
    if airflow.wait(BACKUP, run_id, say, timeout=3600) != "success":
        raise _failed(airflow, BACKUP, run_id)
    point = airflow.xcom(BACKUP, run_id, "seal")
    print_point(catalog.point("sample", point).manifest)
    drill_run = _drill_of(airflow, point, earlier)
    airflow.wait(DRILL, drill_run, say, timeout=3600)
    state = catalog.point("sample", point)
    if state.drill is None:
        raise _failed(airflow, DRILL, drill_run)
    print_drill(state.drill, find_deployment("sample").objectives)
    return state.drill.passed


def _drill_of(airflow: AirflowServer, point: str, earlier: set[str]) -> str:
    """Return the drill's run that picked the new restore point: the one that its asset started, or a scheduled one
    that came first."""
    deadline = time.monotonic() + _DRILL_STARTS_SECONDS
    while time.monotonic() < deadline:
        for run_id in {run["dag_run_id"] for run in airflow.dag_runs(DRILL)} - earlier:
            if point in _picked(airflow, run_id):
                return str(run_id)
        time.sleep(0.5)
    raise LifeboatError(
        f"No drill started within {_DRILL_STARTS_SECONDS} s of the new restore point.",
        next_step=f"Look at the asset sample.restore_points in Airflow at {airflow.url}.",
    )


def _picked(airflow: AirflowServer, run_id: str) -> set[str]:
    with suppress(AirflowError):  # it has not picked yet
        return {item["point"] for item in airflow.xcom(DRILL, run_id, "pick")}
    return set()


def _failed(airflow: AirflowServer, dag_id: str, run_id: str) -> LifeboatError:
    """Return the error that shows the end of the failed task's log."""
    failed = [task for task in airflow.task_instances(dag_id, run_id) if task["state"] == "failed"]
    logs = [airflow.task_log(dag_id, run_id, task["task_id"], task["map_index"])[-3000:] for task in failed[:1]]
    return LifeboatError(f"{dag_id} failed:\n{''.join(logs)}", next_step=f"Look at the run {run_id} in {airflow.url}.")


if __name__ == "__main__":
    sys.exit(main())
