"""Operators of a product update: plan, confirm, update one server, offer the databases of before, report.

Each may be tried again or cleared: what was updated is left alone, and what was interrupted is rolled back first.
"""

from typing import Any, ClassVar

from airflow.sdk import BaseBranchOperator, BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog, task_states
from lifeboat_airflow.recovery import CONFIRM, MARKDOWN, approvers, requested_by

__all__ = [
    "CONFIRM",
    "AskOrGoOnOperator",
    "ConfirmUpdateOperator",
    "OfferDatabasesOperator",
    "PlanUpdateOperator",
    "PreparePacksOperator",
    "ReportUpdateOperator",
    "UpdateServerOperator",
]


def read_plan(plan: Any) -> Any:
    """Given a plan as it travels, return it."""
    from lifeboat.update_documents import UpdatePlan

    return UpdatePlan.model_validate(plan)


class PlanUpdateOperator(LifeboatOperator):
    """Plans an update from the fields of the form and shows it; changes nothing."""

    ui_color: ClassVar[str] = "#f0e2b6"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.update_documents import UpdateRequest
        from lifeboat.update_journal import new_update_id
        from lifeboat.update_plan import plan_update
        from lifeboat.update_report import print_update_plan, update_plan_as_markdown

        run, given = context["dag_run"], context["params"]
        fields = {name: given[name] for name in UpdateRequest.model_fields if given.get(name) not in (None, "", [])}
        update = new_update_id(run.run_after, f"{run.dag_id} {run.run_id}")
        plan = plan_update(runtime, UpdateRequest.model_validate(fields), update)
        log_table(lambda console: print_update_plan(plan, console))
        if not plan.servers:
            raise AirflowSkipException("Every server that was asked for is at that level already.")
        context["ti"].xcom_push(MARKDOWN, update_plan_as_markdown(plan))
        return plan.model_dump(mode="json")


class PreparePacksOperator(LifeboatOperator):
    """Makes the packs ready that an update distributes, and delivers them; no server is touched. Nothing for methods
    that need none.

    :param plan: the plan
    """

    template_fields = ("plan",)
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, plan: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.update_prepare import prepare

        return [str(pack) for pack in prepare(runtime, read_plan(self.plan))]


