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
    ended: Annotated[list[str], typer.Option(help="A drill's or rehearsal's run that has ended before its time.")] = [],  # noqa: B006
) -> None:
    """Show what drills and expired backups left in the accounts of all sites, and remove it. Status 1 if some stays."""
    from lifeboat.aws.leftovers import clear, find_leftovers  # boto3 takes a third of a second
    from lifeboat.aws.sites import cloud_of_site, cloud_sites

    stayed = False
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        for site in cloud_sites(runtime):
            cloud = cloud_of_site(runtime, site)
            name = runtime.deployment.name
            found = find_leftovers(cloud, [cloud.region], lambda _, run: run in ended, name)
            if not found:
                typer.echo(f"Site {site} ({cloud.region}): nothing is left.")
                continue
            for each in found:
                typer.echo(f"Site {site}: {each}: {each.why}.")
            if remove:
                cleared = clear(cloud, found)
                typer.echo(f"Site {site}: removed {len(cleared.removed)} of {len(found)}.")
                for each, error in cleared.failed:
                    typer.echo(f"{each} stays: {error}", err=True)
                stayed = stayed or bool(cleared.failed)
    if stayed:
        raise typer.Exit(1)
