import tests.support.airflow_home  # noqa: F401, I001 (before airflow)

from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

REPOSITORY = Path(__file__).parents[2]

#: Given a directory of deployment files, loads dags/ as Airflow's DAG processor does.
LoadDags = Callable[[Path], DagBag]


@pytest.fixture
def load_dags(monkeypatch: pytest.MonkeyPatch) -> LoadDags:
    def load(deployments: Path) -> DagBag:
        monkeypatch.setenv("LIFEBOAT_DEPLOYMENTS", str(deployments))
        return DagBag(REPOSITORY / "dags")

    return load


@pytest.fixture
def sample_dags(load_dags: LoadDags) -> DagBag:
    """The DAGs of the sample deployment."""
    return load_dags(REPOSITORY / "include/deployments")
