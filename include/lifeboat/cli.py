"""`lifeboat`: the same work as the DAGs, without Airflow. Connections come from AIRFLOW_CONN_<ID> variables."""

import logging
import sys
import uuid
from pathlib import Path
from typing import Annotated, Literal

import typer

from lifeboat import (
    cli_aws,
    cli_patches,
    cli_puppet,
    cli_recovery,
    cli_rescue,
    cli_restore,
    cli_site_recovery,
    cli_sites,
    cli_status,
    cli_update,
    cli_upkeep,
    cli_vault,
    report,
)
from lifeboat.capture import JOBS, make_point
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.catalog.leases import USE
from lifeboat.cli_patches import print_patches_at
from lifeboat.connections import from_environment
from lifeboat.deployment import Deployment
from lifeboat.deployment_file import find_deployment
from lifeboat.drill import drill_point
from lifeboat.errors import LifeboatError
from lifeboat.preflight import world_problems
from lifeboat.refresh import refresh
from lifeboat.replication import require_other_site
from lifeboat.runtime import Runtime
from lifeboat.schema_reference import reference
from lifeboat.signing import Signer, new_private_key
from lifeboat.sites_report import print_replicas

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
catalog_app = typer.Typer(no_args_is_help=True, help="The index over manifests and evidence.")
key_app = typer.Typer(no_args_is_help=True, help="The key that signs manifests.")
app.add_typer(cli_recovery.app)
app.add_typer(cli_update.app)
app.add_typer(cli_puppet.app)
app.add_typer(cli_sites.app)
app.add_typer(cli_status.app)
app.add_typer(cli_upkeep.app)
app.add_typer(cli_patches.app, name="patches")
app.add_typer(cli_aws.app, name="aws")
app.add_typer(cli_site_recovery.app, name="site")
app.add_typer(catalog_app, name="catalog")
app.add_typer(cli_vault.app, name="vault")
app.add_typer(key_app, name="key")

Jobs = Annotated[int, typer.Option(min=1, help="Units that are worked on side by side.")]
MadeKind = Literal["system_backup", "pre_upgrade"]
AtSite = Annotated[str | None, typer.Option("--site", help="The site whose vault is read; by default the first one.")]
DeploymentName = Annotated[str, typer.Argument(help="Name of a deployment, or the path of its file.")]


def _runtime(deployment: str) -> Runtime:
    return Runtime(find_deployment(deployment), from_environment)


def _catalog() -> Catalog:
    return Catalog(catalog_url(from_environment))


@app.command()
def validate(
    deployment: DeploymentName,
    file_only: Annotated[bool, typer.Option(help="Check the file alone, not what it names.")] = False,
) -> None:
    """Check a deployment file, and that tools, connections, vault, homes and databases are there."""
    found = find_deployment(deployment)
    if file_only:
        typer.echo(f"{found.name}: the file is good.")
        return
    with Runtime(found, from_environment) as runtime:
        problems = world_problems(runtime)
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{found.name}: the file is good, and everything that it names is there.")


@app.command()
def backup(
    deployment: DeploymentName,
    reason: Annotated[str, typer.Option(help="Why, for the manifest.")] = "",
    kind: Annotated[MadeKind, typer.Option(help="pre_upgrade: before an update.")] = "system_backup",
    target_level: Annotated[str, typer.Option(help="What an update will bring it to, for the manifest.")] = "",
    jobs: Jobs = JOBS,
) -> None:
    """Make a restore point: capture every unit, then seal."""
    labels = {"target_level": target_level} if target_level else {}
    with _runtime(deployment) as runtime:
        catalog = _catalog()
        signed = make_point(runtime, kind, reason=reason, labels=labels, jobs=jobs)
        catalog.add_point(signed)
        report.print_point(signed.manifest)
        if kind == "pre_upgrade":
            print_patches_at(runtime, signed.manifest)


