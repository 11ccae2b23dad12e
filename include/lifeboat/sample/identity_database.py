"""Creates the database of the sample's key manager, identity_db, on MariaDB, and fills it with consistent data."""

import json
import random
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

from pymysql.connections import Connection

from lifeboat.sample.apim_rows import TOKEN_COLUMNS, token_row
from lifeboat.sample.catalogue import TENANTS, VOLUMES, random_uuid
from lifeboat.sample.mariadb_server import SampleMariaDB
from lifeboat.sample.marker import GENERATOR_VERSION
from lifeboat.sample.scales import Scale, check_scale

IDENTITY = "identity_db"
_STATE = "SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"


def create_identity_database(server: SampleMariaDB, scale: Scale = "small", seed: int = 45) -> None:
    """Given the sample's own MariaDB server, create and fill identity_db.

    Its tenants are those of shared_db. A database of the same scale and seed is kept as it is; any other is replaced.
    """
    check_scale(scale)
    made = json.dumps({"generator": GENERATOR_VERSION, "scale": scale, "seed": seed})
    with server.connect() as session, session.cursor() as cursor:
        cursor.execute(_STATE, [IDENTITY])
        if cursor.fetchone() == (made,):
            return
        cursor.execute(f"DROP DATABASE IF EXISTS {IDENTITY}")
        cursor.execute(f"CREATE DATABASE {IDENTITY} CHARACTER SET latin1")
    with server.connect(IDENTITY) as session, session.cursor() as cursor:
        for statement in _schema():
            cursor.execute(statement)
        session.begin()
        _fill(session, scale, seed)
        session.commit()
        # Last, so that a database half made is replaced.
        cursor.execute(f"ALTER DATABASE {IDENTITY} COMMENT %s", [made])


def _schema() -> Iterable[str]:
    text = resources.files(__package__).joinpath("data/identity-mysql.sql").read_text()
    return filter(None, (statement.strip() for statement in text.split(";\n")))


def _fill(session: "Connection[Any]", scale: Scale, seed: int) -> None:
    choose, volume = random.Random(f"{seed}:identity"), VOLUMES[scale]
    _insert(session, "IDN_BASE_TABLE", "product_name", [("WSO2 Identity Server",)])
    numbers = range(1, volume.applications + 1)
    tenants = {number: TENANTS[number % len(TENANTS)].id for number in numbers}
    columns = "id consumer_key consumer_secret username tenant_id user_domain app_name"
    _insert(
        session,
        "IDN_OAUTH_CONSUMER_APPS",
        columns,
        [(n, _key(choose), _key(choose), "admin", tenants[n], "PRIMARY", f"partner{n}") for n in numbers],
    )
    columns = "id tenant_id app_name user_store username auth_type uuid"
    _insert(
        session,
        "SP_APP",
        columns,
        [(n, tenants[n], f"partner{n}", "PRIMARY", "admin", "default", random_uuid(choose)) for n in numbers],
    )
    providers = [(number, tenant.id, "LOCAL", random_uuid(choose)) for number, tenant in enumerate(TENANTS, start=1)]
    _insert(session, "IDP", "id tenant_id name uuid", providers)
    tokens = [random_uuid(choose) for _ in range(volume.tokens)]
    rows = [token_row(token, 1 + position % volume.applications, position) for position, token in enumerate(tokens)]
    _insert(session, "IDN_OAUTH2_ACCESS_TOKEN", TOKEN_COLUMNS, rows)
    scopes = [(token, "openid", -1234) for token in tokens]
    _insert(session, "IDN_OAUTH2_ACCESS_TOKEN_SCOPE", "token_id token_scope tenant_id", scopes)


def _key(choose: random.Random) -> str:
    return choose.randbytes(14).hex()


def _insert(session: "Connection[Any]", table: str, columns: str, rows: Sequence[Sequence[object]]) -> None:
    names = columns.split()
    quoted = ", ".join(f"`{name.upper()}`" for name in names)
    with session.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({', '.join(['%s'] * len(names))})", rows)
