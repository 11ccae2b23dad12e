"""The commands about a site that takes over: recover, switch-back, give-up, list."""

import getpass
from typing import Annotated

import typer

from lifeboat.catalog import Catalog, catalog_url
from lifeboat.cli_recovery import Confirm, DeploymentName, confirmed
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.errors import ConfigurationError
from lifeboat.runtime import Runtime
from lifeboat.site_recovery_documents import SiteRequest
from lifeboat.site_recovery_report import print_plan, print_site_recoveries, print_site_recovery
from lifeboat.times import read_time

# What is on boto3 is imported within the commands: it takes a third of a second.

app = typer.Typer(no_args_is_help=True, help="Another site takes over, or rehearses that.")

SiteName = Annotated[str, typer.Argument(help="A site with `takeover` in the deployment file.")]
RecoveryId = Annotated[str, typer.Argument(help="Id of a site recovery, or the beginning of it.")]


@app.command()
def recover(
    deployment: DeploymentName,
    site: SiteName,
    point: Annotated[str, typer.Argument(help="Id of a restore point; by default the last known good there.")] = "",
    as_of: Annotated[
        str, typer.Option(help="Instead: the newest good point at or before this time; UTC if it has no zone.")
    ] = "",
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Build everything, measure, switch nothing over, take all down again.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for the evidence.")] = "",
    unproven: Annotated[bool, typer.Option(help="Take the named point although no drill there passed.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show the plan and end.")] = False,
    confirm: Confirm = "",
    resume: Annotated[str, typer.Option(help="Id of an interrupted site recovery to go on with.")] = "",
) -> None:
    """Let a site take over: databases and machines in AWS, Puppet, members from its vault, checks, traffic."""
    from lifeboat.recovery_journal import new_recovery_id
    from lifeboat.site_recovery import begin, lease_point, refuse_given_up, require_journal
    from lifeboat.site_recovery_plan import plan_site_recovery
    from lifeboat.site_recovery_run import carry_out

    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog, name = Catalog(catalog_url(from_environment)), runtime.deployment.name
        if resume and dry_run:
            raise ConfigurationError("--resume goes on; it has no dry run.", next_step="Leave one of the two out.")
        if resume:
            with runtime.at(site) as there:
                journal = require_journal(there, resume)
            typer.echo(f"Going on with site recovery {journal.recovery}, restore point {journal.point}.")
        else:
            request = SiteRequest(
                point=point,
                as_of=read_time(as_of) if as_of else None,
                reason=reason,
                unproven=unproven,
                rehearsal=rehearse,
            )
            plan = plan_site_recovery(runtime, catalog, site, request, new_recovery_id())
            print_plan(plan)
            if dry_run:
                raise typer.Exit(0)
            lease_point(runtime, catalog, plan)
        if not confirmed(name, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        if not resume:
            person = getpass.getuser()
            journal = begin(runtime, catalog, plan, person, [person])
        with runtime.at(site) as there:
            refuse_given_up(there, journal.plan)
        try:
            evidence = carry_out(runtime, catalog, journal)
        except KeyboardInterrupt as interrupt:
            stands = str(interrupt) or f"What it made costs money. {journal.plan.site_ways_on}"
            typer.echo(f"\nInterrupted: site recovery {journal.recovery}. {stands}", err=True)
            raise typer.Exit(130) from None
    print_site_recovery(evidence)
    if not evidence.succeeded:
        raise typer.Exit(1)


@app.command("switch-back")
def switch_back(deployment: DeploymentName, site: SiteName, recovery: RecoveryId, confirm: Confirm = "") -> None:
    """Bring the traffic back to where it was before a site took over. What was made there stays."""
    from lifeboat.site_recovery_run import switch_back as bring_back

    with Runtime(find_deployment(deployment), from_environment) as runtime:
        if not confirmed(runtime.deployment.name, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        catalog = Catalog(catalog_url(from_environment))
        print_site_recovery(bring_back(runtime, catalog, site, recovery, getpass.getuser()))


@app.command("give-up")
def give_up(deployment: DeploymentName, site: SiteName, recovery: RecoveryId, confirm: Confirm = "") -> None:
    """Remove for good all machines and databases that a recovery of a site, or a rehearsal, has made."""
    from lifeboat.site_build import made_by
    from lifeboat.site_recovery import give_up as take_all_down
    from lifeboat.site_recovery import require_journal

    with Runtime(find_deployment(deployment), from_environment) as runtime:
        with runtime.at(site) as there:
            journal = require_journal(there, recovery)
            typer.echo("To be removed for good, with all that is in it:")
            for name, made in made_by(there, journal.plan).items():
                typer.echo(f"  {name}: {made}")
        if not confirmed(runtime.deployment.name, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        evidence = take_all_down(runtime, Catalog(catalog_url(from_environment)), journal, getpass.getuser())
    print_site_recovery(evidence)
    if not evidence.succeeded:
        raise typer.Exit(1)


@app.command("list")
def list_all(deployment: DeploymentName) -> None:
    """List the recoveries and rehearsals of a deployment's sites: who asked, who approved, how each ended."""
    found = find_deployment(deployment)
    print_site_recoveries(Catalog(catalog_url(from_environment)).site_recoveries(found.name))
