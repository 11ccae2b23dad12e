"""The running servers of the sample deployment: what stands in for WSO2 in its homes, stopped and started as Lifeboat
stops and starts any server."""

import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from lifeboat.deployment import Control, Server
from lifeboat.errors import PreflightError
from lifeboat.host import LocalHost
from lifeboat.sample.servers import SERVERS, SampleServer
from lifeboat.wso2.server import ServerControl
from lifeboat.wso2.server_health import HTTP, HTTPS

HEALTH_URL = "http://127.0.0.1:{http}/api/health-check/v1.0/health"
# With one of these offsets no port is in the range from which Linux gives ports to clients.
_OFFSETS = range(2_000, 22_000, 10)
_ATTEMPTS = 100
_STOP, _START = timedelta(seconds=30), timedelta(minutes=2)


class SampleServers:
    """The four servers in the homes below a directory. Their ports begin at an offset that is remembered in a file
    there, so that two samples on one machine do not meet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file = directory / ".lifeboat-sample-ports"

    @property
    def port_offset(self) -> int:
        """The offset of the first server, which is chosen by `choose_ports`."""
        return int(self._file.read_text())

    def choose_ports(self) -> int:
        """Return the remembered offset, or a new one when there is none or its ports are taken. Raise
        PreflightError when no free one is found. The servers must be down."""
        self.directory.mkdir(parents=True, exist_ok=True)
        remembered = [self.port_offset] if self._file.exists() else []
        for offset in [*remembered, *random.sample(_OFFSETS, _ATTEMPTS)]:
            if all(_is_free(port) for port in _ports(offset)):
                self._file.write_text(f"{offset}\n")
                return offset
        raise PreflightError(
            "The sample's servers find no free ports.", next_step="End what holds so many ports: `ss -ltn` lists them."
        )

    def start(self) -> None:
        """Start those that do not run, and return when all are healthy. Raise ServerError if one is not."""
        self._each(lambda control: control.bring_up())

    def stop(self) -> None:
        """Stop those that run. Raise ServerError if one does not end."""
        self._each(lambda control: control.stop())

    def controls(self) -> Iterator[ServerControl]:
        """Yield the control of each server whose home is there."""
        for server in SERVERS:
            home = self.directory / server.name
            if home.is_dir():
                yield ServerControl(LocalHost(), server.name, self._settings(server, home))

    def _settings(self, server: SampleServer, home: Path) -> Server:
        return Server(
            type=server.server_type,
            home=str(home),
            control=Control(script=f"bin/{server.script}", stop_timeout=_STOP, start_timeout=_START),
            port_offset=self.port_offset + server.port_offset,
            health_url=HEALTH_URL,
        )

    def _each(self, work: Callable[[ServerControl], object]) -> None:
        with ThreadPoolExecutor(max_workers=len(SERVERS)) as pool:
            list(pool.map(work, self.controls()))


def _ports(offset: int) -> Iterator[int]:
    for server in SERVERS:
        yield HTTP + offset + server.port_offset
        yield HTTPS + offset + server.port_offset


def _is_free(port: int) -> bool:
    try:
        with closing(socket.create_server(("127.0.0.1", port))):
            return True
    except OSError:
        return False
