"""Which restore points a drill run covers."""

from datetime import datetime

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.ticks import tick_before


def pick_by_tick(catalog: Catalog, deployment: Deployment, tick: datetime, *, capped: bool = True) -> list[str]:
    """Given a tick of the drills' schedule, or the time of a run between two, return the ids of the undrilled
    points sealed since the tick before it, newest first; if capped, at most `drills_per_run`."""
    most = deployment.schedules.drills_per_run if capped else None
    return catalog.undrilled(deployment.name, previous_tick(deployment, tick), tick, most)


def pick_at_sites(
    catalog: Catalog, deployment: Deployment, tick: datetime, *, capped: bool = True
) -> list[tuple[str, str]]:
    """Given a tick as for `pick_by_tick`, return points and the other sites at which they are to be drilled: the newest
    that is whole there, unless it was drilled there; if not capped, every undrilled one of the stretch."""
    states, after = catalog.points(deployment.name), previous_tick(deployment, tick)
    picked = []
    for site in deployment.other_sites():
        if not deployment.sites[site].replication.drills:
            continue
        whole = [state for state in states if state.whole_at(site) and state.manifest.sealed_at <= tick]
        if capped:
            whole = whole[:1]
        elif after is not None:
            whole = [state for state in whole if after < state.manifest.sealed_at]
        picked += [(state.manifest.id, site) for state in whole if site not in state.site_drills]
    return picked


def newest_at(catalog: Catalog, deployment: Deployment, site: str) -> list[str]:
    """Return the newest point that is whole at another site, or nothing."""
    return [state.manifest.id for state in catalog.points(deployment.name) if state.whole_at(site)][:1]


def pick_by_hand(catalog: Catalog, deployment: Deployment) -> list[str]:
    """Return the newest undrilled point, or the newest point when all are drilled, or nothing."""
    states = catalog.points(deployment.name)
    undrilled = [state.manifest.id for state in states if state.drill is None]
    return (undrilled or [state.manifest.id for state in states])[:1]


def previous_tick(deployment: Deployment, tick: datetime) -> datetime | None:
    """Given a time, return the last tick of the drills' schedule before it, or None without a schedule."""
    schedules = deployment.schedules
    if schedules.restore_drill is None:
        return None
    return tick_before(schedules.restore_drill, schedules.zone(), tick)
