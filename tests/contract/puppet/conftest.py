"""Puppet on the two kinds of hosts; both are this machine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifeboat.host import Host, LocalHost
from lifeboat.ssh_host import SshHost
from tests.support.puppet_place import PuppetPlace
from tests.support.sshd import TestSshd


@pytest.fixture(scope="package")
def place() -> Iterator[PuppetPlace]:
    """Where Puppet keeps everything; each test leaves the agent enabled and idle."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-puppet-") as directory:
        yield PuppetPlace(Path(directory))


@pytest.fixture(autouse=True)
def _enabled_and_idle(place: PuppetPlace) -> Iterator[None]:
    yield
    place.disabled.unlink(missing_ok=True)
    place.running.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def here() -> Host:
    return LocalHost("here")


@pytest.fixture(params=["local", "ssh"])
def host(request: pytest.FixtureRequest, here: Host) -> Iterator[Host]:
    """Each kind of host."""
    if request.param == "local":
        yield here
    else:
        sshd: TestSshd = request.getfixturevalue("sshd")
        with SshHost("there", sshd.connection()) as ssh_host:
            yield ssh_host
