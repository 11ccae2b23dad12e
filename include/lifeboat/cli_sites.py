"""The command that copies restore points to other sites."""

from typing import Annotated

import typer

from lifeboat.catalog import Catalog, catalog_url
from lifeboat.cli_recovery import DeploymentName
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.errors import ConfigurationError
from lifeboat.replication import replicate as replicate_to
from lifeboat.replication import require_other_site
from lifeboat.replication_report import print_replication
from lifeboat.runtime import Runtime

app = typer.Typer()


@app.command()
def replicate(
    deployment: DeploymentName,
    site: Annotated[str | None, typer.Option(help="Only this site; by default every one but the first.")] = None,
    point: Annotated[
        str | None, typer.Option(help="Only this restore point, which is read again if it is whole there.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Read also what is known to be whole there.")] = False,
) -> None:
    """Copy what other sites lack of the restore points, and verify it there. Ends with status 1 unless each site holds
    everything afterwards."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        sites = [require_other_site(runtime, site)] if site else runtime.deployment.other_sites()
        if not sites:
            raise ConfigurationError(
                f"Deployment '{runtime.deployment.name}' has one site, so there is nothing to copy to.",
                next_step="Give `sites` a second one with a vault of its own; see docs/sites.md.",
            )
        points = {catalog.point(runtime.deployment.name, point).manifest.id} if point else None
        results = [replicate_to(runtime, catalog, each, points, again=again or bool(point)) for each in sites]
    for result in results:
        print_replication(result)
    if not all(result.passed for result in results):
        raise typer.Exit(1)
