"""What was seen of one WSO2 server on its host, as `lifeboat.wso2.server_probe` tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ServerState:
    """A server at one moment.

    `pids` are its processes, the JVM first; `ports` those that they listen on, as far as the account may see;
    `listening` are all ports of the host that anybody listens on. `stale_pid_files` name no process of this
    server, and `has_pid_file` tells whether another one does, which a script needs to stop it. Where /proc shows
    an account only its own processes, `sees_all` is false.
    """

    name: str
    home: str
    pids: tuple[int, ...] = ()
    ports: frozenset[int] = frozenset()
    listening: frozenset[int] = frozenset()
    has_pid_file: bool = False
    stale_pid_files: tuple[str, ...] = ()
    owner: str | None = None
    account: str = ""
    sees_all: bool = True
    started: str = ""
    log_tail: tuple[str, ...] = ()
    log_position: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def running(self) -> bool:
        """Whether any process of the server is there."""
        return bool(self.pids)

    @property
    def pid(self) -> int | None:
        """The process of its JVM, or of the script that is about to start one; None when it is stopped."""
        return self.pids[0] if self.pids else None

    def __str__(self) -> str:
        if self.running:
            return f"running (process {self.pid})"
        return f"stopped (stale {', '.join(self.stale_pid_files)})" if self.stale_pid_files else "stopped"


def read_state(name: str, seen: Mapping[str, Any]) -> ServerState:
    """Given a server's name and the answer of the probe's `look`, return the server's state."""
    processes = sorted(seen["processes"], key=lambda process: process["kind"] != "jvm")
    return ServerState(
        name=name,
        home=seen["home"],
        pids=tuple(process["pid"] for process in processes),
        ports=frozenset(port for process in processes for port in process["ports"]),
        listening=frozenset(seen["listening"]),
        has_pid_file=any(not file["stale"] for file in seen["pid_files"]),
        stale_pid_files=tuple(file["path"] for file in seen["pid_files"] if file["stale"]),
        owner=seen["owner"],
        account=seen["account"],
        sees_all=seen["sees_all"],
        started="".join(seen["started"]),
        log_tail=tuple(seen["log_tail"]),
        log_position=seen["log"],
    )
