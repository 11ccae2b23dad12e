"""Housekeeping by the scheduler: every part a task, what each removed in the log and in the vault."""

from datetime import timedelta

from lifeboat.drill import drill_point
from lifeboat.housekeeping import PARTS
from tests.e2e.world import World

NAME = "tidy"


def test_what_no_rule_keeps_is_deleted_told_and_recorded(world: World) -> None:
    old = world.make_point(NAME, timedelta(hours=20)).id
    new = world.make_point(NAME).id
    world.admit_housekeeper(NAME)
    with world.runtime(NAME) as runtime:
        assert drill_point(runtime, world.catalog, new).passed
    run = world.trigger(f"{NAME}.housekeeping").wait()
    assert run.states() == dict.fromkeys([*PARTS, "record"], "success")
    assert f"Removed point {old}: no rule keeps it" in run.log("retention")
    told = run.log("record")
    assert old in told
    assert "Part 1 of 1 of the vault passed" in told
    (record,) = world.catalog.upkeep(NAME)
    assert run.result("record") == record.id
    assert [each.name for each in record.removed if each.kind == "point"] == [old]
    assert [state.manifest.id for state in world.catalog.points(NAME)] == [new]
    assert world.snapshots(NAME, point=old) == []
