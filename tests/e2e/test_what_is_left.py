"""After all other tests: no secret in what Airflow keeps, and nothing left of the production data in drills."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.processes import command_lines
from tests.e2e.runs import Run
from tests.e2e.world import World

XCOM_LIMIT_BYTES = 48_000


def test_no_secret_is_in_any_log_or_in_airflows_database(world: World, drill: Run) -> None:
    secrets = world.secrets()
    assert len(secrets) >= 5
    logs = list((world.airflow.home / "logs").rglob("*.log"))
    task_logs = [file for file in logs if "dag_id=" in str(file)]
    assert len(task_logs) >= 16
    kept = [*logs, world.airflow.log_file, *world.airflow.home.glob("airflow.db*")]
    assert world.airflow.home / "airflow.db" in kept
    assert [(str(file), name) for file in kept for name in _found(file, secrets)] == []


def test_what_tasks_hand_on_is_small(world: World, drill: Run) -> None:
    sizes = {_place(entry): len(str(value)) for entry, value in _xcoms(world)}
    assert {place for place, size in sizes.items() if size > XCOM_LIMIT_BYTES} == set()
    assert len(sizes) >= 16


def test_drills_have_left_no_files(world: World, drill: Run) -> None:
    drilled = [run for run in world.all_runs() if run.dag_id.endswith(".restore_drill")]
    assert drilled
    assert world.scratch("main").is_dir()
    assert list((world.directory / "scratch").rglob("drill-*")) == []


def test_drills_have_left_no_processes(world: World, drill: Run) -> None:
    scratch = str(world.directory / "scratch")
    assert {pid: text for pid, text in command_lines().items() if scratch in text} == {}


def _found(file: Path, secrets: dict[str, str]) -> list[str]:
    content = file.read_bytes()
    return [name for name, secret in secrets.items() if secret.encode() in content]


def _xcoms(world: World) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield all that tasks have handed on: what Airflow lists of it, and its value."""
    for run in world.all_runs():
        for task in run.tasks().values():
            task_id, map_index = task["task_id"], task["map_index"]
            parameters = {"map_index": map_index, "limit": 100}
            answer = world.airflow.request("GET", f"{run.path}/taskInstances/{task_id}/xcomEntries", params=parameters)
            for entry in answer["xcom_entries"]:
                yield entry, world.airflow.xcom(run.dag_id, run.run_id, task_id, map_index, entry["key"])


def _place(entry: dict[str, Any]) -> str:
    return "/".join(str(entry[key]) for key in ("dag_id", "run_id", "task_id", "map_index", "key"))
