"""`lifeboat rescue`: from an empty machine and a vault to a running Lifeboat. docs/self-recovery.md is its sequence."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from lifeboat import report
from lifeboat.break_glass import break_glass
from lifeboat.cli_restore import TrustedKeys, tell, warn
from lifeboat.places import require_new
from lifeboat.rescue import Rescued, choose
from lifeboat.rescue import rescue as bring_back
from lifeboat.rescue_environment import CONNECTIONS, ENVIRONMENT

_ENDED = "ended, since they were under way on the lost machine"


def rescue(
    vault: Annotated[str, typer.Option(metavar="ADDRESS", help="The vault that holds Lifeboat's own restore points.")],
    into: Annotated[Path, typer.Option(metavar="DIR", help="A new or empty directory for what comes back.")],
    deployment: Annotated[
        str, typer.Option(metavar="NAME", help="The deployment that is Lifeboat itself.")
    ] = "lifeboat",
    point: Annotated[
        str | None, typer.Option(help="This restore point; by default the newest that a drill has proven.")
    ] = None,
    unproven: Annotated[bool, typer.Option(help="Take the named point although no drill of it passed.")] = False,
    databases: Annotated[
        bool,
        typer.Option(
            help="Restore databases of servers as well, each into a new or empty one of the server that "
            "AIRFLOW_CONN_<NAME> tells. Without: files alone, so that the server can be started with their .env."
        ),
    ] = True,
    trusted_key: TrustedKeys = None,
) -> None:
    """Bring back Lifeboat itself on an empty machine: keys, connections, deployment files, Airflow's metadata, catalog.

    Needs the vault's address and RESTIC_PASSWORD, nothing else. What was under way when the point was captured, its own
    backup first of all, is ended in the restored metadata. Nothing is overwritten, and a failure leaves nothing.

    \b
    lifeboat rescue --vault s3:https://s3.example.com/lifeboat --into /srv/lifeboat
    """
    require_new(into.absolute())
    with break_glass(vault, deployment, trusted_key or []) as opened:
        wanted = point or opened.good_point()
        opened.read(wanted or "")
        warn(opened)
        state = choose(opened, wanted, unproven=unproven)
        tell(state)
        rescued = bring_back(opened, state, into, databases=databases)
    _print(rescued)


def _print(rescued: Rescued) -> None:
    console = report.new_console()
    title = f"Back in {rescued.into}, as of restore point {rescued.point.manifest.id}"
    table = report.new_table(title, "What", "Where", ">Size", "Proof")
    for result in rescued.results:
        proof = "as captured: " + ", ".join(dict.fromkeys(check.name for check in result.checks))
        report.add_row(table, result.what, result.where, report.size(result.size_bytes), proof)
    for member in rescued.left:
        report.add_row(table, member, "not brought back", "", "")
    console.print(table)
    lines = [
        f"Connections: {', '.join(rescued.connections) or 'none'}",
        f"Signatures: {rescued.signature}",
    ]
    if rescued.rewound:
        ended = rescued.rewound
        lines += [
            f"Metadata: of Airflow {rescued.airflow} or newer; {_ended(rescued)}",
            *(f"  failed: {run}" for run in ended.runs),
        ]
    typer.echo("\n".join([*lines, "", *_next(rescued)]))


def _ended(rescued: Rescued) -> str:
    ended = rescued.rewound
    assert ended is not None
    counts = {"runs": len(ended.runs), "tasks": ended.tasks, "questions to persons": ended.questions}
    counts |= {"backfills": ended.backfills, "jobs": ended.jobs}
    return ", ".join(f"{count} {what}" for what, count in counts.items()) + f": {_ENDED}"


def _next(rescued: Rescued) -> list[str]:
    """Return the commands that come next."""
    if rescued.rewound is None:
        return [
            "Next: start the database server with the .env that is there now, then run the same command into another",
            "directory, with AIRFLOW_CONN_<NAME> for the server and without --no-databases. See docs/self-recovery.md.",
        ]
    environment, connections = (shlex.quote(str(rescued.into / name)) for name in (ENVIRONMENT, CONNECTIONS))
    start = ["  docker-compose up -d"] if rescued.on_server else [f"  . {environment}", "  make start"]
    return [
        "Next, start Airflow, in one terminal:",
        *start,
        "and in another one:",
        f"  . {environment}",
        f"  . {connections}",
        *(f"  bin/lifeboat catalog rebuild {name}" for name in rescued.deployments),
        *(f"  bin/lifeboat validate {name}" for name in rescued.deployments),
    ]
