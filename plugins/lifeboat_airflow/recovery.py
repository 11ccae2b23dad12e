"""Operators of a recovery: plan, confirm, restore beside, stop, swap, start, check, record.

Each may be tried again or cleared: it goes on from what it finds. The plan travels as XCom; the journal in the vault
says that a recovery has begun.
"""

from datetime import datetime
from typing import Any, ClassVar

from airflow.sdk import BaseBranchOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog
from lifeboat_airflow.capture import SealPointOperator

#: Keys of what tasks leave for the last one.
STATE, CHECKS, SECONDS, MARKDOWN = "state", "checks", "seconds", "markdown"
#: The task that writes the journal: what it returns says that the recovery has begun.
CONFIRM = "confirm"
NOT_BEGUN = "The recovery has not begun."


def read_plan(plan: Any) -> Any:
    """Given a plan as it travels, return it."""
    from lifeboat.recovery_documents import RecoveryPlan

    return RecoveryPlan.model_validate(plan)


class PlanRecoveryOperator(LifeboatOperator):
    """Plans a recovery from the fields of the form and shows it; changes nothing. A backfill's logical date is the
    time to recover to."""

    ui_color: ClassVar[str] = "#f0e2b6"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.recovery_journal import lease_point, new_recovery_id, refuse_other_recovery
        from lifeboat.recovery_plan import plan_recovery
        from lifeboat.recovery_report import plan_as_markdown, print_plan
        from lifeboat.times import in_utc_and

        run = context["dag_run"]
        recovery = new_recovery_id(run.run_after, f"{run.dag_id} {run.run_id}")
        refuse_other_recovery(runtime, recovery)
        request = self.request(context["params"], run)
        if request.as_of:
            zone = runtime.deployment.schedules.zone()
            self.log.info("Recovering as of %s", in_utc_and(zone, request.as_of))
        catalog = open_catalog()
        plan = plan_recovery(runtime, catalog, request, recovery)
        if not context["params"]["dry_run"]:
            lease_point(runtime, catalog, plan)
        log_table(lambda console: print_plan(plan, console))
        context["ti"].xcom_push(MARKDOWN, plan_as_markdown(plan))
        return plan.model_dump(mode="json")

    def request(self, given: Any, run: Any) -> Any:
        """Given what a form holds, in which everything may be empty, return the request of a run."""
        from lifeboat.recovery_documents import RecoveryRequest

        fields = {name: given[name] for name in RecoveryRequest.model_fields if given.get(name) not in (None, "", [])}
        request = RecoveryRequest.model_validate(fields)
        if run.run_type.value == "backfill" and not request.point:
            return request.model_copy(update={"as_of": run.logical_date})
        return request


class PlanPatchRestoreOperator(PlanRecoveryOperator):
    """Plans a patch restore from the fields of the form and shows it; changes nothing."""

    def request(self, given: Any, run: Any) -> Any:
        from lifeboat.patch_recovery import patch_request

        chosen = {name: given[name] for name in ("point", "from_server", "reason") if given.get(name)}
        return patch_request(given["server"], unproven=given["unproven"], force=given["force"], **chosen)


class ConfirmRecoveryOperator(LifeboatOperator):
    """Refuses a plan that changed since it was approved, or that one person approved twice, and writes the journal.

    :param plan: the plan, as it was approved
    :param approvals: task ids of the approvals
    """

    template_fields = ("plan",)
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, plan: Any, approvals: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.approvals = tuple(approvals)

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.recovery import refuse_changed
        from lifeboat.recovery_journal import begin

        plan, catalog = read_plan(self.plan), open_catalog()
        approved_by = self.approved(context["ti"], f"Recovery '{plan.id}'")
        refuse_changed(runtime, catalog, plan)
        journal = begin(runtime, catalog, plan, requested_by(context["dag_run"]), approved_by)
        self.log.info("Recovery %s has begun; it is finished, or undone with `lifeboat undo`.", plan.id)
        return journal.id

    def approved(self, instance: Any, what: str) -> list[str]:
        """Return who approved the plan. Fail when they are too few: one person may not approve it twice."""
        approved_by = approvers(instance, self.approvals)
        if len(set(approved_by)) < len(self.approvals):
            raise AirflowFailException(
                f"{what} wants {len(self.approvals)} people to approve it; {', '.join(approved_by) or 'nobody'} did. "
                "Nothing was touched. Start a new recovery and let another person approve it, too."
            )
        return approved_by


