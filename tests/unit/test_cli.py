"""The command line by itself: how it is installed, what it prints, and that it needs no Airflow."""

import base64
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support.command_line import clean_environment, lifeboat, lifeboat_here

ROOT = Path(__file__).parents[2]

#: Refuses Airflow and imports all of Lifeboat, then checks a deployment file.
WITHOUT_AIRFLOW = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("airflow", "lifeboat_airflow"):
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
import lifeboat
names = [module.name for module in pkgutil.walk_packages(lifeboat.__path__, "lifeboat.")]
names = [name for name in names if ".migrations" not in name]  # scripts that Alembic runs
assert len(names) > 60, names
for name in names:
    importlib.import_module(name)
from lifeboat.cli import main
sys.argv = ["lifeboat", "validate", "sample", "--file-only"]
main()
"""


def test_airflow_is_never_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AIRFLOW],
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "sample: the file is good.\n"), done.stderr


def test_the_installed_command_shows_errors_without_a_trace() -> None:
    """It must go through `main`, which turns a LifeboatError into a message and status 1."""
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["lifeboat"]
    module, _, function = script.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    program = (
        f"import sys; from {module} import {function}; sys.argv[1:] = ['points', 'nobody']; sys.exit({function}())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment({}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: There is no deployment 'nobody' in ")
    assert "\n  Next: Use one of: lifeboat, sample; " in done.stderr


def test_the_reference_of_the_deployment_file_is_current() -> None:
    printed = lifeboat({}, "schema")
    assert printed.status == 0
    written = (ROOT / "docs/deployment-reference.md").read_text(encoding="utf-8")
    assert printed.stdout == written, "run `lifeboat schema --write docs/deployment-reference.md`"


def test_the_reference_is_written_to_a_file(tmp_path: Path) -> None:
    assert lifeboat_here({}, "schema", "--write", str(tmp_path / "new/keys.md")).status == 0
    assert (tmp_path / "new/keys.md").read_text() == (ROOT / "docs/deployment-reference.md").read_text()


def test_wrong_usage_has_a_status_of_its_own() -> None:
    for arguments in (["nonsense"], ["drill"], ["drill", "sample", "--jobs", "0"], ["backup", "sample", "--job"]):
        ended = lifeboat_here({}, *arguments)
        assert ended.status == 2, arguments
        assert "Usage: " in ended.stderr


def test_help_names_every_command() -> None:
    ended = lifeboat_here({}, "--help")
    assert ended.status == 0
    for command in (
        "validate",
        "backup",
        "drill",
        "points",
        "status",
        "metrics",
        "show",
        "restore",
        "runbook",
        "catalog",
        "vault",
        "key",
        "schema",
    ):
        assert command in ended.stdout


def test_a_new_key_signs(tmp_path: Path) -> None:
    keys = [lifeboat_here({}, "key", "new").stdout.strip() for _ in range(2)]
    assert keys[0] != keys[1]
    assert all(len(base64.b64decode(key, validate=True)) == 32 for key in keys)
    environment = {"AIRFLOW_CONN_LIFEBOAT_SIGNING": f'{{"password": "{keys[0]}"}}'}
    public = lifeboat_here(environment, "key", "public", "sample")
    assert public.status == 0
    assert len(base64.b64decode(public.stdout.strip(), validate=True)) == 32
    assert keys[0] not in public.stdout + public.stderr


def test_the_clones_own_command_runs_from_anywhere(tmp_path: Path) -> None:
    link = tmp_path / "lifeboat"
    link.symlink_to(Path(__file__).parents[2] / "bin/lifeboat")
    done = subprocess.run([link, "recover", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Usage: lifeboat recover" in done.stdout
