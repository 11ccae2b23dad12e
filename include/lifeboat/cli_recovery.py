"""The commands about recoveries: recover, undo, recoveries, discard."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from lifeboat import recovery_report
from lifeboat.capture import JOBS
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.recovery_documents import RecoveryJournal, RecoveryPlan, RecoveryRequest
from lifeboat.recovery_journal import require_journal
from lifeboat.recovery_run import discard as discard_recovery
from lifeboat.recovery_run import discardable, plan_and_begin
from lifeboat.recovery_run import recover as carry_out
from lifeboat.recovery_run import undo as undo_recovery
from lifeboat.runtime import Runtime
from lifeboat.times import read_time

app = typer.Typer()

DeploymentName = Annotated[str, typer.Argument(help="Name of a deployment, or the path of its file.")]
RecoveryId = Annotated[str, typer.Argument(help="Id of a recovery, or the beginning of it.")]
Confirm = Annotated[str, typer.Option(help="The deployment's name, to go ahead without being asked.")]
Site = Annotated[
    str,
    typer.Option(help="Another site: from its vault, to what stands in there by its bindings, by the drills there."),
]


@app.command()
def recover(
    deployment: DeploymentName,
    point: Annotated[str, typer.Argument(help="Id of a restore point; by default the last known good.")] = "",
    as_of: Annotated[
        str, typer.Option(help="Instead: the newest good point at or before this time; UTC if it has no zone.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(help="A unit or member such as home/apim-cp-1; may be repeated.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the evidence.")] = "",
    unproven: Annotated[bool, typer.Option(help="Take the named point although no drill of it passed.")] = False,
    safety_point: Annotated[bool, typer.Option(help="Capture what is live first, as a restore point.")] = True,
    dry_run: Annotated[bool, typer.Option(help="Show the plan and end.")] = False,
    confirm: Confirm = "",
    resume: Annotated[str, typer.Option(help="Id of an interrupted recovery to go on with.")] = "",
    site: Site = "",
    jobs: Annotated[int, typer.Option(min=1, help="Units that are worked on side by side.")] = JOBS,
) -> None:
    """Go back to a restore point: restore beside what is live, prove it, and exchange the two."""
    request = RecoveryRequest(
        point=point,
        as_of=read_time(as_of) if as_of else None,
        units=tuple(only or ()),
        reason=reason,
        unproven=unproven,
        safety_point=safety_point,
    )

    def decide(plan: RecoveryPlan) -> bool:
        recovery_report.print_plan(plan)
        return not dry_run and confirmed(plan.deployment, confirm)

    with Runtime(find_deployment(deployment), from_environment, site) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        if resume:
            journal = require_journal(runtime, resume)
        elif not (begun := plan_and_begin(runtime, catalog, request, getpass.getuser(), decide)):
            typer.echo("Nothing was changed.")
            raise typer.Exit(0 if dry_run else 1)
        else:
            journal = begun
        with _told_when_interrupted(journal, runtime.option):
            evidence = carry_out(runtime, catalog, journal, jobs=jobs)
    recovery_report.print_recovery(evidence, option=runtime.option)


@app.command()
def undo(deployment: DeploymentName, recovery: RecoveryId, confirm: Confirm = "", site: Site = "") -> None:
    """Put back what was live before a recovery; what it restored stays beside it."""
    with Runtime(find_deployment(deployment), from_environment, site) as runtime:
        journal = require_journal(runtime, recovery)
        recovery_report.print_plan(journal.plan)
        typer.echo("To be undone: servers stop, what was live before is put back; what was restored stays beside it.")
        if gone := [each.live for every in journal.plan.replacements for each in every.exchanges if not each.kept]:
            typer.echo(
                f"Gone again after that, as before: {', '.join(gone)}. Servers that need it will not be healthy."
            )
        if not confirmed(journal.deployment, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        catalog = Catalog(catalog_url(from_environment))
        with _told_when_interrupted(journal, runtime.option):
            evidence = undo_recovery(runtime, catalog, journal, requested_by=getpass.getuser())
    recovery_report.print_recovery(evidence, option=runtime.option)


@app.command()
def recoveries(deployment: DeploymentName) -> None:
    """List the recoveries of a deployment: who asked, who approved, what is live since."""
    found = find_deployment(deployment)
    recovery_report.print_recoveries(Catalog(catalog_url(from_environment)).recoveries(found.name))


@app.command()
def discard(deployment: DeploymentName, recovery: RecoveryId, confirm: Confirm = "", site: Site = "") -> None:
    """Remove for good what a recovery left that is not live: what it kept, or what it restored and undid."""
    with Runtime(find_deployment(deployment), from_environment, site) as runtime:
        plan = require_journal(runtime, recovery).plan
        typer.echo("To be removed for good, as far as it is there:")
        for name in discardable(runtime, plan):
            typer.echo(f"  {name}")
        if not confirmed(plan.deployment, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        discard_recovery(runtime, plan)
    typer.echo(f"What recovery {plan.id} left is removed.")


@contextmanager
def _told_when_interrupted(journal: RecoveryJournal, option: str) -> Iterator[None]:
    """On Ctrl-C, say how to go on, and how to go back."""
    try:
        yield
    except KeyboardInterrupt:
        name, recovery = journal.deployment, journal.recovery
        typer.echo(
            f"\nInterrupted: recovery {recovery} is neither finished nor undone, and servers may be down.\n"
            f"  Next: go on with `lifeboat recover {name} --resume {recovery}{option}`, or put back what was live with "
            f"`lifeboat undo {name} {recovery}{option}`.",
            err=True,
        )
        raise typer.Exit(130) from None


def confirmed(deployment: str, given: str) -> bool:
    """Return whether the person has typed the deployment's name, as an option or when asked."""
    if not given:
        given = str(typer.prompt(f"Type the name of the deployment ({deployment}) to go ahead"))
    if given != deployment:
        typer.echo(f"'{given}' is not '{deployment}'.", err=True)
    return given == deployment
