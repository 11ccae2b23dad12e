"""Lifeboat itself as a deployment, made without an Airflow that runs: its metadata database with rows of every kind
that matters, a catalog, Airflow's home with `.env`, and the deployment files."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import URL, Column, MetaData, Table, create_engine, select

from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.connections import from_environment
from lifeboat.deployment_file import load_deployment
from lifeboat.documents import SignedManifest
from lifeboat.drill import drill_point
from lifeboat.runtime import Runtime
from lifeboat.sample.airflow_settings import Secrets, keep_environment
from lifeboat.sample.own import own_environment
from lifeboat.signing import Signer, new_private_key
from tests.support.quick_vault import PASSWORD

OPEN_TASKS = (
    "scheduled",
    "queued",
    "running",
    "restarting",
    "up_for_retry",
    "up_for_reschedule",
    "deferred",
    "awaiting_input",
)
LIFEBOAT_YAML = Path(__file__).parents[2] / "include/deployments/lifeboat.yaml"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def migrate(url: URL, home: Path) -> None:
    """Make the tables of the installed Airflow in an empty database."""
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url.render_as_string(hide_password=False),
    }
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True)


class Metadata:
    """A metadata database of Airflow, to be filled and looked at by the names of its tables."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._tables = MetaData()

    def insert(self, table: str, **values: Any) -> Any:
        """Insert a row, with something in every column that must not be empty, and return its key."""
        engine = create_engine(self.url)
        with engine.begin() as session:
            found = Table(table, self._tables, autoload_with=session, resolve_fks=False)
            row = {each.name: _filling(each) for each in found.c if _must_be_given(each)} | values
            key = session.execute(found.insert().values(row)).inserted_primary_key
        engine.dispose()
        return key[0] if key else None

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table."""
        engine = create_engine(self.url)
        with engine.connect() as session:
            found = Table(table, self._tables, autoload_with=session, resolve_fks=False)
            rows = [dict(row) for row in session.execute(select(found)).mappings()]
        engine.dispose()
        return rows

    def fill(self, fernet_key: str) -> None:
        """Fill it as an Airflow leaves it that is lost in the middle of its work."""
        fernet = Fernet(fernet_key)

        def secret(text: str) -> str:
            return fernet.encrypt(text.encode()).decode()

        self.insert("dag_bundle", name="dags-folder")
        for dag in ("lifeboat.system_backup", "prod.recovery"):
            self.insert(
                "dag",
                dag_id=dag,
                bundle_name="dags-folder",
                next_dagrun_create_after=NOON,
                exceeds_max_non_backfill=True,
            )
        self._run("prod.recovery", "waits", "running", [*OPEN_TASKS, "success", None])
        self._run("lifeboat.system_backup", "at work", "running", ["success", "running"])
        self._run("lifeboat.system_backup", "next", "queued", [])
        self._run("lifeboat.system_backup", "yesterday", "success", ["success", "skipped"])
        noted = self._run("prod.recovery", "noted", "running", [])
        self.insert("dag_run_note", dag_run_id=noted, content="of a person", created_at=NOON, updated_at=NOON)
        tasks = {(row["run_id"], row["state"]): row["id"] for row in self.rows("task_instance")}
        self.insert("hitl_detail", ti_id=tasks["waits", "awaiting_input"], options=["Approve"], params={})
        self.insert("hitl_detail", ti_id=tasks["waits", "queued"], options=["Approve"], params={}, responded_at=NOON)
        self.insert("hitl_detail", ti_id=tasks["yesterday", "success"], options=["Approve"], params={})
        self.insert("backfill", dag_id="prod.recovery", completed_at=None)
        self.insert("backfill", dag_id="prod.recovery", completed_at=NOON)
        self.insert("job", job_type="SchedulerJob", state="running", latest_heartbeat=NOON)
        self.insert("job", job_type="SchedulerJob", state="success", latest_heartbeat=NOON, end_date=NOON)
        extra = secret(json.dumps({"region": "eu-1"}))
        self.insert(
            "connection",
            conn_id="in_database",
            conn_type="postgres",
            host="db.example.com",
            port=5433,
            login="reader",
            password=secret("it's a $ecret"),
            extra=extra,
            is_encrypted=True,
            is_extra_encrypted=True,
        )
        self.insert("connection", conn_id="open", conn_type="sqlite", host="/a", is_encrypted=False)
        self.insert("variable", key="token", val=secret("of a variable"), is_encrypted=True)

    def _run(self, dag: str, run: str, state: str, tasks: list[str | None]) -> int:
        identity = self.insert("dag_run", dag_id=dag, run_id=run, state=state, run_type="manual", start_date=NOON)
        for number, task in enumerate(tasks):
            self.insert(
                "task_instance",
                task_id=f"task-{number}",
                dag_id=dag,
                run_id=run,
                map_index=-1,
                state=task,
                pool="default_pool",
                start_date=NOON,
            )
        return int(identity)


def _must_be_given(column: Column[Any]) -> bool:
    return not column.nullable and column.server_default is None and not (column.primary_key and _is_number(column))


def _is_number(column: Column[Any]) -> bool:
    return column.type.python_type is int


def _filling(column: Column[Any]) -> Any:
    kind = column.type.python_type
    if kind is datetime:
        return NOON
    if kind is uuid.UUID:
        return uuid.uuid4()
    if kind is str and getattr(column.type, "length", None) == 32 and column.name == "id":
        return uuid.uuid4().hex
    return kind()


@dataclass
class OwnLifeboat:
    """The deployment `lifeboat` in a directory, as the sample's file describes it."""

    directory: Path
    fernet_key: str = field(default_factory=lambda: Fernet.generate_key().decode())
    signing_key: str = field(default_factory=new_private_key)

    @property
    def home(self) -> Path:
        return self.directory / "airflow"

    @property
    def deployments(self) -> Path:
        return self.directory / "deployments"

    @property
    def vault(self) -> Path:
        return self.directory / "sample/vault-of-lifeboat"

    @property
    def metadata(self) -> Metadata:
        return Metadata(URL.create("sqlite", database=str(self.home / "airflow.db")))

    def make(self, migrated: Path, empty_vault: Path) -> None:
        """Make everything, given a metadata database that is empty yet, and an empty vault."""
        self.deployments.mkdir(parents=True)
        shutil.copy(LIFEBOAT_YAML, self.deployments)
        self.home.mkdir()
        shutil.copy(migrated, self.home / "airflow.db")
        (self.home / "airflow.cfg").write_text(f"[database]\nsql_alchemy_conn = sqlite:///{self.home}/airflow.db\n")
        (self.home / "logs").mkdir()
        (self.home / "logs/of-a-task.log").write_text("not captured\n")
        self.metadata.fill(self.fernet_key)
        self.keep_environment()
        Catalog(URL.create("sqlite", database=str(self.directory / "catalog.db")))
        self.vault.parent.mkdir()
        shutil.copytree(empty_vault, self.vault)

    def keep_environment(self) -> None:
        """Write Airflow's `.env`, as Airflow's start does."""
        keep_environment(self.home, self.environment(), Secrets("", "", self.fernet_key, {}), {"admin": "admin"})

    def environment(self) -> dict[str, str]:
        """The environment by which Lifeboat works here."""
        catalog = str(self.directory / "catalog.db")
        return {
            "LIFEBOAT_SAMPLE": str(self.directory / "sample"),
            "LIFEBOAT_DEPLOYMENTS": str(self.deployments),
            "LIFEBOAT_CATALOG": catalog,
            "AIRFLOW_CONN_LIFEBOAT_SIGNING": json.dumps({"conn_type": "generic", "password": self.signing_key}),
            "AIRFLOW_CONN_LIFEBOAT_VAULT_HOUSEKEEPER": json.dumps({"conn_type": "generic", "password": PASSWORD}),
            "AIRFLOW_CONN_LIFEBOAT_VAULT_WRITER": json.dumps({"conn_type": "generic", "password": PASSWORD}),
            **own_environment(self.home, catalog),
        }

    def public_key(self) -> str:
        return Signer.from_connection(from_environment("lifeboat_signing", self.environment())).public_key

    def point(self, *, drilled: bool = True) -> SignedManifest:
        """Make a restore point and drill it; the environment must be in place."""
        file = self.deployments / "lifeboat.yaml"
        with Runtime(load_deployment(file), from_environment) as runtime:
            catalog = Catalog(URL.create("sqlite", database=str(self.directory / "catalog.db")))
            signed = make_point(runtime, "system_backup")
            catalog.add_point(signed)
            if drilled:
                evidence = drill_point(runtime, catalog, signed.manifest.id)
                assert evidence.passed, evidence
        return signed
