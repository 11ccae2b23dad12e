"""A WSO2 node as our Puppet module lays it down, in a directory of the tests."""

import getpass
import grp
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from lifeboat.host import Host, LocalHost
from lifeboat.puppet import PuppetOnHost
from tests.support.puppet_place import MODULES, PuppetPlace
from tests.support.wso2_server import SCRIPT, DoubleHome, make_home

#: Many sites have such a default: what is replaced would be kept, secrets and all.
MANIFEST = "File { backup => '.kept' }\ninclude lifeboat_wso2\n"
TOP, SECRET = "wso2am-acp-4.5.0", 'pass"word\\ of the database'
SAMPLE = """it's "100%" \\ here"""
CONFIGURATION = {
    "server": {"hostname": "cp1.example.com", "force_local_cache": True, "ratio": 0.5},
    "database.shared_db": {"password": SECRET, "pool_options.maxActive": 50, "note": "two\nlines\tütf", "empty": []},
    "apim.gateway.environment": [
        {"name": "Default", "visibility": ["a", "b"], "odd key": {"nested": "yes"}},
        {"name": "Second"},
    ],
}


class Node:
    """A machine's Hiera data, in a directory, with one node."""

    def __init__(self, place: PuppetPlace, directory: Path, host: Host | None = None) -> None:
        self.place, self.directory, self.host = place, directory, host or LocalHost("here")
        self.home = DoubleHome(directory / "opt/wso2/apim-cp-1")
        self.launcher = directory / "apim-cp-1"
        self.pack = self.make_pack()
        self.keystores = directory / "restored-keystores"
        self.keystores.mkdir()
        (self.keystores / "wso2carbon.jks").write_bytes(b"\xfe\xed\xfe\xed")

    def make_pack(self) -> Path:
        made = make_home(self.directory / TOP)
        released = made.home / "repository/resources/security"
        released.mkdir(parents=True)
        for name in ("wso2carbon.jks", "client-truststore.jks"):
            (released / name).write_bytes(b"as released")
        pack = shutil.make_archive(str(self.directory / TOP), "zip", self.directory, TOP)
        shutil.rmtree(self.directory / TOP)
        return Path(pack)

    def puppet(self, of_class: Any = None, **of_node: Any) -> PuppetOnHost:
        """Return Puppet with the node; parameters of the class and of the node replace what this machine has."""
        return self.place.on(self.host, MANIFEST, **self._settings(of_class, **of_node))

    def settings(self, manifest: str | None = None, **of_node: Any) -> dict[str, Any]:
        """Return `puppet` of a deployment file, for the node alone or for another manifest as well."""
        return self.place.settings(MANIFEST + (manifest or ""), **self._settings(None, **of_node))

    def _settings(self, of_class: Any, **of_node: Any) -> dict[str, Any]:
        node = {
            "home": str(self.home.home),
            "pack": str(self.pack),
            "script": SCRIPT,
            "configuration": {**CONFIGURATION, "server": {**CONFIGURATION["server"], "offset": self.home.offset}},
            "keystores": str(self.keystores),
            "init": "script",
            "script_directory": str(self.directory),
            "environment": {"SAMPLE": SAMPLE},
            **of_node,
        }
        parameters = {
            "manage_user": False,
            "user": getpass.getuser(),
            "group": grp.getgrgid(os.getgid()).gr_name,
            "manage_jdk": False,
            "manage_unzip": False,
            "nodes": {"apim-cp-1": node},
            **(of_class or {}),
        }
        data = {f"lifeboat_wso2::{name}": value for name, value in parameters.items()}
        (self.directory / "common.yaml").write_text(yaml.safe_dump(data))
        hiera = self.directory / "hiera.yaml"
        hierarchy = [{"name": "all", "path": str(self.directory / "common.yaml"), "data_hash": "yaml_data"}]
        hiera.write_text(yaml.safe_dump({"version": 5, "hierarchy": hierarchy}))
        return {"modulepath": [str(MODULES)], "settings": {"hiera_config": str(hiera)}}
