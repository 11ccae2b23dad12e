"""A server on the host behind a queue: its worker recovers and updates it, and no other one touches it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat.errors import ConfigurationError
from lifeboat.recovery_documents import RecoveryRequest
from lifeboat.recovery_plan import plan_recovery
from lifeboat.recovery_run import plan_and_begin, recover
from lifeboat.update import roll_out
from lifeboat.update_documents import UpdateRequest
from lifeboat.update_journal import Base, new_update_id
from lifeboat.update_plan import plan_update
from tests.support.patchable import CP_1, CP_2, GATEWAY, Patchable, files, install_tools, patchable

QUEUE = "gateways"


@pytest.fixture(scope="module")
def made() -> Iterator[Patchable]:
    """Three servers, one of them behind a queue."""

    def behind_a_queue(document: dict[str, Any]) -> None:
        document["hosts"] = {"gateway-host": {"queue": QUEUE}}
        document["servers"][GATEWAY]["host"] = "gateway-host"
        backups = str(Path(document["servers"][CP_1]["home"]).parent / "tool-backups")
        document["update"] = {"connection": "wso2_updates", "backup_directory": backups, "timeout": "60s"}

    directory = Path(tempfile.mkdtemp(prefix="lifeboat-queue-"))
    with patchable(directory / "p", behind_a_queue) as found:
        install_tools(found.home(GATEWAY).root)
        yield found
    shutil.rmtree(directory)


def test_another_worker_refuses_it_and_says_where_it_can_be_done(made: Patchable) -> None:
    point = made.point()
    for units in ((), (f"home/{GATEWAY}",)):
        with pytest.raises(ConfigurationError, match=f"behind queue '{QUEUE}'") as caught:
            plan_recovery(made.runtime, made.catalog, RecoveryRequest(point=point.id, units=units, unproven=True), "r")
        assert f"LIFEBOAT_QUEUE={QUEUE} lifeboat recover mini --only home/{GATEWAY}" in caught.value.next_step
    with pytest.raises(ConfigurationError, match=f"behind queue '{QUEUE}'"):
        plan_update(made.runtime, UpdateRequest(servers=(GATEWAY,), level=7), new_update_id())
    others = RecoveryRequest(point=point.id, units=(f"home/{CP_1}", f"home/{CP_2}"), unproven=True)
    assert plan_recovery(made.runtime, made.catalog, others, "r").servers == (CP_1, CP_2)


def test_its_own_worker_recovers_it_and_nothing_else(made: Patchable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_QUEUE", QUEUE)
    made.start(GATEWAY)
    point, then, other = made.point(), files(made.home(GATEWAY).root), files(made.home(CP_1).root)
    next((made.home(GATEWAY).root / "repository/components/plugins").glob("*.jar")).unlink()
    request = RecoveryRequest(point=point.id, unproven=True, safety_point=False)
    journal = plan_and_begin(made.runtime, made.catalog, request, "a tester", lambda plan: True)
    assert journal is not None
    assert [str(each.unit) for each in journal.plan.replacements] == [f"home/{GATEWAY}"]
    evidence = recover(made.runtime, made.catalog, journal)
    assert (evidence.passed, list(evidence.servers)) == (True, [GATEWAY])
    assert files(made.home(GATEWAY).root) == then
    assert files(made.home(CP_1).root) == other
    assert made.control(GATEWAY).state().running


def test_its_own_worker_updates_it(made: Patchable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_QUEUE", QUEUE)
    point = made.point("pre_upgrade")
    plan = plan_update(made.runtime, UpdateRequest(servers=(GATEWAY,), level=7, reason="a test"), new_update_id())
    base = Base(point.id, made.catalog.point("mini", point.id).manifest_sha256)
    (evidence,) = roll_out(made.runtime, made.catalog, plan, base, "a tester", ["a tester"])
    assert (evidence.outcome, evidence.level_after) == ("updated", "level 7 (updates2)")
    assert made.control(GATEWAY).state().running
