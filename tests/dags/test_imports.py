"""Airflow parses the DAG files again and again: what takes long to import must wait until a task runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("airflow.providers", "alembic", "boto3", "paramiko", "psycopg", "restic", "rich", "sqlalchemy")

#: The task that waits for an approval is of Airflow's standard provider, which imports little.
LIGHT = ("airflow.providers.standard", "airflow.providers.common.compat")

#: Airflow itself loads some of these for any DAG with a task: what a file adds is counted.
_PROGRAM = """
import json, runpy, sys
from airflow.sdk import DAG, BaseHook, BaseOperator
with DAG("any"):
    BaseOperator(task_id="one") >> BaseOperator.partial(task_id="many").expand(doc_md=["a", "b"])
before = set(sys.modules)
runpy.run_path(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("file", sorted((REPOSITORY / "dags").glob("*.py")), ids=lambda file: file.name)
def test_a_dag_file_imports_nothing_heavy(tmp_path: Path, file: Path) -> None:
    loaded = _loaded_by(tmp_path, file)
    assert "lifeboat.deployment_file" in loaded
    assert [name for name in loaded if _is_heavy(name)] == []


def test_a_heavy_import_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "heavy.py"
    file.write_text("import psycopg\nimport sqlalchemy.dialects.mssql\n")
    assert {name for name in _loaded_by(tmp_path, file) if _is_heavy(name)} >= {"psycopg", "sqlalchemy.dialects.mssql"}


def _loaded_by(directory: Path, file: Path) -> list[str]:
    """Return the modules that a fresh Python loads for a DAG file, beside what any DAG needs."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(directory),
        "PYTHONPATH": f"{REPOSITORY / 'include'}:{REPOSITORY / 'plugins'}",
        "LIFEBOAT_DEPLOYMENTS": str(REPOSITORY / "include/deployments"),
    }
    argv = [sys.executable, "-c", _PROGRAM, str(file)]
    done = subprocess.run(argv, env=environment, cwd=directory, check=True, stdout=subprocess.PIPE, text=True)
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def _is_heavy(name: str) -> bool:
    packages = {package.rpartition(".")[0] for package in LIGHT}
    return name.startswith(HEAVY) and not name.startswith(LIGHT) and name not in packages
