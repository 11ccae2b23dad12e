"""A run of Puppet on a server: its home is captured first, since a run may delete it.

WSO2's own modules (puppet-apim, puppet-is) run `rm -rf` on CARBON_HOME and unpack a new one; embedded databases,
tenants, deployed artefacts and logs are gone then, unless they were captured.
"""

import logging
from dataclasses import dataclass
from typing import Literal

from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.deployment import Server, Unit
from lifeboat.errors import ConfigurationError, LifeboatError
from lifeboat.host import Command
from lifeboat.puppet import PuppetOnHost, PuppetRun
from lifeboat.recovery_plan import refuse_other_workers
from lifeboat.runtime import Runtime

log = logging.getLogger(__name__)

#: What became of a server's home in a run.
Fate = Literal["kept", "made", "replaced", "deleted", "absent"]


@dataclass(frozen=True)
class ServerRun:
    """A run on a server, the restore point that was made before it, if any, and what became of the home."""

    run: PuppetRun
    safety_point: str
    home: Fate


def puppet_of(runtime: Runtime, name: str) -> PuppetOnHost:
    """Given a server's name, return its Puppet. Raise ConfigurationError if the deployment file has none for it."""
    server = runtime.deployment.servers.get(name)
    managed = ", ".join(each for each, settings in runtime.deployment.servers.items() if settings.puppet)
    if server is None or server.puppet is None:
        what = "has no `puppet`" if server else "does not exist"
        raise ConfigurationError(
            f"Server '{name}' {what} in deployment '{runtime.deployment.name}'.",
            next_step=f"Servers with Puppet: {managed or '(none)'}; servers.<name>.puppet says how it is run.",
        )
    return PuppetOnHost(runtime.host(server.host), server.puppet)


def run_puppet(
    runtime: Runtime, catalog: Catalog, name: str, *, noop: bool = False, safety_point: bool = True
) -> ServerRun:
    """Capture a server's home, with the embedded databases in it, as a restore point, then run Puppet on its host.

    With `noop` nothing is captured and nothing changed. Raise PuppetError when the run failed, or may not begin.
    """
    puppet, server = puppet_of(runtime, name), runtime.deployment.servers[name]
    refuse_other_workers(runtime.deployment, [Unit(kind="home", name=name)])
    puppet.preflight()
    puppet.refuse_disabled()
    puppet.wait_until_idle()
    before = _identity(puppet, server)
    point = _capture(runtime, catalog, name) if before and safety_point and not noop else ""
    try:
        run = puppet.run(noop=noop)
    finally:
        fate = _fate(before, _identity(puppet, server))
        _tell(runtime.deployment.name, name, fate, point)
    return ServerRun(run, point, fate)


def _capture(runtime: Runtime, catalog: Catalog, name: str) -> str:
    embedded = [key for key, each in runtime.deployment.database_servers.items() if each.server == name]
    units = [*(Unit(kind="database", name=key) for key in embedded), Unit(kind="home", name=name)]
    try:
        signed = make_point(runtime, "safety", reason=f"before Puppet ran on {name}", units=units)
    except LifeboatError as error:
        error.next_step += " Puppet did not run; if the home need not be kept, run it with --no-safety-point."
        raise
    catalog.add_point(signed)
    return signed.manifest.id


def _identity(puppet: PuppetOnHost, server: Server) -> str:
    """Return what is another text for another directory in the home's place: inode and birth; empty if none."""
    command = Command(["stat", "-L", "-c", "%d %i %w", "--", server.home], run_as=puppet.settings.run_as)
    return puppet.host.run(command, accept=(0, 1)).stdout.decode().strip()


def _fate(before: str, after: str) -> Fate:
    if not before:
        return "made" if after else "absent"
    if not after:
        return "deleted"
    return "kept" if after == before else "replaced"


def _tell(deployment: str, name: str, fate: Fate, point: str) -> None:
    if fate in ("replaced", "deleted"):
        kept = f"restore point {point} has it" if point else "no restore point was made before"
        log.warning(
            "Puppet %s the home of server %s; %s. Next: lifeboat recover %s %s --unproven --only home/%s",
            fate,
            name,
            kept,
            deployment,
            point or "(a point)",
            name,
        )
    elif fate == "made":
        log.info("Puppet made the home of server %s", name)
