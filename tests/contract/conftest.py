"""Servers that several contract suites use: each is started once, and only when a test asks for it."""

from collections.abc import Iterator

import pytest

from tests.support.s3 import S3Server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 endpoint."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()
