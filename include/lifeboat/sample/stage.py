"""The stage of the sample deployment: generates it in a directory, and gives the environment that reaches it."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from lifeboat.connections import environment_variable
from lifeboat.sample.databases import create_databases
from lifeboat.sample.documents import generate_documents
from lifeboat.sample.home_configuration import DatabaseAccess
from lifeboat.sample.homes import generate_homes
from lifeboat.sample.identity_database import create_identity_database
from lifeboat.sample.mariadb_server import ADMINISTRATOR, SampleMariaDB
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.sample.running_servers import SampleServers
from lifeboat.sample.scales import Scale
from lifeboat.sample.servers import SERVERS, STANDBY
from lifeboat.sample.standby import LOGIN, PASSWORD, generate_standby
from lifeboat.signing import new_private_key


class Stage:
    """The sample deployment in one directory: homes with running servers and a standby, documents, a PostgreSQL, a
    MariaDB, its secrets."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.postgres = SamplePostgres(directory / "postgres")
        self.mariadb = SampleMariaDB(directory / "mariadb")
        self.servers = SampleServers(directory / "homes")

    def prepare(self, scale: Scale = "small") -> None:
        """Generate what is missing, and start the databases and the servers; a second call is quick."""
        # Every account may pass through (PostgreSQL's has its data below), nobody may list.
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.servers.stop()  # those that a killed run has left
        password = self._secrets()["owner"]
        homes, access = self.directory / "homes", DatabaseAccess("127.0.0.1", self.postgres.port, password)
        offset = self.servers.choose_ports()
        generate_homes(homes, scale, port_offset=offset, database=access)
        generate_standby(homes, port_offset=offset, database=access)
        generate_documents(self.directory / "documents", scale)
        self.postgres.start()
        create_databases(self.postgres.admin_conninfo, scale, owner_password=password)
        self.mariadb.start()
        create_identity_database(self.mariadb, scale)
        self.servers.start()

    def stop(self) -> None:
        """Stop the servers and the databases."""
        with ExitStack() as stack:
            for each in (self.postgres, self.mariadb, self.servers):
                stack.callback(each.stop)

    def environment(self) -> dict[str, str]:
        """Return the environment by which Lifeboat reaches the sample: its place and its connections."""
        known = self._secrets()
        admin = conninfo_to_dict(self.postgres.admin_conninfo)
        login, password = quote(str(admin["user"])), quote(str(admin["password"]), safe="")
        connections = {
            "lifeboat_signing": {"conn_type": "generic", "password": known["signing"]},
            "lifeboat_vault_writer": {"conn_type": "generic", "password": known["writer"]},
            "lifeboat_vault_housekeeper": {"conn_type": "generic", "password": known["housekeeper"]},
            # The stand-ins for WSO2's update tools let everybody in.
            "wso2_updates": {"conn_type": "generic", "login": "sample@example.org", "password": "open-to-everybody"},
            "wso2_mariadb": {
                "conn_type": "mysql",
                "host": "127.0.0.1",
                "port": self.mariadb.port,
                "login": ADMINISTRATOR,
                "password": self.mariadb.password,
            },
            "wso2_h2": {"conn_type": "generic", "login": LOGIN, "password": PASSWORD},
        }
        return {
            "LIFEBOAT_SAMPLE": str(self.directory),
            "LIFEBOAT_CATALOG": str(self.directory / "catalog.db"),
            environment_variable(
                "wso2_postgres"
            ): f"postgres://{login}:{password}@127.0.0.1:{self.postgres.port}/postgres",
            **{f"LIFEBOAT_SAMPLE_OFFSET_{number}": str(offset) for number, offset in self._offsets()},
            **{environment_variable(name): json.dumps(value) for name, value in connections.items()},
        }

    def _offsets(self) -> Iterator[tuple[int, int]]:
        """Yield the number of each server and the offset of its ports."""
        for number, server in enumerate((*SERVERS, STANDBY), start=1):
            yield number, self.servers.port_offset + server.port_offset

    def _secrets(self) -> dict[str, str]:
        """Return the sample's secrets, made once and kept in a file that only this account reads."""
        file = self.directory / "secrets.json"
        if not file.exists():
            made = {name: secrets.token_urlsafe(24) for name in ("owner", "writer", "housekeeper")}
            aside = file.with_suffix(".new")
            aside.touch(mode=0o600)
            aside.write_text(json.dumps({**made, "signing": new_private_key()}))
            os.replace(aside, file)
        found: dict[str, str] = json.loads(file.read_text())
        return found
