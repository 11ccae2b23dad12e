"""A sealed restore point never changes: clearing tasks of its run is refused, with the way to go on."""

import pytest

from tests.e2e.runs import Run
from tests.e2e.world import World

CAPTURE = "capture tree/documents"
WORDS = ("is sealed; it never changes", "Start a new run")


@pytest.fixture(scope="module")
def run(world: World) -> Run:
    return world.trigger("sealed.system_backup").wait()


@pytest.mark.parametrize(
    ("cleared", "refusing", "after"),
    [(CAPTURE, CAPTURE, {"seal"}), (None, "open", {CAPTURE, "seal"})],
    ids=["a capture", "the whole run"],
)
def test_clearing_is_refused(world: World, run: Run, cleared: str | None, refusing: str, after: set[str]) -> None:
    point = world.catalog.points("sealed")[0].manifest.id
    before = {snapshot.id for snapshot in world.snapshots("sealed")}
    run.clear(*([cleared] if cleared else []))
    states = run.wait("failed").states()
    assert states == {"open": "success", refusing: "failed", **dict.fromkeys(after, "upstream_failed")}
    log = run.log(refusing)
    assert point in log
    assert [words for words in WORDS if words not in log] == []
    assert {snapshot.id for snapshot in world.snapshots("sealed")} == before
    assert [state.manifest.id for state in world.catalog.points("sealed")] == [point]
