"""Deployments with a vault each, to be kept tidy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.quick_vault import make_quick_vault
from tests.support.small_deployment import Small


@pytest.fixture(scope="session")
def empty_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A vault to be copied, and a cache for restic that goes away."""
    directory = tmp_path_factory.mktemp("upkeep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTIC_CACHE_DIR", str(directory / "cache"))
        yield make_quick_vault(directory / "empty")


@pytest.fixture
def small(tmp_path: Path, empty_vault: Path) -> Small:
    """A deployment that keeps one point besides those that must never go."""
    return Small.make(
        tmp_path / "s",
        empty_vault,
        retention={"last": 1, "daily": 0, "weekly": 0, "monthly": 0, "yearly": 0, "check_parts": 2},
    )
