"""One real Airflow with several deployments, and what the end-to-end tests do to it and ask of it."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.connections import environment_variable, from_environment
from lifeboat.deployment_file import find_deployment, load_all
from lifeboat.manifest import Manifest
from lifeboat.runtime import Runtime
from lifeboat.sample.airflow_server import AirflowServer
from lifeboat.sample.own import own_environment
from lifeboat.sample.stage import Stage
from lifeboat.vault import Snapshot
from tests.e2e.airflow_policy import AirflowPolicy
from tests.e2e.brakes import Brakes
from tests.e2e.deployments import WEST_PASSWORD, WEST_WRITER, WRONG_VAULT_PASSWORD, write_deployments
from tests.e2e.runs import Run
from tests.e2e.slow_dump import SlowDump
from tests.support.cloud_server import environment_of
from tests.support.patchable import (
    CP_1,
    CP_2,
    GATEWAY,
    GATEWAY_2,
    UPDATES_LOGIN,
    UPDATES_PASSWORD,
    install_tools,
    make_servers,
)
from tests.support.quick_vault import make_quick_vault
from tests.support.receiver import Receiver
from tests.support.takeover import TakeoverSites

REPOSITORY = Path(__file__).parents[2]
PEOPLES_PASSWORD = "peoples-password-5d20"
METRICS_TOKEN = "metrics-token-9e7a"


class World:
    """A running Airflow with this repository's DAGs, the sample's homes and databases, and a vault for each
    deployment. Everything lies in `directory`, into which PostgreSQL's account must be able to look."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stage = Stage(directory / "sample")
        self.deployments = directory / "deployments"
        self.slow_dump = SlowDump(directory / "slow-dump")
        self.brakes = Brakes(directory / "brakes")
        self.policy = AirflowPolicy(directory)
        self.people = Receiver()
        self.started = time.time()
        self._patch = pytest.MonkeyPatch()
        self._stack = ExitStack()

    def start(self) -> None:
        """Prepare the deployments and their vaults, and start Airflow."""
        self._stack.callback(self.people.stop)
        self.stage.prepare("small")
        self._stack.callback(self.stage.stop)
        self.servers = make_servers(self.directory / "updating")
        self.rolling = make_servers(self.directory / "rolling", (CP_1, CP_2, GATEWAY, GATEWAY_2))
        for double in (*self.servers.values(), *self.rolling.values()):
            self._stack.callback(double.end)
            install_tools(double.home)
        for double in self.rolling.values():
            self.brakes.fit(double)
        write_deployments(self.deployments, {"updating": self.servers, "rolling": self.rolling})
        (self.directory / "takeover").mkdir(mode=0o711)
        # Long enough that also a busy worker sees a thing being made, and leaves the waiting to the triggerer.
        self.lost = TakeoverSites(self.directory / "takeover", "lost", seconds=5.0)
        self._stack.callback(self.lost.stop)
        self.lost.write(self.deployments)
        for name, value in self.environment.items():
            self._patch.setenv(name, value)
        self._stack.callback(self._patch.undo)
        with ThreadPoolExecutor(max_workers=1) as pool:
            vaults = pool.submit(self._make_vaults)
            self.policy.fit(self.airflow.home)
            self.airflow.start(on_progress=print)
            self._stack.callback(self.airflow.stop)
            vaults.result()

    def stop(self) -> None:
        """End Airflow and PostgreSQL."""
        self._stack.close()

    @cached_property
    def environment(self) -> dict[str, str]:
        """What Airflow and this process need to reach the deployments."""
        stage = self.stage.environment()
        writer = json.loads(stage[environment_variable("lifeboat_vault_writer")])
        wrong = {**writer, "password": WRONG_VAULT_PASSWORD}
        service = {"path": self.people.url_with("lifeboat", PEOPLES_PASSWORD)}
        return {
            **stage,
            **own_environment(self.directory / "airflow", stage["LIFEBOAT_CATALOG"]),
            **self.slow_dump.environment(),
            **environment_of(*self.lost.connections().values()),
            environment_variable("wrong_vault_writer"): json.dumps(wrong),
            environment_variable(WEST_WRITER): json.dumps({"conn_type": "generic", "password": WEST_PASSWORD}),
            environment_variable("wso2_updates"): json.dumps(
                {"conn_type": "generic", "login": UPDATES_LOGIN, "password": UPDATES_PASSWORD}
            ),
            environment_variable("people"): json.dumps({"conn_type": "apprise", "extra": {"config": service}}),
            "LIFEBOAT_METRICS_TOKEN": METRICS_TOKEN,
            "LIFEBOAT_TESTS": str(self.directory),
            "LIFEBOAT_DEPLOYMENTS": str(self.deployments),
            "RESTIC_CACHE_DIR": str(self.directory / "restic-cache"),
        }

    @cached_property
    def airflow(self) -> AirflowServer:
        return AirflowServer(
            self.directory / "airflow",
            dags_folder=REPOSITORY / "dags",
            plugins_folder=REPOSITORY / "plugins",
            environment=self.environment,
            pools={"lifeboat_vault": 4},
            users={"watcher": "viewer"},
        )

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(URL.create("sqlite", database=self.environment["LIFEBOAT_CATALOG"]))

    @contextmanager
    def runtime(self, name: str) -> Iterator[Runtime]:
        """Yield what use-cases work with, as they would without Airflow."""
        with Runtime(find_deployment(name), from_environment) as runtime:
            yield runtime

    def vault_directory(self, name: str, site: str = "main") -> Path:
        return Path(find_deployment(name).sites[site].vault.repository)

    def scratch(self, name: str) -> Path:
        return Path(find_deployment(name).sites["main"].scratch)

    def snapshots(self, name: str, **tags: str) -> list[Snapshot]:
        """Return what a deployment's vault holds that carries these tags."""
        with self.runtime(name) as runtime:
            return runtime.vault("main").snapshots({"deployment": name, **tags})

    def make_point(self, name: str, age: timedelta = timedelta(0)) -> Manifest:
        """Make a restore point as the command line does, as it would have been so long ago. Only what a tree's
        capture says of its times is put back, a database's is not."""

        class Earlier(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) - age

        with self.runtime(name) as runtime, pytest.MonkeyPatch.context() as patch:
            patch.setattr("lifeboat.capture.datetime", Earlier)
            patch.setattr("lifeboat.engines.tree.datetime", Earlier)
            signed = make_point(runtime, "system_backup")
        self.catalog.add_point(signed)
        return signed.manifest

    def admit_housekeeper(self, name: str) -> None:
        """Let the housekeeper's password open a deployment's vault; a quick vault has the writer's alone."""
        with self.runtime(name) as runtime:
            runtime.vault("main").admit(runtime.housekeeper("main"))

    def verdict(self, name: str, point: str) -> str:
        """Return what the catalog says of a restore point: `good`, `failed` or `unproven`."""
        return self.catalog.point(name, point).verdict

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> Run:
        """Let a DAG run, start a run of it, and return that."""
        self.airflow.unpause(dag_id)
        return Run(self.airflow, dag_id, self.airflow.trigger(dag_id, conf))

    def runs(self, dag_id: str) -> list[Run]:
        """Return the runs of a DAG, oldest first."""
        return [Run(self.airflow, dag_id, run["dag_run_id"]) for run in self.airflow.dag_runs(dag_id)]

    def all_runs(self) -> list[Run]:
        return [run for dag in self.airflow.dags() for run in self.runs(dag["dag_id"])]

    def secrets(self) -> dict[str, str]:
        """Return every secret that Lifeboat was given, by a name for messages. The password of WSO2's embedded
        databases is none: it is in every pack, and a word of many file names."""
        found = {
            "wrong vault password": WRONG_VAULT_PASSWORD,
            "people's password": PEOPLES_PASSWORD,
            "token for metrics": METRICS_TOKEN,
        }
        for variable in self.environment:
            if variable.startswith("AIRFLOW_CONN_"):
                found[variable] = from_environment(variable.removeprefix("AIRFLOW_CONN_").lower()).password
        found = {variable: password for variable, password in found.items() if password}
        del found[environment_variable("wso2_h2")]
        return found

    def _make_vaults(self) -> None:
        writers = {"main": "lifeboat_vault_writer", "west": WEST_WRITER}
        for deployment in load_all()[0]:
            for site in deployment.sites if deployment.name != self.lost.name else ():  # those are in buckets
                make_quick_vault(self.vault_directory(deployment.name, site), from_environment(writers[site]).password)
