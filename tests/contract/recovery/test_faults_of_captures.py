"""Every call to the outside fails once while a restore point is made: no point, or a whole one."""

from collections.abc import Callable
from typing import Any

import pytest

from lifeboat.capture import capture_unit, open_point, seal_point
from lifeboat.deployment import Unit
from lifeboat.documents import read_all
from lifeboat.drill import drill_point
from tests.support.faults import Sweep, sweep, watch_everything
from tests.support.miniature import DATABASE, HOME, TREE
from tests.support.recoverable import Recoverable

UNITS = (DATABASE, HOME, TREE)


@pytest.mark.timeout(900)
def test_a_point_is_made(deployment: Recoverable, monkeypatch: pytest.MonkeyPatch, swept: Callable[..., None]) -> None:
    runtime, catalog = deployment.runtime, deployment.catalog
    point = open_point(runtime.deployment, "system_backup", units=UNITS)
    captured: dict[Unit, Any] = {}
    faults = watch_everything(monkeypatch)

    def capture(unit: Unit) -> None:
        captured[unit] = capture_unit(runtime, point, unit)

    def seal() -> None:
        catalog.add_point(seal_point(runtime, point, list(captured.values())))

    def nothing_is_sealed() -> None:
        assert runtime.vault("main").snapshots({"kind": "manifest"}) == []

    def one_at_most() -> None:
        assert len(runtime.vault("main").snapshots({"kind": "manifest"})) <= 1

    results: list[Sweep] = []
    for unit in UNITS:
        results.append(sweep(faults, f"capture {unit}", lambda unit=unit: capture(unit), nothing_is_sealed))
    results.append(sweep(faults, "seal", seal, one_at_most))
    swept(*results)
    monkeypatch.undo()
    (manifest,), _, refused = read_all(runtime.vault("main"), runtime.signer(), "mini")
    assert refused == []
    assert [state.manifest for state in catalog.points("mini")] == [manifest.manifest]
    assert drill_point(runtime, catalog, point.id).passed
