"""The commands about vaults themselves: init, policy, recover."""

import json
from typing import Annotated

import typer

from lifeboat.catalog import Catalog, catalog_url
from lifeboat.cli_recovery import Confirm, DeploymentName, confirmed
from lifeboat.connections import from_environment
from lifeboat.deployment_file import find_deployment
from lifeboat.errors import ConfigurationError
from lifeboat.runtime import Runtime
from lifeboat.s3_policy import Role, policy
from lifeboat.times import in_utc, read_time
from lifeboat.upkeep_report import print_upkeep
from lifeboat.vault_recovery import bring_back, last_verified, plan_vault

app = typer.Typer(no_args_is_help=True, help="The encrypted store of a site.")

Site = Annotated[str, typer.Option(help="The site whose vault it is; by default the first one.")]
_SHOWN = 20


@app.command()
def init(deployment: DeploymentName) -> None:
    """Create the vault of every site that has none. With `object_lock`, set its bucket up, or set it right again."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        for site in runtime.deployment.sites:
            runtime.initialise_vault(site)
            typer.echo(f"Site {site}: the vault is there and opens.")


@app.command("policy")
def print_policy(
    deployment: DeploymentName,
    role: Annotated[Role, typer.Argument(help="Whose account it is for.")],
    site: Site = "",
) -> None:
    """Print the IAM policy of the account of a vault's writer or housekeeper: what each needs, and no more."""
    found = find_deployment(deployment)
    vault = found.sites[_known(list(found.sites), site)].vault
    typer.echo(json.dumps(policy(vault.repository, role), indent=2))


@app.command()
def recover(
    deployment: DeploymentName,
    site: Site = "",
    as_of: Annotated[
        str, typer.Option(help="A moment before the theft; UTC without a zone. By default when it was verified last.")
    ] = "",
    dry_run: Annotated[bool, typer.Option(help="Show what would be done, and end.")] = False,
    confirm: Confirm = "",
) -> None:
    """Bring back what somebody deleted, overwrote or shadowed in a vault on S3 that keeps versions, and read every
    sealed point from it. Ends with status 1 unless each one is whole."""
    with Runtime(find_deployment(deployment), from_environment) as runtime:
        known, catalog = runtime.deployment, Catalog(catalog_url(from_environment))
        site = _known(list(known.sites), site)
        if not known.sites[site].vault.repository.startswith("s3:"):
            raise ConfigurationError(
                f"The vault of site '{site}' is not on S3, so there are no versions.",
                next_step="Bring its files back from a copy of the storage.",
            )
        time = read_time(as_of) if as_of else last_verified(catalog, known.name, site, known.home_site())
        plan = plan_vault(runtime.s3_vault(site), time)
        typer.echo(f"Site {site}, as of {in_utc(time)}: {len(plan.back)} files come back, {len(plan.hide)} go aside.")
        for key in [*(each.key for each in plan.back), *plan.hide][:_SHOWN]:
            typer.echo(f"  {key}")
        if dry_run:
            return
        if not confirmed(known.name, confirm):
            typer.echo("Nothing was changed.")
            raise typer.Exit(1)
        record = bring_back(runtime, catalog, site, plan)
    print_upkeep(record)
    if not record.passed:
        raise typer.Exit(1)


def _known(sites: list[str], site: str) -> str:
    if site and site not in sites:
        raise ConfigurationError(f"There is no site '{site}'.", next_step=f"Those are: {', '.join(sites)}.")
    return site or sites[0]
