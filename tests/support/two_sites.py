"""The smallest deployment with two sites."""

import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifeboat.connections import Connection
from tests.support.quick_vault import PASSWORD, make_quick_vault
from tests.support.s3 import S3Server
from tests.support.small_deployment import Small

HOME, OTHER = "main", "other"
OTHER_PASSWORD = "the password of the other site's vault"


@dataclass(frozen=True)
class Places:
    """Two endpoints, and an empty vault for each."""

    home: S3Server
    other: S3Server
    home_vault: Path
    other_vault: Path

    @classmethod
    def make(cls, directory: Path, home: S3Server, other: S3Server) -> "Places":
        vaults = make_quick_vault(directory / "home"), make_quick_vault(directory / "other", OTHER_PASSWORD)
        return cls(home, other, *vaults)


@dataclass
class TwoSites(Small):
    """A deployment that is at home at one site, and whose restore points are copied to another. The two vaults have
    passwords of their own; on S3 they have endpoints and accounts of their own as well, on disk they are quicker."""

    places: Places | None = field(default=None, repr=False)
    bucket: str = ""
    other_password: str = field(default=OTHER_PASSWORD, repr=False)

    @classmethod
    def on_disk(cls, places: Places, directory: Path) -> "TwoSites":
        return cls(directory, {}, places=places)._made()

    @classmethod
    def on_s3(cls, places: Places, directory: Path) -> "TwoSites":
        return cls(directory, {}, places=places, bucket=uuid.uuid4().hex)._made()

    def _made(self) -> "TwoSites":
        assert self.places
        self.directory.mkdir()
        for name in ("documents", "deployments"):
            (self.directory / name).mkdir()
        self.change("the first")
        sites = {}
        for site, empty in ((HOME, self.places.home_vault), (OTHER, self.places.other_vault)):
            shutil.copytree(empty, self.vault_directory(site))
            address = self._server(site).repository(self.bucket) if self.bucket else str(self.vault_directory(site))
            sites[site] = self.site(site, address)
        self.notice()
        self.set_sites(**sites)
        return self

    def site(self, name: str, repository: str, **more: Any) -> dict[str, Any]:
        """Return a site of the deployment file, whose vault is opened as that of the site `name`."""
        vault = {"repository": repository, "writer": f"{name}_writer"}
        return {"vault": vault, "scratch": str(self.directory / f"scratch-{name}"), **more}

    def set_sites(self, **sites: Any) -> None:
        """Change or add sites in the deployment file."""
        known = self.settings.get("sites", {})
        self.settings = {"sites": {**known, **{name: {**known.get(name, {}), **site} for name, site in sites.items()}}}
        self.write(self.document())

    def change(self, text: str) -> None:
        """Let the documents differ from those of earlier points."""
        (self.directory / "documents/a").write_text(text)

    def connections(self) -> dict[str, Connection]:
        passwords = {HOME: PASSWORD, OTHER: self.other_password}
        writers = (self._connection(site, f"{site}_writer", password) for site, password in passwords.items())
        return super().connections() | {each.id: each for each in writers}

    def vault_directory(self, site: str) -> Path:
        """Return the directory that holds the files of a site's vault."""
        return self._server(site).bucket(self.bucket) if self.bucket else self.directory / f"vault-{site}"

    def notice(self) -> None:
        """Let the storages see what was changed in those directories."""
        for site in (HOME, OTHER):
            if self.bucket:
                self._server(site).notice()

    def _server(self, site: str) -> S3Server:
        assert self.places
        return {HOME: self.places.home, OTHER: self.places.other}[site]

    def _connection(self, site: str, name: str, password: str) -> Connection:
        if self.bucket:
            return self._server(site).connection(name, password)
        return Connection(name, "generic", password=password)
