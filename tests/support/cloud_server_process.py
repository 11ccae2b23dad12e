"""The process of a `CloudServer`: moto's server, strict, and with real databases and machines behind it."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # reading them takes a second for each region

from moto.server import ThreadedMotoServer

from tests.support.cloud_databases import CloudDatabases
from tests.support.cloud_machines import CloudMachines
from tests.support.sshd import SshKeys
from tests.support.strict_moto import be_strict


def main(directory: Path, port: int, ssh_port: int, seconds: float) -> None:
    """Serve until SIGINT or SIGTERM, then stop and remove everything that was made."""
    databases = CloudDatabases(directory / "databases", seconds)
    # A port is one server's at a time on this machine, and so is the network that follows from it.
    network = f"127.{port // 256}.{port % 256}"
    machines = CloudMachines(directory / "machines", SshKeys(directory / "keys"), network, ssh_port, seconds)
    with pytest.MonkeyPatch.context() as patch:
        be_strict(patch)
        databases.serve(patch)
        machines.serve(patch)
        server = ThreadedMotoServer("127.0.0.1", port=port, verbose=False)
        try:
            server.start()
            threading.Event().wait()
        except KeyboardInterrupt:
            server.stop()
        finally:
            machines.stop()
            databases.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
