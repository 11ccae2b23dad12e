"""Keeps Puppet away from a server while its home is exchanged or updated.

WSO2's own modules stop the server and delete CARBON_HOME in every run after the first, and any module may start a
server that must be down. So the agent is disabled with a reason that names the operation, by which that operation knows
its own lock, also after it was killed. What somebody else has disabled is left so, before and after.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from lifeboat.errors import LifeboatError, PuppetError
from lifeboat.puppet import PuppetOnHost
from lifeboat.runtime import Runtime

log = logging.getLogger(__name__)


def disable(puppet: PuppetOnHost, reason: str) -> bool:
    """Disable the agent, unless it is, wait for the end of a run that is in progress, and return whether it is disabled
    for this reason. Raise PuppetBusyError, and leave it enabled, if that run does not end."""
    if puppet.disabled_because() is None:
        puppet.ask("be disabled", "agent", "--disable", reason)
    found = puppet.disabled_because()
    ours = found == reason
    if ours:
        log.info("The agent of Puppet on host %s is disabled: %s", puppet.host.name, reason)
    else:
        log.warning("The agent of Puppet on host %s is disabled already, and stays so: %s", puppet.host.name, found)
    try:
        puppet.wait_until_idle()
    except LifeboatError:
        enable(puppet, reason)
        raise
    return ours


def enable(puppet: PuppetOnHost, reason: str) -> None:
    """Enable the agent if it is disabled for this reason."""
    found = puppet.disabled_because()
    if found == reason:
        puppet.ask("be enabled", "agent", "--enable")
        log.info("The agent of Puppet on host %s is enabled again", puppet.host.name)
    elif found is not None:
        log.warning("The agent of Puppet on host %s stays disabled: %s", puppet.host.name, found)


@contextmanager
def agent_disabled(puppet: PuppetOnHost, reason: str, leave: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Disable the agent, and enable it in the end, also when the block fails, unless `leave` says then that a server is
    in a state that Puppet must not find. Raise PuppetError when that cannot be done; after a block that failed it is
    only logged."""
    disable(puppet, reason)
    try:
        yield
    except BaseException:
        try:
            if leave():
                log.error("The agent of Puppet on host %s stays disabled until this is put right", puppet.host.name)
            else:
                enable(puppet, reason)
        except (LifeboatError, TimeoutError) as error:
            log.error("The agent of Puppet on host %s stays disabled: %s", puppet.host.name, error)
        raise
    enable(puppet, reason)


@contextmanager
def agents_disabled(
    runtime: Runtime, servers: Sequence[str], reason: str, leave: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Disable the agents of some servers' hosts, those that have one, and enable them in the end; not when the block
    fails and `leave` is true then."""
    with ExitStack() as stack:
        for puppet in _agents(runtime, servers):
            stack.enter_context(agent_disabled(puppet, reason, leave))
        yield


def disable_agents(runtime: Runtime, servers: Sequence[str], reason: str) -> None:
    """Disable the agents of some servers' hosts; where the end comes in another task, `enable_agents` is for that."""
    for puppet in _agents(runtime, servers):
        disable(puppet, reason)


def enable_agents(runtime: Runtime, servers: Sequence[str], reason: str) -> None:
    """Enable the agents of some servers' hosts, those that are disabled for this reason. Raise PuppetError for those
    that could not be, when all were tried."""
    problems = []
    for name in servers:
        try:
            for puppet in _agents(runtime, [name]):
                enable(puppet, reason)
        except (LifeboatError, TimeoutError) as error:
            problems.append(f"that of server '{name}': {error}")
    if problems:
        raise PuppetError(
            f"Agents of Puppet stay disabled: {'; '.join(problems)}",
            next_step="Run `puppet agent --enable` there, when what is said above is put right.",
        )


def _agents(runtime: Runtime, servers: Sequence[str]) -> list[PuppetOnHost]:
    """Return the Puppet of each host of these servers that has one, once. A host without Puppet has no agent that could
    come in between: it may be a new one."""
    found: dict[tuple[str, str], PuppetOnHost] = {}
    for name in servers:
        server = runtime.deployment.servers.get(name)  # a plan may name one that the file no longer has
        if server is None or server.puppet is None:
            continue
        puppet = PuppetOnHost(runtime.host(server.host), server.puppet)
        if puppet.program is None:
            log.warning("Host %s of server %s has no Puppet, so there is nothing to disable", server.host, name)
            continue
        found.setdefault((server.host, puppet.paths["agent_disabled_lockfile"]), puppet)
    return list(found.values())
