"""One WSO2 server as it is seen on its host, by the probe that is sent there."""

import logging
from functools import cached_property
from typing import Any, Self

from lifeboat.deployment import Server
from lifeboat.errors import ConfigurationError, PreflightError, ServerError, UnreachableError
from lifeboat.host import Host
from lifeboat.runtime import Runtime
from lifeboat.wso2.layout import LayoutKind, detect_layout
from lifeboat.wso2.server_state import ServerState, read_state
from lifeboat.wso2.server_unit import Unit

log = logging.getLogger(__name__)

_PROBE = "lifeboat.wso2.server_probe"
_PROBE_SECONDS = 120.0


class ServerOnHost:
    """One server of a deployment, on its host. Looking at it changes nothing."""

    def __init__(self, host: Host, name: str, server: Server) -> None:
        self.host = host
        self.name = name
        self.server = server

    @classmethod
    def of(cls, runtime: Runtime, name: str) -> Self:
        """Given a server's name in the deployment, return its control. Raise ConfigurationError if there is none."""
        server = runtime.deployment.servers.get(name)
        if server is None:
            known = ", ".join(runtime.deployment.servers) or "(none)"
            raise ConfigurationError(
                f"Deployment '{runtime.deployment.name}' has no server '{name}'.", next_step=f"Use one of: {known}."
            )
        return cls(runtime.host(server.host), name, server)

    def state(self) -> ServerState:
        """Return whether the server runs, with its processes and ports; it needs no `control` for that."""
        return self._look()

    @cached_property
    def _unit(self) -> Unit | None:
        control = self.server.control
        return Unit(self.host, control.unit) if control is not None and control.unit else None

    @cached_property
    def _layout(self) -> LayoutKind | None:
        try:
            return detect_layout(lambda path: self.host.exists(f"{self.server.home}/{path}", run_as=self.server.run_as))
        except ConfigurationError:
            return None

    def _read(self, path: str) -> bytes | None:
        return self.host.read_file(f"{self.server.home}/{path}", run_as=self.server.run_as)

    def _ask(self, action: str, **payload: Any) -> Any:
        """Run one of the probe's actions on the host and return its answer."""
        if action != "ask":
            payload["home"] = self.server.home
        return self.host.run_python(
            _PROBE, {"do": action, **payload}, run_as=self.server.run_as, timeout=_PROBE_SECONDS
        )

    def _look(self, action: str = "look", **payload: Any) -> ServerState:
        state = read_state(self.name, self._ask(action, **payload))
        if not state.running and not state.sees_all and state.owner not in (None, state.account):
            raise PreflightError(
                f"'{state.account}' does not see the processes of '{state.owner}' on host '{self.host.name}' (/proc is "
                f"mounted with hidepid), so whether server '{self.name}' runs cannot be told.",
                next_step=f"Set servers.{self.name}.run_as to {state.owner} in the deployment file.",
            )
        return state

    def _look_again(self, action: str, **payload: Any) -> ServerState | None:
        """Look at a server that is waited for, or return None when its host does not answer for the moment."""
        try:
            return self._look(action, **payload)
        except (UnreachableError, TimeoutError) as error:
            log.warning("Server %s cannot be looked at for the moment: %s", self.name, error)
            return None

    def _read_the_log(self) -> str:
        return f"Read {self.server.home}/repository/logs/wso2carbon.log on host '{self.host.name}'."

    def _error(self, what: str, detail: str, next_step: str) -> ServerError:
        separator = "" if detail.startswith(".") else " "
        return ServerError(
            f"Server '{self.name}' on host '{self.host.name}' {what}{separator}{detail}", next_step=next_step
        )
