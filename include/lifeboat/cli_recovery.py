"""The commands about recoveries: recover, undo, recoveries, discard."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from lifeboat import recovery_report
from lifeboat.capture import JOBS
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.recovery_documents import RecoveryPlan, RecoveryRequest
from lifeboat.recovery_journal import require_journal
from lifeboat.recovery_run import discard as discard_recovery
from lifeboat.recovery_run import plan_and_begin
from lifeboat.recovery_run import recover as carry_out
from lifeboat.recovery_run import undo as undo_recovery
from lifeboat.runtime import Runtime

app = typer.Typer()

DeploymentName = Annotated[str, typer.Argument(help="Name of a deployment, or the path of its file.")]
RecoveryId = Annotated[str, typer.Argument(help="Id of a recovery, or the beginning of it.")]
Confirm = Annotated[str, typer.Option(help="The deployment's name, to go ahead without being asked.")]


@app.command()
def recover(
    deployment: DeploymentName,
    point: Annotated[str, typer.Argument(help="Id of a restore point; by default the last known good.")] = "",
    as_of: Annotated[
        datetime | None, typer.Option(help="Instead: the newest good point at or before this time, in UTC.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A unit or member such as home/apim-cp-1; may be repeated.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the evidence.")] = "",
    unproven: Annotated[bool, typer.Option(help="Take the named point although no drill of it passed.")] = False,
    safety_point: Annotated[bool, typer.Option(help="Capture what is live first, as a restore point.")] = True,
    dry_run: Annotated[bool, typer.Option(help="Show the plan and end.")] = False,
    confirm: Confirm = "",
    resume: Annotated[str, typer.Option(help="Id of an interrupted recovery to go on with.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Units that are worked on side by side.")] = JOBS,
) -> None:
    """Go back to a restore point: restore beside what is live, prove it, and exchange the two."""
    request = RecoveryRequest(
        point=point,
        as_of=as_of.replace(tzinfo=as_of.tzinfo or UTC) if as_of else None,
        units=tuple(only or ()),
        reason=reason,
        unproven=unproven,
        safety_point=safety_point,
    )

    def decide(plan: RecoveryPlan) -> bool:
        recovery_report.print_plan(plan)
        return not dry_run and confirmed(plan.deployment, confirm)

    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        if resume:
            journal = require_journal(runtime, resume)
        elif not (begun := plan_and_begin(runtime, catalog, request, getpass.getuser(), decide)):
            typer.echo("Nothing was changed.")
            raise typer.Exit(0 if dry_run else 1)
        else:
            journal = begun
        evidence = carry_out(runtime, catalog, journal, jobs=jobs)
    recovery_report.print_recovery(evidence)


@app.command()
def undo(deployment: DeploymentName, recovery: RecoveryId, confirm: Confirm = "") -> None:
    """Put back what was live before a recovery; what it restored stays beside it."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        journal = require_journal(runtime, recovery)
        recovery_report.print_plan(journal.plan)
        if not confirmed(journal.deployment, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        catalog = Catalog(catalog_url(from_environment))
        evidence = undo_recovery(runtime, catalog, journal, requested_by=getpass.getuser())
    recovery_report.print_recovery(evidence)


@app.command()
def recoveries(deployment: DeploymentName) -> None:
    """List the recoveries of a deployment: who asked, who approved, what is live since."""
    found = find_deployment(deployment)
    recovery_report.print_recoveries(Catalog(catalog_url(from_environment)).recoveries(found.name))


@app.command()
def discard(deployment: DeploymentName, recovery: RecoveryId, confirm: Confirm = "") -> None:
    """Remove for good what a recovery left that is not live: what it kept, or what it restored and undid."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        plan = require_journal(runtime, recovery).plan
        recovery_report.print_plan(plan)
        if not confirmed(plan.deployment, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        discard_recovery(runtime, plan)
    typer.echo(f"What recovery {plan.id} left is removed.")


def confirmed(deployment: str, given: str) -> bool:
    """Return whether the person has typed the deployment's name, as an option or when asked."""
    if not given:
        given = str(typer.prompt(f"Type the name of the deployment ({deployment}) to go ahead"))
    if given != deployment:
        typer.echo(f"'{given}' is not '{deployment}'.", err=True)
    return given == deployment
