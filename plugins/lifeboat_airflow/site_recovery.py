"""Operators of a site's recovery: plan, confirm, make, lay down, members, switch over, take down, record.

Each may be tried again or cleared: names follow from the recovery's id, so it finds what an earlier try has made. The
plan travels as XCom; the journal in the site's vault says that the recovery has begun.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow.sdk import BaseBranchOperator
from airflow.sdk.exceptions import AirflowSkipException

from lifeboat.errors import CloudError
from lifeboat_airflow.aws import CloudTrigger, raise_what_ended
from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog, task_states
from lifeboat_airflow.recovery import (
    CHECKS,
    CONFIRM,
    MARKDOWN,
    STATE,
    ConfirmRecoveryOperator,
    PlanOperator,
    approvers,
    requested_by,
)

#: Keys of what tasks leave for the last one.
SWITCHED, CLEARED, ENDED = "switched", "cleared", "ended"
_LONGEST, _PAUSE = timedelta(hours=12), timedelta(seconds=30)

#: A worker learns at its heartbeat, every five seconds, that its task was ended, and may take as long to stop.
_ENDS_SECONDS = 20


def read_plan(plan: Any) -> Any:
    """Given a plan as it travels, return it."""
    from lifeboat.site_recovery_documents import SiteRecoveryPlan

    return SiteRecoveryPlan.model_validate(plan)


class PlanSiteRecoveryOperator(LifeboatOperator):
    """Plans a site's recovery from the fields of the form and shows it, with its time and its cost; changes nothing."""

    ui_color: ClassVar[str] = "#f0e2b6"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.recovery_journal import new_recovery_id
        from lifeboat.site_recovery import lease_point, refuse_other
        from lifeboat.site_recovery_documents import SiteRequest
        from lifeboat.site_recovery_plan import plan_site_recovery
        from lifeboat.site_recovery_report import plan_as_markdown, print_plan

        given, run = context["params"], context["dag_run"]
        fields = {name: given[name] for name in SiteRequest.model_fields if given.get(name) not in (None, "", [])}
        request, site = SiteRequest.model_validate(fields), given["site"]
        recovery = new_recovery_id(run.run_after, f"{run.dag_id} {run.run_id}")
        catalog = open_catalog()
        plan = plan_site_recovery(runtime, catalog, site, request, recovery)
        if not request.rehearsal:
            with runtime.at(site) as there:
                refuse_other(there, recovery)
        if not given["dry_run"]:
            lease_point(runtime, catalog, plan)
        log_table(lambda console: print_plan(plan, console))
        context["ti"].xcom_push(MARKDOWN, plan_as_markdown(plan))
        return plan.model_dump(mode="json")


