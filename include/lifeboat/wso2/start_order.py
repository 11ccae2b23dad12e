"""The order in which the servers of a deployment start and stop."""

from collections.abc import Iterable

from lifeboat.deployment import Deployment


def start_groups(deployment: Deployment, names: Iterable[str]) -> list[list[str]]:
    """Given servers' names, return them as groups that start one after the other; those of one group may start
    together. Raise KeyError for a name that the deployment does not have."""
    orders: dict[int, list[str]] = {}
    for name in names:
        orders.setdefault(deployment.servers[name].start_order, []).append(name)
    return [sorted(orders[order]) for order in sorted(orders)]


def stop_groups(deployment: Deployment, names: Iterable[str]) -> list[list[str]]:
    """As `start_groups`, in the order in which servers stop: what starts last stops first."""
    return start_groups(deployment, names)[::-1]
