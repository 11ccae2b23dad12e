"""The sample deployment in miniature: two databases, one home, one tree and a vault, made in a few seconds.

Everything is real: a PostgreSQL server, restic, files on disk. Only the amounts are small, and the vault's key is
cheap to derive (`tests.support.quick_vault`).
"""

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import yaml
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.connections import Connection, environment_variable, unset_connection
from lifeboat.deployment import Unit
from lifeboat.deployment_file import load_deployment
from lifeboat.runtime import Runtime
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.signing import new_private_key

SQL = Path(__file__).parents[1] / "unit/wso2/data"
OWNER = "wso2carbon"
VAULT_PASSWORD = "the vault's password"
DATABASES = {"shared_db": "shared", "apim_db": "apim"}
DATABASE, HOME, TREE = (Unit.parse(text) for text in ("database/main-db", "home/apim-cp-1", "tree/documents"))

_HOME_FILES = {
    "bin/version.txt": b"WSO2 API Manager v4.5.0\n",
    "bin/api-cp.sh": b"#!/bin/sh\nexec sleep 1000\n",
    "updates/product.txt": b"wso2am-acp-4.5.0\n",
    "repository/conf/deployment.toml": b'[server]\nhostname = "localhost"\n',
    "repository/components/plugins/org.example_1.0.0.jar": bytes(range(256)) * 400,
    "repository/resources/security/wso2carbon.jks": b"\xfe\xed\xfe\xed a keystore",
    "repository/logs/wso2carbon.log": b"not captured\n",
    "wso2carbon.pid": b"1\n",
}
_TREE_FILES = {
    "Müller & Söhne/invoice 0001.pdf": b"%PDF-1.7 an invoice" * 50,
    "Müller & Söhne/order 0001.json": b'{"order": 1}\n',
    "株式会社/catalogue [/draft].csv": b"article,price\nA-1,2.50\n",
}


@dataclass
class Miniature:
    """One deployment in one directory. Copies share the databases and have all else of their own."""

    directory: Path
    postgres: SamplePostgres
    databases: dict[str, str] = field(default_factory=lambda: dict(DATABASES))
    signing_key: str = field(default_factory=new_private_key, repr=False)

    @property
    def name(self) -> str:
        return "mini"

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def tree(self) -> Path:
        return self.directory / "documents"

    @property
    def vault_directory(self) -> Path:
        return self.directory / "vault"

    @property
    def file(self) -> Path:
        return self.directory / "deployments/mini.yaml"

    def document(self) -> dict[str, Any]:
        """The content of the deployment file."""
        vault = {"repository": str(self.vault_directory), "writer": "mini_vault"}
        databases = {name: {"role": role} for name, role in self.databases.items()}
        return {
            "version": 1,
            "name": self.name,
            "signing": "mini_signing",
            "sites": {"main": {"vault": vault, "scratch": str(self.directory / "scratch")}},
            "database_servers": {
                DATABASE.name: {"engine": "postgres", "connection": "mini_postgres", "databases": databases}
            },
            "servers": {HOME.name: {"type": "apim-control-plane", "home": str(self.home)}},
            "business_data": {TREE.name: {"path": str(self.tree)}},
        }

    def write_file(self, document: dict[str, Any] | None = None) -> Path:
        """Write the deployment file, by default with the content of `document()`."""
        self.file.parent.mkdir(exist_ok=True)
        text = yaml.safe_dump(document or self.document(), sort_keys=False, allow_unicode=True)
        self.file.write_text(text, encoding="utf-8")
        return self.file

    def connections(self) -> dict[str, Connection]:
        """All connections that the deployment names, by id."""
        admin = conninfo_to_dict(self.postgres.admin_conninfo)
        return {
            "mini_signing": Connection("mini_signing", "generic", password=self.signing_key),
            "mini_vault": Connection("mini_vault", "generic", password=VAULT_PASSWORD),
            "mini_postgres": Connection(
                "mini_postgres",
                "postgres",
                host="127.0.0.1",
                port=self.postgres.port,
                login=str(admin["user"]),
                password=str(admin["password"]),
            ),
        }

    def runtime(self, **replaced: Connection | None) -> Runtime:
        """What a use-case works with; `replaced` are connections by id, None for one that is not set."""
        connections = {**self.connections(), **replaced}

        def resolve(connection_id: str) -> Connection:
            found = connections.get(connection_id)
            if found is None:
                raise unset_connection(connection_id)
            return found

        return Runtime(load_deployment(self.file), resolve)

    def catalog(self) -> Catalog:
        return Catalog(URL.create("sqlite", database=str(self.catalog_file)))

    @property
    def catalog_file(self) -> Path:
        return self.directory / "catalog.db"

    def environment(self) -> dict[str, str]:
        """The environment by which the command line reaches the deployment."""
        found = self.connections()
        postgres = found.pop("mini_postgres")
        login, password = quote(postgres.login), quote(postgres.password, safe="")
        uri = f"postgres://{login}:{password}@{postgres.host}:{postgres.port}/postgres"
        secrets = {name: {"conn_type": each.type, "password": each.password} for name, each in found.items()}
        return {
            "LIFEBOAT_DEPLOYMENTS": str(self.file.parent),
            "LIFEBOAT_CATALOG": str(self.catalog_file),
            environment_variable("mini_postgres"): uri,
            **{environment_variable(name): json.dumps(value) for name, value in secrets.items()},
        }

    def copy(self, directory: Path) -> "Miniature":
        """Copy everything but the databases to a directory that does not exist yet."""
        shutil.copytree(self.directory, directory, symlinks=True)
        copied = Miniature(directory, self.postgres, dict(self.databases), self.signing_key)
        copied.write_file()
        return copied


def make_miniature(directory: Path, postgres: SamplePostgres, empty_vault: Path) -> Miniature:
    """Given a new directory, a server with the databases and an empty vault, make the deployment there."""
    made = Miniature(directory, postgres)
    directory.mkdir(mode=0o711)
    _write_files(made.home, _HOME_FILES)
    (made.home / "repository/components/dropins").mkdir()
    (made.home / "latest.jar").symlink_to("repository/components/plugins/org.example_1.0.0.jar")
    _write_files(made.tree, _TREE_FILES)
    (made.tree / "inbox").mkdir()
    (made.tree / "Müller & Söhne/order 0001.json").chmod(0o600)
    shutil.copytree(empty_vault, made.vault_directory)
    made.write_file()
    return made


def make_databases(postgres: SamplePostgres, names: Iterable[str] = DATABASES) -> None:
    """Make the two databases, and the role that owns them, on a running server."""
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'of the owner'").format(sql.Identifier(OWNER)))
        for name in names:
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0")
            admin.execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER)))
    for name in names:
        kind = DATABASES[name]
        with psycopg.connect(postgres.admin_conninfo, dbname=name, autocommit=True) as session:
            session.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(OWNER)))
            session.execute((SQL / f"{kind}.sql").read_bytes())
            session.execute((SQL / f"{kind}-rows.sql").read_bytes())
            if kind == "shared":
                session.execute("CREATE INDEX by_tenant ON um_user (um_tenant_id)")
            session.execute("SELECT lo_from_bytea(424501, 'a large object')")


def _write_files(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.chmod(path, 0o755 if name.endswith(".sh") else 0o644)
