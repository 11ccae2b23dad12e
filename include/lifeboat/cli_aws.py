"""The commands about AWS."""

from typing import Annotated

import typer

from lifeboat.cli_recovery import DeploymentName
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="What Lifeboat has in AWS.")


@app.callback()
def _group() -> None:
    """What Lifeboat has in AWS."""


@app.command()
def leftovers(
    deployment: DeploymentName,
    remove: Annotated[bool, typer.Option(help="Remove what is shown, instead of only showing it.")] = False,
    ended: Annotated[list[str] | None, typer.Option(help="Run of a drill or a rehearsal that has ended.")] = None,
) -> None:
    """Show what drills, and restore points that are gone, left in the accounts of all sites, and remove it."""
    from lifeboat.aws.leftovers import clear  # boto3 takes a third of a second
    from lifeboat.aws.points import leftovers_of_site
    from lifeboat.aws.sites import cloud_sites

    stayed = False
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        for site in cloud_sites(runtime):
            cloud, found = leftovers_of_site(runtime, site, ended or ())
            if not found:
                typer.echo(f"Site {site} ({cloud.region}): nothing is left.")
            for each in found:
                typer.echo(f"Site {site}: {each}: {each.why}.")
            if found and remove:
                cleared = clear(cloud, found)
                typer.echo(f"Site {site}: removed {len(cleared.removed)} of {len(found)}.")
                for each, error in cleared.failed:
                    typer.echo(f"{each} stays: {error}", err=True)
                stayed = stayed or bool(cleared.failed)
    if stayed:
        raise typer.Exit(1)
