"""A backfill of drills over a range of dates proves the restore points of that range, and no others."""

from datetime import UTC, datetime, timedelta

from tests.e2e.runs import Run, eventually
from tests.e2e.world import World

DAG = "older.restore_drill"


def test_a_backfill_proves_the_undrilled_points_of_its_range(world: World) -> None:
    now = datetime.now(UTC)
    ancient, old, new = (world.make_point("older", timedelta(days=days)).id for days in (9, 3, 0))
    world.airflow.unpause(DAG)
    world.airflow.create_backfill(DAG, now - timedelta(days=4), now - timedelta(days=2))
    # One tick a day, twelve hours from now: two of them are in the range, and the point lies between them.
    runs = [run.wait() for run in eventually(lambda: _backfilled(world), "the runs of the backfill")]
    without, with_point = sorted(runs, key=lambda run: str(run.facts()["logical_date"]))
    assert set(without.states().values()) == {"skipped"}
    assert with_point.result("record") == {old: "passed"}
    verdicts = {point: world.verdict("older", point) for point in (ancient, old, new)}
    assert verdicts == {ancient: "unproven", old: "good", new: "unproven"}
    good = world.catalog.last_known_good("older")
    assert good is not None
    assert good.manifest.id == old


def _backfilled(world: World) -> list[Run]:
    runs = [run for run in world.runs(DAG) if run.facts()["run_type"] == "backfill"]
    return runs if len(runs) == 2 else []
