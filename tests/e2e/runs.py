"""One run of a DAG, as tests look at it."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from lifeboat.sample.airflow_server import AirflowServer

# Longer than several rounds of the scheduler, shorter than a person who reads.
PERSON_SECONDS = 4.0


class Run:
    """A run of a DAG in the tests' Airflow."""

    def __init__(self, airflow: AirflowServer, dag_id: str, run_id: str) -> None:
        self.airflow = airflow
        self.dag_id = dag_id
        self.run_id = run_id
        self.path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"

    def wait(self, expected: str = "success", timeout: float = 180.0) -> "Run":
        """Wait for the end and fail, with the log of a failed task, unless it is as expected."""
        state = self.airflow.wait(self.dag_id, self.run_id, timeout=timeout)
        if state != expected:
            failed = [name for name, task in self.tasks().items() if task["state"] == "failed"]
            logs = "\n".join(f"--- {name}\n{self.log(name)[-4000:]}" for name in failed[:2])
            pytest.fail(f"{self.dag_id} {self.run_id} ended as {state}, not {expected}; failed: {failed}\n{logs}")
        return self

    def facts(self) -> dict[str, Any]:
        """Return what Airflow tells of the run."""
        return next(run for run in self.airflow.dag_runs(self.dag_id) if run["dag_run_id"] == self.run_id)

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Return the task instances by name, such as `seal` or `capture home/apim-cp-1`."""
        return {_name(task): task for task in self.airflow.task_instances(self.dag_id, self.run_id)}

    def states(self) -> dict[str, str]:
        """Return the state of each task instance."""
        return {name: task["state"] for name, task in self.tasks().items()}

    def log(self, name: str, try_number: int | None = None) -> str:
        """Return the log of a task instance's try, by default the latest."""
        task = self.tasks()[name]
        return self.airflow.task_log(self.dag_id, self.run_id, task["task_id"], task["map_index"], try_number)

    def result(self, name: str) -> Any:
        """Return what a task instance returned."""
        task = self.tasks()[name]
        return self.airflow.xcom(self.dag_id, self.run_id, task["task_id"], task["map_index"])

    def asks(self, task: str = "approve") -> None:
        """Wait until a person is asked."""
        eventually(lambda: self.states().get(task) == "awaiting_input", f"{self.run_id} asks for {task}", 180)

    def answer(self, option: str, task: str = "approve") -> None:
        """Answer as a person does in the form, and no sooner.

        The scheduler still has to learn that the worker ended which asked. An answer before that starts the task anew
        while the end of the first worker is unread, and then counts as that of the second.
        """
        self.asks(task)
        time.sleep(PERSON_SECONDS)
        self.airflow.answer(self.dag_id, self.run_id, task, [option])

    def fail(self) -> None:
        """Mark the run as failed, as a person does who wants it to stop."""
        self.airflow.request("PATCH", self.path, json={"state": "failed"})

    def clear(self, *names: str) -> None:
        """Have task instances and all that comes after them done again; everything, if none is named."""
        tasks = [self.tasks()[name] for name in names]
        chosen = [(task["task_id"], task["map_index"]) for task in tasks] if names else None
        self.airflow.clear(self.dag_id, self.run_id, chosen)


def _name(task: dict[str, Any]) -> str:
    # A mapped task that never ran has no name of its own yet.
    return f"{task['task_id']} {task['rendered_map_index'] or ''}".strip()


def eventually(condition: Callable[[], Any], what: str, timeout: float = 60.0) -> Any:
    """Return what `condition` returns as soon as that is true. Fail with `what` when it does not become so."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"Not within {timeout:.0f} s: {what}")
        time.sleep(0.2)
    return found
