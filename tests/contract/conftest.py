"""What several contract suites use: a server is started once, and only when a test asks for it."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.faults import Sweep
from tests.support.s3 import S3Server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 endpoint."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def swept(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Tell what came of sweeps, and fail for what was unclear."""

    def judge(*results: Sweep) -> None:
        for result in results:
            record_property("counted", f"fault sweep, {result}")
        unclear = [f"{result.name}: {each}" for result in results for each in result.unclear]
        assert not unclear, "\n".join([f"{len(unclear)} unclear", *unclear])

    return judge
