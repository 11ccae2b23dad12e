"""A vault in a bucket with versions and Object Lock, on moto's server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.locked_vault import Locked, Storage
from tests.support.quick_vault import make_quick_vault


@pytest.fixture(scope="session")
def empty_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A vault to be copied, and a cache for restic that goes away."""
    directory = tmp_path_factory.mktemp("immutable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTIC_CACHE_DIR", str(directory / "cache"))
        yield make_quick_vault(directory / "empty")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Storage]:
    storage = Storage()
    yield storage
    storage.stop()


@pytest.fixture
def bare(endpoint: Storage, tmp_path: Path) -> Iterator[Locked]:
    """A deployment whose bucket is set up and empty."""
    yield Locked.on(endpoint, tmp_path / "d", None)
    endpoint.empty()


@pytest.fixture
def locked(endpoint: Storage, tmp_path: Path, empty_vault: Path) -> Iterator[Locked]:
    """A deployment without a restore point."""
    yield Locked.on(endpoint, tmp_path / "d", empty_vault)
    endpoint.empty()
