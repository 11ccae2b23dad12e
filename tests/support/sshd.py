"""A private sshd on a loopback port, with its own host key and one key that may log in."""

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.connections import Connection
from lifeboat.process_tree import descendants
from lifeboat.sample.ports import free_port

_START_SECONDS = 10.0


class TestSshd:
    """A running sshd that lets the account of the tests in. Stop it in the end.

    Its files lie in `directory`; `log` tells what it did.
    """

    __test__: ClassVar[bool] = False  # no class of tests, in spite of its name

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.login = getpass.getuser()
        self.port = free_port()
        self.log = directory / "sshd.log"
        self.host_key = make_key(directory / "host_key")
        (directory / "authorized_keys").write_text(make_key(directory / "user_key") + "\n")
        self._configuration = directory / "sshd_config"
        self._configuration.write_text(self._settings())
        self.start()

    @property
    def private_key(self) -> str:
        """The key that may log in."""
        return (self.directory / "user_key").read_text()

    def connection(self, connection_id: str = "test_ssh", **changes: Any) -> Connection:
        """Return the connection that logs in here; `changes` replace its fields, or extras if it has no such field.

        An extra that is changed to None is left out.
        """
        extra = {"private_key": self.private_key, "host_key": self.host_key}
        fields: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "login": self.login}
        for name, value in changes.items():
            (fields if name in Connection.__dataclass_fields__ else extra)[name] = value
        kept = {name: value for name, value in extra.items() if value is not None}
        return Connection(id=connection_id, type="ssh", extra=kept, **fields)

    def start(self) -> None:
        """Start it, or start it again after `stop`."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        assert program, "sshd is not installed (package openssh-server)"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([program, "-D", "-e", "-f", str(self._configuration)], stderr=log)
        self._wait_until_it_listens()

    def configure(self, line: str) -> None:
        """Put a line before the others of its sshd_config, and start it again with that."""
        self.stop()
        self._configuration.write_text(f"{line}\n{self._configuration.read_text()}")
        self.start()

    def stop(self) -> None:
        """Stop it with all its sessions."""
        self.cut_off()
        self._process.terminate()
        self._process.wait(10)

    def cut_off(self) -> None:
        """Break every session without a word, as a crash of the host would."""
        for relative in descendants(self._process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{relative.pid}/comm").read_text().startswith("sshd"):
                    os.kill(relative.pid, signal.SIGKILL)

    def _settings(self) -> str:
        settings = {
            "Port": self.port,
            "ListenAddress": "127.0.0.1",
            "HostKey": self.directory / "host_key",
            "AuthorizedKeysFile": self.directory / "authorized_keys",
            "PidFile": "none",
            "UsePAM": "no",
            "StrictModes": "no",
            "PermitRootLogin": "yes",
            "PasswordAuthentication": "no",
            "SetEnv": "SHLVL=2",  # bash reads ~/.bashrc in a first shell under sshd, which may be slow or talk
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"sshd did not start:\n{self.log.read_text()}")


def jobs_directory() -> Path:
    """Return where a host over SSH, as which this machine serves, keeps what it knows of long work: below the home that
    a login has, whatever HOME is here."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache/lifeboat/jobs"


def make_key(path: Path, passphrase: str = "", kind: str = "ed25519") -> str:
    """Make a key pair in `path` and `path`.pub; return the public key without its comment."""
    options = ["-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(["ssh-keygen", *options], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])
