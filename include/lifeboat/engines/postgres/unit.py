"""One PostgreSQL server of a deployment, and how it is reached."""

from collections.abc import Iterator
from contextlib import contextmanager

from lifeboat.engines._database_unit import DatabaseUnit
from lifeboat.engines.postgres.access import Access


class PostgresUnit(DatabaseUnit):
    """What capture, drill and recovery of a server share."""

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
