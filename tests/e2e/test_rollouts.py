"""Rollouts to four servers through the real scheduler: what fails or is killed at each step, and how it ends."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from lifeboat.update_documents import UpdateEvidence
from lifeboat.wso2.server import ServerControl
from tests.e2e.runs import Run, eventually
from tests.e2e.world import World
from tests.support.patchable import CP_1, CP_2, GATEWAY, GATEWAY_2, UPDATES_PASSWORD, behave, files

NAME, DATABASE = "rolling", "rolling_db"
SERVERS = (CP_1, CP_2, GATEWAY, GATEWAY_2)
UPDATE = f"update.{CP_2}"


class Rollout:
    """The deployment's servers and database."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.then = {server: files(self.home(server)) for server in SERVERS[1:]}
        self.run: Run | None = None

    def go_on(self) -> Run:
        """Begin the update to level 7 and approve it; or go on with it at the second server."""
        if self.run is None:
            self.run = self.world.trigger(f"{NAME}.product_update", {"level": 7, "reason": "level 7"})
            self.run.answer("Approve")
        else:
            self.run.clear(UPDATE)
        return self.run

    def home(self, server: str) -> Path:
        return self.world.rolling[server].home

    def levels(self) -> list[str | None]:
        found = []
        for server in SERVERS:
            config = self.home(server) / "updates/config.json"
            found.append(json.loads(config.read_text())["update-level"] if config.exists() else None)
        return found

    def are_running(self) -> bool:
        with self.world.runtime(NAME) as runtime:
            return all(ServerControl.of(runtime, server).state().running for server in SERVERS)

    def evidence(self) -> list[UpdateEvidence]:
        return [each for each in self.world.catalog.updates(NAME) if isinstance(each, UpdateEvidence)]

    def columns(self) -> list[str]:
        with self.connect() as session:
            found = session.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'item'::regclass AND attnum > 0")
            return [row[0] for row in found if not row[0].startswith("....")]

    def execute(self, statement: bytes) -> None:
        with self.connect() as session:
            session.execute(statement)

    def connect(self) -> psycopg.Connection[tuple[str, ...]]:
        return psycopg.connect(self.world.stage.postgres.admin_conninfo, dbname=DATABASE, autocommit=True)


@pytest.fixture(scope="module")
def rollout(world: World) -> Iterator[Rollout]:
    with psycopg.connect(world.stage.postgres.admin_conninfo, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {DATABASE}".encode())
    found = Rollout(world)
    with found.connect() as session:
        session.execute("CREATE TABLE item (name text)")
    with world.runtime(NAME) as runtime:
        for server in SERVERS:
            ServerControl.of(runtime, server).bring_up()
    yield found
    for double in world.rolling.values():
        double.end()


class Step(NamedTuple):
    """A step of an update, with what makes it fail: a brake on the server, or what its update tool does."""

    name: str
    said: str
    brake: str = ""
    tool: Mapping[str, Any] | None = None


STEPS = (
    Step("drain", "was not drained", brake="no-drain"),
    Step("stop", "did not end", brake="stop"),
    Step("update", "no space left on device", tool={"fail": "half"}),
    Step("revert", "the tool reverted", tool={"conflicts": ["repository/conf/deployment.toml"]}),  # its status 4
    Step("verify", "update level 7 was wanted, and is 0", tool={"fail": "wrong_level"}),
    Step("start", "ended before it had started", tool={"fail": "broken_server"}),
    Step("health", "is not healthy", tool={"fail": "unhealthy"}),
    Step("checks", "checks find what they did not find before", tool={"fail": "stray_patch"}),
)


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_what_fails_at_a_step_of_the_second_server_leaves_it_as_it_was(rollout: Rollout, step: Step) -> None:
    """One rollout, whose second server fails at one step after the other: a person corrects the cause and clears it."""
    if step.tool:
        behave(rollout.home(CP_2), **step.tool)
    if step.name == "update":
        rollout.execute(b"ALTER TABLE item ADD COLUMN of_level_7 text")
    with rollout.world.brakes.on(step.brake, CP_2):
        run = rollout.go_on()
        _wait_until_said(run, UPDATE, step.said)
    run.wait("failed", timeout=200)
    states, report = run.states(), run.log("report")
    assert (states[f"update.{CP_1}"], states[UPDATE]) == ("success", "failed")
    assert states[f"update.{GATEWAY}"] == states[f"update.{GATEWAY_2}"] == "upstream_failed"
    assert f"{CP_2} rolled back: " in report
    assert "Mixed levels" in report
    assert rollout.levels() == ["7", None, None, None]
    assert {server: files(rollout.home(server)) for server in rollout.then} == rollout.then
    assert rollout.are_running()
    last = rollout.evidence()[-1]
    assert (last.server, last.outcome, last.level_after) == (CP_2, "rolled_back", "level 0 (never updated)")
    assert bool(last.rollback) == (step.name not in ("drain", "stop"))
    assert states["databases"] == ("success" if step.name == "update" else "skipped")
    if step.name == "update":
        assert last.schema_changed == (f"database/main-db/{DATABASE}",)
        _bring_the_schema_back(rollout.world, rollout)


def test_when_nothing_fails_any_more_all_four_servers_are_updated(rollout: Rollout) -> None:
    run = rollout.go_on()
    run.wait(timeout=200)
    assert rollout.levels() == ["7"] * 4
    assert rollout.are_running()
    assert [each.outcome for each in rollout.evidence()[-3:]] == ["updated"] * 3
    assert UPDATES_PASSWORD not in "".join(run.log(f"update.{server}") for server in SERVERS)


def _bring_the_schema_back(world: World, rollout: Rollout) -> None:
    """A person is asked whether the databases come back, too, and approves."""
    (recovery,) = world.runs(f"{NAME}.recovery")
    assert rollout.columns() == ["name", "of_level_7"]
    recovery.answer("Approve")
    recovery.wait(timeout=300)
    assert rollout.columns() == ["name"]


def test_a_worker_killed_at_a_step_is_made_up_for_by_the_next_try(rollout: Rollout) -> None:
    behave(rollout.home(GATEWAY), fail="hang", hang_seconds=15)
    run = rollout.world.trigger(f"{NAME}.product_update", {"level": 8, "approve_first": False})
    for server, step in ((CP_1, "drain"), (CP_2, "stop"), (GATEWAY, "update"), (GATEWAY_2, "start")):
        with rollout.world.brakes.on("" if step == "update" else step, server):
            task = f"update.{server}"
            _wait_until_said(run, task, f"— {server}: {step}")
            os.kill(run.tasks()[task]["pid"], signal.SIGKILL)
            eventually(lambda task=task: run.states()[task] == "up_for_retry", "the next try of what was killed")
    run.wait(timeout=200)
    assert {run.tasks()[f"update.{server}"]["try_number"] for server in SERVERS} == {2}
    assert rollout.levels() == ["8"] * 4
    assert rollout.are_running()
    ended = [(each.server, each.outcome) for each in rollout.evidence()[-8:]]
    assert ended == [(server, outcome) for server in SERVERS for outcome in ("rolled_back", "updated")]


def _wait_until_said(run: Run, task: str, said: str) -> None:
    """Wait until the log of a task that is at work, or has failed, has a text."""

    def is_said() -> bool:
        return run.states().get(task) in ("running", "failed") and said in run.log(task)

    eventually(is_said, f"'{said}' in the log of {task}", 240)
