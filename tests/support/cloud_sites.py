"""A small deployment with a database of RDS and an EC2 machine, at two sites that are two regions of the fake cloud."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifeboat.connections import Connection
from lifeboat.runtime import Runtime
from tests.support.fake_cloud import HOME as HOME_REGION
from tests.support.fake_cloud import OTHER as OTHER_REGION
from tests.support.two_sites import HOME, OTHER, Places, TwoSites


@dataclass
class CloudSites(TwoSites):
    """Its vaults are on disk. Its accounts are one account of the fake cloud."""

    regions: dict[str, dict[str, str]] = field(default_factory=dict)
    more_connections: dict[str, Connection] = field(default_factory=dict)
    units: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def in_cloud(cls, directory: Path, vaults: tuple[Path, Path], key: str, machine: str) -> "CloudSites":
        launches = {HOME: {"instance_type": "m5.large"}, OTHER: {"instance_type": "m5.large"}}
        units = {
            "rds": {"apim": {"identifier": "apim"}, "shared": {"identifier": "shared", "kind": "cluster"}},
            "images": {"gw": {"instance": machine, "launches": launches}},
        }
        regions = {HOME: {"region": HOME_REGION}, OTHER: {"region": OTHER_REGION, "kms_key": key}}
        made = cls(directory, {}, places=Places(None, None, *vaults), regions=regions, units=units)  # type: ignore[arg-type]
        made._made()
        return made

    def site(self, name: str, repository: str, **more: Any) -> dict[str, Any]:
        site = super().site(name, repository, account="aws_account", **self.regions[name], **more)
        if name == HOME:
            site["vault"]["housekeeper"] = "small_housekeeper"
        return site

    def document(self) -> dict[str, Any]:
        return {**super().document(), **self.units}

    def connections(self) -> dict[str, Connection]:
        account = Connection("aws_account", "aws", login="key", password="secret")
        return {**super().connections(), account.id: account, **self.more_connections}

    def environment(self) -> dict[str, str]:
        account = {"conn_type": "aws", "login": "key", "password": "secret"}
        return {**super().environment(), "AIRFLOW_CONN_AWS_ACCOUNT": json.dumps(account)}

    def change_unit(self, group: str, name: str, **changes: Any) -> Runtime:
        """Change what the deployment file says of a unit, and return the deployment."""
        self.units[group][name].update(changes)
        self.write(self.document())
        return self.runtime()
