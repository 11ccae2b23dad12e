"""Writes to the sample databases without a pause, to see whether a capture is of one instant."""

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from lifeboat.sample.apim_rows import TOKEN_COLUMNS, token_row
from lifeboat.sample.catalogue import SUPER_TENANT, random_uuid
from lifeboat.sample.registry_rows import API_COLLECTION, API_MEDIA_TYPE, RESOURCE_COLUMNS, api_path

_PROVIDER = "admin"


def keep_writing(conninfo: str, stop: threading.Event, rate: float) -> None:
    """Given a connection to the server of the sample databases, write to both until `stop` is set.

    There are `rate` steps a second. A step logs to the registry, issues a token, or creates an API: its
    artifact in shared_db is committed first, then its row in apim_db, as the product does. So every row of
    AM_API has its artifact at any one instant, but not when apim_db is seen later than shared_db.
    """
    choose = random.Random()
    steps: list[Callable[[Connection[Any], Connection[Any], random.Random], None]] = [
        _log,
        _issue_token,
        _create_api,
    ]
    with ExitStack() as connections:
        shared, apim = (
            connections.enter_context(psycopg.connect(make_conninfo(conninfo, dbname=name)))
            for name in ("shared_db", "apim_db")
        )
        number = 0
        while not stop.wait(1 / rate):
            steps[number % len(steps)](shared, apim, choose)
            number += 1


def _log(shared: Connection[Any], apim: Connection[Any], choose: random.Random) -> None:
    columns = "reg_path, reg_user_id, reg_logged_time, reg_action, reg_tenant_id"
    with shared.transaction():
        shared.execute(
            f"INSERT INTO reg_log ({columns}) VALUES (%s, %s, %s, 7, %s)",
            [API_COLLECTION, _PROVIDER, _now(), SUPER_TENANT],
        )


def _issue_token(shared: Connection[Any], apim: Connection[Any], choose: random.Random) -> None:
    with apim.transaction():
        (consumer,) = apim.execute("SELECT min(id) FROM idn_oauth_consumer_apps").fetchone() or (0,)
        row = token_row(random_uuid(choose), consumer, choose.randrange(100_000))
        _insert(apim, "idn_oauth2_access_token", TOKEN_COLUMNS, row)


def _create_api(shared: Connection[Any], apim: Connection[Any], choose: random.Random) -> None:
    uuid = random_uuid(choose)
    name, version = f"Live{uuid[:8]}", "v1.0.0"
    with shared.transaction():
        _store_artifact(shared, name, version, uuid, random_uuid(choose))
    columns = "api_uuid api_provider api_name api_version context organization status created_time"
    context = f"/{name.lower()}/{version}"
    with apim.transaction():
        row = (uuid, _PROVIDER, name, version, context, "carbon.super", "CREATED", _now())
        _insert(apim, "am_api", columns, row)


def _store_artifact(shared: Connection[Any], name: str, version: str, uuid: str, collection_uuid: str) -> None:
    parent = _collection(shared, f"{API_COLLECTION}/{_PROVIDER}")
    path = _add_collection(shared, f"{API_COLLECTION}/{_PROVIDER}/{name}", parent, collection_uuid)
    path = _add_collection(shared, api_path(_PROVIDER, name, version), path, f"{collection_uuid}-version")
    content = _next(shared, "reg_content_pk_seq")
    _insert(
        shared,
        "reg_content",
        "reg_content_id reg_content_data reg_tenant_id",
        (content, b"<api/>", SUPER_TENANT),
    )
    _add_resource(shared, path, "api", content, uuid)


def _collection(shared: Connection[Any], path: str) -> int:
    query = "SELECT reg_path_id FROM reg_path WHERE reg_path_value = %s AND reg_tenant_id = %s"
    row = shared.execute(query, [path, SUPER_TENANT]).fetchone()
    assert row is not None, f"the sample's registry has {path}"
    return int(row[0])


def _add_collection(shared: Connection[Any], path: str, parent: int, uuid: str) -> int:
    number = _next(shared, "reg_path_pk_seq")
    columns = "reg_path_id reg_path_value reg_path_parent_id reg_tenant_id"
    _insert(shared, "reg_path", columns, (number, path, parent, SUPER_TENANT))
    _add_resource(shared, number, None, None, uuid)
    return number


def _add_resource(shared: Connection[Any], path: int, name: str | None, content: int | None, uuid: str) -> None:
    version = _next(shared, "reg_resource_pk_seq")
    media_type = API_MEDIA_TYPE if name else None
    by_whom = (_PROVIDER, _now(), _PROVIDER, _now())
    row = (path, name, version, media_type, *by_whom, content, SUPER_TENANT, uuid)
    _insert(shared, "reg_resource", RESOURCE_COLUMNS, row)


def _next(connection: Connection[Any], sequence: str) -> int:
    row = connection.execute("SELECT nextval(%s)", [sequence]).fetchone()
    assert row is not None
    return int(row[0])


def _insert(connection: Connection[Any], table: str, columns: str, row: tuple[object, ...]) -> None:
    """Columns are names of our own, separated by spaces; the values go as parameters."""
    names = ", ".join(columns.split())
    places = ", ".join(["%s"] * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})".encode(), row)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
