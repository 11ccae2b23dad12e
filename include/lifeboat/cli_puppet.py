"""The command that runs Puppet: puppet."""

from typing import Annotated

import typer

from lifeboat.catalog import Catalog, catalog_url
from lifeboat.cli_recovery import DeploymentName
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.puppet_run import run_puppet
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
