"""What restore points keep in AWS, once they are gone: it goes after all that the site's vault has of them."""

import logging
from collections.abc import Collection
from datetime import UTC, datetime

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.leftovers import Ended, Leftover, clear, find_leftovers
from lifeboat.aws.names import Mark
from lifeboat.aws.sites import cloud_of_site, cloud_sites
from lifeboat.runtime import Runtime
from lifeboat.upkeep_documents import Removed

log = logging.getLogger(__name__)


def leftovers_of_site(runtime: Runtime, site: str, ended: Collection[str] = ()) -> tuple[Cloud, list[Leftover]]:
    """Given a site with an account, return that and what may go in it: what has expired, what runs left that have
    ended, and what was kept for restore points of which the site's vault has nothing any more."""
    deployment = runtime.deployment
    cloud = cloud_of_site(runtime, site)
    listed = runtime.vault(site).snapshots({"deployment": deployment.name})
    points = {each.tags["point"] for each in listed if "point" in each.tags}
    age = max(deployment.retention.orphans_after, deployment.max_skew)
    gone = _gone(points, datetime.now(UTC) - age)
    found = find_leftovers(
        cloud,
        [cloud.region],
        lambda mark: mark.run in ended if mark.purpose != "backup" else gone(mark),
        deployment.name,
    )
    return cloud, found


def remove_from_clouds(runtime: Runtime, removed: list[Removed], left: list[str]) -> None:
    """Remove what may go in the accounts of all sites; `removed` gets what went, and `left` what could not."""
    for site in cloud_sites(runtime):
        cloud, found = leftovers_of_site(runtime, site)
        cleared = clear(cloud, found)
        removed += [Removed(kind="orphan", name=str(each), why=each.why) for each in cleared.removed]
        left += [f"{each}: {error.message}" for each, error in cleared.failed]


def _gone(points: Collection[str], before: datetime) -> Ended:
    """Given the points that a vault has something of, return what tells whether a backup's point is gone. Doubt says
    no: a vault that has none may be the wrong one, and a run that is no point's id is not ours to judge."""

    def gone(mark: Mark) -> bool:
        opened = _opened_at(mark.run)
        return bool(points) and mark.run not in points and opened is not None and opened < before

    return gone


def _opened_at(point: str) -> datetime | None:
    """Given a point's id, return the time that it begins with."""
    try:
        return datetime.strptime(point.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
