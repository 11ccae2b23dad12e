"""A real Puppet whose every file lies in a directory of the tests: nothing of it touches the machine's own."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from lifeboat.deployment import Puppet
from lifeboat.host import Host, LocalHost
from lifeboat.puppet import PuppetOnHost
from lifeboat.puppet_agent import disable
from lifeboat.sample.ports import free_port

MODULES = Path(__file__).parents[2] / "puppet/modules"
#: Debian's Puppet does not take these from confdir and vardir.
_DIRECTORIES = ("confdir", "vardir", "codedir", "ssldir", "publicdir", "logdir", "rundir")


class PuppetPlace:
    """Puppet's directories, and manifests, below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.manifests = directory / "manifests"
        self.manifests.mkdir(parents=True)
        self._paths: dict[str, dict[str, str]] = {}

    def paths(self) -> dict[str, str]:
        """Return where Puppet's own files are, as it says itself."""
        return self.on(LocalHost("here")).paths

    @property
    def disabled(self) -> Path:
        """The file by which the agent is disabled."""
        return self.directory / "vardir/state/agent_disabled.lock"

    @property
    def running(self) -> Path:
        """The file that names the process of a run."""
        return self.directory / "vardir/state/agent_catalog_run.lock"

    def reason(self) -> str:
        """Return why the agent is disabled, as Puppet's own file says."""
        return str(json.loads(self.disabled.read_text())["disabled_message"])

    def settings(self, manifest: str | None = None, **changes: Any) -> dict[str, Any]:
        """Return `puppet` of a deployment file, for a manifest with this text, or for the agent."""
        directories = {name: str(self.directory / name) for name in _DIRECTORIES}
        nobody = {"server": "127.0.0.1", "serverport": str(free_port())}
        found: dict[str, Any] = {"settings": directories, **changes}
        found["settings"] = {**({} if manifest else nobody), **directories, **changes.get("settings", {})}
        if manifest is not None:
            path = self.manifests / f"{len(list(self.manifests.iterdir()))}.pp"
            path.write_text(manifest)
            found["manifest"] = str(path)
        return found

    def on(self, host: Host, manifest: str | None = None, **changes: Any) -> PuppetOnHost:
        """Return Puppet on a host. Puppet is asked once for each host where its files are: that takes it a second."""
        made = PuppetOnHost(host, Puppet.model_validate(self.settings(manifest, **changes)))
        made.paths = self._paths.setdefault(host.name, made.paths if host.name not in self._paths else {})
        return made

    def disable_by_hand(self, reason: str) -> None:
        """Disable the agent as somebody else would, by Puppet's own command."""
        assert disable(self.on(LocalHost("by hand"), timeout=timedelta(minutes=1)), reason)
