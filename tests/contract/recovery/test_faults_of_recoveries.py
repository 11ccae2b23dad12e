"""Every call to the outside fails once while a deployment is recovered: live is all old, or all new."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lifeboat.documents import read_all
from lifeboat.recovery import check_live, live_now, put_back, restore_unit, swap
from lifeboat.recovery_documents import RecoveryJournal, RecoveryPlan, RecoveryRequest
from lifeboat.recovery_journal import begin, new_recovery_id, record
from lifeboat.recovery_plan import plan_recovery
from lifeboat.recovery_run import discard
from tests.support.faults import Sweep, sweep, watch_everything
from tests.support.miniature import DATABASE, DATABASES, HOME, TREE
from tests.support.recoverable import Recoverable


@pytest.mark.timeout(900)
def test_a_deployment_is_recovered(
    deployment: Recoverable, monkeypatch: pytest.MonkeyPatch, swept: Callable[..., None]
) -> None:
    runtime, catalog = deployment.runtime, deployment.catalog
    point = deployment.point(drilled=False).manifest.id
    then = deployment.live()
    deployment.change()
    now = deployment.live()
    units = (DATABASE, HOME, TREE)
    request = RecoveryRequest(
        point=point, unproven=True, safety_point=False, reason="a test", units=tuple(map(str, units))
    )
    plans: list[RecoveryPlan] = []
    journals: list[RecoveryJournal] = []
    recovery = new_recovery_id(datetime.now(UTC), "the sweep")
    faults = watch_everything(monkeypatch)

    def plan() -> None:
        plans.append(plan_recovery(runtime, catalog, request, recovery))

    def write_journal() -> None:
        journals.append(begin(runtime, catalog, plans[-1], "a tester", ["a tester"]))

    def live_is(*states: str) -> Callable[[], None]:
        def look() -> None:
            assert live_now(runtime, plans[-1]) in states

        return look

    def back() -> None:
        put_back(runtime, plans[-1])

    results: list[Sweep] = []

    def do(name: str, operation: Callable[[], Any], look: Callable[[], Any], again: Callable[[], Any] = tuple) -> None:
        results.append(sweep(faults, name, operation, look, again))

    do("plan a recovery", plan, lambda: None)
    do("begin it", write_journal, live_is("old"))
    for unit in units:
        do(f"restore {unit} beside", lambda unit=unit: restore_unit(runtime, plans[-1], unit), live_is("old"))
    do("swap", lambda: swap(runtime, plans[-1]), live_is("old", "new"), back)
    do("put back", back, live_is("old", "new"), lambda: swap(runtime, plans[-1]))
    swap(runtime, plans[-1])
    do("check what is live", lambda: check_live(runtime, plans[-1]), live_is("new"))
    found = {"seconds": {}, "servers": {}, "requested_by": "a tester", "checks": ()}
    began = datetime.now(UTC)
    do("record it", lambda: record(runtime, catalog, plans[-1], started_at=began, **found), live_is("new"))
    do("discard what was live", lambda: discard(runtime, plans[-1]), lambda: None)
    swept(*results)
    monkeypatch.undo()
    live = deployment.live()
    changed = {"home/apim-gw-1"}  # no part of it
    assert {member for member in then if live[member] != then[member]} == changed
    assert live["home/apim-gw-1"] == now["home/apim-gw-1"]
    assert deployment.databases() == set(DATABASES)
    assert deployment.beside() == set()
    manifests, evidence, refused = read_all(runtime.vault("main"), runtime.signer(), "mini")
    assert refused == []
    assert len(manifests) == 1
    assert {document.id for document in evidence} >= {each.id for each in catalog.recoveries("mini")}
