"""The commands that run Puppet: puppet, rebuild."""

import getpass
from typing import Annotated

import typer

from lifeboat.catalog import Catalog, catalog_url
from lifeboat.catalog.last_good import described
from lifeboat.cli_recovery import Confirm, DeploymentName, confirmed
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.puppet_run import run_puppet
from lifeboat.rebuild import begun_before, look
from lifeboat.rebuild import rebuild as carry_out
from lifeboat.recovery_report import print_plan, print_recovery
from lifeboat.runtime import Runtime

app = typer.Typer()


@app.command()
def puppet(
    deployment: DeploymentName,
    server: Annotated[str, typer.Argument(help="A server that has `puppet` in the deployment file.")],
    noop: Annotated[bool, typer.Option("--noop", help="Show what Puppet would change, and change nothing.")] = False,
    safety_point: Annotated[bool, typer.Option(help="Capture the home first: Puppet may delete it.")] = True,
) -> None:
    """Run Puppet on a server's host, after its home was captured: WSO2's own modules delete it."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        done = run_puppet(runtime, catalog, server, noop=noop, safety_point=safety_point)
    if done.safety_point:
        typer.echo(f"Restore point {done.safety_point} holds the home as it was before.")
    typer.echo(f"Puppet {done.run}; the home of {server}: {done.home}.")


@app.command()
def rebuild(
    deployment: DeploymentName,
    server: Annotated[str, typer.Argument(help="A server that has `puppet` in the deployment file.")],
    site: Annotated[str, typer.Option(help="The site at which it is rebuilt; by default the home site.")] = "",
    point: Annotated[str, typer.Option(help="Id of a restore point; by default the last known good of the site.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the evidence.")] = "",
    unproven: Annotated[bool, typer.Option(help="Take the named point although no drill there passed.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show what would be done and end.")] = False,
    confirm: Confirm = "",
) -> None:
    """Make an empty machine a server again: Puppet, the home of a good restore point, its addresses, start, checks."""
    with Runtime(find_deployment(deployment), from_environment, site) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        name, outlook = runtime.deployment.name, None
        if journal := begun_before(runtime, server):
            typer.echo(f"Rebuild {journal.recovery} of {server} was interrupted; this goes on with it.")
        else:
            outlook = look(runtime, catalog, server, point, unproven=unproven)
            where = runtime.deployment.servers[server]
            typer.echo(
                f"Server {server} at site {outlook.site}, home {where.home} on host {where.host}:\n"
                f"  1. Puppet, after a home that is there was captured\n"
                f"  2. {', '.join(outlook.units)} of restore point {described(outlook.state)}, {outlook.chosen}"
            )
            for each in outlook.rebindings:
                typer.echo(f"     {each.old} becomes {each.new} (binding {each.binding})")
            for other in outlook.foreign:
                typer.echo(f"     {other.address} must not be in its configuration: of {other.of}")
            typer.echo("  3. start, health, checks")
        if dry_run or not confirmed(name, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(0 if dry_run else 1)
        evidence = carry_out(
            runtime,
            catalog,
            server,
            getpass.getuser(),
            point=point,
            reason=reason,
            unproven=unproven,
            outlook=outlook,
            told=print_plan,
        )
    print_recovery(evidence, option=runtime.option)
