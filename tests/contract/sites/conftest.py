"""Deployments with two sites, whose vaults have little in common."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import S3Server
from tests.support.two_sites import Places, TwoSites


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[Places]:
    """Two endpoints with an empty vault each; rclone is found where Python is, restic's cache is one that goes away."""
    directory = tmp_path_factory.mktemp("sites")
    (directory / "s3").mkdir()
    other = S3Server(directory / "s3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
        patch.setenv("RESTIC_CACHE_DIR", str(directory / "cache"))
        yield Places.make(directory, s3, other)
    other.stop()


@pytest.fixture
def two(places: Places, tmp_path: Path) -> TwoSites:
    """A deployment without a restore point."""
    return TwoSites.on_disk(places, tmp_path / "d")


@pytest.fixture
def on_s3(places: Places, tmp_path: Path) -> TwoSites:
    """The same on two endpoints with an account each."""
    return TwoSites.on_s3(places, tmp_path / "d")
