"""`lifeboat restore`, `runbook` and `points`: with a deployment file, or on a bare machine with the vault alone."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from lifeboat import report
from lifeboat.break_glass import BareRuntime, Opened, break_glass
from lifeboat.catalog import Catalog, PointState, catalog_url
from lifeboat.catalog.leases import USE
from lifeboat.connections import from_environment
from lifeboat.deployment import Deployment
from lifeboat.deployment_file import find_deployment
from lifeboat.documents import manifest_there
from lifeboat.restore import Wanted, choose_point
from lifeboat.restore import restore as restore_part
from lifeboat.runbook import as_document, file_name, scripts
from lifeboat.runtime import Runtime
from lifeboat.times import read_time

BARE = "On a bare machine"
#: Without --vault: DEPLOYMENT [POINT]. With it: [POINT].
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="DEPLOYMENT [POINT]", help="A deployment (unless --vault is given) and a restore point."),
]
VaultAddress = Annotated[
    str | None,
    typer.Option(
        "--vault",
        metavar="ADDRESS",
        rich_help_panel=BARE,
        help="Open this vault with RESTIC_PASSWORD, without deployment file, catalog or signing key. Secrets of its "
        "storage come from restic's own variables, such as AWS_ACCESS_KEY_ID.",
    ),
]
OfDeployment = Annotated[
    str | None,
    typer.Option("--deployment", metavar="NAME", rich_help_panel=BARE, help="Which deployment, if it holds several."),
]
TrustedKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-key",
        metavar="KEY",
        rich_help_panel=BARE,
        help="Public key that must have signed, from `key public`.",
    ),
]
Member = Annotated[str, typer.Option(help="The member, such as home/apim-cp-1 or database/main-db/apim_db.")]


@dataclass
class _Chosen:
    """A restore point, and the runtime of its deployment."""

    state: PointState
    runtime: Runtime


@contextmanager
def _choose(names: list[str], vault: str | None, deployment: str | None, keys: list[str] | None) -> Iterator[_Chosen]:
    """Given what the command line names, yield the restore point and the runtime, and say what is to be said of it."""
    if vault is None:
        _refuse_count(names, 1, 2, "Name a deployment, and perhaps a restore point; or give --vault.")
        with Runtime(find_deployment(names[0]), from_environment) as runtime:
            catalog = Catalog(catalog_url(from_environment))
            state = choose_point(catalog, runtime.deployment.name, names[1] if len(names) > 1 else None)
            tell(state)
            with catalog.leased(state.manifest.deployment, state.manifest.id, f"restore {uuid.uuid4().hex[:8]}", USE):
                yield _Chosen(state, runtime)
        return
    _refuse_count(names, 0, 1, "With --vault name a restore point alone, and the deployment by --deployment.")
    with break_glass(vault, deployment, keys or []) as opened:
        wanted = names[0] if names else opened.good_point()
        opened.read(wanted or "")
        warn(opened)
        state = choose_point(opened.catalog, opened.deployment, wanted)
        tell(state)
        with BareRuntime(state.manifest, opened) as runtime:
            yield _Chosen(state, runtime)


def _refuse_count(names: list[str], least: int, most: int, usage: str) -> None:
    if not least <= len(names) <= most:
        raise typer.BadParameter(usage)


def tell(state: PointState) -> None:
    """Say which restore point it is, and whether it is good."""
    verdict = {"good": "good: its newest drill passed", "failed": "FAILED: its newest drill was red"}
    typer.echo(
        f"Restore point {state.manifest.id}, sealed {state.manifest.sealed_at:%Y-%m-%d %H:%M:%S} UTC, is "
        f"{verdict.get(state.verdict, 'NOT PROVEN: no drill has restored it')}.",
        err=True,
    )


def warn(opened: Opened) -> None:
    """Say what of the vault is not used, and what the signatures are worth."""
    for problem in opened.refused:
        typer.echo(problem, err=True)
    typer.echo(opened.signature, err=True)


def points(
    names: Annotated[list[str] | None, typer.Argument(metavar="DEPLOYMENT", help="A deployment.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Say what a recovery to this time takes: 2026-11-20T14:37:12, in UTC, or +05:30.")
    ] = None,
    vault: VaultAddress = None,
    deployment: OfDeployment = None,
    trusted_key: TrustedKeys = None,
) -> None:
    """List the restore points, newest first, with their drills' verdicts, and the last known good."""
    moment = read_time(as_of) if as_of else None
    if vault is None:
        _refuse_count(names or [], 1, 1, "Name a deployment, or give --vault.")
        found = find_deployment((names or [""])[0])
        _print_points(Catalog(catalog_url(from_environment)), found.name, moment, found)
        return
    _refuse_count(names or [], 0, 0, "With --vault name the deployment by --deployment.")
    with break_glass(vault, deployment, trusted_key or []) as opened:
        opened.read()
        warn(opened)
        _print_points(opened.catalog, opened.deployment, moment)