class AskOrGoOnOperator(BaseBranchOperator):
    """Goes on to an approval, or past it when none was asked for; ends a dry run.

    :param otherwise: id of the task to go on to without an approval
    :param approvals: id of the first approval, if there is any
    :param dry: whether a dry run ends here
    """

    def __init__(self, *, otherwise: str, approvals: Any = (), dry: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.otherwise = otherwise
        self.approvals = tuple(approvals)
        self.dry = dry

    def choose_branch(self, context: Any) -> Any:
        if self.dry and context["params"]["dry_run"]:
            self.log.info("This was a dry run: nothing happens.")
            return []
        if self.approvals and context["params"]["approve_first"]:
            return self.approvals[0]
        return self.otherwise


class ConfirmUpdateOperator(LifeboatOperator):
    """Refuses a plan that changed since it was approved, or that one person approved twice.

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
        from lifeboat.update_plan import plan_update

        plan = read_plan(self.plan)
        asked = self.approvals if context["params"]["approve_first"] else ()
        people = approvers(context["ti"], asked)
        if len(set(people)) < len(asked):
            raise AirflowFailException(
                f"Update '{plan.id}' wants {len(asked)} people to approve it; {', '.join(people)} did. Nothing was "
                "touched. Start a new run and let another person approve it, too."
            )
        if plan_update(runtime, plan.request, plan.id).digest != plan.digest:
            raise AirflowFailException(
                f"The plan of update '{plan.id}' changed while it waited for its approval. Nothing was touched. Start "
                "a new run and approve what it plans."
            )
        return plan.id


class UpdateServerOperator(LifeboatOperator):
    """Updates one server, or rolls it back and fails; nothing for one that the plan leaves alone. What an interrupted
    try left is rolled back first.

    :param plan: the plan
    :param point: id of the restore point from before
    :param server: the server's name
    :param approvals: task ids of the approvals
    """

    template_fields = ("plan", "point")
    ui_color: ClassVar[str] = "#f3c9c9"

    def __init__(self, *, plan: Any, point: Any, server: str, approvals: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.point = point
        self.server = server
        self.approvals = tuple(approvals)

    def execute(self, context: Any) -> Any:
        if not context["ti"].xcom_pull(task_ids=CONFIRM):
            raise AirflowSkipException("The update has not begun.")
        if self.server not in [each.server for each in read_plan(self.plan).servers]:
            raise AirflowSkipException(f"Server '{self.server}' is not part of it.")
        return super().execute(context)

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.update import update_server
        from lifeboat.update_journal import Base

        instance, plan, catalog = context["ti"], read_plan(self.plan), open_catalog()
        base = Base(self.point, catalog.point(plan.deployment, self.point).manifest_sha256)
        people = approvers(instance, self.approvals)
        by = requested_by(context["dag_run"])
        evidence = update_server(runtime, catalog, plan, base, self.server, by, people)
        return {"outcome": evidence.outcome, "level": evidence.level_after}


class OfferDatabasesOperator(BaseOperator):
    """Starts a recovery of the databases whose schema changed while a server was updated that was then rolled back.
    It waits for its approval, so a person is asked; nothing of it happens by itself.

    :param deployment: name of the deployment
    :param plan: the plan
    """

    template_fields = ("plan",)
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, deployment: str, plan: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment
        self.plan = plan

    def execute(self, context: Any) -> None:
        plan = read_plan(self.plan) if self.plan is not None else None
        known = [] if plan is None else open_catalog().updates(plan.deployment)
        last = next((each for each in reversed(known) if each.update == plan.id and each.type == "update"), None)
        if last is None or not last.schema_changed:
            raise AirflowSkipException("No server was rolled back after the schema of a database had changed.")
        self.log.warning("Asking whether %s come back as in %s", ", ".join(last.schema_changed), last.point)
        # What TriggerDagRunOperator raises; importing that takes long, and Airflow parses this file often.
        raise DagRunTriggerException(
            trigger_dag_id=f"{self.deployment}.recovery",
            dag_run_id=f"after_update__{last.attempt}",
            conf={
                "point": last.point,
                "units": list(last.schema_changed),
                "unproven": True,
                "reason": f"The schema changed in update {last.update}, and server {last.server} was rolled back",
            },
            reset_dag_run=False,
            skip_when_already_exists=True,
            wait_for_completion=False,
            allowed_states=[],
            failed_states=[],
            poke_interval=60,
            deferrable=False,
        )


class ReportUpdateOperator(LifeboatOperator):
    """Shows how each server ended and the levels of all; red unless every server of the plan was updated.

    :param plan: the plan
    :param servers: task ids of the servers' updates
    """

    template_fields = ("plan",)
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, plan: Any, servers: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.servers = tuple(servers)

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.patches import live_patches
        from lifeboat.update_delivery import remove_packs
        from lifeboat.update_report import print_levels, print_updates

        instance, run = context["ti"], context["dag_run"]
        states = task_states(instance, run)
        failed = sorted(task for task, state in states.items() if state in ("failed", "upstream_failed"))
        if self.plan is None and failed:
            # Skipped, this last task would let the run end as a success, of whose failure nobody is told.
            raise AirflowFailException(f"Nothing was begun; failed: {', '.join(failed)}.")
        if self.plan is None or not (failed or instance.xcom_pull(task_ids=CONFIRM)):
            raise AirflowSkipException("There is nothing to report: a dry run, or no server to update.")
        plan = read_plan(self.plan)
        found = [each for each in open_catalog().updates(plan.deployment) if each.update == plan.id]
        log_table(lambda console: print_updates(found, console))
        servers, errors = live_patches(runtime)
        log_table(lambda console: print_levels(servers, console))
        for name, error in errors.items():
            self.log.warning("%s could not be read: %s", name, error)
        if failed:
            raise AirflowFailException(f"Not every server was updated; failed: {', '.join(failed)}.")
        remove_packs(runtime, plan)
        return {each.server: each.outcome for each in found if each.type == "update"}
