"""One pack for several servers through the real scheduler: updated once, distributed, or no server is touched."""

import json
from typing import Any

from tests.e2e.world import World
from tests.support.packs import PRODUCT, reference_pack, tool_runs
from tests.support.patchable import CP_1, CP_2, UPDATES_PASSWORD, files

NAME = "updating"
SERVERS = (CP_1, CP_2)


def homes(world: World) -> list[Any]:
    return [files(world.servers[server].home) for server in SERVERS]


def levels(world: World) -> list[str | None]:
    configs = [world.servers[server].home / "updates/config.json" for server in SERVERS]
    return [json.loads(config.read_text())["update-level"] if config.exists() else None for config in configs]


def test_one_pack_is_updated_once_and_replaces_two_homes(world: World) -> None:
    pack = reference_pack(world.directory / "reference-pack", fail="half")
    asked = {"types": ["apim-control-plane"], "method": "distribute", "level": 4, "pack": str(pack)}
    then = homes(world)
    run = world.trigger(f"{NAME}.product_update", asked).wait("failed")
    states = run.states()
    assert (states["prepare"], states["snapshot.open"]) == ("failed", "upstream_failed")
    assert "no server was touched" in run.log("prepare")

    reference_pack(pack.parent)
    run = world.trigger(f"{NAME}.product_update", asked)
    run.asks()
    assert run.states()["prepare"] == "success"
    assert tool_runs(pack) == ["--no-backup --level 4"]
    assert homes(world) == then
    run.answer("Approve")
    run.wait(timeout=300)
    assert levels(world) == ["4", "4"]
    assert tool_runs(pack) == ["--no-backup --level 4"]
    (made,) = run.result("prepare")
    assert made.startswith(f"{PRODUCT}, level 4 (updates2), ")
    report = run.log("report")
    assert [f"{server} got the pack {made}" in report for server in SERVERS] == [True, True]
    assert list((world.directory / "packs" / NAME).iterdir()) == []
    assert UPDATES_PASSWORD not in "".join(run.log(name) for name, state in run.states().items() if state != "skipped")
