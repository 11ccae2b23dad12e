"""What all operators share: errors that are tried again or not, connections, and the end of a killed task."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from rich.console import Console

from lifeboat import errors
from lifeboat.errors import ConfigurationError, LifeboatError
from lifeboat.process_tree import descendants
from lifeboat.processes import KILLED_GRACE_SECONDS
from lifeboat_airflow.base import LifeboatOperator, airflow_connection, log_table, permanent_errors_fail
from tests.support.waiting import eventually

PERMANENT = (errors.ConfigurationError, errors.PointError, errors.VaultPasswordError, errors.SpaceError)
# Then it kills the task's process group, and nobody clears a vault's lock.
AIRFLOWS_PATIENCE_SECONDS = 5
PASSING = (errors.UnreachableError, errors.VaultLockedError, errors.VaultBusyError)


class Raising(LifeboatOperator):
    """An operator whose work ends with an error."""

    def __init__(self, *, error: Exception, **kwargs: Any) -> None:
        super().__init__(task_id="raising", deployment="sample", **kwargs)
        self.error = error

    def run(self, runtime: Any, context: Any) -> Any:
        assert runtime.deployment.name == "sample"
        raise self.error


@pytest.mark.parametrize("kind", PERMANENT)
@pytest.mark.usefixtures("sample_deployment")
def test_what_is_permanent_fails_at_once_and_says_the_next_step(kind: type[LifeboatError]) -> None:
    error = kind("The thing is wrong.", next_step="Mend the thing.")
    with pytest.raises(AirflowFailException, match=r"The thing is wrong\.\n  Next: Mend the thing\.") as caught:
        Raising(error=error).execute({})
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.usefixtures("sample_deployment")
def test_what_may_pass_is_left_for_airflow_to_try_again(kind: type[LifeboatError]) -> None:
    error = kind("The thing is away.")
    with pytest.raises(kind) as caught:
        Raising(error=error).execute({})
    assert caught.value is error


def test_a_fault_of_ours_is_not_taken_for_a_permanent_error() -> None:
    with pytest.raises(ZeroDivisionError), permanent_errors_fail():
        _ = 1 / 0


@pytest.mark.usefixtures("sample_deployment")
def test_a_deployment_that_is_gone_fails_at_once_and_names_those_there_are() -> None:
    operator = Raising(error=ValueError("never reached"))
    operator.deployment = "gone"
    with pytest.raises(AirflowFailException, match=r"no deployment 'gone'[\s\S]*Use one of: sample"):
        operator.execute({})


def test_a_deployment_file_is_read_anew_when_the_task_runs(sample_deployment: Path) -> None:
    operator = Raising(error=ValueError("reached"))
    sample_deployment.write_text("name: sample\nversion: 7\n")
    with pytest.raises(AirflowFailException, match=r"sample\.yaml:2: version"):
        operator.execute({})


def test_every_field_of_a_connection_comes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WHOLE", "postgres://us%40er:p%2Fw@db.example:5433/main?sslmode=require")
    whole = airflow_connection("whole")
    assert (whole.id, whole.type, whole.host, whole.port) == ("whole", "postgres", "db.example", 5433)
    assert (whole.login, whole.password, whole.schema) == ("us@er", "p/w", "main")
    assert whole.extra == {"sslmode": "require"}

    monkeypatch.setenv("AIRFLOW_CONN_BARE", json.dumps({"conn_type": "generic", "extra": {"region": "eu-west-1"}}))
    bare = airflow_connection("bare")
    assert (bare.host, bare.port, bare.login, bare.password, bare.schema) == ("", None, "", "", "")
    assert bare.extra == {"region": "eu-west-1"}
    assert "p/w" not in repr(whole)


def test_a_connection_that_is_set_nowhere_is_named_with_the_ways_to_set_it() -> None:
    with pytest.raises(ConfigurationError, match="'no_such_one' is not set") as caught:
        airflow_connection("no_such_one")
    assert "Admin, Connections" in caught.value.next_step
    assert "AIRFLOW_CONN_NO_SUCH_ONE" in caught.value.next_step


_KILLED_TASK = """
import signal, sys
import tests.support.airflow_home
from lifeboat.processes import Process
from lifeboat_airflow.base import LifeboatOperator

operator = LifeboatOperator(task_id="killed", deployment="sample")
signal.signal(signal.SIGTERM, lambda number, frame: operator.on_kill())
children = [Process(["sleep", "600"]), Process(["sh", "-c", "trap '' INT TERM; sleep 600 & wait; sleep 600"])]
print("ready", flush=True)
sys.exit(sum(child.wait() == 0 for child in children))
"""


def test_a_killed_task_ends_its_children_and_theirs() -> None:
    assert KILLED_GRACE_SECONDS < AIRFLOWS_PATIENCE_SECONDS / 2
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    argv = [sys.executable, "-c", _KILLED_TASK]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as task:
        assert task.stdout is not None
        while task.stdout.readline() != "ready\n":
            assert task.poll() is None
        assert eventually(lambda: len(descendants(task.pid)) >= 3)
        children = descendants(task.pid)
        task.terminate()
        assert task.wait(timeout=30) == 0
    assert [child for child in children if child.living] == []


def test_tables_go_into_the_log_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    def print_table(console: Console) -> None:
        console.print("first " + "x" * 120, highlight=False)
        console.print("[bold red]second[/]")

    with caplog.at_level(logging.INFO, logger="lifeboat_airflow.base"):
        log_table(print_table)
    assert [record.getMessage() for record in caplog.records] == ["first " + "x" * 120, "second"]
