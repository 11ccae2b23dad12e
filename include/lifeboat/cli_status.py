"""The commands that say whether objectives are kept: for people, for Nagios and Icinga, and for Prometheus."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lifeboat import metrics as prometheus
from lifeboat.alerts import tell_findings
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.connections import from_environment
from lifeboat.deployment import Deployment, deployments_directory
from lifeboat.deployment_file import find_deployment, load_all
from lifeboat.errors import ConfigurationError, LifeboatError
from lifeboat.notify import Message, send
from lifeboat.objectives import Finding, State, evaluate, gather
from lifeboat.objectives_report import PLUGIN_STATUS, plugin_line, print_findings, worst_of

app = typer.Typer()
DeploymentName = Annotated[
    str | None, typer.Argument(help="Name of a deployment, or the path of its file; by default all.")
]


@app.command()
def status(
    deployment: DeploymentName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
    notify: Annotated[bool, typer.Option(help="Tell people, as the objectives DAG does, where there is none.")] = False,
) -> None:
    """Say whether the objectives are kept. Ends as Nagios wants it: 0 kept, 1 warning, 2 breached, 3 unknown."""
    logging.getLogger().setLevel(logging.WARNING)
    found: dict[str, list[Finding]] = {}
    errors: list[str] = []
    try:
        deployments, broken = _chosen(deployment)
        errors += broken
        catalog, now = Catalog(catalog_url(from_environment)), datetime.now(UTC)
        for each in deployments:
            found[each.name] = evaluate(each, gather(catalog, each, now), now)
            if notify:
                errors += map(str, tell_findings(catalog, each, found[each.name], now, _send))
    except LifeboatError as error:
        errors.append(str(error))  # not status 1 as elsewhere: that would be a warning
    state = worst_of(found, errors)
    if as_json:
        typer.echo(json.dumps(_document(found, errors, state), indent=1))
    else:
        typer.echo(plugin_line(found, errors, state))
        for name, findings in found.items():
            print_findings(name, findings)
    for text in errors:
        typer.echo(f"Error: {text}", err=True)
    raise typer.Exit(PLUGIN_STATUS[state])


@app.command()
def metrics(
    deployment: DeploymentName = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write, whole or not at all; for node_exporter its name ends in .prom.")
    ] = None,
) -> None:
    """Print times of the last success, sizes and objectives for Prometheus, or write them to a file."""
    deployments, broken = _chosen(deployment)
    for text in broken:
        typer.echo(f"Error: {text}", err=True)
    registry = prometheus.collect(Catalog(catalog_url(from_environment)), deployments, datetime.now(UTC), len(broken))
    if output is None:
        typer.echo(prometheus.exposition(registry), nl=False)
        return
    try:
        prometheus.write(registry, output)
    except OSError as error:
        raise ConfigurationError(
            f"The metrics cannot be written to {output}: {error.strerror}.",
            next_step="Name a file in a directory that this account may write to.",
        ) from None


def _chosen(deployment: str | None) -> tuple[list[Deployment], list[str]]:
    """Return the named deployment, or all, and what is wrong with each file that cannot be read."""
    if deployment:
        return [find_deployment(deployment)], []
    deployments, problems = load_all()
    files: dict[str, list[str]] = {}
    for problem in problems:
        files.setdefault(problem.file, []).append(str(problem))
    if not deployments and not files:
        raise ConfigurationError(
            f"There is no deployment in {deployments_directory()}.", next_step="Write a file for one; see the README."
        )
    return deployments, ["\n".join(texts) for texts in files.values()]


def _send(connection: str, message: Message) -> None:
    send(from_environment(connection), message)


def _document(found: Mapping[str, Sequence[Finding]], errors: Sequence[str], state: State) -> dict[str, object]:
    return {
        "state": state,
        "errors": list(errors),
        "deployments": {
            name: [finding.model_dump(mode="json") for finding in findings] for name, findings in found.items()
        },
    }
