"""The smallest deployment that is a real one: a tree of documents, a vault, a catalog. Made in a second."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import URL

from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.connections import Connection, environment_variable
from lifeboat.deployment_file import load_deployment
from lifeboat.documents import SignedManifest
from lifeboat.drill import drill_point
from lifeboat.runtime import Runtime
from lifeboat.signing import new_private_key
from tests.support.quick_vault import PASSWORD

NAME = "small"


@dataclass
class Small:
    """A deployment in a directory. The writer and the housekeeper are connections of their own."""

    directory: Path
    settings: Mapping[str, Any]
    passwords: dict[str, str] = field(default_factory=lambda: {"small_writer": PASSWORD, "small_housekeeper": PASSWORD})
    key: str = field(default_factory=new_private_key, repr=False)

    @classmethod
    def make(cls, directory: Path, empty_vault: Path, **settings: Any) -> "Small":
        made = cls(directory, settings)
        directory.mkdir()
        shutil.copytree(empty_vault, directory / "vault")
        (directory / "documents").mkdir()
        (directory / "documents/a").write_bytes(b"a document\n" * 50)
        (directory / "deployments").mkdir()
        made.write(made.document())
        return made

    def write(self, document: Mapping[str, Any]) -> None:
        """Write the deployment file."""
        (self.directory / f"deployments/{NAME}.yaml").write_text(
            yaml.safe_dump(document, sort_keys=False), encoding="utf-8"
        )

    def document(self) -> dict[str, Any]:
        vault = {
            "repository": str(self.directory / "vault"),
            "writer": "small_writer",
            "housekeeper": "small_housekeeper",
        }
        return {
            "version": 1,
            "name": NAME,
            "signing": "small_signing",
            "sites": {"main": {"vault": vault, "scratch": str(self.directory / "scratch")}},
            "business_data": {"documents": {"path": str(self.directory / "documents")}},
            **self.settings,
        }

    def connections(self) -> dict[str, Connection]:
        secrets = {**self.passwords, "small_signing": self.key}
        return {name: Connection(name, "generic", password=secret) for name, secret in secrets.items()}

    def runtime(self) -> Runtime:
        return Runtime(load_deployment(self.directory / f"deployments/{NAME}.yaml"), self.connections().__getitem__)

    def catalog(self) -> Catalog:
        return Catalog(URL.create("sqlite", database=str(self.directory / "catalog.db")))

    def environment(self) -> dict[str, str]:
        """The environment by which the command line reaches the deployment."""
        return {
            "LIFEBOAT_DEPLOYMENTS": str(self.directory / "deployments"),
            "LIFEBOAT_CATALOG": str(self.directory / "catalog.db"),
            **{
                environment_variable(name): json.dumps(
                    {
                        "conn_type": each.type,
                        "host": each.host,
                        "port": each.port,
                        "login": each.login,
                        "password": each.password,
                        "extra": dict(each.extra),
                    }
                )
                for name, each in self.connections().items()
            },
        }

    def point(self, age: timedelta = timedelta(0), *, drilled: bool = False) -> SignedManifest:
        """Make a restore point, as it would have been so long ago, and perhaps drill it."""

        class Earlier(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) - age

        catalog = self.catalog()
        with self.runtime() as runtime:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("lifeboat.capture.datetime", Earlier)
                patch.setattr("lifeboat.engines.tree.datetime", Earlier)
                signed = make_point(runtime, "system_backup")
            catalog.add_point(signed)
            if drilled:
                assert drill_point(runtime, catalog, signed.manifest.id).passed
        return signed
