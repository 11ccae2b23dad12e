"""Who sees which deployments' metrics in Airflow's API server."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from lifeboat_airflow import metrics_app
from tests.support.deployments import write_deployment

TOKEN = "a-token-of-prometheus"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    for name in ("north", "south"):
        write_deployment(tmp_path, name)
    monkeypatch.setenv("LIFEBOAT_DEPLOYMENTS", str(tmp_path))
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "catalog.db"))
    yield TestClient(metrics_app.app)
    metrics_app.app.dependency_overrides.clear()


def seen(client: TestClient, monkeypatch: pytest.MonkeyPatch, readable: set[str]) -> tuple[int, set[str]]:
    """Return what a user gets who may read these DAGs."""
    manager = SimpleNamespace(get_authorized_dag_ids=lambda user: readable)
    monkeypatch.setattr(metrics_app, "get_auth_manager", lambda: manager)
    metrics_app.app.dependency_overrides[metrics_app.reader] = lambda: SimpleNamespace(name="olivia")
    answer = client.get("/metrics")
    return answer.status_code, {name for name in ("north", "south") if f'deployment="{name}"' in answer.text}


def test_a_user_sees_the_deployments_whose_dags_that_user_may_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen(client, monkeypatch, {"north.objectives", "south.objectives"}) == (200, {"north", "south"})
    assert seen(client, monkeypatch, {"south.objectives", "another"}) == (200, {"south"})
    assert seen(client, monkeypatch, {"another"}) == (403, set())


def test_a_token_opens_only_while_it_is_set(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {"Authorization": f"Bearer {TOKEN}"}
    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_auth_manager", _no_user_has_this)
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=shown).status_code == 403
    monkeypatch.setenv(metrics_app.TOKEN_VARIABLE, "")
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code in (401, 403)
    monkeypatch.setenv(metrics_app.TOKEN_VARIABLE, TOKEN)
    assert client.get("/metrics", headers=shown).status_code == 200
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}2"}).status_code == 403


def test_a_catalog_that_cannot_be_used_is_no_empty_page(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path))
    monkeypatch.setenv(metrics_app.TOKEN_VARIABLE, TOKEN)
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 503
    assert "cannot be used" in answer.text


def _no_user_has_this() -> SimpleNamespace:
    from jwt import InvalidTokenError

    async def refuse(token: str) -> None:
        raise InvalidTokenError(token)

    return SimpleNamespace(get_user_from_token=refuse)
