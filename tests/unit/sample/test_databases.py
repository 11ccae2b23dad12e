import os
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from lifeboat.errors import PreflightError
from lifeboat.sample.databases import create_databases, keep_writing
from lifeboat.sample.postgres_server import SamplePostgres

PASSWORD = "sample's \\ password"
RULES = (Path(__file__).parent / "semantic_rules.sql").read_text()


@pytest.fixture(scope="module")
def server(open_directory: Path) -> Iterator[SamplePostgres]:
    server = SamplePostgres(open_directory / "server")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def conninfo(server: SamplePostgres) -> str:
    """The server's connection; the sample databases are there, at the small scale and the usual seed."""
    create_databases(server.admin_conninfo, owner_password=PASSWORD)
    return server.admin_conninfo


def connect(conninfo: str, database: str) -> Connection[Any]:
    return psycopg.connect(conninfo, dbname=database)


def value(connection: Connection[Any], query: str, *parameters: object) -> Any:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    assert row is not None
    return row[0]


def broken_rules(conninfo: str) -> list[str]:
    """The rules that some row of shared_db breaks, with that row."""
    queries = [query for query in RULES.split(";") if "SELECT" in query]
    assert len(queries) == 15
    with connect(conninfo, "shared_db") as shared:
        return [f"{query}: {row}" for query in queries for row in shared.execute(query.encode()).fetchall()]


def apis_without_artifact(conninfo: str) -> set[str]:
    with connect(conninfo, "shared_db") as shared, connect(conninfo, "apim_db") as apim:
        artifacts = {uuid for (uuid,) in shared.execute("SELECT reg_uuid FROM reg_resource WHERE reg_name = 'api'")}
        return {uuid for (uuid,) in apim.execute("SELECT api_uuid FROM am_api")} - artifacts


def sequences_behind(conninfo: str, database: str) -> list[str]:
    query = """SELECT table_name, column_name, substring(column_default FROM '''([^'']+)''')
        FROM information_schema.columns WHERE table_schema = 'public' AND column_default LIKE 'nextval%'"""
    behind = []
    with connect(conninfo, database) as connection:
        columns = connection.execute(query).fetchall()
        assert len(columns) > 30
        for table, column, sequence in columns:
            statement = sql.SQL("SELECT (SELECT last_value FROM {}) < max({}) FROM {}")
            names = (sql.Identifier(name) for name in (sequence, column, table))
            row = connection.execute(statement.format(*names)).fetchone()
            if row and row[0]:
                behind.append(f"{table}.{column}")
    return behind


def dump(conninfo: str, database: str) -> str:
    settings = psycopg.conninfo.conninfo_to_dict(conninfo)
    done = subprocess.run(
        ["pg_dump", "-h", "127.0.0.1", "-p", str(settings["port"]), "-U", str(settings["user"]), database],
        env={**os.environ, "PGPASSWORD": str(settings["password"])},
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("\\"))


