"""One PostgreSQL server of a deployment: how it is reached, and what is brought back beside what is live on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lifeboat.by_hand import Runbook
from lifeboat.engines._database_unit import DatabaseUnit
from lifeboat.engines.base import Part, Returned
from lifeboat.engines.postgres.access import Access, explained
from lifeboat.engines.postgres.partial import (
    drop_database,
    require_place,
    restore_into_database,
    restore_into_table,
)
from lifeboat.engines.postgres.runbook import database_runbook, roles_runbook
from lifeboat.manifest import MemberSnapshot


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

    # -- without a swap --------------------------------------------------------------------------------------

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        if member.member == self.roles_member:
            return roles_runbook(member)
        return database_runbook(member, facts, f"{member.details['database'][:54]}_{suffix}")

    def restore_database(self, part: Part, name: str) -> Returned:
        self.refuse_roles(part)
        with explained(str(self.unit)), self.access(admin=True) as access:
            return restore_into_database(access, part, name)

    def require_place(self, name: str, *, clear: bool = False) -> None:
        with explained(str(self.unit)), self.access(admin=True) as access:
            require_place(access, name, clear=clear)

    def drop_database(self, name: str) -> None:
        with explained(str(self.unit)), self.access(admin=True) as access:
            drop_database(access, name)

    def restore_table(self, part: Part, table: str, into: str) -> Returned:
        self.refuse_roles(part)
        with explained(str(self.unit)), self.access(admin=True) as access:
            return restore_into_table(access, part, table, into)
