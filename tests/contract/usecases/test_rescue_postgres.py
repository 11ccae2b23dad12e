"""Lifeboat itself where Airflow's metadata and the catalog are databases of a server, as docker-compose.yaml has it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from cryptography.fernet import Fernet
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.connections import Connection, from_environment
from lifeboat.deployment_file import load_deployment
from lifeboat.errors import PreflightError
from lifeboat.recovery_documents import RecoveryRequest
from lifeboat.recovery_plan import plan_recovery
from lifeboat.runtime import Runtime
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.signing import new_private_key
from tests.contract.usecases.test_rescue import assert_rewound
from tests.support.command_line import Ended, lifeboat_here
from tests.support.deployments import LIFEBOAT
from tests.support.miniature import Miniature
from tests.support.own_lifeboat import Metadata, migrate
from tests.support.quick_vault import PASSWORD

DATABASES = ("airflow", "lifeboat")


@dataclass
class OnServer:
    """A Lifeboat with its databases on a server, described by the template for docker-compose."""

    directory: Path
    postgres: SamplePostgres
    point: str = ""

    def url(self, database: str) -> URL:
        login = conninfo_to_dict(self.postgres.admin_conninfo)
        user, password = str(login["user"]), str(login["password"])
        return URL.create("postgresql+psycopg", user, password, "127.0.0.1", self.postgres.port, database)

    def connection(self) -> dict[str, str]:
        uri = self.url("postgres").set(drivername="postgres").render_as_string(hide_password=False)
        return {"AIRFLOW_CONN_AIRFLOW_METADATA": uri}

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        conninfo = psycopg.conninfo.make_conninfo(self.postgres.admin_conninfo, dbname=database)
        with psycopg.connect(conninfo, autocommit=True) as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def drop(self) -> None:
        for name in DATABASES:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def databases(self) -> set[str]:
        return {row[0] for row in self.execute("SELECT datname FROM pg_database")} & set(DATABASES)

    def rescue(self, into: Path, *arguments: str, **environment: str) -> Ended:
        bare = {"RESTIC_PASSWORD": PASSWORD, "HOME": str(self.directory), **self.connection(), **environment}
        where = ["--vault", str(self.directory / "vault"), "--into", str(into), "--point", self.point, "--unproven"]
        return lifeboat_here(bare, "rescue", *where, *arguments)


@pytest.fixture(scope="module")
def lost(place: Path, postgres: SamplePostgres, untouched: Miniature) -> Iterator[OnServer]:
    made = OnServer(place / "on-server", postgres)
    own, deployments = made.directory / "own", made.directory / "deployments"
    for each in (own, deployments):
        each.mkdir(parents=True)
    shutil.copytree(untouched.vault_directory, made.directory / "vault")
    document = yaml.safe_load(LIFEBOAT.with_name("lifeboat.yaml.example").read_text(encoding="utf-8"))
    document["sites"]["main"]["vault"]["repository"] = str(made.directory / "vault")
    document["sites"]["main"]["scratch"] = str(made.directory / "scratch")
    document["business_data"]["own"]["path"] = str(own)
    document["business_data"]["deployments"]["path"] = str(deployments)
    (deployments / "lifeboat.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    key = Fernet.generate_key().decode()
    (own / ".env").write_text(f"AIRFLOW_FERNET_KEY={key}\nPOSTGRES_PASSWORD=a secret\n")
    (own / ".env").chmod(0o640)
    for name in DATABASES:
        made.execute(f"CREATE DATABASE {name}")
    migrate(made.url("airflow").set(drivername="postgresql+psycopg2"), place / "airflow-on-server")
    metadata = Metadata(made.url("airflow"))
    metadata.fill(key)
    secrets = {"lifeboat_signing": new_private_key(), "lifeboat_own_vault_writer": PASSWORD}
    for name, password in secrets.items():
        encrypted = Fernet(key).encrypt(password.encode()).decode()
        metadata.insert("connection", conn_id=name, conn_type="generic", password=encrypted, is_encrypted=True)
    Catalog(made.url("lifeboat"))

    def resolve(connection_id: str) -> Connection:
        if connection_id in secrets:
            return Connection(connection_id, "generic", password=secrets[connection_id])
        return from_environment(connection_id, made.connection())

    with Runtime(load_deployment(deployments / "lifeboat.yaml"), resolve) as runtime:
        signed = make_point(runtime, "system_backup")
        made.point = signed.manifest.id
        catalog = Catalog(URL.create("sqlite", database=str(made.directory / "catalog.db")))
        catalog.add_point(signed)
        with pytest.raises(PreflightError, match="database 'airflow' is Airflow's own"):
            plan_recovery(runtime, catalog, RecoveryRequest(point=made.point, unproven=True), "a-recovery")
    made.drop()
    yield made
    made.drop()


def test_files_first_then_databases_into_empty_ones(lost: OnServer, tmp_path: Path) -> None:
    first = lost.rescue(tmp_path / "files", "--no-databases", AIRFLOW_CONN_AIRFLOW_METADATA="")
    assert first.status == 0, first.stderr
    assert lost.databases() == set()
    assert (tmp_path / "files/own/.env").read_text().endswith("POSTGRES_PASSWORD=a secret\n")
    assert (tmp_path / "files/own/.env").stat().st_mode & 0o777 == 0o600
    assert "without --no-databases" in first.stdout
    assert "NOT VERIFIED: no signing key came back" in first.stdout

    lost.execute("CREATE DATABASE airflow")  # as the container of PostgreSQL does
    second = lost.rescue(tmp_path / "all")
    assert second.status == 0, second.stderr
    assert lost.databases() == set(DATABASES)
    assert_rewound(Metadata(lost.url("airflow")))
    assert "signed by the key that came back with them" in second.stdout
    kept = (tmp_path / "all/connections").read_text()
    assert "AIRFLOW_CONN_LIFEBOAT_OWN_VAULT_WRITER" in kept
    assert Catalog(lost.url("lifeboat")).points("lifeboat") == []

    again = lost.rescue(tmp_path / "again")
    assert again.status == 1
    assert "database 'airflow' is not empty" in again.stderr
    assert not (tmp_path / "again").exists()


def test_what_fails_leaves_no_database(lost: OnServer, tmp_path: Path) -> None:
    lost.drop()
    failed = lost.rescue(tmp_path / "back", AIRFLOW__CORE__FERNET_KEY=Fernet.generate_key().decode())
    assert failed.status == 1
    assert "cannot be read: connection 'in_database', connection 'lifeboat_signing'" in failed.stderr
    assert lost.databases() == set()
    assert not (tmp_path / "back").exists()
    unreachable = lost.rescue(tmp_path / "back", AIRFLOW_CONN_AIRFLOW_METADATA="")
    assert "set AIRFLOW_CONN_AIRFLOW_METADATA" in unreachable.stderr