@pytest.mark.parametrize(
    ("database", "tables", "foreign_keys", "sequences"),
    [("shared_db", 51, 43, 41), ("apim_db", 232, 151, 108)],
)
def test_has_the_schema_of_the_product(
    conninfo: str, database: str, tables: int, foreign_keys: int, sequences: int
) -> None:
    with connect(conninfo, database) as connection:
        count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = %s"
        assert value(connection, count, "r") == tables
        assert value(connection, count, "S") == sequences
        assert value(connection, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == foreign_keys
        owned = "SELECT count(*) FROM pg_depend WHERE deptype = 'a' AND objid IN (SELECT seqrelid FROM pg_sequence)"
        assert value(connection, owned) == (8 if database == "apim_db" else 0)
        lower = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE '%lower(%'"
        assert value(connection, lower) > 0


def test_belongs_to_the_owner_who_logs_in_by_password(conninfo: str) -> None:
    for database in ("shared_db", "apim_db"):
        with psycopg.connect(conninfo, dbname=database, user="wso2carbon", password=PASSWORD) as owner:
            owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
            assert value(owner, owners) == "wso2carbon"
            query = (
                "SELECT pg_encoding_to_char(encoding) || ' ' || datcollate || ' ' || rolname FROM pg_database "
                "JOIN pg_roles r ON r.oid = datdba WHERE datname = current_database()"
            )
            assert value(owner, query) == "UTF8 C.UTF-8 wso2carbon"


def test_holds_what_the_product_needs_and_thousands_of_rows(conninfo: str) -> None:
    with connect(conninfo, "shared_db") as shared:
        assert value(shared, "SELECT array_agg(um_id ORDER BY um_id) FROM um_tenant") == [1, 2]
        domains = value(shared, "SELECT array_agg(um_domain_name) FROM um_domain WHERE um_tenant_id = -1234")
        assert {"PRIMARY", "INTERNAL", "SYSTEM"} <= set(domains)
        paths = value(shared, "SELECT array_agg(reg_path_value) FROM reg_path WHERE reg_tenant_id = -1234")
        system = {"/_system", "/_system/config", "/_system/governance", "/_system/local"}
        assert {"/"} | system <= set(paths)
        for table in (
            "reg_resource_history",
            "reg_content_history",
            "reg_resource_property",
            "reg_resource_tag",
        ):
            assert value(shared, f"SELECT count(*) FROM {table}") > 0, table
    with connect(conninfo, "apim_db") as apim:
        assert value(apim, "SELECT product_name FROM idn_base_table") == "WSO2 Identity Server"
        assert value(apim, "SELECT count(*) FROM am_alert_types") == 7
        assert value(apim, "SELECT count(*) FROM idn_oauth2_access_token") == 400
        assert value(apim, "SELECT count(*) FROM am_webhooks_unsubscription") == 2
        assert value(apim, "SELECT sum(octet_length(artifact)) FROM am_gw_api_artifacts") == 40 * 2_000


def test_breaks_no_rule(conninfo: str) -> None:
    assert broken_rules(conninfo) == []
    assert apis_without_artifact(conninfo) == set()
    with connect(conninfo, "apim_db") as apim:
        assert value(apim, "SELECT count(*) FROM am_api") == 40


def test_snapshots_list_versions_that_exist(conninfo: str) -> None:
    with connect(conninfo, "shared_db") as shared:
        versions = {}
        for table in ("reg_resource", "reg_resource_history"):
            for tenant, version in shared.execute(f"SELECT reg_tenant_id, reg_version FROM {table}".encode()):
                versions.setdefault(tenant, set()).add(version)
        snapshots = shared.execute("SELECT reg_tenant_id, reg_resource_vids FROM reg_snapshot").fetchall()
    assert len(snapshots) == 3
    for tenant, packed in snapshots:
        listed = struct.unpack(f">{len(packed) // 8}q", packed)
        assert listed
        assert set(listed) <= versions[tenant]


@pytest.mark.parametrize("database", ["shared_db", "apim_db"])
def test_sequences_are_ahead_of_their_columns(conninfo: str, database: str) -> None:
    assert sequences_behind(conninfo, database) == []


def test_holds_objects_outside_of_tables(conninfo: str) -> None:
    with connect(conninfo, "apim_db") as apim:
        assert value(apim, "SELECT count(*) FROM pg_largeobject_metadata") == 2
        assert value(apim, "SELECT octet_length(lo_get(424502))") == 256_000
        trigger = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
        assert value(apim, trigger) == "am_gw_api_artifacts"
        assert value(apim, "SELECT col_description('am_api'::regclass, 2)").startswith("Equals")
        settings = "SELECT count(*) FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase <> 0"
        assert value(apim, settings) == 2
        assert value(apim, "SHOW timezone") == "UTC"
    with connect(conninfo, "shared_db") as shared:
        assert value(shared, "SELECT obj_description('reg_path'::regclass)")


def test_keeps_databases_of_the_same_scale_and_replaces_others(conninfo: str) -> None:
    before = {name: dump(conninfo, name) for name in ("shared_db", "apim_db")}
    with connect(conninfo, "shared_db") as shared:
        shared.execute("INSERT INTO um_module (um_module_name) VALUES ('by hand')")
    create_databases(conninfo, owner_password="another")
    with psycopg.connect(conninfo, dbname="shared_db", user="wso2carbon", password="another") as shared:
        assert value(shared, "SELECT count(*) FROM um_module") == 1
    create_databases(conninfo, seed=46, owner_password=PASSWORD)
    assert dump(conninfo, "apim_db") != before["apim_db"]
    create_databases(conninfo, owner_password=PASSWORD)
    assert {name: dump(conninfo, name) for name in before} == before


def test_refuses_to_replace_a_database_it_did_not_make(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as admin:
        admin.execute("COMMENT ON DATABASE shared_db IS 'production'")
        try:
            with pytest.raises(PreflightError, match="shared_db exists"):
                create_databases(conninfo, seed=46, owner_password=PASSWORD)
        finally:
            admin.execute("DROP DATABASE shared_db WITH (FORCE)")


def test_writing_without_a_pause_keeps_every_rule(conninfo: str) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            keep_writing(conninfo, stop, rate=300)
        except BaseException as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    stop.wait(1.0)
    stop.set()
    writer.join(timeout=10)
    assert not writer.is_alive()
    assert failures == []
    with connect(conninfo, "apim_db") as apim:
        assert value(apim, "SELECT count(*) FROM am_api WHERE api_name LIKE 'Live%'") > 10
        assert value(apim, "SELECT count(*) FROM idn_oauth2_access_token") > 410
    with connect(conninfo, "shared_db") as shared:
        assert value(shared, "SELECT count(*) FROM reg_log") > 410
    assert broken_rules(conninfo) == []
    assert apis_without_artifact(conninfo) == set()
    assert sequences_behind(conninfo, "shared_db") == sequences_behind(conninfo, "apim_db") == []


def test_the_rules_see_damage(conninfo: str) -> None:
    """The checks above would notice: each kind of damage is planted and rolled back."""
    queries = [query for query in RULES.split(";") if "SELECT" in query]
    damages = {
        2: "UPDATE reg_path SET reg_path_parent_id = 999999 WHERE reg_path_value = '/_system'",
        3: "UPDATE reg_path SET reg_path_value = '/elsewhere' WHERE reg_path_value = '/_system/config/apimgt'",
        5: "UPDATE reg_resource_property SET reg_version = 999999 WHERE id = 1",
        7: "UPDATE reg_resource SET reg_uuid = 'same' WHERE reg_tenant_id = 1",
        8: "UPDATE um_tenant SET um_id = 77 WHERE um_id = 2",
        9: "UPDATE reg_cluster_lock SET reg_lock_status = 'LOCKED'",
    }
    with connect(conninfo, "shared_db") as shared:
        for number, damage in damages.items():
            shared.execute(damage.encode())
            assert shared.execute(queries[number].encode()).fetchall(), damage
            shared.rollback()
