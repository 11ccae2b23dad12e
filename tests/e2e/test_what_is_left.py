"""After all other tests: no secret where none belongs, and nothing left of the production data in drills."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lifeboat.documents import read_all
from lifeboat.manifest import to_json
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


def test_no_secret_is_in_the_arguments_of_any_program(world: World, drill: Run) -> None:
    secrets, arguments = world.secrets(), world.policy.arguments()
    assert {"restic", "pg_dump", "python3"} <= {Path(argv[0]).name for argv in arguments}
    assert len(arguments) >= 100
    found = {(argv[0], name) for argv in arguments for name in secrets if any(secrets[name] in word for word in argv)}
    assert found == set()


def test_no_secret_is_in_any_document_of_a_vault(world: World, drill: Run) -> None:
    secrets, documents = world.secrets(), 0
    for name in ("main", "before", "updating", "returning"):
        with world.runtime(name) as runtime:
            manifests, evidence, _ = read_all(runtime.vault("main"), runtime.signer(), name)
            texts = [to_json(each) for each in (*(signed.manifest for signed in manifests), *evidence)]
            documents += len(texts)
        assert [(name, secret) for text in texts for secret in secrets if secrets[secret].encode() in text] == []
    assert documents >= 2


def test_no_secret_is_in_a_file_that_was_left_behind(world: World, drill: Run) -> None:
    """Temporary files are gone, and nothing of ours beside the vaults holds a secret but what keeps the sample's."""
    secrets = world.secrets()
    places = [Path(tempfile.gettempdir()), world.directory / "scratch", world.directory / "packs"]
    files = [path for place in places if place.exists() for path in _young_files(place, world.started)]
    assert [(str(path), name) for path in files for name in _found(path, secrets)] == []


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


def _young_files(place: Path, since: float) -> Iterator[Path]:
    """Yield the files below a directory that were written after a time and can be read, small ones alone."""
    for directory, _, names in os.walk(place):
        for path in (Path(directory) / name for name in names):
            with suppress(OSError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and status.st_mtime >= since and status.st_size < 10_000_000:
                    yield path


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
