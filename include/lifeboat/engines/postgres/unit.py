"""One PostgreSQL server of a deployment: how it is reached, and what is brought back beside what is live on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifeboat.by_hand import Runbook
from lifeboat.deployment import DatabaseServer
from lifeboat.engines.base import Engine, Part, Returned
from lifeboat.engines.postgres.access import Access, explained
from lifeboat.engines.postgres.partial import restore_into_database, restore_into_file, restore_into_table
from lifeboat.engines.postgres.runbook import database_runbook, roles_runbook
from lifeboat.manifest import MemberSnapshot
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

    # -- without a swap --------------------------------------------------------------------------------------

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        if member.member == self.roles_member:
            return roles_runbook(member)
        return database_runbook(member, facts, f"{member.details['database'][:54]}_{suffix}")

    def restore_files(self, part: Part, target: Path, path: str | None) -> Returned:
        if path is not None:
            raise self._cannot("has dumps without paths inside them")
        return restore_into_file(part, target)

    def restore_database(self, part: Part, name: str) -> Returned:
        self._refuse_roles(part)
        with explained(str(self.unit)), self.access(admin=True) as access:
            return restore_into_database(access, part, name)

    def restore_table(self, part: Part, table: str, into: str) -> Returned:
        self._refuse_roles(part)
        with explained(str(self.unit)), self.access(admin=True) as access:
            return restore_into_table(access, part, table, into)

    def _refuse_roles(self, part: Part) -> None:
        if part.member.member == self.roles_member:
            raise self._cannot("restores roles by their runbook only, or as a file (--into)")
