"""Hosts and homes for the tests of server control."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifeboat.host import Host, LocalHost
from lifeboat.ssh_host import SshHost
from tests.support.sshd import TestSshd
from tests.support.wso2_server import DoubleHome, make_home


@pytest.fixture(scope="module", params=["local", "ssh"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """The two kinds of hosts; both are this machine."""
    if request.param == "local":
        yield LocalHost("here")
    else:
        sshd: TestSshd = request.getfixturevalue("sshd")
        with SshHost("there", sshd.connection()) as ssh_host:
            yield ssh_host


@pytest.fixture
def home() -> Iterator[DoubleHome]:
    """A home that other accounts may enter; what runs of it ends with the test."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-home-", dir="/var/tmp"))
    directory.chmod(0o755)
    made = make_home(directory / "home")
    yield made
    made.end()
    shutil.rmtree(directory)