def approvers(instance: Any, approvals: Any) -> list[str]:
    """Given the task ids of approvals, return who answered them."""
    answers = [instance.xcom_pull(task_ids=task) for task in approvals]
    return [str(answer["responded_by_user"]["name"]) for answer in answers if answer]


def requested_by(run: Any) -> str:
    """Given a run, return who started it."""
    return str(getattr(run, "triggering_user_name", None) or f"Airflow ({run.run_type.value})")


class GoAheadOperator(BaseBranchOperator):
    """Goes on to the next task, unless a dry run is all that was asked for.

    :param next_task: id of the next task
    """

    def __init__(self, *, next_task: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.next_task = next_task

    def choose_branch(self, context: Any) -> Any:
        if context["params"]["dry_run"]:
            self.log.info("This was a dry run: nothing happens.")
            return []
        return self.next_task


class ChooseTasksOperator(BaseBranchOperator):
    """Lets only those tasks run that the plan needs.

    :param plan: the plan
    :param safety: ids of the tasks of the safety point, by unit
    :param restore: ids of the tasks that restore, by unit
    """

    template_fields = ("plan",)

    def __init__(self, *, plan: Any, safety: Any, restore: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.safety = safety
        self.restore = restore

    def choose_branch(self, context: Any) -> Any:
        if not context["ti"].xcom_pull(task_ids=CONFIRM):
            raise AirflowSkipException(NOT_BEGUN)
        plan = read_plan(self.plan)
        return [
            *(self.safety[str(unit)] for unit in plan.safety_units),
            *(self.restore[str(replacement.unit)] for replacement in plan.replacements),
        ]


class PlanOperator(LifeboatOperator):
    """An operator that carries out a part of a plan; skipped unless the recovery has begun, whatever came before.

    :param plan: the plan
    """

    template_fields = ("plan",)

    def __init__(self, *, plan: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def execute(self, context: Any) -> Any:
        if not context["ti"].xcom_pull(task_ids=CONFIRM):
            raise AirflowSkipException(NOT_BEGUN)
        return super().execute(context)


class OpenSafetyPointOperator(PlanOperator):
    """Opens the restore point of what is live of a plan's units; skipped when none of it is to be captured."""

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.capture import open_point, refuse_sealed

        plan, run = read_plan(self.plan), context["dag_run"]
        if not plan.safety_units:
            raise AirflowSkipException("No safety point: it is not wanted, or what is live is not whole.")
        point = open_point(
            runtime.deployment,
            "safety",
            run_after=run.run_after,
            seed=f"{run.dag_id} {run.run_id} safety",
            reason=f"before recovery {plan.id}",
            units=plan.safety_units,
        )
        refuse_sealed(runtime, point)
        return point.model_dump(mode="json")


class SealSafetyPointOperator(SealPointOperator):
    """Seals the safety point with what those units' captures returned that the plan chose."""

    def captured(self) -> list[Any]:
        return [snapshot for snapshot in self.snapshots if snapshot]


class RestoreBesideOperator(PlanOperator):
    """Restores one unit beside what is live and proves it; red, and nothing is left beside, when it is not proven.

    :param unit: the unit, such as home/apim-cp-1
    """

    template_fields = (*PlanOperator.template_fields, "unit")
    ui_color: ClassVar[str] = "#bfe3cf"

    def __init__(self, *, unit: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.deployment import Unit
        from lifeboat.recovery import restore_unit

        began = datetime.now()
        checks = restore_unit(runtime, read_plan(self.plan), Unit.parse(self.unit))
        context["ti"].xcom_push(CHECKS, [check.model_dump(mode="json") for check in checks])
        context["ti"].xcom_push(SECONDS, (datetime.now() - began).total_seconds())


class StopServerOperator(PlanOperator):
    """Drains and stops one server, and remembers whether it ran; nothing for one that the plan leaves alone. The agent
    of Puppet on its host is disabled first, until the recovery is recorded.

    :param server: the server's name
    """

    template_fields = (*PlanOperator.template_fields, "server")
    ui_color: ClassVar[str] = "#f3c9c9"

    def __init__(self, *, server: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.server = server

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.puppet_agent import disable_agents
        from lifeboat.recovery import puppet_reason
        from lifeboat.wso2.server import ServerControl

        plan = read_plan(self.plan)
        if self.server not in plan.servers:
            raise AirflowSkipException(f"Server '{self.server}' is not affected.")
        disable_agents(runtime, [self.server], puppet_reason(plan))
        control, instance = ServerControl.of(runtime, self.server), context["ti"]
        ran = instance.try_number > 1 or control.state().running
        instance.xcom_push(STATE, "ran" if ran else "was down")
        control.stop()


class SwapOperator(PlanOperator):
    """Exchanges what is live for what was restored: all of it, or, when a part fails, nothing."""

    ui_color: ClassVar[str] = "#f3c9c9"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.puppet_agent import disable_agents
        from lifeboat.recovery import puppet_reason, swap
        from lifeboat.recovery_journal import refuse_other_recovery

        plan = read_plan(self.plan)
        refuse_other_recovery(runtime, plan.id)  # this one may have been cleared long after it failed
        disable_agents(runtime, plan.servers, puppet_reason(plan))  # ... and the agents enabled since
        swap(runtime, plan)


class StartServerOperator(PlanOperator):
    """Starts one server and waits until it is healthy: after the swap, or, when that did not come to pass, if it ran
    before. Nothing for one that was not stopped.

    :param server: the server's name
    :param stop_task: id of the task that stopped it
    """

    template_fields = (*PlanOperator.template_fields, "server")
    ui_color: ClassVar[str] = "#bfe3cf"

    def __init__(self, *, server: str, stop_task: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.server = server
        self.stop_task = stop_task

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.recovery import live_now
        from lifeboat.wso2.server import ServerControl

        instance = context["ti"]
        before = instance.xcom_pull(task_ids=self.stop_task, key=STATE)
        if before is None:
            raise AirflowSkipException(f"Server '{self.server}' was not stopped.")
        live = live_now(runtime, read_plan(self.plan))
        if live == "mixed":
            raise AirflowFailException(
                f"Server '{self.server}' is not started: what is live is neither all new nor all old. Clear the swap "
                f"task to go on, or run `lifeboat undo {self.deployment} {read_plan(self.plan).id}`."
            )
        if live == "old" and before != "ran":
            raise AirflowSkipException(f"Server '{self.server}' was down before, and nothing was exchanged.")
        if runtime.deployment.servers[self.server].control is None:
            raise AirflowSkipException(f"Server '{self.server}' has no control: start it by hand.")
        told = f"healthy by {ServerControl.of(runtime, self.server).bring_up()}"
        instance.xcom_push(STATE, told)


class CheckLiveOperator(PlanOperator):
    """Runs the WSO2 checks on what is live after the swap; red for what the capture did not find."""

    ui_color: ClassVar[str] = "#bfe3cf"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.recovery import check_live

        checks = check_live(runtime, read_plan(self.plan))
        context["ti"].xcom_push(CHECKS, [check.model_dump(mode="json") for check in checks])
        red = sorted({check.name for check in checks if check.outcome == "failed"})
        if red:
            raise AirflowFailException(f"{', '.join(red)} find what they did not find at capture; see the log above.")
