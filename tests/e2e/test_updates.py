"""Updates and patches through the real scheduler: a rollout that is stopped, one with a person, and patches."""

import json
from pathlib import Path

from lifeboat.update_documents import UpdateEvidence
from lifeboat.wso2.server import ServerControl
from tests.e2e.runs import eventually
from tests.e2e.world import World
from tests.support.patchable import CP_1, CP_2, GATEWAY, UPDATES_PASSWORD, behave, files
from tests.support.patched_home import PatchedHome

NAME = "updating"
CONFLICT = "repository/conf/log4j2.properties"


def home(world: World, server: str) -> Path:
    return world.servers[server].home


def level(world: World, server: str) -> str | None:
    config = home(world, server) / "updates/config.json"
    return json.loads(config.read_text())["update-level"] if config.exists() else None


def is_running(world: World, server: str) -> bool:
    with world.runtime(NAME) as runtime:
        return ServerControl.of(runtime, server).state().running


def test_a_failing_server_is_rolled_back_and_those_after_it_are_untouched(world: World) -> None:
    gateway = PatchedHome(home(world, GATEWAY))
    gateway.take([{"put": {"patches/patch0001/a_1.0.0.jar": "first"}}, {"start": True}])
    behave(home(world, CP_2), fail="half")
    then, untouched = files(home(world, CP_2)), files(home(world, GATEWAY))
    # the gateway has patches, which would stand in the way
    run = world.trigger(f"{NAME}.product_update", {"types": ["apim-control-plane"], "level": 7, "reason": "level 7"})
    run.answer("Approve")
    run.wait("failed", timeout=400)
    states = run.states()
    assert states["snapshot.seal"] == states[f"update.{CP_1}"] == "success"
    assert states[f"update.{CP_2}"] == "failed"
    assert states[f"update.{GATEWAY}"] == "upstream_failed"
    assert level(world, CP_1) == "7"
    assert files(home(world, CP_2)) == then
    assert is_running(world, CP_2)
    assert files(home(world, GATEWAY)) == untouched
    report = run.log("report")
    assert "apim-cp-2 rolled back: The update of server 'apim-cp-2' failed with status 1" in report
    assert "Mixed levels" in report
    assert run.tasks()[f"update.{CP_2}"]["try_number"] == 1
    assert UPDATES_PASSWORD not in "".join(run.log(name) for name in states if states[name] != "upstream_failed")


def test_a_tool_that_replaced_itself_and_a_person_who_resolves_a_conflict(world: World) -> None:
    behave(home(world, CP_2), self_update=True, conflicts=[CONFLICT])
    conflict = home(world, CP_2) / CONFLICT
    conflict.write_text("of the installation")
    asked = {"servers": [CP_2, CP_1], "level": 7, "wait": True, "approve_first": False}
    run = world.trigger(f"{NAME}.product_update", asked)
    eventually(lambda: Path(f"{conflict}.new").exists(), "the conflict", 240)
    Path(f"{conflict}.final").write_text("merged by a person")
    run.wait(timeout=300)
    states = run.states()
    assert states["approve"] == states[f"update.{CP_1}"] == states[f"update.{GATEWAY}"] == "skipped"
    assert level(world, CP_2) == "7"
    assert conflict.read_text() == "merged by a person"
    (*_, evidence) = world.catalog.updates(NAME)
    assert isinstance(evidence, UpdateEvidence)
    assert (evidence.server, evidence.outcome) == (CP_2, "updated")


def test_patches_of_a_restore_point_come_back(world: World) -> None:
    gateway = PatchedHome(home(world, GATEWAY))
    point = world.catalog.points(NAME)[-1].manifest
    gateway.take([{"put": {"patches/patch0002/b_1.0.0.jar": "second"}}, {"start": True}])
    assert gateway.running() == {"a_1.0.0.jar": "first", "b_1.0.0.jar": "second"}
    asked = {"server": GATEWAY, "point": point.id, "unproven": True, "reason": "patch0002 is bad"}
    run = world.trigger(f"{NAME}.patch_restore", asked)
    run.answer("Approve")
    run.wait(timeout=300)
    assert gateway.running() == {"a_1.0.0.jar": "first"}
    assert is_running(world, GATEWAY)
    assert "bundles as in the restore point" in run.log("check")
