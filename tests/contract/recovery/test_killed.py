"""A swap of two databases and two homes, killed by SIGKILL once at every step: it ends all new, or all old."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest

from lifeboat.engines.postgres import facts as proofs
from lifeboat.host import Host
from lifeboat.recovery import put_back, restore_unit, swap
from lifeboat.recovery_documents import RecoveryPlan
from tests.support.miniature import DATABASE, DATABASES, HOME
from tests.support.recoverable import SECOND_HOME, Recoverable

#: Kills the worker, which is the parent, and itself before one of the calls by which homes are exchanged.
_ON_THE_HOST = """
import os, signal, subprocess

def killing(function):
    def called(*arguments, **options):
        with open(os.environ["KILL_COUNT"], "a") as file:
            file.write("x")
        if os.path.getsize(os.environ["KILL_COUNT"]) == int(os.environ["KILL_AT"]):
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return called

os.rename, subprocess.run = killing(os.rename), killing(subprocess.run)
"""


@pytest.fixture
def prepared(deployment: Recoverable) -> Iterator["Prepared"]:
    """Everything restored beside what is live, and nothing exchanged yet."""
    point = deployment.point(drilled=False).manifest.id
    made = Prepared(deployment)
    made.then = made.live()
    deployment.change()
    made.now = made.live()
    units = (DATABASE, HOME, SECOND_HOME)
    plan = deployment.begun(point=point, unproven=True, units=tuple(map(str, units))).plan
    made.plan = plan.model_copy(update={"servers": ()})  # there are no servers to look after
    for unit in units:
        restore_unit(deployment.runtime, made.plan, unit)
    yield made


class Prepared:
    """A recovery just before its swap."""

    plan: RecoveryPlan
    then: Any
    now: Any

    def __init__(self, deployment: Recoverable) -> None:
        self.deployment = deployment

    def live(self) -> Any:
        """Return what is live of the two databases and homes: the digests of all rows, and every file."""
        found = {}
        for name in DATABASES:
            with psycopg.connect(self.deployment.mini.postgres.admin_conninfo, dbname=name) as session:
                found[name] = proofs.table_facts(session)
        for unit in (HOME, SECOND_HOME):
            root = self.deployment.directory_of(unit)
            files = [path for path in sorted(root.rglob("*")) if path.is_file()]
            found[str(unit)] = {str(path.relative_to(root)): path.read_bytes() for path in files}
            found[str(unit)].pop("repository/logs/wso2carbon.log")
            found[str(unit)].pop("wso2carbon.pid", None)
        return found

    def killed(self, prepare: Callable[[], object]) -> bool:
        """Swap in a process of its own, after `prepare` ran there, and return whether it was killed."""
        child = os.fork()
        if child == 0:
            try:
                prepare()
                swap(self.deployment.runtime, self.plan)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)

    def ends_all_old_and_all_new(self, prepare: Callable[[], object]) -> bool:
        """Kill a swap and undo it; kill it again and finish it; undo that. Return False if it was not killed."""
        runtime = self.deployment.runtime
        killed = self.killed(prepare)
        put_back(runtime, self.plan)
        assert self.live() == self.now
        if killed:
            assert self.killed(prepare)
            swap(runtime, self.plan)
            assert self.live() == self.then
            put_back(runtime, self.plan)
        return killed


def _is_change(_: object, what: Any, *__: object) -> bool:
    """Return whether a statement changes something, or an errand to a host does; pinning a session does not."""
    return not isinstance(what, str | bytes) or "terminate" in str(what) or what.startswith("lifeboat.tree")


@pytest.mark.timeout(900)
def test_a_worker_killed_at_any_step(prepared: Prepared) -> None:
    """Before each statement that changes the server, and each errand to a host."""

    def kill_at(number: int) -> None:
        calls = [0]

        def counting(function: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any, **options: Any) -> Any:
                calls[0] += _is_change(*arguments)
                if calls[0] == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)

            return called

        mock.patch.object(psycopg.Connection, "execute", counting(psycopg.Connection.execute)).start()
        mock.patch.object(Host, "run_python", counting(Host.run_python)).start()

    number = 1
    while prepared.ends_all_old_and_all_new(partial(kill_at, number)):
        number += 1
    # Four databases are closed, four renamed, those opened or kept closed, sessions ended; then two homes.
    assert number > 13 + 2 * 4


def test_a_host_that_dies_in_the_middle_of_an_exchange(prepared: Prepared, tmp_path: Path) -> None:
    """Before each copying and each renaming of a home."""
    (tmp_path / "sitecustomize.py").write_text(_ON_THE_HOST)
    count = tmp_path / "count"

    def kill_at(number: int) -> None:
        count.unlink(missing_ok=True)
        os.environ |= {"PYTHONPATH": str(tmp_path), "KILL_AT": str(number), "KILL_COUNT": str(count)}

    number = 1
    while prepared.ends_all_old_and_all_new(partial(kill_at, number)):
        number += 1
    assert number == 7  # a copy and two renamings for each home, and then there was nothing left to be killed at
