"""What people see of other sites: which restore points are whole and good there, and how much a loss of the home site
would cost."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import humanize
from rich.console import Console
from rich.text import Text

from lifeboat.catalog.last_good import good_at, newest_whole
from lifeboat.catalog.states import PointState, first_instant
from lifeboat.deployment import format_duration
from lifeboat.times import in_utc

_CELLS = {"missing": "-", "unproven": "whole"}


def site_cells(state: PointState, sites: Sequence[str]) -> list[str]:
    """Given a point, return what is known of it at each site, as one word."""
    verdicts = (state.verdict_at(site) for site in sites)
    return [_CELLS.get(verdict, verdict) for verdict in verdicts]


def print_replicas(state: PointState, console: Console) -> None:
    """Print what is known of a point at each other site, and how that was found out."""
    for site, replica in sorted(state.replicas.items()):
        line = Text(f"Site {site}: ") + Text(site_cells(state, [site])[0])
        line += Text(f", read {in_utc(replica.finished_at)}: {replica.verified}")
        console.print(line, soft_wrap=True)
        for failure in replica.failures:
            console.print(Text("failed ", style="bold red") + Text(failure))


def print_sites(
    states: Sequence[PointState], sites: Sequence[str], rpo: timedelta | None, now: datetime, console: Console
) -> None:
    """Print for each other site what a recovery from its vault would lose now, and its last known good."""
    for site in sites:
        newest, good = newest_whole(states, site), good_at(states, site)
        line = Text(f"Site {site}: ")
        if newest is None:
            line += Text("no restore point is whole there", style="bold red")
        else:
            age = now - first_instant(newest.manifest)
            line += Text(f"newest whole {newest.manifest.id}, {humanize.naturaldelta(age)} old")
            if rpo is not None:
                kept = age <= rpo
                verdict = Text("kept" if kept else "breached", style="green" if kept else "bold red")
                line += Text(f" (objective {format_duration(rpo)}: ") + verdict + Text(")")
        line += Text(f"; last known good there: {good.manifest.id if good else 'none'}")
        console.print(line, soft_wrap=True)
