import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter, as PostgreSQL's must; pytest's own are for one account."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)
