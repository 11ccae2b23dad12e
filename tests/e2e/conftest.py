"""One Airflow with a real scheduler for all end-to-end tests, and the runs that several of them look at."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.runs import Run, eventually
from tests.e2e.world import World

LAST = ("test_twice.py", "test_what_is_left.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a session did, and what it leaves behind, is looked at in the end."""
    items.sort(key=lambda item: LAST.index(item.path.name) if item.path.name in LAST else -1)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A running Airflow with all deployments of the tests."""
    # Not pytest's own directory: only this account may enter that.
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-e2e-", dir="/var/tmp"))
    directory.chmod(0o711)
    world = World(directory)
    try:
        world.start()
        yield world
    finally:
        world.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def backup(world: World) -> Run:
    """A finished backup of the deployment `main`; drills of it may run."""
    world.airflow.unpause("main.restore_drill")
    return world.trigger("main.system_backup", {"reason": "before the storm"}).wait()


@pytest.fixture(scope="session")
def drill(world: World, backup: Run) -> Run:
    """The finished drill that the new restore point started by itself."""
    (run,) = eventually(lambda: world.runs("main.restore_drill"), "the drill that the backup's asset starts")
    return run.wait()
