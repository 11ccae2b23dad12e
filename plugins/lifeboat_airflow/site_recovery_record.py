"""The last task of a site's recovery: what happened goes into the site's vault and the catalog, and before people's
eyes."""

from datetime import datetime
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog, task_states
from lifeboat_airflow.recovery import CHECKS, CONFIRM, STATE, approvers, requested_by
from lifeboat_airflow.site_recovery import CLEARED, ENDED, SWITCHED, read_plan


class RecordSiteRecoveryOperator(LifeboatOperator):
    """Writes how the recovery or the rehearsal ended into the vault and the catalog, and shows it; red unless all of it
    was done, and of a rehearsal nothing is left.

    :param plan: the plan
    :param phases: what follows each other, by name: the ids of its tasks
    :param approvals: task ids of the approvals
    """

    template_fields = ("plan",)
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, plan: Any, phases: Any, approvals: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.phases = phases
        self.approvals = tuple(approvals)

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.manifest import Check
        from lifeboat.site_recovery import record
        from lifeboat.site_recovery_report import print_site_recovery
        from lifeboat.site_recovery_run import what_now

        instance, run = context["ti"], context["dag_run"]
        states = task_states(instance, run)
        failed = sorted(task for task, state in states.items() if state == "failed")
        if not instance.xcom_pull(task_ids=CONFIRM):
            if failed:  # skipped, this last task would let the run end as a success, of whose failure nobody is told
                raise AirflowFailException(f"Nothing was made: {', '.join(failed)} failed; its log says why.")
            raise AirflowSkipException("There was nothing to record: a dry run, or no plan.")
        plan = read_plan(self.plan)
        undone = [task for task in _planned(plan) if states.get(task) != "success"]
        evidence = record(
            runtime,
            open_catalog(),
            plan,
            started_at=run.start_date,
            requested_by=requested_by(run),
            approved_by=tuple(approvers(instance, self.approvals)),
            error=f"failed: {', '.join(failed)}" if failed else f"not done: {', '.join(undone)}" if undone else "",
            checks=tuple(Check.model_validate(each) for each in self._checks(instance)),
            seconds=self._seconds(instance),
            servers=instance.xcom_pull(task_ids="members", key=STATE) or {},
            switched=tuple(instance.xcom_pull(task_ids="switch_over", key=SWITCHED) or ()),
            removed=tuple(instance.xcom_pull(task_ids="take_down", key=CLEARED) or ()),
        )
        log_table(lambda console: print_site_recovery(evidence, console))
        if not evidence.succeeded:
            raise AirflowFailException(f"{evidence.error}.{what_now(plan, evidence)}")
        return evidence.id

    def _checks(self, instance: Any) -> list[Any]:
        pulled = [instance.xcom_pull(task_ids=task, key=CHECKS) for tasks in self.phases.values() for task in tasks]
        return [check for checks in pulled for check in checks or ()]

    def _seconds(self, instance: Any) -> dict[str, float]:
        """Return how long each phase took, from the end of the one before: what a person waits, with the scheduler."""
        began = datetime.fromisoformat(instance.xcom_pull(task_ids=CONFIRM, key=ENDED))
        found = {}
        for phase, tasks in self.phases.items():
            pulled = [instance.xcom_pull(task_ids=task, key=ENDED) for task in tasks]
            ended = [datetime.fromisoformat(each) for each in pulled if each]
            if ended:
                found[phase] = round((max(ended) - began).total_seconds(), 1)
                began = max(ended)
        return found


def _planned(plan: Any) -> list[str]:
    """Return the tasks that a plan has something for; when a person ends the run, they are skipped."""
    return [
        *(f"databases.{each.name}" for each in plan.databases),
        *(f"machines.{each.name}" for each in plan.machines),
        *(f"puppet.{name}" for name in plan.servers),
        *(["members"] if plan.units else []),
        *(["take_down"] if plan.rehearsal else ["switch_over"]),
    ]
