"""The commands about what stays in the vault: hold, release, retention, housekeeping."""

import getpass
from typing import Annotated

import typer

from lifeboat.catalog import Catalog, catalog_url
from lifeboat.cli_recovery import Confirm, DeploymentName, confirmed
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.hold import set_hold
from lifeboat.housekeeping import housekeep
from lifeboat.retention_run import Retention
from lifeboat.runtime import Runtime
from lifeboat.upkeep_report import print_retention, print_upkeep

app = typer.Typer()

Point = Annotated[str, typer.Argument(help="Id of a restore point, or the beginning of it.")]
Reason = Annotated[str, typer.Option(help="Why; it is signed and kept in the vault.")]


@app.command()
def hold(deployment: DeploymentName, point: Point, reason: Reason) -> None:
    """Keep a restore point from being deleted, whatever the retention says, until it is released."""
    _set_hold(deployment, point, reason, held=True)


@app.command()
def release(deployment: DeploymentName, point: Point, reason: Reason) -> None:
    """End the hold of a restore point: from now on the retention decides about it as about any other."""
    _set_hold(deployment, point, reason, held=False)


def _set_hold(deployment: str, point: str, reason: str, *, held: bool) -> None:
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        evidence = set_hold(runtime, catalog, point, held=held, reason=reason, by=getpass.getuser())
    state = "on hold" if held else "released"
    typer.echo(f"Restore point {evidence.point} is {state}: {evidence.reason} ({evidence.by}).")


@app.command()
def retention(
    deployment: DeploymentName,
    dry_run: Annotated[bool, typer.Option(help="Show why each point stays or goes, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Go ahead without being asked.")] = False,
    confirm: Confirm = "",
) -> None:
    """Show why each restore point stays or goes, and delete those that go."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        verdict = Retention(runtime, catalog).verdict()
        print_retention(verdict)
        if dry_run:
            return
        if not verdict.going:
            typer.echo("Nothing goes.")
            return
        if not yes and not confirmed(runtime.deployment.name, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        record = housekeep(runtime, catalog, ["retention"], only=verdict.going)
    print_upkeep(record)
    if not record.passed:
        raise typer.Exit(1)


@app.command()
def housekeeping(deployment: DeploymentName) -> None:
    """Do now what housekeeping does daily: retention, orphans, expired copies, dead locks, freeing space, and reading a
    part of the vault. Ends with status 1 when a part failed."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        record = housekeep(runtime, Catalog(catalog_url(from_environment)))
    print_upkeep(record)
    if not record.passed:
        raise typer.Exit(1)
