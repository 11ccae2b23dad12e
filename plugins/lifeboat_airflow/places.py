"""Where the tasks of a DAG run: on any worker, or all on the one worker of a queue, which is a host of the file."""

from typing import Any

from lifeboat.deployment import Deployment, Unit


def place(queue: str | None) -> dict[str, Any]:
    """Return the default arguments by which tasks run on a queue's worker; none for any worker."""
    return {"queue": queue} if queue else {}


def place_name(name: str, queue: str | None) -> str:
    """Given the name of a DAG, return what the DAG of a queue is called."""
    return f"{name}_on_{queue}" if queue else name


def queue_of(deployment: Deployment, server: str) -> str | None:
    """Return the queue behind which a server is, or None for one that any worker reaches."""
    return deployment.queue_of(Unit(kind="home", name=server))


def reachable(deployment: Deployment, queue: str | None) -> list[str]:
    """Return the servers that are behind a queue, or that any worker reaches."""
    return [name for name in deployment.servers if queue_of(deployment, name) == queue]


def queues(deployment: Deployment) -> list[str]:
    """Return the queues behind which servers are."""
    return list(dict.fromkeys(queue for name in deployment.servers if (queue := queue_of(deployment, name))))
