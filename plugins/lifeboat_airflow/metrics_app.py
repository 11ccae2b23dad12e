"""The metrics as a page of Airflow's API server, `/lifeboat/metrics`, for Prometheus.

Whoever reads it is logged in and may read the deployments' objectives DAGs, and sees only those deployments; or shows
the token that the API server has in LIFEBOAT_METRICS_TOKEN as a bearer token, and sees all.
"""

import hmac
import os
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import URL

from lifeboat.catalog import Catalog, catalog_url
from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat.errors import LifeboatError
from lifeboat.metrics import collect, exposition
from lifeboat_airflow.base import airflow_connection

TOKEN_VARIABLE = "LIFEBOAT_METRICS_TOKEN"

app = FastAPI(title="Lifeboat", docs_url=None, redoc_url=None, openapi_url=None)


async def reader(
    request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_scheme)]
) -> BaseUser | None:
    """Return the user who is logged in, or None for the token's holder. Raise 401 for nobody."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and shown and hmac.compare_digest(shown.credentials.encode(), token.encode()):
        return None
    return await get_user(request, None, shown)


@app.get("/metrics")
def metrics(user: Annotated[BaseUser | None, Depends(reader)]) -> Response:
    """Return the metrics of the deployments that the reader may see. Raise 403 when there are some, but none of them
    is for this reader."""
    deployments, problems = load_all()
    seen = deployments if user is None else _readable(deployments, user)
    if deployments and not seen:
        raise HTTPException(403, "You may read the DAGs of no deployment.")
    try:
        catalog = _catalog(catalog_url(airflow_connection))
        registry = collect(catalog, seen, datetime.now(UTC), len({problem.file for problem in problems}))
    except LifeboatError as error:
        raise HTTPException(503, str(error)) from None
    return Response(exposition(registry), media_type=CONTENT_TYPE_LATEST)


def _readable(deployments: list[Deployment], user: BaseUser) -> list[Deployment]:
    readable = get_auth_manager().get_authorized_dag_ids(user=user)
    return [deployment for deployment in deployments if f"{deployment.name}.objectives" in readable]


@lru_cache(maxsize=1)
def _catalog(url: URL) -> Catalog:
    """Return the catalog, opened once: a scrape every few seconds must not leave as many connections open."""
    return Catalog(url)
