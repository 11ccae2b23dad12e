"""A relation between databases of two vendors in one restore point: kept, and broken by damage to one of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lifeboat.capture import make_point
from lifeboat.deployment import Unit
from lifeboat.drill import drill_unit
from lifeboat.manifest import Check, UnitDrill
from lifeboat.runtime import Runtime
from tests.support.mariadb_server import MariaDBServer
from tests.support.miniature import DATABASE, Miniature
from tests.support.planting import FaultyWriter

API_SERVER = Unit.parse("database/api-db")
API_DATABASE = f"{API_SERVER}/api_db"
ACROSS = {"api-registry-artifact", "registry-artifact-api"}


@dataclass
class Captured:
    """A restore point with the registry on PostgreSQL and the APIs on MariaDB."""

    runtime: Runtime
    point: str

    def drill(self, unit: Unit) -> UnitDrill:
        return drill_unit(self.runtime, self.point, unit)


@pytest.fixture(scope="module")
def mariadb(place: Path) -> Iterator[MariaDBServer]:
    server = MariaDBServer(place / "mariadb")
    server.start()
    server.run(
        """
        CREATE DATABASE api_db;
        CREATE TABLE api_db.IDN_BASE_TABLE (PRODUCT_NAME varchar(20) PRIMARY KEY);
        INSERT INTO api_db.IDN_BASE_TABLE VALUES ('WSO2 Identity Server');
        CREATE TABLE api_db.AM_ALERT_TYPES (ALERT_TYPE_ID int PRIMARY KEY);
        INSERT INTO api_db.AM_ALERT_TYPES VALUES (1), (2), (3), (4), (5), (6), (7);
        CREATE TABLE api_db.AM_API (API_ID int PRIMARY KEY, API_UUID varchar(255));
        INSERT INTO api_db.AM_API VALUES (1, 'api-1');
        CREATE TABLE api_db.AM_REVISION (ID int PRIMARY KEY, REVISION_UUID varchar(255));
        INSERT INTO api_db.AM_REVISION VALUES (1, 'revision-1');
        """
    )
    yield server
    server.stop()


@pytest.fixture
def captured(mini: Miniature, mariadb: MariaDBServer) -> Iterator[Captured]:
    document = mini.document()
    document["database_servers"][DATABASE.name]["databases"] = {"shared_db": {"role": "shared"}}
    databases = {"api_db": {"role": "apim"}}
    document["database_servers"][API_SERVER.name] = {
        "engine": "mariadb",
        "connection": "api_db",
        "databases": databases,
    }
    del document["servers"], document["business_data"]
    mini.write_file(document)
    with mini.runtime(api_db=mariadb.connection("api_db")) as runtime:
        yield Captured(runtime, make_point(runtime, "system_backup").manifest.id)


def across(drill: UnitDrill) -> dict[str, Check]:
    """Return the checks of a drill that look at both servers, by name."""
    return {c.name: c for c in drill.checks if str(DATABASE) in c.member and str(API_SERVER) in c.member}


def test_a_relation_across_vendors_is_kept_and_broken(captured: Captured) -> None:
    for unit in (DATABASE, API_SERVER):
        drill = captured.drill(unit)
        assert drill.failed() == []
        assert {name: check.outcome for name, check in across(drill).items()} == dict.fromkeys(ACROSS, "passed")

    writer = FaultyWriter(captured.runtime, captured.point)
    dump = writer.read(API_DATABASE)
    assert dump.count(b"'api-1'") == 1
    writer.write(API_DATABASE, dump.replace(b"'api-1'", b"'api-2'"))
    writer.seal()
    drill = captured.drill(API_SERVER)
    assert {check.name for check in drill.failed() if check.verdict == "fidelity"} == {"table-content"}
    assert {name: (check.outcome, check.detail) for name, check in across(drill).items()} == {
        "api-registry-artifact": ("failed", "new: api api-2 (1 violations, none at capture)"),
        # of severity warning
        "registry-artifact-api": ("passed", "new: tenant -1234 artifact api-1 (1 violations, none at capture)"),
    }
    # The registry is as it was captured, beside an api_db as that was: no fault of its own.
    assert captured.drill(DATABASE).failed() == []
