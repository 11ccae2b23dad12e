"""One MariaDB server of a deployment, and how it is reached."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lifeboat.by_hand import Runbook
from lifeboat.connections import Connection
from lifeboat.engines._database_unit import DatabaseUnit
from lifeboat.engines.base import Part, Returned
from lifeboat.engines.mariadb.access import Access, explained
from lifeboat.engines.mariadb.partial import restore_into_database, restore_into_table
from lifeboat.engines.mariadb.runbook import accounts_runbook, database_runbook
from lifeboat.errors import ConfigurationError
from lifeboat.manifest import MemberSnapshot


class MariaDBUnit(DatabaseUnit):
    """What capture, drill and recovery of a server share."""

    @contextmanager
    def access(self, *, admin: bool = False) -> Iterator[Access]:
        """Yield how the server is reached from this worker, through its host where it has one; `admin` is by the
        account that may create databases and move tables."""
        wanted = self.server.admin_connection if admin else None
        connection = self.runtime.connection(wanted or self.server.connection)
        host = connection.require("host")
        if host.startswith("/") and not self.host.is_local:
            raise ConfigurationError(
                f"{self.unit}: the socket {host} of connection '{connection.id}' is on host '{self.host.name}'.",
                next_step="Give the connection an address and a port as that host sees them, such as 127.0.0.1.",
            )
        with self.host.forward(host, connection.port or 3306) as (address, port):
            yield Access(
                name=str(self.unit),
                host=address,
                port=port,
                user=connection.require("login"),
                password=connection.password,
                ssl=_ssl(connection),
            )

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        if member.member == self.roles_member:
            return accounts_runbook(member)
        return database_runbook(member, facts, f"{member.details['database'][:54]}_{suffix}")

    def restore_database(self, part: Part, name: str) -> Returned:
        self.refuse_roles(part)
        with explained(str(self.unit)), self.access(admin=True) as access:
            return restore_into_database(access, part, name)

    def restore_table(self, part: Part, table: str, into: str) -> Returned:
        self.refuse_roles(part)
        with explained(str(self.unit)), self.access(admin=True) as access:
            return restore_into_table(access, part, table, into)


def _ssl(connection: Connection) -> Mapping[str, str]:
    found = connection.extra.get("ssl") or {}
    if not isinstance(found, Mapping):
        raise ConfigurationError(
            f"The extra field `ssl` of connection '{connection.id}' is no object.",
            next_step='Write it as {"ssl": {"ca": "/path/of/ca.pem"}}; cert and key may be there too.',
        )
    return {str(name): str(value) for name, value in found.items()}