@app.command()
def drill(
    deployment: DeploymentName,
    point: Annotated[str | None, typer.Argument(help="Id of a restore point; by default the newest.")] = None,
    jobs: Jobs = JOBS,
    site: AtSite = None,
) -> None:
    """Prove a restore point by restoring it into a scratch place. Ends with status 1 unless it passed."""
    with _runtime(deployment) as runtime:
        catalog, site = _catalog(), _known_site(runtime, site)
        state = catalog.point(runtime.deployment.name, point) if point else _newest(catalog, runtime.deployment, site)
        with catalog.leased(runtime.deployment.name, state.manifest.id, f"drill {uuid.uuid4().hex[:8]}", USE):
            evidence = drill_point(runtime, catalog, state.manifest.id, jobs=jobs, site=site)
    report.print_drill(evidence, runtime.deployment.objectives)
    if not evidence.passed:
        raise typer.Exit(1)


def _newest(catalog: Catalog, deployment: Deployment, site: str) -> report.PointState:
    """Return the newest point of the home vault, or the newest that is whole at another site."""
    name, states = deployment.name, catalog.points(deployment.name)
    where, how, rebuild = "", f"Make one with `lifeboat backup {name}`", f"lifeboat catalog rebuild {name}"
    if site != deployment.home_site():
        states = [state for state in states if state.whole_at(site)]
        where, how, rebuild = f" at site '{site}'", f"Copy with `lifeboat replicate {name}`", f"{rebuild} --site {site}"
    if not states:
        raise LifeboatError(
            f"Deployment '{name}' has no restore point{where}.", next_step=f"{how}, or read the vault with `{rebuild}`."
        )
    return states[0]


def _known_site(runtime: Runtime, site: str | None) -> str:
    """Return the site that is meant, by default the home site."""
    home = runtime.deployment.home_site()
    return home if site in (None, home) else require_other_site(runtime, str(site))


app.command()(cli_restore.points)


@app.command()
def show(
    deployment: DeploymentName,
    point: Annotated[str, typer.Argument(help="Id of a restore point, or the beginning of it.")],
) -> None:
    """Show a restore point's members, proofs, warnings, and its newest drill."""
    found = find_deployment(deployment)
    state = _catalog().point(found.name, point)
    report.print_point(state.manifest)
    report.print_hold(state)
    print_replicas(state, report.new_console())
    if state.drill:
        report.print_drill(state.drill, found.objectives)


app.command()(cli_restore.restore)
app.command()(cli_restore.runbook)
app.command()(cli_rescue.rescue)


@catalog_app.command()
def rebuild(deployment: DeploymentName, site: AtSite = None) -> None:
    """Make the catalog of a deployment again, from its home vault alone, or from that of another site."""
    with _runtime(deployment) as runtime:
        name, found = runtime.deployment.name, refresh(runtime, _catalog(), _known_site(runtime, site))
    for problem in (*found.refused, *found.dangling):
        typer.echo(problem, err=True)
    typer.echo(f"{name}: {len(found.manifests)} restore points and {len(found.evidence)} pieces of evidence.")


@key_app.command()
def new() -> None:
    """Print a new signing key: the password of the signing connection. Keep a copy in a safe place."""
    typer.echo(new_private_key())


@key_app.command()
def public(deployment: DeploymentName) -> None:
    """Print the public key of a deployment's signing key, for `trusted_keys`."""
    with _runtime(deployment) as runtime:
        signer: Signer = runtime.signer()
    typer.echo(signer.public_key)
    typer.echo(f"Fingerprint: {signer.fingerprint}", err=True)


@app.command()
def schema(
    write: Annotated[Path | None, typer.Option(help="File to write the table to.")] = None,
) -> None:
    """Print the reference table of a deployment file's keys."""
    if write:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(reference(), encoding="utf-8")
    else:
        typer.echo(reference(), nl=False)


def main() -> None:
    """Run the command line; a LifeboatError is printed as it is, without a trace."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        app(prog_name="lifeboat")
    except LifeboatError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
