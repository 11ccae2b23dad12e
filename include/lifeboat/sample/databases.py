"""Creates the databases of the sample, shared_db and apim_db, and fills them with consistent data."""

import json
from importlib import resources
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from lifeboat.errors import PreflightError
from lifeboat.sample.apim_rows import seed_apis, seed_applications, seed_product_rows
from lifeboat.sample.catalogue import VOLUMES, sample_apis
from lifeboat.sample.copying import advance_sequences
from lifeboat.sample.marker import GENERATOR_VERSION
from lifeboat.sample.registry_rows import seed_registry
from lifeboat.sample.scales import Scale, check_scale
from lifeboat.sample.user_rows import seed_users
from lifeboat.sample.workload import keep_writing

__all__ = ["APIM", "OWNER", "SHARED", "create_databases", "keep_writing"]

SHARED, APIM = "shared_db", "apim_db"
OWNER = "wso2carbon"
_COMMENT_PREFIX = "Lifeboat sample: "
# Settings that belong to a database and not to its tables; a restore must bring them back too.
_SETTINGS = {SHARED: ("lock_timeout", "2min"), APIM: ("timezone", "UTC")}


def create_databases(conninfo: str, scale: Scale = "small", seed: int = 45, *, owner_password: str) -> None:
    """Given an administrator's connection to the maintenance database, create and fill shared_db and apim_db.

    Both belong to the role wso2carbon, which is made with the password given, or gets it. `small` has some
    thousand rows, `reference` about 1 GB. Databases of the same scale and seed are kept as they are; those
    of another are replaced. Raise PreflightError if a database of that name is there that was not made here.
    """
    check_scale(scale)
    wanted = {"generator": GENERATOR_VERSION, "scale": scale, "seed": seed}
    with psycopg.connect(conninfo, autocommit=True) as admin:
        _ensure_owner(admin, owner_password)
        states = {name: _state(admin, name) for name in (SHARED, APIM)}
        if all(state == {**wanted, "complete": True} for state in states.values()):
            return
        for name, state in states.items():
            _create(admin, name, exists=state is not None)
            _describe(admin, name, {**wanted, "complete": False})
        _fill(conninfo, scale, seed, owner_password)
        for name in (SHARED, APIM):
            _describe(admin, name, {**wanted, "complete": True})


def _ensure_owner(admin: Connection[Any], password: str) -> None:
    """Make the owner or give it the password, which leaves this process only as a SCRAM verifier."""
    verifier = admin.pgconn.encrypt_password(password.encode(), OWNER.encode(), b"scram-sha-256").decode()
    exists = admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is not None
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}"
    admin.execute(sql.SQL(statement).format(sql.Identifier(OWNER), sql.Literal(verifier)))


def _state(admin: Connection[Any], name: str) -> dict[str, object] | None:
    """Return what a database remembers of its making, or None if there is no such database."""
    query = "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = %s"
    row = admin.execute(query, [name]).fetchone()
    if row is None:
        return None
    if not row[0].startswith(_COMMENT_PREFIX):
        raise PreflightError(
            f"The sample databases were not created: {name} exists and was not made by the sample generator.",
            next_step="Use another PostgreSQL server for the sample, or rename that database.",
        )
    state: dict[str, object] = json.loads(row[0].removeprefix(_COMMENT_PREFIX))
    return state


def _create(admin: Connection[Any], name: str, *, exists: bool) -> None:
    if exists:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    statement = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
    admin.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(OWNER)))
    setting, value = _SETTINGS[name]
    statement = "ALTER DATABASE {} SET {} TO {}"
    admin.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)))


def _describe(admin: Connection[Any], name: str, state: dict[str, object]) -> None:
    comment = _COMMENT_PREFIX + json.dumps(state)
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
    admin.execute(statement.format(sql.Identifier(name), sql.Literal(comment)))


def _fill(conninfo: str, scale: Scale, seed: int, owner_password: str) -> None:
    volume = VOLUMES[scale]
    apis = sample_apis(volume, seed)
    with _connect_as_owner(conninfo, SHARED, owner_password) as shared:
        _load_schema(shared, "shared.sql")
        seed_users(shared, volume, seed)
        seed_registry(shared, apis, volume, seed)
        shared.execute("COMMENT ON TABLE reg_path IS 'Collections of the registry'")
        advance_sequences(shared)
    with _connect_as_owner(conninfo, APIM, owner_password) as apim:
        _load_schema(apim, "apim.sql")
        seed_product_rows(apim, seed)
        seed_apis(apim, apis, volume, seed)
        seed_applications(apim, apis, volume, seed)
        apim.execute("COMMENT ON COLUMN am_api.api_uuid IS 'Equals REG_RESOURCE.REG_UUID in shared_db'")
        _add_large_objects(apim)
        advance_sequences(apim)


def _connect_as_owner(conninfo: str, database: str, password: str) -> Connection[Any]:
    return psycopg.connect(make_conninfo(conninfo, dbname=database, user=OWNER, password=password))


def _load_schema(connection: Connection[Any], file: str) -> None:
    statements = resources.files(__package__).joinpath(f"data/{file}").read_text()
    connection.execute(statements.encode())


def _add_large_objects(connection: Connection[Any]) -> None:
    """Add two large objects: they are in no table, so a dump of tables alone would lose them."""
    for number, content in ((424_501, b"first large object\n" * 500), (424_502, bytes(range(256)) * 1_000)):
        connection.execute("SELECT lo_from_bytea(%s, %s)", [number, content])
