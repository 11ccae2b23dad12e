"""What a person does in Airflow's pages, as method calls over its REST API."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from lifeboat.errors import LifeboatError

Progress = Callable[[str], None]

_PAGE = 100
_POLL_SECONDS = 1.0
_LOCKED, _LOCKED_SECONDS = "Database is locked", 60.0
_FINISHED_RUN = {"success", "failed"}
_FINISHED_TASK = {"success", "failed", "skipped", "upstream_failed", "removed"}


class AirflowError(LifeboatError):
    """Airflow did not start, refused a request, or did not finish in time."""


class AirflowClient:
    """One user's access to the Airflow at `url`."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self.username = username
        self.password = password
        # SQLite's one writer may keep the others waiting for a minute.
        self._http = httpx.Client(base_url=url, timeout=120)

    def as_user(self, username: str, password: str) -> "AirflowClient":
        """Return the access of another user to the same Airflow."""
        return AirflowClient(self.url, username, password)

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """Given an HTTP method, a path below /api/v2 and httpx's arguments, return the answer's JSON.

        Raise AirflowError with Airflow's own words if the answer is not a success.
        """
        if "Authorization" not in self._http.headers:
            self._login()
        answer = self._http.request(method, f"/api/v2{path}", **arguments)
        if answer.is_error:
            raise AirflowError(
                f"Airflow refused {method} {path}: {answer.status_code} {answer.text}",
                next_step=f"look at the message, and at {self.url} as user {self.username}",
            )
        return answer.json() if answer.content else None

    def _login(self) -> None:
        answer = self._http.post("/auth/token", json={"username": self.username, "password": self.password})
        if answer.is_error:
            raise AirflowError(
                f"Airflow at {self.url} refused the login of {self.username}: {answer.status_code}",
                next_step="check the user's name and password",
            )
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ensure_pool(self, name: str, slots: int) -> None:
        """Make the pool `name` with so many slots; leave an existing one as it is."""
        if name not in {pool["name"] for pool in self._all("/pools", "pools")}:
            body = {"name": name, "slots": slots, "description": "Made by Lifeboat"}
            self.request("POST", "/pools", json=body)

    def import_errors(self) -> dict[str, str]:
        """Return the DAG files that Airflow could not load, each with its stack trace."""
        return {error["filename"]: error["stack_trace"] for error in self._all("/importErrors", "import_errors")}

    def dags(self) -> list[dict[str, Any]]:
        """Return every DAG that Airflow has loaded."""
        return self._all("/dags", "dags")

    def wait_for_dag(self, dag_id: str, timeout: float = 60) -> dict[str, Any]:
        """Return the DAG `dag_id` as soon as Airflow has loaded it.

        Raise AirflowError if it is not there after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            found = {dag["dag_id"]: dag for dag in self.dags()}
            if dag_id in found:
                return found[dag_id]
            if time.monotonic() > deadline:
                raise AirflowError(
                    f"Airflow has no DAG {dag_id} after {timeout:.0f} s; it has {sorted(found)}",
                    next_step=f"mend the DAG files that do not load: {self.import_errors() or 'none'}",
                )
            time.sleep(_POLL_SECONDS)

    def unpause(self, dag_id: str) -> None:
        """Let `dag_id` run, by its schedule too."""
        self.wait_for_dag(dag_id)
        self.request("PATCH", f"/dags/{_quoted(dag_id)}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, run_id: str | None = None) -> str:
        """Start a run of `dag_id` with `conf` over its params, and return the run's id.

        Raise AirflowError if the DAG is unknown, or paused: then the run would wait for ever.
        """
        if self.wait_for_dag(dag_id)["is_paused"]:
            raise AirflowError(f"The DAG {dag_id} is paused, its run would not start", next_step="unpause it first")
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf or {})}
        if run_id is not None:
            body["dag_run_id"] = run_id
        run = self.request("POST", f"/dags/{_quoted(dag_id)}/dagRuns", json=body)
        return str(run["dag_run_id"])

    def dag_runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the runs of `dag_id`, oldest first."""
        return self._all(f"/dags/{_quoted(dag_id)}/dagRuns", "dag_runs", order_by="id")

    def wait(self, dag_id: str, run_id: str, on_progress: Progress | None = None, timeout: float = 600) -> str:
        """Return the final state ("success" or "failed") of a run; tell `on_progress` of changes on the way.

        Raise AirflowError if the run has not finished after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        told = ""
        while True:
            state = str(self.request("GET", _run_path(dag_id, run_id))["state"])
            summary = f"{dag_id}: {state}, {_summary(self.task_instances(dag_id, run_id))}"
            if on_progress and summary != told:
                on_progress(summary)
                told = summary
            if state in _FINISHED_RUN:
                return state
            if time.monotonic() > deadline:
                raise AirflowError(
                    f"The run {run_id} has not finished after {timeout:.0f} s. {summary}",
                    next_step=f"look at the run's page in {self.url}",
                )
            time.sleep(_POLL_SECONDS)

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run, one for each index of a mapped task."""
        return self._all(f"{_run_path(dag_id, run_id)}/taskInstances", "task_instances")

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, key: str = "return_value") -> Any:
        """Return what a task handed on under `key`."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}/xcomEntries/{_quoted(key)}"
        return self.request("GET", path, params={"map_index": map_index})["value"]

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, try_number: int | None = None
    ) -> str:
        """Return the log of a task's try, by default the latest, as lines of text."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}"
        if try_number is None:
            instance = path if map_index == -1 else f"{path}/{map_index}"
            try_number = self.request("GET", instance)["try_number"]
        parameters: dict[str, Any] = {"map_index": map_index, "full_content": True}
        log = self.request("GET", f"{path}/logs/{try_number}", params=parameters)
        return "\n".join(_log_line(entry) for entry in log["content"])

    def clear(
        self,
        dag_id: str,
        run_id: str,
        task_ids: Sequence[str | tuple[str, int]] | None = None,
        *,
        downstream: bool = True,
        only_failed: bool = False,
    ) -> list[dict[str, Any]]:
        """Have tasks of a run done again (all of them if none are named), and return their instances."""
        body: dict[str, Any] = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": only_failed,
            "include_downstream": downstream,
        }
        if task_ids is not None:
            body["task_ids"] = list(task_ids)
        cleared = self.request("POST", f"/dags/{_quoted(dag_id)}/clearTaskInstances", json=body)
        return list(cleared["task_instances"])

    def create_backfill(
        self,
        dag_id: str,
        from_date: datetime,
        to_date: datetime,
        *,
        reprocess_behavior: str = "none",
        conf: Mapping[str, Any] | None = None,
        run_backwards: bool = False,
        max_active_runs: int = 2,
    ) -> int:
        """Run `dag_id` for each of its ticks from `from_date` to `to_date`, both included, few at once: this Airflow
        is on SQLite.

        Return the backfill's id. Raise AirflowError if another backfill of the DAG has not finished. On SQLite,
        Airflow gives up and undoes it when others write meanwhile; it is asked again for as long as that may last.
        """
        body = {
            "dag_id": dag_id,
            "from_date": from_date.isoformat(),
            "to_date": to_date.isoformat(),
            "reprocess_behavior": reprocess_behavior,
            "dag_run_conf": dict(conf or {}),
            "run_backwards": run_backwards,
            "max_active_runs": max_active_runs,
        }
        self.wait_for_dag(dag_id)
        deadline = time.monotonic() + _LOCKED_SECONDS
        while True:
            try:
                return int(self.request("POST", "/backfills", json=body)["id"])
            except AirflowError as error:
                if _LOCKED not in error.message or time.monotonic() > deadline:
                    raise
            time.sleep(_POLL_SECONDS)

    def backfill(self, backfill_id: int) -> dict[str, Any]:
        """Return a backfill. Airflow fills in `completed_at` up to 30 s after the last run has ended."""
        found: dict[str, Any] = self.request("GET", f"/backfills/{backfill_id}")
        return found

    def answer(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        chosen_options: Sequence[str],
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Answer a task that waits for a person, for example with `["Approve"]`."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}/-1/hitlDetails"
        body = {"chosen_options": list(chosen_options), "params_input": dict(params or {})}
        self.request("PATCH", path, json=body)

    def _all(self, path: str, field: str, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            parameters |= {"limit": _PAGE, "offset": len(found)}
            page = self.request("GET", path, params=parameters)
            found += page[field]
            if not page[field] or len(found) >= page["total_entries"]:
                return found


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}"


def _summary(instances: list[dict[str, Any]]) -> str:
    states = Counter(instance["state"] for instance in instances)
    finished = sum(count for state, count in states.items() if state in _FINISHED_TASK)
    text = f"{finished} of {len(instances)} tasks finished"
    for state in ("failed", "running", "awaiting_input"):
        names = [_task_name(instance) for instance in instances if instance["state"] == state]
        if names:
            text += f"; {state}: {', '.join(names)}"
    return text


def _task_name(instance: dict[str, Any]) -> str:
    if instance["map_index"] == -1:
        return str(instance["task_id"])
    return f"{instance['task_id']}[{instance['rendered_map_index'] or instance['map_index']}]"


def _log_line(entry: dict[str, Any]) -> str:
    line = f"{entry.get('timestamp', '')} {entry.get('level', '')} {entry['event']}".strip()
    stack = entry.get("error_detail")
    return f"{line} {json.dumps(stack)}" if stack else line
