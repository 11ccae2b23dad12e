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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.connections import Connection
from lifeboat.process_tree import descendants
from lifeboat.sample.ports import free_port

_START_SECONDS = 10.0


@dataclass(frozen=True)
class SshKeys:
    """A host's key and a key that may log in there, in a directory; several hosts may have the same."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> "SshKeys":
        make_key(directory / "host_key")
        (directory / "authorized_keys").write_text(make_key(directory / "user_key") + "\n")
        return cls(directory)

    @property
    def host_key(self) -> str:
        """The host's public key."""
        return " ".join((self.directory / "host_key.pub").read_text().split()[:2])

    @property
    def private_key(self) -> str:
        """The key that may log in."""
        return (self.directory / "user_key").read_text()


class TestSshd:
    """A running sshd that lets the account of the tests in. Stop it in the end.

    Its files lie in `directory`; `log` tells what it did. It has keys of its own unless they are given.
    """

    __test__: ClassVar[bool] = False  # no class of tests, in spite of its name
    #: What runs it.
    _keeper: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, directory: Path, *, address: str = "127.0.0.1", port: int | None = None, keys: SshKeys | None = None
    ) -> None:
        self.directory = directory
        self.login = getpass.getuser()
        self.address = address
        self.port = port or free_port()
        self.log = directory / "sshd.log"
        self._keys = keys or SshKeys.make(directory)
        self.host_key = self._keys.host_key
        self._configuration = directory / "sshd_config"
        self._configuration.write_text(self._settings())
        self.start()

    @property
    def private_key(self) -> str:
        """The key that may log in."""
        return self._keys.private_key

    def connection(self, connection_id: str = "test_ssh", **changes: Any) -> Connection:
        """Return the connection that logs in here; `changes` replace its fields, or extras if it has no such field.

        An extra that is changed to None is left out.
        """
        extra = {"private_key": self.private_key, "host_key": self.host_key}
        fields: dict[str, Any] = {"host": self.address, "port": self.port, "login": self.login}
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
            command = [program, "-D", "-e", "-f", str(self._configuration)]
            self._process = subprocess.Popen([*self._keeper, *command], stdin=subprocess.PIPE, stderr=log)
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
            "ListenAddress": self.address,
            "HostKey": self._keys.directory / "host_key",
            "AuthorizedKeysFile": self._keys.directory / "authorized_keys",
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
                if probe.connect_ex((self.address, self.port)) == 0:
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
