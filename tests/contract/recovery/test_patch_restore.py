"""Patches of a restore point brought back to running servers: afterwards they run exactly the bundles of that time."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lifeboat.deployment import Unit
from lifeboat.engines import _home_parts
from lifeboat.errors import LifeboatError, PreflightError, RecoveryError
from lifeboat.host import Host
from lifeboat.patch_recovery import patch_request
from lifeboat.recovery import live_now, put_back, restore_unit, stop_servers, swap
from lifeboat.recovery_documents import RecoveryJournal
from lifeboat.recovery_plan import plan_recovery
from lifeboat.recovery_run import discard, plan_and_begin, recover, undo
from tests.support.command_line import lifeboat_here
from tests.support.patchable import CP_1, CP_2, GATEWAY, Patchable, patchable

FIRST = [{"put": {"patches/patch0001/a_1.0.0.jar": "first"}}]
SECOND = [{"put": {"patches/patch0002/b_1.0.0.jar": "second", "patches/patch0002/new_1.0.0.jar": "second"}}]
WEBAPPS = "repository/deployment/server/webapps"


@pytest.fixture
def servers() -> Iterator[Patchable]:
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-patches-"))
    with patchable(directory / "p") as made:
        made.home(CP_1).take(FIRST)
        made.start(CP_1)
        yield made
    directory.rmdir()


def begun(servers: Patchable, point: str, server: str = CP_1, **more: Any) -> RecoveryJournal:
    request = patch_request(server, point=point, unproven=True, reason="a test", **more)
    journal = plan_and_begin(servers.runtime, servers.catalog, request, "a tester", lambda plan: True)
    assert journal is not None
    return journal


def test_the_bundles_of_the_point_run_again_and_it_can_be_undone(servers: Patchable) -> None:
    home = servers.home(CP_1)
    (home.root / WEBAPPS).mkdir(parents=True)
    (home.root / f"{WEBAPPS}/api.war").write_text("old")
    point, then = servers.point().id, home.running()
    servers.restart(CP_1, SECOND)
    (home.root / f"{WEBAPPS}/api.war").write_text("newer")
    (home.root / f"{WEBAPPS}/api").mkdir()
    now = home.running()
    assert (then, now) == (
        {"a_1.0.0.jar": "first"},
        {"a_1.0.0.jar": "first", "b_1.0.0.jar": "second", "new_1.0.0.jar": "second"},
    )
    journal = begun(servers, point)
    evidence = recover(servers.runtime, servers.catalog, journal)
    assert evidence.succeeded
    assert {check.name: check.outcome for check in evidence.checks} == {
        "manifest-signature": "passed",
        "member-address": "passed",
        "facts-readable": "passed",
        "patch-files": "passed",
        "patch-inventory": "passed",
        "patches-agree": "passed",
        "patches-restored": "passed",
        "patches-log": "passed",
    }
    assert home.running() == then
    assert servers.control(CP_1).state().running
    assert not home.path("patches/patch0002").exists()
    assert (home.root / f"{WEBAPPS}/api.war").read_text() == "old"
    assert not (home.root / f"{WEBAPPS}/api").exists()
    assert servers.beside() == {f"{CP_1}.before-{journal.recovery}", f"{CP_1}.restored-{journal.recovery}"}

    assert undo(servers.runtime, servers.catalog, journal, requested_by="a tester").succeeded
    assert home.running() == now
    assert (home.root / f"{WEBAPPS}/api.war").read_text() == "newer"
    assert (home.root / f"{WEBAPPS}/api").is_dir()
    discard(servers.runtime, journal.plan)
    assert servers.beside() == set()
    assert home.running() == now


def test_patches_of_one_server_come_to_another_of_its_type_and_not_to_another_type(servers: Patchable) -> None:
    point = servers.point().id
    assert servers.home(CP_2).running() == {}
    journal = begun(servers, point, CP_2, from_server=CP_1)
    assert recover(servers.runtime, servers.catalog, journal).succeeded
    assert servers.home(CP_2).running() == {"a_1.0.0.jar": "first"}
    assert servers.home(CP_2).inventory().applied == ("patch0000", "patch0001")
    with pytest.raises(PreflightError, match="of another product than the home: server type apim-control-plane"):
        begun(servers, point, GATEWAY, from_server=CP_1)
    forced = begun(servers, point, GATEWAY, from_server=CP_1, force=True)
    assert forced.plan.replacements[0].source == Unit.parse("home/apim-cp-1")


def test_what_is_not_proven_beside_is_never_exchanged(servers: Patchable) -> None:
    point = servers.point().id
    servers.restart(CP_1, SECOND)
    now = servers.home(CP_1).running()
    journal = begun(servers, point)
    asked = _home_parts._ask

    def damaging(host: Host, action: str, root: str, *arguments: Any, **more: Any) -> Any:
        answer = asked(host, action, root, *arguments, **more)
        if action == "assemble":
            (beside,) = Path(root).parent.glob("*.restored-*")
            (beside / "repository/components/plugins/a_1.0.0.jar").write_bytes(b"another")
        return answer

    with mock.patch.object(_home_parts, "_ask", damaging), pytest.raises(RecoveryError, match="patch-files"):
        recover(servers.runtime, servers.catalog, journal)
    assert live_now(servers.runtime, journal.plan) == "old"
    assert servers.home(CP_1).running() == now
    assert servers.control(CP_1).state().running
    assert not any(".restored-" in name for name in servers.beside())
    assert recover(servers.runtime, servers.catalog, journal).succeeded  # run again, it converges


def test_bundles_that_are_others_after_the_start_are_red(servers: Patchable) -> None:
    point = servers.point().id
    servers.restart(CP_1, SECOND)
    journal = begun(servers, point)
    # Carbon's code is not what it was: its start leaves a bundle behind
    (servers.home(CP_1).root / "bin/sample-patches.py").write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[1], 'repository/components/plugins/z_1.0.0.jar').write_text('')\n"
    )
    with pytest.raises(RecoveryError, match="patches-agree, patches-log, patches-restored"):
        recover(servers.runtime, servers.catalog, journal)


#: Kills the worker, which is the parent, and itself before one of the renamings on the host.
_ON_THE_HOST = """
import os, signal
rename = os.rename
def killing(*arguments):
    with open(os.environ["KILL_COUNT"], "a") as file:
        file.write("x")
    if os.path.getsize(os.environ["KILL_COUNT"]) == int(os.environ["KILL_AT"]):
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(*arguments)
os.rename = killing
"""


def test_killed_before_every_renaming_it_ends_all_old_or_all_new(servers: Patchable, tmp_path: Path) -> None:
    home = servers.home(CP_1)
    point, then = servers.point().id, home.running()
    servers.restart(CP_1, SECOND)
    now, plan = home.running(), begun(servers, point).plan
    restore_unit(servers.runtime, plan, plan.replacements[0].unit)
    stop_servers(servers.runtime, plan)
    (tmp_path / "sitecustomize.py").write_text(_ON_THE_HOST)
    count, number, killed = tmp_path / "count", 0, True
    while killed:
        number += 1
        count.unlink(missing_ok=True)
        killed = _killed(servers, plan, {"PYTHONPATH": str(tmp_path), "KILL_AT": str(number), "KILL_COUNT": str(count)})
        if killed and number % 2:  # run again
            swap(servers.runtime, plan)
            assert live_now(servers.runtime, plan) == "new"
        put_back(servers.runtime, plan)
        assert home.running() == now
    assert number == 5  # patches and plugins, each out and in
    swap(servers.runtime, plan)
    servers.start(CP_1)
    assert home.running() == then


def _killed(servers: Patchable, plan: Any, environment: dict[str, str]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            os.environ.update(environment)
            swap(servers.runtime, plan)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_the_command_line_shows_and_restores(servers: Patchable) -> None:
    point, then = servers.point().id, servers.home(CP_1).running()
    servers.restart(CP_1, SECOND)
    now, environment = servers.home(CP_1).running(), servers.environment
    shown = lifeboat_here(environment, "patches", "mini", point)
    assert shown.status == 0, shown.stderr
    assert "Changed since" in shown.stdout
    arguments = ("patches", "restore", "mini", point, "--server", CP_1)
    refused = lifeboat_here(environment, *arguments)
    assert refused.status == 1
    assert "is not proven" in refused.stderr
    dry = lifeboat_here(environment, *arguments, "--unproven", "--dry-run")
    assert dry.status == 0, dry.stderr
    assert "1 bundles change: b_1.0.0.jar" in dry.stdout
    assert "1 bundles go: new_1.0.0.jar" in dry.stdout
    assert "apim-cp-2 of the same type is left as it is" in dry.stdout
    assert servers.home(CP_1).running() == now
    done = lifeboat_here(environment, *arguments, "--unproven", "--confirm", "mini", "--reason", "they were good")
    assert done.status == 0, done.stderr
    assert servers.home(CP_1).running() == then


def test_servers_that_there_are_not(servers: Patchable) -> None:
    point = servers.point().id
    for server, from_server in (("nobody", ""), (CP_1, "nobody")):
        request = patch_request(server, from_server=from_server, point=point, unproven=True)
        with pytest.raises(LifeboatError, match="has no server 'nobody'"):
            plan_recovery(servers.runtime, servers.catalog, request, "x")
