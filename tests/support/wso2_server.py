"""Small homes with the sample's stand-in for a WSO2 server, some of them with bad manners."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from lifeboat.deployment import Control, Server
from lifeboat.host import Host
from lifeboat.sample.ports import free_port
from lifeboat.wso2.server import ServerControl
from tests.support.waiting import command_line, eventually, is_running

SCRIPT = "bin/api-cp.sh"
HEALTH = "http://127.0.0.1:{http}/api/health-check/v1.0/health"
HTTP = 9763
MARKER = "[2026-11-20 06:00:00,000]  INFO {org.wso2.carbon} - WSO2 Carbon started in 31 sec\n"


@dataclass
class DoubleHome:
    """A home in a directory; `end` kills what still runs of it."""

    home: Path
    offset: int = field(default_factory=lambda: free_port() - HTTP)

    @property
    def log(self) -> Path:
        return self.home / "repository/logs/wso2carbon.log"

    @property
    def pid_file(self) -> Path:
        return self.home / "wso2carbon.pid"

    @property
    def port(self) -> int:
        return HTTP + self.offset

    def control(self, host: Host, **changes: Any) -> ServerControl:
        """Return the control of the server; `changes` replace parts of its settings and of its `control`."""
        of_control = {name: changes.pop(name) for name in list(changes) if name in Control.model_fields}
        control = {"script": SCRIPT, "stop_timeout": timedelta(seconds=20), "start_timeout": timedelta(seconds=20)}
        if "unit" in of_control:
            del control["script"]
        settings = {
            "type": "apim-control-plane",
            "home": str(self.home),
            "control": {**control, **of_control},
            "port_offset": self.offset,
            "health_url": HEALTH,
            **changes,
        }
        return ServerControl(host, "apim-cp-1", Server.model_validate(settings))

    def processes(self) -> list[int]:
        """Return the processes of the home, by whatever name beside it they know it."""
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            pid = int(directory.name)
            words = command_line(pid).split(b"\0")
            ours = any(os.fsencode(self.home.parent) in word for word in words)
            if ours and any(b"sample-server" in word or b"api-cp.sh" in word for word in words) and is_running(pid):
                found.append(pid)
        return found

    def behave(self, **constants: Any) -> "DoubleHome":
        """Change constants of the stand-in, such as START_SECONDS."""
        program = self.home / "bin/sample-server.py"
        for name, value in constants.items():
            lines = program.read_text().splitlines()
            (index,) = (number for number, line in enumerate(lines) if line.startswith(f"{name} = "))
            lines[index] = f"{name} = {value!r}"
            program.write_text("\n".join(lines) + "\n")
        return self

    def rewrite(self, path: str, old: str, new: str) -> "DoubleHome":
        """Replace a text in a file of the home, which must have it."""
        file = self.home / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new))
        return self

    def end(self) -> None:
        """Kill what still runs, and wait until it is gone."""
        for pid in sorted(self.processes(), reverse=True):
            os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: not self.processes())


def make_home(directory: Path) -> DoubleHome:
    """Make a home in a new directory. Its databases do not exist, and its health asks for none."""
    made = DoubleHome(directory)
    data = resources.files("lifeboat.sample").joinpath("data")
    for path, content in _files(made.offset, data):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755 if path.endswith(".sh") else 0o644)
    (directory / "repository/logs").mkdir()
    program = directory / "bin/sample-server.py"
    before, _, after = program.read_text().partition("QUERIES = {")
    program.write_text(before + "QUERIES: dict[str, str] = {}\n" + after.partition("}\n")[2])
    return made


def _files(offset: int, data: Any) -> Iterator[tuple[str, bytes]]:
    yield SCRIPT, data.joinpath("server.sh").read_bytes()
    yield "bin/sample-server.py", data.joinpath("server.py").read_bytes()
    yield "bin/version.txt", b"WSO2 API Control Plane v4.5.0\n"
    yield "updates/product.txt", b"wso2am-acp-4.5.0"
    yield "repository/conf/deployment.toml", b"[server]\noffset = %d\n" % offset