class GoAheadAtSiteOperator(BaseBranchOperator):
    """Goes on to the people who approve; of a rehearsal, which touches nothing that is live, nobody is asked.

    :param approval: id of the first approval, or of the task after it if there is none
    """

    def __init__(self, *, approval: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approval = approval

    def choose_branch(self, context: Any) -> Any:
        if context["params"]["dry_run"]:
            self.log.info("This was a dry run: nothing happens.")
            return []
        return CONFIRM if context["params"]["rehearsal"] else self.approval


class ConfirmSiteRecoveryOperator(ConfirmRecoveryOperator):
    """Refuses a plan that changed since it was approved, or that too few people approved, and writes the journal. A
    rehearsal, which touches nothing that is live, needs nobody's approval."""

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.site_recovery import begin
        from lifeboat.site_recovery_plan import refuse_changed

        plan, catalog = read_plan(self.plan), open_catalog()
        approved_by = [] if plan.rehearsal else self.approved(context["ti"], f"Recovery '{plan.id}' of the site")
        refuse_changed(runtime, catalog, plan)
        journal = begin(runtime, catalog, plan, requested_by(context["dag_run"]), approved_by)
        context["ti"].xcom_push(ENDED, datetime.now(UTC).isoformat())
        self.log.info("%s %s has begun.", "Rehearsal" if plan.rehearsal else "Site recovery", plan.id)
        return journal.id


class SiteOperator(PlanOperator):
    """An operator that carries out a part of a plan, and leaves when it ended; skipped unless the recovery has begun,
    whatever came before."""

    ui_color: ClassVar[str] = "#f9d9ae"

    def execute(self, context: Any) -> Any:
        result = super().execute(context)
        context["ti"].xcom_push(ENDED, datetime.now(UTC).isoformat())
        return result


class MakeOperator(SiteOperator):
    """Makes one thing of the plan in AWS; while AWS works, the task waits in the triggerer, without a worker.

    :param name: its name in the plan
    """

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name

    def resume(self, context: Any, event: dict[str, Any]) -> Any:
        """Go on after a wait. Raise what ended it."""
        raise_what_ended(event)
        return self.execute(context)

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.aws.sites import cloud_of_site
        from lifeboat.aws.work import Done, advance
        from lifeboat.site_recovery import refuse_given_up

        plan = read_plan(self.plan)
        if self.name not in [each.name for each in (*plan.databases, *plan.machines)]:
            raise AirflowSkipException(f"Site {plan.site} has no {self.name}.")
        with runtime.at(plan.site) as there:
            refuse_given_up(there, plan)
            reached = advance(cloud_of_site(there, plan.site), self.work(there, plan))
            if not isinstance(reached, Done):
                account = there.deployment.sites[plan.site]
                waits = (_LONGEST.total_seconds(), _PAUSE.total_seconds())
                trigger = CloudTrigger(reached.document(), account.account, account.region, *waits)
                self.defer(trigger=trigger, method_name="resume")
        with self.made(runtime, plan) as made:
            self.look_at(made, plan, context)

    @contextmanager
    def made(self, runtime: Any, plan: Any) -> Iterator[Any]:
        """Yield a runtime at the site with the address of what was made: others may not be there yet."""
        from lifeboat.site_build import addresses_of, made_by

        with runtime.at(plan.site) as there:
            addresses = addresses_of({self.name: made_by(there, plan)[self.name]})
        with runtime.at_made(plan.site, addresses, alone=plan.rehearsal) as made:
            yield made

    def work(self, there: Any, plan: Any) -> Any:
        """Return the work that makes it."""
        raise NotImplementedError

    def look_at(self, made: Any, plan: Any, context: Any) -> None:
        """Look whether it is what it must be."""
        raise NotImplementedError


class MakeDatabaseOperator(MakeOperator):
    """Restores a database of RDS from its snapshot, with its settings, compares it with its capture and runs the WSO2
    checks in it."""

    def work(self, there: Any, plan: Any) -> Any:
        from lifeboat.site_build import restore_database

        return restore_database(there, plan, self.name)

    def look_at(self, made: Any, plan: Any, context: Any) -> None:
        from lifeboat.site_build import prove_database

        checks = prove_database(made, plan, self.name)
        context["ti"].xcom_push(CHECKS, [check.model_dump(mode="json") for check in checks])


class MakeMachineOperator(MakeOperator):
    """Launches a machine from its image, and waits until it answers over SSH."""

    def work(self, there: Any, plan: Any) -> Any:
        from lifeboat.site_build import launch_machine

        return launch_machine(there, plan, self.name)

    def look_at(self, made: Any, plan: Any, context: Any) -> None:
        from lifeboat.site_build import wait_for_machine

        wait_for_machine(made, plan, self.name)


class LayDownOperator(SiteOperator):
    """Lets Puppet make a server's machine what it must be.

    :param server: the server's name
    """

    ui_color: ClassVar[str] = "#f3c9c9"

    def __init__(self, *, server: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.server = server

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.site_recovery import at_made, lay_down

        plan = read_plan(self.plan)
        if self.server not in plan.servers:
            raise AirflowSkipException(f"At site {plan.site} nothing stands in for {self.server}.")
        with at_made(runtime, plan) as (there, _):
            check = lay_down(there, open_catalog(), plan, self.server)
        context["ti"].xcom_push(CHECKS, [check.model_dump(mode="json")])


class RecoverMembersOperator(SiteOperator):
    """Brings back what comes from the site's vault: beside, proven, its addresses rebound, exchanged; then starts the
    servers and checks them. It is a recovery of the same id, which `lifeboat recoveries` lists.

    :param approvals: task ids of the approvals
    """

    def __init__(self, *, approvals: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approvals = tuple(approvals)

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.recovery_report import print_recovery
        from lifeboat.site_recovery import at_made, recover_members

        plan, instance = read_plan(self.plan), context["ti"]
        people = (requested_by(context["dag_run"]), approvers(instance, self.approvals))
        with at_made(runtime, plan) as (there, _):
            done = recover_members(there, open_catalog(), plan, *people)
            if done is None:
                self.log.info("Nothing comes from the vault.")
                return
            log_table(lambda console: print_recovery(done, console, there.option))
        instance.xcom_push(CHECKS, [check.model_dump(mode="json") for check in done.checks])
        instance.xcom_push(STATE, done.servers)


class SwitchOverOperator(SiteOperator):
    """Brings the traffic to the site; not in a rehearsal."""

    ui_color: ClassVar[str] = "#f3c9c9"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.site_recovery import switch

        plan = read_plan(self.plan)
        if plan.rehearsal:
            raise AirflowSkipException("A rehearsal switches nothing over.")
        context["ti"].xcom_push(SWITCHED, switch(runtime, plan))


class TakeDownOperator(SiteOperator):
    """Removes all that a rehearsal has made, whatever became of it; what a recovery has made stays."""

    ui_color: ClassVar[str] = "#f3c9c9"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.site_build import take_down

        plan = read_plan(self.plan)
        if not plan.rehearsal:
            raise AirflowSkipException("What a recovery has made stays.")
        instance = context["ti"]
        if "failed" in task_states(instance, context["dag_run"]).values():
            self.log.info(
                "What failed may be a task that a person has ended: its worker gets %d s to end.", _ENDS_SECONDS
            )
            time.sleep(_ENDS_SECONDS)
        with runtime.at(plan.site) as there:
            cleared = take_down(there, plan)
        instance.xcom_push(CLEARED, [str(each) for each in cleared.removed])
        if cleared.failed:
            (each, error), *_ = cleared.failed
            raise CloudError(f"{each} is not removed: {error.message}", next_step=error.next_step)
