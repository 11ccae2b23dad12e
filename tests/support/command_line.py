"""Runs `lifeboat` as a person does: in a process of its own, or, where it is enough, in this one."""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from lifeboat.cli import main

INCLUDE = Path(__file__).parents[2] / "include"


@dataclass(frozen=True)
class Ended:
    """What a run of the command line left."""

    status: int
    stdout: str
    stderr: str


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the tests' environment without what reaches Lifeboat or Airflow, and with what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LIFEBOAT_", "AIRFLOW"))}
    return {**kept, "PYTHONPATH": str(INCLUDE), **environment}


def lifeboat(environment: Mapping[str, str], *arguments: str) -> Ended:
    """Run `lifeboat` with arguments, and return how it ended; a trace is never a right answer."""
    done = subprocess.run(
        [sys.executable, "-m", "lifeboat.cli", *arguments],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def lifeboat_here(environment: Mapping[str, str], *arguments: str) -> Ended:
    """Run `lifeboat` in this process, which saves the second that it takes to start."""
    stdout, stderr, status = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.dict(os.environ, clean_environment(environment), clear=True),
        mock.patch.object(sys, "argv", ["lifeboat", *arguments]),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ended(status, stdout.getvalue(), stderr.getvalue())
