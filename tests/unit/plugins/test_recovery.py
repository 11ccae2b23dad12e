"""The operators of a recovery: what a form means, who may approve, and what runs when something went wrong."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.utils.types import DagRunType

import lifeboat_airflow.recovery as operators
from lifeboat.deployment import Unit
from lifeboat.recovery_documents import Exchange, RecoveryPlan, RecoveryRequest, Replacement

HOME, TREE = Unit.parse("home/apim-cp-1"), Unit.parse("tree/documents")
MOMENT = datetime(2026, 11, 20, 14, 37, 12, tzinfo=UTC)


class Instance:
    """A task instance that remembers what is pushed, and knows what others pushed."""

    def __init__(self, **known: Any) -> None:
        self.known = known
        self.pushed: dict[str, Any] = {}
        self.try_number = 1

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.known.get(task_ids)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def plan(*, safety_point: bool = True, servers: tuple[str, ...] = ("apim-cp-1",)) -> dict[str, Any]:
    """Return a plan of a home, and of a tree of which nothing is live, as it travels."""

    def replacement(unit: Unit, **more: Any) -> Replacement:
        exchange = Exchange(member=str(unit), live="/live", beside="/beside", kept="/kept")
        return Replacement(unit=unit, host="worker", where="/", exchanges=(exchange,), needed_bytes=1, **more)

    found = RecoveryPlan(
        id="20261120T143712Z-00000001",
        deployment="sample",
        site="main",
        request=RecoveryRequest(safety_point=safety_point),
        point="20261120T020000Z-00000002",
        manifest_sha256="0",
        point_instant=MOMENT,
        verdict="good",
        chosen="the last known good",
        replacements=(replacement(HOME), replacement(TREE, capturable=False)),
        servers=servers,
    )
    return found.model_dump(mode="json")


def context(instance: Instance, **params: Any) -> dict[str, Any]:
    run = SimpleNamespace(run_type=DagRunType.MANUAL, triggering_user_name="otto", run_after=MOMENT)
    return {"ti": instance, "dag_run": run, "params": params}


def test_an_empty_form_means_the_last_known_good_and_a_backfill_its_moment() -> None:
    empty = {"point": "", "as_of": None, "units": [], "reason": "", "unproven": False, "safety_point": True}
    by_hand = SimpleNamespace(run_type=DagRunType.MANUAL, logical_date=MOMENT)
    by_backfill = SimpleNamespace(run_type=DagRunType.BACKFILL_JOB, logical_date=MOMENT)
    request = operators.PlanRecoveryOperator(task_id="plan", deployment="sample").request
    assert request({**empty, "dry_run": False}, by_hand) == RecoveryRequest()
    assert request(empty, by_backfill) == RecoveryRequest(as_of=MOMENT)
    named = {**empty, "point": "20261120", "units": ["home/apim-cp-1"]}
    assert request(named, by_backfill) == RecoveryRequest(point="20261120", units=("home/apim-cp-1",))


def answered(name: str) -> dict[str, Any]:
    return {"chosen_options": ["Approve"], "responded_by_user": {"id": name, "name": name}}


@pytest.mark.usefixtures("sample_deployment")
def test_two_approvals_must_be_of_two_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "catalog.db"))
    confirm = operators.ConfirmRecoveryOperator(
        task_id="confirm", deployment="sample", plan=plan(), approvals=("approve", "approve_again")
    )
    with pytest.raises(AirflowFailException, match="wants 2 people to approve it; olivia, olivia did"):
        confirm.execute(context(Instance(approve=answered("olivia"), approve_again=answered("olivia"))))
    assert operators.approvers(Instance(approve=answered("olivia")), ("approve", "approve_again")) == ["olivia"]


def test_only_the_tasks_of_the_plan_are_chosen_and_nothing_that_cannot_be_captured() -> None:
    safety = {"home/apim-cp-1": "safety.home", "tree/documents": "safety.tree"}
    restore = {"home/apim-cp-1": "restore.home", "home/apim-gw-1": "restore.other", "tree/documents": "restore.tree"}

    def chosen(a_plan: dict[str, Any]) -> list[str]:
        choose = operators.ChooseTasksOperator(task_id="choose", plan=a_plan, safety=safety, restore=restore)
        found: list[str] = choose.choose_branch(context(Instance(confirm="a journal")))
        return found

    assert chosen(plan()) == ["safety.home", "restore.home", "restore.tree"]
    assert chosen(plan(safety_point=False)) == ["restore.home", "restore.tree"]


def test_a_dry_run_goes_no_further() -> None:
    go_ahead = operators.GoAheadOperator(task_id="go_ahead", next_task="approve")
    assert go_ahead.choose_branch({"params": {"dry_run": True}}) == []
    assert go_ahead.choose_branch({"params": {"dry_run": False}}) == "approve"


@pytest.mark.parametrize(
    "operator",
    [
        operators.OpenSafetyPointOperator,
        operators.RestoreBesideOperator,
        operators.StopServerOperator,
        operators.SwapOperator,
        operators.StartServerOperator,
        operators.CheckLiveOperator,
    ],
)
def test_nothing_is_done_before_the_recovery_has_begun(operator: Any) -> None:
    """Whatever a trigger rule lets run."""
    more = {
        operators.RestoreBesideOperator: {"unit": "home/apim-cp-1"},
        operators.StopServerOperator: {"server": "apim-cp-1"},
        operators.StartServerOperator: {"server": "apim-cp-1", "stop_task": "stop.apim-cp-1"},
    }.get(operator, {})
    task = operator(task_id="any", deployment="there is none of that name", plan=plan(), **more)
    with pytest.raises(AirflowSkipException, match="has not begun"):
        task.execute(context(Instance()))


@pytest.mark.usefixtures("sample_deployment")
def test_a_server_that_is_not_affected_or_was_not_stopped_is_left_alone() -> None:
    stop = operators.StopServerOperator(task_id="stop.apim-gw-1", deployment="sample", plan=plan(), server="apim-gw-1")
    with pytest.raises(AirflowSkipException, match="'apim-gw-1' is not affected"):
        stop.execute(context(Instance(confirm="a journal")))
    start = operators.StartServerOperator(
        task_id="start.apim-cp-1", deployment="sample", plan=plan(), server="apim-cp-1", stop_task="stop.apim-cp-1"
    )
    with pytest.raises(AirflowSkipException, match="'apim-cp-1' was not stopped"):
        start.execute(context(Instance(confirm="a journal")))
