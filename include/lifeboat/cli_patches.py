"""The commands about patches: show and restore. `lifeboat patches DEPLOYMENT` shows."""

import getpass
from typing import Annotated

import typer
from typer.core import TyperGroup

from lifeboat import recovery_report, report
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.cli_recovery import Confirm, DeploymentName, confirmed
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.manifest import Manifest
from lifeboat.patch_recovery import patch_request
from lifeboat.patches import ServerPatches, live_patches, patches_at, since
from lifeboat.recovery_documents import RecoveryPlan
from lifeboat.recovery_run import plan_and_begin, recover
from lifeboat.runtime import Runtime


class _ShowsByDefault(TyperGroup):
    """A group whose first word may also be a deployment: then it is shown."""

    def parse_args(self, context: typer.Context, arguments: list[str]) -> list[str]:  # type: ignore[override]
        first = next((word for word in arguments if not word.startswith("-")), None)
        if first is not None and first not in self.commands:
            arguments = ["show", *arguments]
        return super().parse_args(context, arguments)


app = typer.Typer(
    cls=_ShowsByDefault,
    no_args_is_help=True,
    help="The patches of all servers; `patches DEPLOYMENT [POINT]` shows them.",
)


@app.command()
def show(
    deployment: DeploymentName,
    point: Annotated[str | None, typer.Argument(help="Id of a restore point, or the beginning of it.")] = None,
) -> None:
    """Show the patches of all servers side by side, their drift and every known trap: now, or at a restore point
    with what changed since then. Ends with status 1 when a server could not be read."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        manifest = catalog.point(runtime.deployment.name, point).manifest if point else None
        now, errors = live_patches(runtime)
        if manifest is None:
            report.print_patches(now, f"Patches of {runtime.deployment.name} now")
        else:
            then = print_patches_at(runtime, manifest)
            report.print_since(since(then, now), manifest.id)
    for server, error in errors.items():
        typer.echo(f"{server} could not be read: {error}", err=True)
    if errors:
        raise typer.Exit(1)


@app.command()
def restore(
    deployment: DeploymentName,
    point: Annotated[str, typer.Argument(help="Id of a restore point; by default the last known good.")] = "",
    server: Annotated[str, typer.Option(help="The server that gets the patches.")] = ...,  # type: ignore[assignment]
    from_server: Annotated[str, typer.Option(help="The server whose patches come; by default the same one.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the evidence.")] = "",
    unproven: Annotated[bool, typer.Option(help="Take the named point although no drill of it passed.")] = False,
    force: Annotated[bool, typer.Option(help="Bring them to another product, version or level all the same.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show the plan and end.")] = False,
    confirm: Confirm = "",
) -> None:
    """Bring the patches of a server at a restore point to it, or to another of its type: afterwards it runs exactly
    the bundles of that time. `lifeboat undo` puts back what was live."""
    request = patch_request(server, from_server=from_server, point=point, reason=reason, unproven=unproven, force=force)

    def decide(plan: RecoveryPlan) -> bool:
        recovery_report.print_plan(plan)
        return not dry_run and confirmed(plan.deployment, confirm)

    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        journal = plan_and_begin(runtime, catalog, request, getpass.getuser(), decide)
        if journal is None:
            typer.echo("Nothing was changed.")
            raise typer.Exit(0 if dry_run else 1)
        evidence = recover(runtime, catalog, journal)
    recovery_report.print_recovery(evidence)


def print_patches_at(runtime: Runtime, manifest: Manifest) -> list[ServerPatches]:
    """Print the patches of a restore point, and return them."""
    servers = patches_at(runtime, manifest)
    report.print_patches(servers, f"Patches of {manifest.deployment} at restore point {manifest.id}")
    return servers
