"""Every call to the outside fails once while a restore point is drilled: a fault of the drill is no verdict."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lifeboat.capture import make_point
from lifeboat.deployment import Unit
from lifeboat.documents import read_all
from lifeboat.drill import drill_unit, record_drill
from tests.support.faults import Sweep, sweep, watch_everything
from tests.support.miniature import DATABASE, HOME, TREE
from tests.support.recoverable import Recoverable

UNITS = (DATABASE, HOME, TREE)


@pytest.mark.timeout(900)
def test_a_point_is_drilled(
    deployment: Recoverable, monkeypatch: pytest.MonkeyPatch, swept: Callable[..., None]
) -> None:
    runtime, catalog = deployment.runtime, deployment.catalog
    signed = make_point(runtime, "system_backup", units=UNITS)
    catalog.add_point(signed)
    point = signed.manifest.id
    drills: dict[Unit, Any] = {}
    faults = watch_everything(monkeypatch)
    scratch = deployment.mini.directory / "scratch"
    began = datetime.now(UTC)

    def drill(unit: Unit) -> None:
        drills[unit] = drill_unit(runtime, point, unit)

    def record() -> None:
        record_drill(runtime, catalog, point, list(drills.values()), began)

    def no_verdict_but_green() -> None:
        assert [each for found in drills.values() for each in found.failed()] == []
        assert list(scratch.glob("drill-*")) == []

    results: list[Sweep] = []
    for unit in UNITS:
        results.append(sweep(faults, f"drill {unit}", lambda unit=unit: drill(unit), no_verdict_but_green))
    results.append(sweep(faults, "record the drill", record, no_verdict_but_green))
    swept(*results)
    monkeypatch.undo()
    _, evidence, refused = read_all(runtime.vault("main"), runtime.signer(), "mini")
    assert refused == []
    assert [each.passed for each in evidence] == [True]
    assert catalog.point("mini", point).verdict == "good"
