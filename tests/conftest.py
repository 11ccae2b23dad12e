"""Servers that several suites use: each is started once, and only when a test asks for it."""

from collections.abc import Iterator

import pytest

from tests.support.sshd import TestSshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestSshd]:
    """A real sshd into which the account of the tests can log in."""
    server = TestSshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()
