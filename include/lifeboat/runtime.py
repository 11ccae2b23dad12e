"""What a use-case works with: the deployment, its connections, and the hosts, vaults and signer they give."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from lifeboat.bindings import at_site, rebindings, without_names
from lifeboat.connections import Connection, ConnectionResolver
from lifeboat.deployment import Deployment
from lifeboat.deployment_values import size_bytes
from lifeboat.errors import ConfigurationError
from lifeboat.host import Host, LocalHost
from lifeboat.recovery_documents import Foreign, Rebinding
from lifeboat.s3_vault import S3Vault
from lifeboat.signing import Signer, Verifier
from lifeboat.ssh_host import SshHost
from lifeboat.vault import Vault
from lifeboat.vault_upkeep import HousekeeperVault

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MadeAddress:
    """Where something answers that was made a moment ago; without a port at the one that its connection names."""

    host: str
    port: int | None = None


class Runtime:
    """Everything that one run of a use-case shares. Close it, or use it as a context, to end SSH sessions.

    `away` is the site at which it works when that is another than the home site of the deployment file.
    """

    def __init__(self, deployment: Deployment, resolve: ConnectionResolver, site: str = "") -> None:
        self.away = site if site and site != deployment.home_site() else ""
        self.deployment = at_site(deployment, site) if site else deployment
        self._file = deployment
        self._resolve = resolve
        self._hosts: dict[str, Host] = {}
        self._stack = ExitStack()

    def connection(self, connection_id: str) -> Connection:
        """Given a connection's id, return it. Raise ConfigurationError when it is set nowhere."""
        return self._resolve(connection_id)

    def at(self, site: str) -> "Runtime":
        """Given a site, or an empty text for the home site, return what works there."""
        return Runtime(self._file, self._resolve, site)

    def at_made(self, site: str, addresses: Mapping[str, MadeAddress], *, alone: bool) -> "Runtime":
        """Given a site, and the addresses that were made there, by the connection that gets them, return what works
        there. `alone` keeps the names out of the configuration by which others know what is made: they may lead to
        what is live."""
        file = without_names(self._file, site, addresses) if alone else self._file

        def resolve(connection_id: str) -> Connection:
            found, made = self._resolve(connection_id), addresses.get(connection_id)
            return replace(found, host=made.host, port=made.port or found.port) if made else found

        return Runtime(file, resolve, site)

    @property
    def option(self) -> str:
        """The option by which a command works at this site, with a space before it; empty at the home site."""
        return f" --site {self.away}" if self.away else ""

    def rebindings(self) -> tuple[tuple[Rebinding, ...], tuple[Foreign, ...]]:
        """Return which addresses in the configuration of homes change at this site, and which must not be left."""
        return rebindings(self._file, self.deployment.home_site(), self._resolve)

    def host(self, name: str) -> Host:
        """Given the name of a host of the deployment, return it; `worker` and hosts behind a queue are local,
        since their tasks run there."""
        if name not in self._hosts:
            settings = self.deployment.hosts.get(name)
            if settings is not None and settings.ssh:
                self._hosts[name] = self._stack.enter_context(SshHost(name, self.connection(settings.ssh)))
            else:
                self._hosts[name] = LocalHost(name)
        return self._hosts[name]

    def vault(self, site: str, *, housekeeper: bool = False) -> Vault:
        """Given a site's name, return its vault as the writer, or as the housekeeper, sees it."""
        settings = self.deployment.sites[site].vault
        connection_id = settings.housekeeper if housekeeper and settings.housekeeper else settings.writer
        connection = self.connection(connection_id)
        return Vault(
            settings.repository,
            connection.require("password"),
            backend_secrets(settings.repository, connection),
        )

    def replica_vault(self, site: str) -> Vault:
        """Given the site to which restore points are copied, return its vault, within the limits of the site."""
        limits = self.deployment.sites[site].replication
        rates = (size_bytes(rate) if rate else None for rate in (limits.limit_upload, limits.limit_download))
        return self.vault(site).limited(*rates)

    def housekeeper(self, site: str) -> HousekeeperVault:
        """Given a site's name, return its vault as the one sees it who may delete. Raise ConfigurationError when the
        deployment file names nobody: the writer's credential never deletes."""
        settings = self.deployment.sites[site].vault
        if settings.housekeeper is None:
            raise ConfigurationError(
                f"Site '{site}' names no housekeeper for its vault, so nothing can be removed from it.",
                next_step=f"Set sites.{site}.vault.housekeeper to a connection whose account may delete. Its password "
                "must open the vault: `restic key add`, with the writer's password, gives it access.",
            )
        connection = self.connection(settings.housekeeper)
        return HousekeeperVault(
            settings.repository, connection.require("password"), backend_secrets(settings.repository, connection)
        )

    def reading_housekeeper(self, site: str) -> HousekeeperVault:
        """Given a site's name, return its vault as its housekeeper sees it, to read it: where the deployment file
        names nobody, by the writer's credential, which reads as well."""
        settings = self.deployment.sites[site].vault
        if settings.housekeeper is not None:
            return self.housekeeper(site)
        connection = self.connection(settings.writer)
        return HousekeeperVault(
            settings.repository, connection.require("password"), backend_secrets(settings.repository, connection)
        )

    def s3_vault(self, site: str) -> S3Vault:
        """Given the name of a site whose vault is on S3, return its bucket as the housekeeper sees it."""
        settings = self.deployment.sites[site].vault
        return S3Vault(settings.repository, self.connection(settings.housekeeper or settings.writer))

    def initialise_vault(self, site: str) -> None:
        """Given a site's name, create its vault if there is none, by the housekeeper's password, and give the
        writer's password access to it. A vault of another site than the first, whose vault must be there, is made so
        that what is copied into it is stored once."""
        settings, home = self.deployment.sites[site].vault, self.deployment.home_site()
        like = self.vault(home) if site != home else None
        if settings.housekeeper is None:
            self.vault(site).initialise(like)
            return
        if lock := settings.object_lock:
            bucket = self.s3_vault(site)
            bucket.make_bucket()
            bucket.set_up(lock.mode, lock.retain.days)
        housekeeper = self.vault(site, housekeeper=True)
        housekeeper.initialise(like)
        housekeeper.admit(self.vault(site))

    def signer(self) -> Signer:
        """Return what signs and verifies the deployment's documents."""
        connection = self.connection(self.deployment.signing)
        return Signer.from_connection(connection, self.deployment.trusted_keys)

    def verifier(self) -> Verifier:
        """Return what verifies the deployment's documents, for who only reads them."""
        return self.signer()

    def close(self) -> None:
        """End the sessions with all hosts."""
        self._stack.close()
        self._hosts.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def backend_secrets(repository: str, connection: Connection) -> dict[str, str]:
    """Given a vault's repository and connection, return the environment by which restic logs in to the storage.

    S3: login is the access key, extra.secret_access_key the secret, extra.region the region. REST: login and
    extra.rest_password.
    """
    if repository.startswith("s3:"):
        named = {
            "AWS_ACCESS_KEY_ID": connection.login,
            "AWS_SECRET_ACCESS_KEY": connection.extra.get("secret_access_key", ""),
            "AWS_DEFAULT_REGION": connection.extra.get("region", ""),
        }
    elif repository.startswith("rest:"):
        named = {
            "RESTIC_REST_USERNAME": connection.login,
            "RESTIC_REST_PASSWORD": connection.extra.get("rest_password", ""),
        }
    else:
        named = {}
    return {name: value for name, value in named.items() if value}
