"""The last task of a recovery: what happened goes into the vault and the catalog, and before people's eyes."""

from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog, task_states
from lifeboat_airflow.recovery import CHECKS, CONFIRM, SECONDS, STATE, approvers, read_plan, requested_by

#: What a person does after a recovery that failed, by what is live.
WHAT_NOW = {
    "old": "What was live before is live; nothing is to be undone. Correct what the red task's log names, then start a "
    "new recovery, or clear that task with what comes after it. If the red task is one of safety, what is live "
    "cannot be captured any more: switch Safety point off in the new recovery's form, under Exceptions.",
    "new": "What was restored is live. Correct what the red task's log names and clear that task with what comes after "
    "it, or put back what was live before: `lifeboat undo {plan.deployment} {plan.id}`.",
    "mixed": "A part of it is exchanged. Go on: clear the task swap with what comes after it; or put back what was "
    "live before: `lifeboat undo {plan.deployment} {plan.id}`.",
}


class RecordRecoveryOperator(LifeboatOperator):
    """Writes how the recovery ended into the vault and the catalog, and shows it; red unless all of it was done.

    :param plan: the plan
    :param tasks: ids of the tasks whose work is told: `check`; `restore` by unit, and `start` by server, or by * where
        the run alone knows which
    :param approvals: task ids of the approvals
    :param safety_task: id of the task that sealed the safety point, empty if there is none
    """

    template_fields = ("plan",)
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, plan: Any, tasks: Any, approvals: Any, safety_task: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.tasks = tasks
        self.approvals = tuple(approvals)
        self.safety_task = safety_task

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.recovery_journal import record
        from lifeboat.recovery_report import print_recovery

        instance, run = context["ti"], context["dag_run"]
        failed = self._failed(instance, run)
        if self.plan is None and failed:
            # Skipped, this last task would let the run end as a success, of whose failure nobody is told.
            raise AirflowFailException(f"Nothing was begun: {', '.join(failed)} failed; its log says why.")
        if self.plan is None or not (failed or instance.xcom_pull(task_ids=CONFIRM)):
            raise AirflowSkipException("There was nothing to record: a dry run, or no plan.")
        plan = read_plan(self.plan)
        evidence = record(
            runtime,
            open_catalog(),
            plan,
            started_at=run.start_date,
            requested_by=requested_by(run),
            approved_by=tuple(approvers(instance, self.approvals)),
            error=f"failed: {', '.join(failed)}" if failed else "",
            checks=self._checks(instance),
            servers=self._servers(instance, plan),
            seconds=self._seconds(instance),
            safety_point=(instance.xcom_pull(task_ids=self.safety_task) if self.safety_task else None) or "",
        )
        log_table(lambda console: print_recovery(evidence, console))
        # Puppet must not find an exchange that is neither done nor undone: it would make a home where one is missing.
        disabled = "" if evidence.live == "mixed" else self._enable_agents(runtime, plan)
        if not evidence.succeeded:
            raise AirflowFailException(f"Recovery '{plan.id}' failed. {WHAT_NOW[evidence.live].format(plan=plan)}")
        if disabled:
            raise AirflowFailException(
                f"All was recovered, but not all of Puppet's agents are enabled again. {disabled}"
            )
        return evidence.id

    def _enable_agents(self, runtime: Any, plan: Any) -> str:
        """Enable the agents of Puppet that this recovery disabled, and return why that failed, if it did: the evidence
        is written by now, so this task is not tried again."""
        from lifeboat.errors import LifeboatError
        from lifeboat.puppet_agent import enable_agents
        from lifeboat.recovery import puppet_reason

        try:
            enable_agents(runtime, plan.servers, puppet_reason(plan))
        except LifeboatError as error:
            self.log.error("%s", error)
            return str(error)
        return ""

    def _failed(self, instance: Any, run: Any) -> list[str]:
        states = task_states(instance, run)
        return sorted(task for task, state in states.items() if state == "failed")

    def _checks(self, instance: Any) -> Any:
        from lifeboat.manifest import Check

        tasks = [*self.tasks["restore"].values(), self.tasks["check"]]
        pulled = [instance.xcom_pull(task_ids=task, key=CHECKS) or [] for task in tasks]
        return tuple(Check.model_validate(check) for checks in pulled for check in checks)

    def _servers(self, instance: Any, plan: Any) -> dict[str, str]:
        told = {
            ", ".join(plan.servers) if server == "*" else server: instance.xcom_pull(task_ids=task, key=STATE)
            for server, task in self.tasks["start"].items()
        }
        return {server: state for server, state in told.items() if state}

    def _seconds(self, instance: Any) -> dict[str, float]:
        took = {unit: instance.xcom_pull(task_ids=task, key=SECONDS) for unit, task in self.tasks["restore"].items()}
        return {f"restore {unit}": seconds for unit, seconds in took.items() if seconds is not None}
