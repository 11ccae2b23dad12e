import tests.support.airflow_home  # noqa: F401, I001 (before airflow)

from pathlib import Path

import pytest

from tests.support.deployments import write_deployment


@pytest.fixture
def sample_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a deployment `sample`, the only one there is."""
    monkeypatch.setenv("LIFEBOAT_DEPLOYMENTS", str(tmp_path))
    return write_deployment(tmp_path, "sample")
