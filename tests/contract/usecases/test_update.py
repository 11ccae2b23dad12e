"""Updates of servers by tools that behave as WSO2 documents them: updated and proven, or as before and proven."""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lifeboat.errors import ConfigurationError, PreflightError, UpdateError
from lifeboat.manifest import Manifest
from lifeboat.recovery_run import Watch
from lifeboat.update import roll_out
from lifeboat.update_documents import UpdateEvidence, UpdatePlan, UpdateRequest
from lifeboat.update_journal import Base, new_update_id, open_attempts
from lifeboat.update_plan import method_for, plan_update
from lifeboat.wso2.identity import ProductIdentity
from tests.support.command_line import lifeboat_here
from tests.support.patchable import (
    CP_1,
    CP_2,
    GATEWAY,
    UPDATES_PASSWORD,
    Patchable,
    behave,
    files,
    install_tools,
    patchable,
)
from tests.support.waiting import eventually

PLUGINS = "repository/components/plugins"


@pytest.fixture
def servers() -> Iterator["Updatable"]:
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-updates-"))
    with patchable(directory / "p", with_updates) as made:
        updatable = Updatable(made)
        for name in (CP_1, CP_2):
            install_tools(updatable.home(name))
        yield updatable
    shutil.rmtree(directory)


def with_updates(document: dict[str, Any]) -> None:
    directory = Path(document["servers"][CP_1]["home"]).parent
    document["update"] = {
        "connection": "wso2_updates",
        "backup_directory": str(directory / "tool-backups"),
        "timeout": "4s",
        "conflict_timeout": "20s",
    }


class Updatable:
    """The deployment, whose homes have the update tools."""

    def __init__(self, made: Patchable) -> None:
        self.made = made

    def home(self, server: str = CP_1) -> Path:
        return self.made.home(server).root

    def behave(self, server: str, **behaviour: Any) -> None:
        behave(self.home(server), **behaviour)

    def plan(self, *names: str, **request: Any) -> UpdatePlan:
        asked = UpdateRequest(servers=names, reason="a test", **request)
        return plan_update(self.made.runtime, asked, new_update_id())

    def run(self, plan: UpdatePlan, point: Manifest | None = None) -> list[UpdateEvidence]:
        found = point or self.made.point("pre_upgrade")
        base = Base(found.id, self.made.catalog.point("mini", found.id).manifest_sha256)
        return roll_out(self.made.runtime, self.made.catalog, plan, base, "a tester", ["a tester"])

    def files(self, server: str = CP_1) -> dict[str, tuple[int, bytes]]:
        return files(self.home(server))

    def level(self, server: str = CP_1) -> str | None:
        config = self.home(server) / "updates/config.json"
        return json.loads(config.read_text())["update-level"] if config.exists() else None

    def running(self, *names: str) -> bool:
        return all(self.made.control(name).state().running for name in names)

    def outcomes(self) -> list[tuple[str, str]]:
        found = self.made.catalog.updates("mini")
        return [(each.server, each.outcome) for each in found if isinstance(each, UpdateEvidence)]


def test_a_killed_update_is_rolled_back_and_done_anew_by_the_next_run(servers: Updatable) -> None:
    servers.behave(CP_1, fail="hang")
    point, plan = servers.made.point("pre_upgrade"), servers.plan(CP_1, level=7)
    then = servers.files()
    child = os.fork()
    if child == 0:
        try:
            servers.run(plan, point)
        finally:
            os._exit(1)
    assert eventually(lambda: servers.files() != then)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    # what the tool still writes would be written into a home that is restored under its feet
    with pytest.raises(UpdateError, match="left an update tool at work on the home of server 'apim-cp-1'"):
        servers.run(plan, point)
    with pytest.raises(PreflightError, match="An update tool is at work"):
        method_for(servers.made.runtime, plan.request, CP_1).preflight(ProductIdentity())
    _end_tools(servers.home())
    assert [journal.server for journal in open_attempts(servers.made.runtime)] == [CP_1]
    with pytest.raises(UpdateError, match="neither updated nor rolled back"):
        servers.plan(CP_2, level=7)
    # the tool would hang again: with the snapshot's behaviour the second attempt runs into the time limit
    with pytest.raises(UpdateError, match="was ended: it was not done after 4s"):
        servers.run(plan, point)
    assert servers.files() == then
    assert servers.outcomes() == [(CP_1, "rolled_back"), (CP_1, "rolled_back")]
    assert open_attempts(servers.made.runtime) == []


