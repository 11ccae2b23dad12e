"""One database server of a deployment: its settings and the names of its members."""

from lifeboat.deployment import DatabaseServer
from lifeboat.engines.base import Engine
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
