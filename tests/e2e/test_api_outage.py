"""An API server that does not answer for a while costs no backup, though tasks report to it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.processes import command_lines
from tests.e2e.world import World

# More than a task waits for one answer, so that it has to ask again.
OUTAGE_SECONDS = 35


def test_a_capture_survives_an_api_server_that_stands_still(world: World) -> None:
    dag_id = "outage.system_backup"
    with world.slow_dump.held(dag_id):
        run = world.trigger(dag_id)
        world.slow_dump.wait_until_reached(dag_id)
        with _standing_still(_api_servers(world)):
            time.sleep(OUTAGE_SECONDS / 2)
            (world.slow_dump.directory / "holds" / dag_id).unlink()
            time.sleep(OUTAGE_SECONDS / 2)
    run.wait()
    assert {task["try_number"] for task in run.tasks().values()} == {1}


def _api_servers(world: World) -> set[int]:
    port = world.airflow.url.rpartition(":")[2]
    found = {pid for pid, text in command_lines().items() if "airflow api_server" in text and f"port:{port}" in text}
    assert found
    return found


@contextmanager
def _standing_still(processes: set[int]) -> Iterator[None]:
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
