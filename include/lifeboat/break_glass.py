"""Break glass: a vault's address and its password are enough to list, to print runbooks and to restore.

There is no deployment file, no catalog and no signing key. The restore points' own manifests tell what there is;
without a trusted key nobody can tell that they are genuine, and that is said. What reaches the vault's storage comes
from restic's own environment variables, what reaches a database server from AIRFLOW_CONN_<NAME>.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.connections import Connection, from_environment
from lifeboat.deployment import Deployment
from lifeboat.documents import read_all
from lifeboat.errors import ConfigurationError, PointError
from lifeboat.manifest import Manifest, UnitSnapshot
from lifeboat.runtime import Runtime
from lifeboat.signing import Verifier, WithoutKey
from lifeboat.vault import Vault

SITE = "vault"
_PASSWORD = "RESTIC_PASSWORD"


class BareRuntime(Runtime):
    """A runtime of a deployment of which nothing is known but what a manifest tells."""

    def __init__(self, manifest: Manifest, opened: "Opened") -> None:
        super().__init__(_deployment(manifest), _connection)
        self._opened = opened

    def vault(self, site: str, *, housekeeper: bool = False) -> Vault:
        return self._opened.vault

    def verifier(self) -> Verifier:
        return self._opened.verifier


@dataclass
class Opened:
    """A vault that was opened by its password alone, with a catalog of what is of interest in it."""

    vault: Vault
    verifier: Verifier
    deployment: str
    catalog: Catalog
    refused: Sequence[str] = ()

    @property
    def signature(self) -> str:
        """What is to be said about the signatures of the documents that were read."""
        if not isinstance(self.verifier, WithoutKey):
            return "Signatures: verified by the trusted key."
        keys = ", ".join(sorted(self.verifier.claimed)) or "none"
        return (
            f"Signatures: NOT VERIFIED. The documents say that the key with the fingerprint {keys} signed them; "
            "give --trusted-key to verify that."
        )

    def good_point(self) -> str | None:
        """Read no more than is needed to find the last known good, and return its id."""
        drilled = self.vault.snapshots(
            {"kind": "evidence", "type": "drill", "deployment": self.deployment, "passed": "yes"}
        )
        for point in sorted({snapshot.tags["point"] for snapshot in drilled}, reverse=True):
            self.read(point)
            good = self.catalog.last_known_good(self.deployment)
            if good is not None:
                return good.manifest.id
        return None

    def read(self, point: str = "") -> None:
        """Put the points whose ids begin with `point` into the catalog."""
        manifests, evidence, self.refused = read_all(self.vault, self.verifier, self.deployment, point)
        self.catalog.rebuild(self.deployment, manifests, evidence, kept=())


@contextmanager
def break_glass(repository: str, deployment: str | None, trusted_keys: Sequence[str]) -> Iterator[Opened]:
    """Given a vault's address, the name of a deployment if the vault has several, and keys that are trusted, yield
    the opened vault. Raise ConfigurationError without RESTIC_PASSWORD."""
    vault = Vault(repository if ":" in repository else str(Path(repository).absolute()), _password())
    verifier = Verifier.from_public_keys(trusted_keys) if trusted_keys else WithoutKey()
    name = _choose(vault, deployment)
    with tempfile.TemporaryDirectory(prefix="lifeboat-") as directory:
        catalog = Catalog(URL.create("sqlite", database=str(Path(directory) / "catalog.db")))
        yield Opened(vault, verifier, name, catalog)


def _password() -> str:
    file = os.environ.get(f"{_PASSWORD}_FILE")
    password = os.environ.get(_PASSWORD) or (Path(file).read_text(encoding="utf-8").strip() if file else "")
    if not password:
        raise ConfigurationError(
            "The vault's password is not set.",
            next_step=f"Type it where nobody sees it: read -rs {_PASSWORD} && export {_PASSWORD}",
        )
    return password


def _choose(vault: Vault, deployment: str | None) -> str:
    names = sorted({s.tags["deployment"] for s in vault.snapshots({"kind": "manifest"}) if "deployment" in s.tags})
    if not names:
        raise PointError(f"Vault {vault.name} holds no restore point.", next_step="Is this the right vault?")
    if deployment is None and len(names) == 1:
        return names[0]
    if deployment not in names:
        what = "several deployments" if deployment is None else f"no deployment '{deployment}'"
        raise ConfigurationError(
            f"Vault {vault.name} holds the restore points of {what}.",
            next_step=f"Give --deployment with one of: {', '.join(names)}.",
        )
    return deployment


def _connection(connection_id: str) -> Connection:
    """Given the name of a database server, return its connection from AIRFLOW_CONN_<NAME>."""
    return from_environment(connection_id.replace("-", "_").replace(".", "_"))


def _deployment(manifest: Manifest) -> Deployment:
    """Given a manifest, return the deployment as far as it tells of it."""
    document: dict[str, object] = {
        "version": 1,
        "name": manifest.deployment,
        "signing": "none",
        "sites": {
            SITE: {
                "vault": {"repository": "/", "writer": "none"},  # `BareRuntime.vault` knows where it is
                "scratch": str(Path(tempfile.gettempdir()).absolute() / "lifeboat-scratch"),
                **_cloud(manifest),
            }
        },
        "database_servers": {u.unit.name: _database_server(u) for u in manifest.units if u.unit.kind == "database"},
        "servers": {u.unit.name: _home(u) for u in manifest.units if u.unit.kind == "home"},
        "business_data": {u.unit.name: _tree(u) for u in manifest.units if u.unit.kind == "tree"},
        "rds": {u.unit.name: _in_cloud(u, "identifier", "kind") for u in manifest.units if u.unit.kind == "rds"},
        "images": {u.unit.name: _in_cloud(u, "instance") for u in manifest.units if u.unit.kind == "image"},
    }
    return Deployment.model_validate(document)


def _database_server(unit: UnitSnapshot) -> dict[str, object]:
    names = [member.details["database"] for member in unit.members if "database" in member.details]
    return {
        "engine": unit.members[0].engine,
        "connection": unit.unit.name,
        "databases": {name: {} for name in names},
        "site": SITE,
    }


def _home(unit: UnitSnapshot) -> dict[str, object]:
    return {"type": "unknown", "home": _path(unit), "site": SITE}


def _tree(unit: UnitSnapshot) -> dict[str, object]:
    return {"path": _path(unit), "engine": unit.members[0].engine, "site": SITE}


def _cloud(manifest: Manifest) -> dict[str, object]:
    """Return where in a cloud the units are, if any is; the account is the connection AIRFLOW_CONN_AWS."""
    regions = [unit.members[0].details["region"] for unit in manifest.units if unit.unit.kind in ("rds", "image")]
    return {"region": regions[0], "account": "aws"} if regions else {}


def _in_cloud(unit: UnitSnapshot, *keys: str) -> dict[str, object]:
    return {"site": SITE, **{key: unit.members[0].details[key] for key in keys}}


def _path(unit: UnitSnapshot) -> str:
    """Return where a tree was when it was captured; points of older versions do not tell."""
    return str(unit.members[0].details.get("path", f"/{unit.unit.name}"))