def _end_tools(home: Path) -> None:
    """End the tool that the killed worker left, as a machine's reboot would."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if f"{home}/bin/wso2update_linux".encode() in words:
            os.kill(int(directory.name), signal.SIGKILL)


@pytest.mark.parametrize("step", ["drain", "stop", "update", "verify", "start", "checks", "end"])
def test_killed_at_any_step_the_next_run_converges(servers: Updatable, step: str) -> None:
    servers.made.start(CP_1)
    point, plan, then = servers.made.point("pre_upgrade"), servers.plan(CP_1, level=7), servers.files()

    def kill(*arguments: Any, **more: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    def phase(watch: Watch, name: str) -> Any:
        return kill() if name == f"{CP_1}: {step}" else going_on(watch, name)

    going_on = Watch.phase
    child = os.fork()
    if child == 0:
        with mock.patch.object(Watch, "phase", phase), mock.patch("lifeboat.update.end_attempt", kill):
            servers.run(plan, point)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert servers.outcomes() == []
    assert (servers.files() == then) == (step in ("drain", "stop", "update"))
    (evidence,) = servers.run(plan, point)
    assert (evidence.outcome, servers.level()) == ("updated", "7")
    assert servers.running(CP_1)
    assert servers.outcomes() == [(CP_1, "rolled_back"), (CP_1, "updated")]
    assert open_attempts(servers.made.runtime) == []


def test_patches_do_not_mix_with_an_update_and_can_go_first(servers: Updatable) -> None:
    servers.made.restart(CP_1, [{"put": {"patches/patch0001/a_1.0.0.jar": "first"}}])
    with pytest.raises(PreflightError, match=r"has Carbon patches \(patch0000, patch0001\)"):
        servers.plan(CP_1, level=7)
    plan = servers.plan(CP_1, level=7, remove_patches=True)
    assert plan.servers[0].patches == ("patch0000", "patch0001")
    (evidence,) = servers.run(plan)
    assert evidence.outcome == "updated"
    assert not servers.made.home(CP_1).path("patches/patch0000").exists()
    assert servers.made.home(CP_1).inventory().effective == ()


def test_the_command_line_updates_two_servers_one_after_the_other(servers: Updatable) -> None:
    servers.made.start(CP_1)
    servers.behave(CP_1, self_update=True)  # status 2: the tool is run again
    environment, before = servers.made.environment, servers.files(GATEWAY)
    arguments = ("update", "mini", "--type", "apim-control-plane", "--level", "7")
    dry = lifeboat_here(environment, *arguments, "--dry-run")
    assert dry.status == 0, dry.stderr
    assert "canary" in dry.stdout
    assert servers.level() is None
    done = lifeboat_here(environment, *arguments, "--confirm", "mini")
    assert done.status == 0, done.stderr
    assert servers.level(CP_1) == servers.level(CP_2) == "7"
    assert servers.running(CP_1, CP_2)
    assert servers.files(GATEWAY) == before
    evidence = [each for each in servers.made.catalog.updates("mini") if isinstance(each, UpdateEvidence)]
    assert [(each.server, each.outcome, each.level_after) for each in evidence] == [
        (CP_1, "updated", "level 7 (updates2)"),
        (CP_2, "updated", "level 7 (updates2)"),
    ]
    assert {check.outcome for each in evidence for check in each.checks} == {"passed"}
    assert open_attempts(servers.made.runtime) == []
    assert servers.made.beside() == set()
    assert UPDATES_PASSWORD not in done.stdout + done.stderr
    assert lifeboat_here(environment, "updates", "mini").stdout.count(" updated ") == 2
    again = lifeboat_here(environment, *arguments, "--confirm", "mini")
    assert "is at that level already" in again.stdout


def test_a_server_that_fails_is_as_in_the_snapshot_and_the_rollout_stops(servers: Updatable) -> None:
    servers.behave(CP_2, fail="half")
    point = servers.made.point("pre_upgrade")
    then, untouched = servers.files(CP_2), servers.files(GATEWAY)
    with pytest.raises(UpdateError, match=r"no space left on device.*was rolled back and is as before"):
        servers.run(servers.plan(CP_1, CP_2, level=7), point)
    assert servers.files(CP_2) == then
    assert servers.files(GATEWAY) == untouched
    assert servers.level(CP_1) == "7"
    assert servers.running(CP_1, CP_2)
    assert servers.outcomes() == [(CP_1, "updated"), (CP_2, "rolled_back")]
    (failed,) = (each for each in servers.made.catalog.updates("mini") if getattr(each, "outcome", "") == "rolled_back")
    assert isinstance(failed, UpdateEvidence)
    assert servers.made.beside() == {f"{CP_2}.before-{failed.rollback}"}
    failed_home = servers.made.directory / f"{CP_2}.before-{failed.rollback}"
    assert any(path.read_bytes() != then[f"{PLUGINS}/{path.name}"][1] for path in (failed_home / PLUGINS).iterdir())


def test_a_server_with_broken_bundles_is_rolled_back(servers: Updatable) -> None:
    servers.behave(CP_1, fail="corrupt_jar")
    point, then = servers.made.point("pre_upgrade"), servers.files()
    with pytest.raises(UpdateError, match="1 bundles are not whole"):
        servers.run(servers.plan(CP_1, level=7), point)
    assert servers.files() == then
    assert servers.running(CP_1)


def test_what_stands_in_the_way_is_told_before_anything_happens(servers: Updatable) -> None:
    then = servers.files()
    for request, error, said in (
        ({"servers": ("nobody",)}, ConfigurationError, "no server or type nobody"),
        ({"servers": (CP_1,), "method": "magic"}, ConfigurationError, "not a known method"),
        ({"servers": (GATEWAY,)}, PreflightError, "has no update tool that can be run"),
        ({"servers": (CP_1,), "method": "pack", "pack": "/nowhere.zip"}, PreflightError, "There is no pack"),
        ({"servers": (CP_1,), "method": "script"}, ConfigurationError, "needs a command"),
    ):
        with pytest.raises(error, match=said):
            plan_update(servers.made.runtime, UpdateRequest.model_validate(request), new_update_id())
    assert servers.files() == then
