"""The commands about updates: update, updates."""

import getpass
from typing import Annotated

import typer

from lifeboat import report, update_report
from lifeboat.capture import JOBS, make_point
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.cli_recovery import Confirm, DeploymentName, confirmed
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.patches import live_patches
from lifeboat.runtime import Runtime
from lifeboat.update import roll_out
from lifeboat.update_documents import UpdatePlan, UpdateRequest
from lifeboat.update_journal import Base, begun_plan, new_update_id
from lifeboat.update_plan import plan_update
from lifeboat.update_prepare import prepare
from lifeboat.wso2.update_methods import METHODS

app = typer.Typer()

_PACK = "Path of the new pack on the servers' hosts, for the method pack; of the reference pack, for distribute."


@app.command()
def update(
    deployment: DeploymentName,
    server: Annotated[list[str] | None, typer.Option(help="A server; may be repeated. By default all.")] = None,
    type: Annotated[list[str] | None, typer.Option(help="All servers of a type; may be repeated.")] = None,
    level: Annotated[int | None, typer.Option(min=0, help="Update level to reach; by default the newest.")] = None,
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = "updates2",
    pack: Annotated[str, typer.Option(help=_PACK)] = "",
    wait: Annotated[bool, typer.Option(help="At conflicts, wait for a person's .final files; else revert.")] = False,
    remove_patches: Annotated[bool, typer.Option(help="Take Carbon patches away first; the two do not mix.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the evidence.")] = "",
    dry_run: Annotated[bool, typer.Option(help="Show the plan and end.")] = False,
    confirm: Confirm = "",
    resume: Annotated[str, typer.Option(help="Id of an update to go on with, after it failed or was killed.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Units that are captured side by side.")] = JOBS,
) -> None:
    """Update servers one at a time, the first one the canary: snapshot, stop, update, verify, start, check. A server
    that fails is rolled back from the snapshot, and the rollout stops."""
    request = UpdateRequest(
        servers=tuple(server or ()),
        types=tuple(type or ()),
        method=method,
        level=level,
        pack=pack,
        wait=wait,
        remove_patches=remove_patches,
        reason=reason,
    )
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        catalog = Catalog(catalog_url(from_environment))
        if resume:
            journal = begun_plan(runtime, resume)
            plan, base = journal.plan, Base(journal.point, journal.manifest_sha256)
        else:
            plan = plan_update(runtime, request, new_update_id())
            update_report.print_update_plan(plan)
            if dry_run or not plan.servers or not confirmed(plan.deployment, confirm):
                typer.echo("Nothing was changed.")
                raise typer.Exit(0 if dry_run or not plan.servers else 1)
            prepare(runtime, plan)
            base = _snapshot(runtime, catalog, plan, jobs)
        try:
            roll_out(runtime, catalog, plan, base, getpass.getuser(), [getpass.getuser()])
        finally:
            _show(runtime, catalog, plan)


@app.command()
def updates(deployment: DeploymentName) -> None:
    """List the updates of a deployment: each server, its level before and after, how it ended."""
    found = find_deployment(deployment)
    update_report.print_updates(Catalog(catalog_url(from_environment)).updates(found.name))


def _snapshot(runtime: Runtime, catalog: Catalog, plan: UpdatePlan, jobs: int) -> Base:
    labels = {"target_level": plan.request.target, "update": plan.id}
    signed = make_point(runtime, "pre_upgrade", reason=plan.request.reason, labels=labels, jobs=jobs)
    catalog.add_point(signed)
    report.print_point(signed.manifest)
    return Base(signed.manifest.id, signed.sha256)


def _show(runtime: Runtime, catalog: Catalog, plan: UpdatePlan) -> None:
    mine = [each for each in catalog.updates(plan.deployment) if getattr(each, "update", "") == plan.id]
    update_report.print_updates(mine)
    servers, errors = live_patches(runtime)
    update_report.print_levels(servers)
    for name, error in errors.items():
        typer.echo(f"{name} could not be read: {error}", err=True)
