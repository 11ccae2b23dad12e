"""The tasks that wait for people who approve what cannot be taken back easily."""

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, TriggerRule

from lifeboat.deployment import Deployment
from lifeboat_airflow.backfill_help import while_one_waits
from lifeboat_airflow.recovery import MARKDOWN


def approve(deployment: Deployment, dag_id: str, *, verb: str = "Recover") -> list[BaseOperator]:
    """Return the tasks that wait for the people who approve what `verb` says; none if the deployment asks for none."""
    settings = deployment.recovery
    shown = f"{{{{ ti.xcom_pull(task_ids='plan', key='{MARKDOWN}') }}}}"
    return [
        ApprovalOperator(
            task_id=task_id,
            subject=f"{verb} {deployment.name}? {note}",
            body=f"{shown}\n\n{{% if dag_run.run_type == 'backfill' %}}{while_one_waits(dag_id)}{{% endif %}}",
            fail_on_reject=True,
            response_timeout=settings.approval_timeout,
            assigned_users=[{"id": user, "name": user} for user in settings.approvers] or None,
            retries=0,
            trigger_rule=TriggerRule.ALL_SUCCESS,
        )
        for task_id, note in (("approve", ""), ("approve_again", "(a second person)"))[: settings.approvals]
    ]
