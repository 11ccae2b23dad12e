"""One PostgreSQL server of a deployment: its settings, the names of its members, and how it is reached."""

from collections.abc import Iterator
from contextlib import contextmanager

from lifeboat.deployment import DatabaseServer
from lifeboat.engines.base import Engine
from lifeboat.engines.postgres.access import Access
from lifeboat.wso2.checks import Role


class PostgresUnit(Engine):
    """What capture, drill and recovery of a server share."""

    @property
    def server(self) -> DatabaseServer:
        settings = self.settings
        assert isinstance(settings, DatabaseServer)
        return settings

    def member(self, database: str) -> str:
        """Given a database's name, return the name of its member."""
        return f"{self.unit}/{database}"

    @property
    def roles_member(self) -> str:
        return f"roles/{self.unit.name}"

    def role_of(self, database: str) -> Role:
        """Given a database's name, return what WSO2 keeps in it, as the deployment file says now."""
        settings = self.server.databases.get(database)
        return Role(settings.role if settings else "other")

    @contextmanager
    def access(self, *, admin: bool = False) -> Iterator[Access]:
        """Yield how the server is reached from this worker, through its host where it has one; `admin` is by the
        account that may create and rename databases."""
        wanted = self.server.admin_connection if admin else None
        connection = self.runtime.connection(wanted or self.server.connection)
        host = connection.require("host")
        with self.host.forward(host, connection.port or 5432) as (address, port):
            yield Access(
                name=str(self.unit),
                host=address,
                port=port,
                user=connection.require("login"),
                password=connection.password,
                sslmode=str(connection.extra.get("sslmode", "")),
            )
