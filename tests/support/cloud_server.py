"""A fake AWS as a server: other processes reach it by its address, and what is made in it is real where it matters.

It is moto, as strict as `strict_moto` makes it. Behind each DB instance of PostgreSQL is a PostgreSQL server, behind
each machine an sshd, and what is made takes some seconds.
"""

import getpass
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3

from lifeboat.connections import Connection, environment_variable
from lifeboat.sample import process_keeper
from lifeboat.sample.ports import free_ports
from tests.support.fake_cloud import HOME
from tests.support.sshd import SshKeys

_START_SECONDS = 60.0
#: How long everything behind it may take to stop in order; what is left then is killed.
_GRACE_SECONDS = 30
#: The account's, unlike any word in a log.
ACCESS_KEY, SECRET_KEY = "test-access-key-41d7", "test-secret-key-9e0b5a"
_ROOT = Path(__file__).parents[2]


class CloudServer:
    """A running fake AWS. It starts by itself; stop it in the end. When this process ends, it ends, too.

    :param directory: for its files; PostgreSQL's account must be able to enter it
    :param seconds: how long what is made is `creating` or `pending`
    """

    def __init__(self, directory: Path, *, seconds: float = 2.0) -> None:
        self.directory = directory
        #: All machines answer on `ssh_port`, each at its own PrivateIpAddress.
        self.port, self.ssh_port = free_ports(2)
        self.log = directory / "cloud.log"
        for name in ("databases", "machines", "keys"):
            (directory / name).mkdir()
        (directory / "databases").chmod(0o711)
        self.keys = SshKeys.make(directory / "keys")
        self._seconds = seconds
        self._start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def repository(self, bucket: str) -> str:
        """Return restic's address of a repository that fills a bucket."""
        return f"s3:{self.url}/{bucket}"

    def connection(self, connection_id: str = "aws_account", region: str = HOME, **extra: Any) -> Connection:
        """Return the connection of the account; with `role_arn` among the extras it is that of the role's account."""
        reached = {"endpoint_url": self.url, "region_name": region, **extra}
        return Connection(connection_id, "aws", login=ACCESS_KEY, password=SECRET_KEY, extra=reached)

    def vault_connection(self, connection_id: str, password: str) -> Connection:
        """Return the connection of a vault in a bucket, whose password is given."""
        extra = {"secret_access_key": SECRET_KEY, "region": "us-east-1"}
        return Connection(connection_id, "generic", login=ACCESS_KEY, password=password, extra=extra)

    def ssh_connection(self, connection_id: str, host: str) -> Connection:
        """Return the connection to a machine, given its address."""
        extra = {"private_key": self.keys.private_key, "host_key": self.keys.host_key}
        return Connection(connection_id, "ssh", host=host, port=self.ssh_port, login=getpass.getuser(), extra=extra)

    def client(self, service: str, region: str = HOME) -> Any:
        """Return boto3's client of a service."""
        keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        return boto3.client(service, region_name=region, endpoint_url=self.url, **keys)

    def stop(self) -> None:
        """Stop it with everything that it has started, and remove its databases."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()

    def _start(self) -> None:
        arguments = [str(self.directory), str(self.port), str(self.ssh_port), str(self._seconds)]
        served = [sys.executable, "-m", "tests.support.cloud_server_process", *arguments]
        with self.log.open("ab") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, process_keeper.__file__, str(_GRACE_SECONDS), *served],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "include")])},
                cwd=_ROOT,
                start_new_session=True,  # so that Ctrl-C reaches us alone, and we end it in order
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._keeper.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise AssertionError(f"The fake cloud did not start:\n{self.log.read_text()}")


def environment_of(*connections: Connection) -> dict[str, str]:
    """Given connections, return the environment variables by which Airflow and Lifeboat read them."""
    return {
        environment_variable(each.id): json.dumps(
            {
                "conn_type": each.type,
                "host": each.host,
                "port": each.port,
                "login": each.login,
                "password": each.password,
                "extra": dict(each.extra),
            }
        )
        for each in connections
    }