def _print_points(catalog: Catalog, deployment: str, moment: datetime | None, file: Deployment | None = None) -> None:
    good, states = catalog.last_known_good(deployment, moment), catalog.points(deployment)
    sites = file.other_sites() if file else sorted({site for state in states for site in state.replicas})
    report.print_points(states, good, as_of=moment, sites=sites, rpo=file.objectives.rpo_at_sites() if file else None)
    if moment and good is None:
        catalog.require_last_known_good(deployment, moment)


def restore(
    member: Member,
    names: Names = None,
    into: Annotated[Path | None, typer.Option(metavar="DIR", help="Into this new or empty local directory.")] = None,
    path: Annotated[str | None, typer.Option(help="Only this sub-tree or file; it keeps its path below DIR.")] = None,
    into_database: Annotated[
        str | None, typer.Option(metavar="NAME", help="Restore a database as this new one of the live server.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Only this table, such as am_api or public.am_api.")] = None,
    into_table: Annotated[
        str | None, typer.Option(metavar="NAME", help="Restore the table as this new one of the live database.")
    ] = None,
    vault: VaultAddress = None,
    deployment: OfDeployment = None,
    trusted_key: TrustedKeys = None,
) -> None:
    """Restore one member, or a part of it, beside what is live: nothing is stopped, swapped or overwritten.

    Without a point: the last known good. What comes back is compared with what was captured; ends with status 1
    unless all is the same.

    \b
    lifeboat restore prod --member home/apim-cp-1 --into /tmp/home
    lifeboat restore prod 20261123T02 --member home/apim-cp-1 --path repository/tenants/1 --into /tmp/tenant
    lifeboat restore prod --member database/main-db/apim_db --into-database apim_db_restored
    lifeboat restore prod --member database/main-db/apim_db --table am_api --into-table am_api_restored
    lifeboat restore --vault s3:https://s3.example.com/vault --member home/apim-cp-1 --into /tmp/home

    With --vault a database server is reached by AIRFLOW_CONN_<its name>, such as
    AIRFLOW_CONN_MAIN_DB=postgres://user:password@host:5432/ for database/main-db/….
    """
    wanted = Wanted(member, into, path, into_database, table, into_table)
    with _choose(names or [], vault, deployment, trusted_key) as chosen:
        result = restore_part(chosen.runtime, chosen.state.manifest.id, wanted)
    report.print_restored(result)
    if not result.proven:
        raise typer.Exit(1)


def runbook(
    names: Names = None,
    member: Annotated[str | None, typer.Option(help="Only the script of this member.")] = None,
    write: Annotated[Path | None, typer.Option(metavar="DIR", help="Write each script to a file here.")] = None,
    vault: VaultAddress = None,
    deployment: OfDeployment = None,
    trusted_key: TrustedKeys = None,
) -> None:
    """Print how a restore point's members are restored with standard tools alone: restic, sh, psql, no Lifeboat.

    Each script says what it needs; secrets are read from the environment. Print it while all is well, and keep it
    with the vault's password. Drills execute it.
    """
    with _choose(names or [], vault, deployment, trusted_key) as chosen:
        runtime, name = chosen.runtime, chosen.runtime.deployment.name
        site = runtime.deployment.home_site()
        manifest = manifest_there(runtime.vault(site), runtime.verifier(), name, chosen.state.manifest.id)
        found = scripts(runtime, manifest, site, member)
    if write:
        _write(write, found)
        return
    text = found[member] if member else as_document(manifest, found)
    typer.echo(text.encode(errors="surrogateescape"), nl=False)


def _write(directory: Path, found: dict[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for member, text in found.items():
        file = directory / file_name(member)
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        typer.echo(str(file))
