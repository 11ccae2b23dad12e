"""What lets servers leave their load balancer, stop and start slowly, or not at all, when a test wants it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.wso2_server import DoubleHome

_DRAIN = """#!/bin/sh
# Would take the server $1 out of a load balancer.
if [ -e "{directory}/no-drain.$1" ]; then
    echo "the load balancer does not answer" >&2
    exit 1
fi
while [ -e "{directory}/drain.$1" ]; do sleep 0.1; done
"""


class Brakes:
    """Files in a directory outside of every home, at which the servers' stand-ins and their drain command look:
    while `drain`, `stop` or `start` of a server is there, that takes longer; with its `no-drain`, draining fails."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.command = directory / "drain-command"
        self.command.write_text(_DRAIN.format(directory=directory))
        self.command.chmod(0o755)

    def fit(self, double: DoubleHome) -> None:
        """Let a server look at the files."""
        places = {"stop": "            time.sleep(STOP_SECONDS)", "start": "        began = time.monotonic()"}
        for what, line in places.items():
            indent = line[: len(line) - len(line.lstrip())]
            file = str(self._file(what, double.home.name))
            slow = f"{indent}while Path({file!r}).exists():\n{indent}    time.sleep(0.1)"
            double.rewrite("bin/sample-server.py", line, f"{line}\n{slow}")

    @contextmanager
    def on(self, what: str, server: str) -> Iterator[None]:
        """Put a brake on for as long as the block lasts; none if `what` is empty."""
        if not what:
            yield
            return
        file = self._file(what, server)
        file.touch()
        try:
            yield
        finally:
            file.unlink()

    def _file(self, what: str, server: str) -> Path:
        return self.directory / f"{what}.{server}"
