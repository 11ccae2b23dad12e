"""What the world must have before a run: connections, tools, the vault, homes and databases within reach."""

import contextlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from lifeboat.capture import engine_for
from lifeboat.deployment import Unit
from lifeboat.errors import ConfigurationError, LifeboatError, PreflightError, UnreachableError
from lifeboat.host import Command, LocalHost
from lifeboat.immutability import require_locked
from lifeboat.notify import services
from lifeboat.puppet_run import puppet_of
from lifeboat.runtime import Runtime
from lifeboat.scratch import scratch_place
from lifeboat.vault_source import source_environment
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)


def world_problems(runtime: Runtime) -> list[LifeboatError]:
    """Given a deployment, return everything that it names and that is not there, each once; nothing is changed."""
    problems = (_attempt(check) for check in _checks(runtime))
    return list({str(problem): problem for problem in problems if problem is not None}.values())


def _pools(runtime: Runtime) -> None:
    """Raise ConfigurationError for pools that Airflow does not have; without Airflow there are none to check."""
    if shutil.which("airflow") is None or "AIRFLOW_HOME" not in os.environ:
        log.info("Pools are not checked: AIRFLOW_HOME is not set, so there is no Airflow here to ask.")
        return
    listed = LocalHost().run(Command(["airflow", "pools", "list", "--output", "json"])).stdout.decode()
    wanted = {site.vault.pool for site in runtime.deployment.sites.values()}
    missing = sorted(wanted - _pool_names(listed))
    if missing:
        names = ", ".join(f"'{pool}'" for pool in missing)
        raise ConfigurationError(
            f"Airflow has no pool {names}; tasks that name it would wait for ever.",
            next_step="Make it: " + "; ".join(f"airflow pools set {pool} 2 'Work on one vault'" for pool in missing),
        )


def _pool_names(listed: str) -> set[str]:
    """Given what Airflow prints, warnings before the JSON among it, return the names of its pools."""
    for match in re.finditer(r"^\[", listed, re.MULTILINE):
        with contextlib.suppress(ValueError):
            rows, _ = json.JSONDecoder().raw_decode(listed, match.start())
            return {row["pool"] for row in rows}
    raise PreflightError(
        "`airflow pools list --output json` printed no list of pools, so they are not checked.",
        next_step="Run it by hand and read what it says.",
    )


def _check_account(runtime: Runtime, site: str) -> None:
    from lifeboat.aws.sites import cloud_of_site  # boto3 takes a third of a second, and few deployments have a cloud

    cloud_of_site(runtime, site).account()


def _check_takeover(runtime: Runtime, site: str) -> None:
    from lifeboat.site_switch import read_all

    takeover = runtime.deployment.sites[site].takeover
    assert takeover
    with runtime.at(site) as there:
        read_all(there, takeover)


def _check_housekeeper(runtime: Runtime, site: str) -> None:
    if runtime.deployment.sites[site].vault.housekeeper is not None:
        runtime.housekeeper(site).check_access()


def _check_lock(runtime: Runtime, site: str) -> None:
    if runtime.deployment.sites[site].vault.object_lock is not None:
        require_locked(runtime, site)


def _scratch(runtime: Runtime, site: str) -> None:
    with scratch_place(Path(runtime.deployment.sites[site].scratch)):
        pass


def _checks(runtime: Runtime) -> Iterator[Callable[[], object]]:
    deployment = runtime.deployment
    yield runtime.signer
    yield partial(_pools, runtime)
    for name in deployment.other_sites():
        yield partial(_check_copying, runtime, name)
        if deployment.sites[name].takeover is not None:
            yield partial(_check_takeover, runtime, name)
    for name, site in deployment.sites.items():
        yield partial(_check_vault, runtime, name)
        yield partial(_check_housekeeper, runtime, name)
        yield partial(_check_lock, runtime, name)
        if site.account is not None:
            yield partial(_check_account, runtime, name)
        yield partial(_scratch, runtime, name)
    for connection in deployment.notifications.connections:
        yield partial(_check_notifications, runtime, connection)
    yield from _unit_checks(runtime)
    for name, server in deployment.servers.items():
        if server.control is not None:
            yield ServerControl.of(runtime, name).preflight
        if server.puppet is not None:
            yield puppet_of(runtime, name).preflight


def _unit_checks(runtime: Runtime) -> Iterator[Callable[[], object]]:
    for unit in runtime.deployment.units():
        yield partial(_check_capture, runtime, unit)
        yield partial(_check_drill, runtime, unit)
    for name in runtime.deployment.rds:
        yield partial(_check_automated_backups, runtime, name)


def _check_capture(runtime: Runtime, unit: Unit) -> None:
    engine_for(runtime, unit).preflight()


def _check_drill(runtime: Runtime, unit: Unit) -> None:
    engine_for(runtime, unit).drill_preflight()


def _check_automated_backups(runtime: Runtime, name: str) -> None:
    from lifeboat.engines.rds import require_automated_backups  # loads boto3

    require_automated_backups(runtime, Unit(kind="rds", name=name))


def _check_copying(runtime: Runtime, site: str) -> None:
    source_environment(runtime.vault(runtime.deployment.home_site()), runtime.vault(site))


def _check_notifications(runtime: Runtime, connection: str) -> None:
    services(runtime.connection(connection))


def _check_vault(runtime: Runtime, site: str) -> None:
    runtime.vault(site).check_access()


def _attempt(check: Callable[[], object]) -> LifeboatError | None:
    try:
        check()
    except LifeboatError as error:
        return error
    except TimeoutError as error:
        return UnreachableError(str(error), next_step="Run it by hand, and look what it waits for.")
    return None
