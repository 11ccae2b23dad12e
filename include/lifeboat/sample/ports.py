"""Ports for the servers of the sample and of tests, which keep theirs also while they are down."""

import random
import socket

#: Below the range that Linux takes the ports of outgoing connections from: those come and go all the time.
_RANGE = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return so many ports of the loopback that nobody uses now, chosen at random."""
    free = (port for port in random.sample(_RANGE, len(_RANGE)) if is_free(port))
    return [next(free) for _ in range(count)]


def free_port() -> int:
    """Return a port of the loopback that nobody uses now."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    """Return whether a server can have this port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
