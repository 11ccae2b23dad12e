"""A connection that is wrong or not set fails at once, and the message says which and what to do."""

import pytest

from tests.e2e.runs import Run
from tests.e2e.world import World


@pytest.fixture(scope="module")
def runs(world: World) -> dict[str, Run]:
    started = {name: world.trigger(f"{name}.system_backup") for name in ("stranger", "unset")}
    return {name: run.wait("failed") for name, run in started.items()}


def test_a_wrong_vault_password(world: World, runs: dict[str, Run]) -> None:
    run = runs["stranger"]
    assert run.states() == {"open": "failed", "capture 0": "upstream_failed", "seal": "upstream_failed"}
    assert run.tasks()["open"]["try_number"] == 1
    log = run.log("open")
    assert f"The password of vault '{world.vault_directory('stranger')}' is wrong" in log
    assert "Next: Correct the password of the vault's connection" in log


def test_a_connection_that_is_not_set(world: World, runs: dict[str, Run]) -> None:
    run = runs["unset"]
    name = "capture database/main-db"
    assert run.states() == {"open": "success", name: "failed", "seal": "upstream_failed"}
    assert run.tasks()[name]["try_number"] == 1
    log = run.log(name)
    assert "Connection 'nobody_set_this' is not set" in log
    assert "Next: Create it in Airflow (Admin, Connections) or set AIRFLOW_CONN_NOBODY_SET_THIS" in log
    assert [snapshot.tags["kind"] for snapshot in world.snapshots("unset")] == []
