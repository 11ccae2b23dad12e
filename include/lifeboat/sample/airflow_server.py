"""A whole Airflow of our own on this machine: for the sample run, and for tests that need a real scheduler.

It is `airflow standalone`: SQLite, LocalExecutor, the simple login, all on the loopback address. Production
runs from docker-compose.yaml instead.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from lifeboat.sample import process_keeper
from lifeboat.sample.airflow_client import AirflowClient, AirflowError, Progress
from lifeboat.sample.airflow_settings import (
    airflow_environment,
    keep_environment,
    remembered_ports,
    remembered_secrets,
)

_ADMIN = "admin"
_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
}
_LOG_TAIL_LINES = 40
# An idle Airflow stops within 5 s. One with running tasks waits for them: tasks of hours are ended after this.
_GRACE_SECONDS = 15


class AirflowServer(AirflowClient):
    """An Airflow whose state lies in one directory, used as its user `admin`.

    `users` maps further users to their roles (viewer, user, op or admin); `passwords` has every user's
    password. `environment` is added to Airflow's, for example connections as `AIRFLOW_CONN_*`; `pools` maps
    the pools that are to be there to their slots.
    """

    def __init__(
        self,
        state_directory: Path,
        *,
        dags_folder: Path,
        plugins_folder: Path,
        environment: Mapping[str, str] | None = None,
        pools: Mapping[str, int] | None = None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.home = state_directory.resolve()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log_file = self.home / "airflow.log"
        all_users = {_ADMIN: "admin", **(users or {})}
        ports = remembered_ports(self.home)
        keys = remembered_secrets(self.home, list(all_users))
        keep_environment(self.home, environment or {}, keys, all_users)
        self.passwords = keys.passwords
        self._pools = pools or {}
        self._keeper: subprocess.Popen[bytes] | None = None
        self._environment = airflow_environment(
            self.home,
            dags_folder=dags_folder.resolve(),
            plugins_folder=plugins_folder.resolve(),
            ports=ports,
            keys=keys,
            users=all_users,
        ) | dict(environment or {})
        super().__init__(f"http://127.0.0.1:{ports.api}", _ADMIN, keys.passwords[_ADMIN])

    def start(self, on_progress: Progress | None = None, timeout: float = 180) -> None:
        """Start Airflow and return when all its parts are at work and the pools exist.

        Raise AirflowError, with the end of its log, if that takes more than `timeout` seconds; then
        nothing is left running.
        """
        if self._keeper is not None:
            raise AirflowError(f"The Airflow in {self.home} runs already", next_step="stop it first")
        started = datetime.now(UTC)
        self._keeper = self._start_keeper()
        try:
            self._wait_until_healthy(started, on_progress or (lambda _: None), timeout)
            # The API builds the part that tasks talk to on first use, and that takes some seconds.
            httpx.get(f"{self.url}/execution/health", timeout=timeout).raise_for_status()
            for name, slots in self._pools.items():
                self.ensure_pool(name, slots)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End Airflow and every process it has started, if there are any, and return when none is left."""
        if self._keeper is None:
            return
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()
        self._keeper = None

    def _start_keeper(self) -> subprocess.Popen[bytes]:
        airflow = [sys.executable, "-m", "airflow", "standalone"]
        command = [sys.executable, process_keeper.__file__, str(_GRACE_SECONDS), *airflow]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self.home,
                start_new_session=True,  # so that Ctrl-C reaches us alone, and we end Airflow in order
            )

    def _wait_until_healthy(self, started: datetime, on_progress: Progress, timeout: float) -> None:
        assert self._keeper is not None
        begin = time.monotonic()
        told: list[str] | None = None
        while waiting_for := self._unhealthy_parts(started):
            seconds = time.monotonic() - begin
            if self._keeper.poll() is not None:
                raise self._start_error(f"Airflow ended while it was starting, after {seconds:.0f} s")
            if seconds > timeout:
                raise self._start_error(f"Airflow is not ready after {seconds:.0f} s: {', '.join(waiting_for)} missing")
            if waiting_for != told:
                on_progress(f"Airflow is starting ({seconds:.0f} s); waiting for: {', '.join(waiting_for)}")
                told = waiting_for
            time.sleep(0.5)
        on_progress(f"Airflow is ready after {time.monotonic() - begin:.0f} s at {self.url}")

    def _unhealthy_parts(self, started: datetime) -> list[str]:
        """Return the parts that have given no sign of life since `started`; an earlier run's do not count."""
        health: dict[str, Any] = {}
        with suppress(httpx.TransportError):
            answer = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=10)
            if answer.is_success:
                health = answer.json()
        if not health:
            return ["api_server", *_HEARTBEATS]
        return [
            part
            for part, heartbeat in _HEARTBEATS.items()
            if health[part]["status"] != "healthy" or datetime.fromisoformat(health[part][heartbeat]) < started
        ]

    def _start_error(self, message: str) -> AirflowError:
        tail = self.log_file.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return AirflowError("\n".join([message, *tail]), next_step=f"read {self.log_file}")
