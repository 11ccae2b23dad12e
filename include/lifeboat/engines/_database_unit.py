"""One database server of a deployment: its settings and the names of its members."""

from pathlib import Path

from lifeboat.deployment import DatabaseServer
from lifeboat.engines._dumps import restore_into_file
from lifeboat.engines.base import Engine, Part, Returned
from lifeboat.wso2.checks import Role


class DatabaseUnit(Engine):
    """What the engines of all vendors share about a server."""

    kind = "database"

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

    def restore_files(self, part: Part, target: Path, path: str | None) -> Returned:
        if path is not None:
            raise self._cannot("has dumps without paths inside them")
        return restore_into_file(part, target)

    def refuse_roles(self, part: Part) -> None:
        """Raise ConfigurationError for the roles: they are no database."""
        if part.member.member == self.roles_member:
            raise self._cannot("restores roles by their runbook only, or as a file (--into)")
