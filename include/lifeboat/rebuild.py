"""The rebuild of a server: an empty machine becomes the server again, at home or at another site.

The order: look → Puppet lays down account, Java, pack and unit → the home of a good restore point, beside what Puppet
made, proven, and rebound to the site → exchange → start → checks → evidence. From the plan on it is a recovery of the
home, and so everything of one holds: a failure leaves what was live untouched or puts it back, and it can be resumed
and undone.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from lifeboat.catalog import Catalog, PointState
from lifeboat.deployment import Unit
from lifeboat.documents import manifest_there
from lifeboat.errors import ConfigurationError, RecoveryError
from lifeboat.manifest import Check
from lifeboat.puppet_run import puppet_of, run_puppet
from lifeboat.recovery_documents import (
    Foreign,
    Rebinding,
    RecoveryEvidence,
    RecoveryJournal,
    RecoveryPlan,
    RecoveryRequest,
)
from lifeboat.recovery_journal import interrupted, refuse_other_recovery
from lifeboat.recovery_plan import resolve
from lifeboat.recovery_run import plan_and_begin, recover
from lifeboat.runtime import Runtime
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)

LAID_DOWN = "puppet"


@dataclass(frozen=True)
class Outlook:
    """What a rebuild is going to do, as far as it can be known of a machine on which there is nothing yet."""

    server: str
    site: str
    state: PointState
    chosen: str
    units: tuple[str, ...]
    rebindings: tuple[Rebinding, ...]
    foreign: tuple[Foreign, ...]


def look(runtime: Runtime, catalog: Catalog, server: str, point: str = "", *, unproven: bool = False) -> Outlook:
    """Given a runtime at the site and a server, check all that a rebuild needs, change nothing, and return what it
    would do.

    Raise ConfigurationError for a server that is unknown, not bound at the site or without `puppet`, PointError or
    RecoveryError when no good restore point is there, and what else stands in the way.
    """
    deployment = runtime.deployment
    puppet = puppet_of(runtime, server)
    settings, site = deployment.servers[server], deployment.home_site()
    if settings.site != site:
        raise ConfigurationError(
            f"Server '{server}' belongs to site '{settings.site}', and nothing at site '{site}' stands in for it.",
            next_step=f"Give sites.{site}.bindings one with `stands_in_for: {server}` and the `connection` of its "
            "machine there.",
        )
    if settings.control is None:
        raise ConfigurationError(
            f"Server '{server}' has no `control`, so it could not be started.",
            next_step=f"Say in servers.{server}.control how it is started.",
        )
    state, chosen = resolve(catalog, deployment.name, RecoveryRequest(point=point, unproven=unproven), runtime.away)
    embedded = {name for name, each in deployment.database_servers.items() if each.server == server}
    home = Unit(kind="home", name=server)
    units = [each.unit for each in state.manifest.units if each.unit == home or each.unit.name in embedded]
    if home not in units:
        raise RecoveryError(
            f"Restore point '{state.manifest.id}' has no home of server '{server}'.",
            next_step=f"Name another point; `lifeboat show {deployment.name} POINT` lists what is in one.",
        )
    manifest_there(runtime.vault(site), runtime.signer(), deployment.name, state.manifest.id)
    rebindings, foreign = runtime.rebindings()
    puppet.preflight()
    puppet.refuse_disabled()
    return Outlook(server, site, state, chosen, tuple(map(str, units)), rebindings, foreign)


def begun_before(runtime: Runtime, server: str) -> RecoveryJournal | None:
    """Return the journal of a rebuild of this server that is neither finished nor undone, or None. Raise RecoveryError
    when another recovery is."""
    for journal in interrupted(runtime):
        if journal.plan.request.rebuild == server:
            return journal
    refuse_other_recovery(runtime)
    return None


def lay_down(runtime: Runtime, catalog: Catalog, server: str) -> tuple[Check, float]:
    """Let Puppet make the machine what it must be; a home that is there is captured before. Return what it did, as a
    check, and how many seconds that took. Raise PuppetError, with the names of the resources that failed."""
    began = time.monotonic()
    done = run_puppet(runtime, catalog, server)
    detail = f"{done.run}; the home: {done.home}"
    if done.safety_point:
        detail += f", as it was before in restore point {done.safety_point}"
    check = Check(name=LAID_DOWN, verdict="health", outcome="passed", member=f"home/{server}", detail=detail)
    return check, round(time.monotonic() - began, 1)


def begin(
    runtime: Runtime,
    catalog: Catalog,
    outlook: Outlook,
    requested_by: str,
    *,
    reason: str = "",
    unproven: bool = False,
    told: Callable[[RecoveryPlan], None] = lambda plan: None,
) -> RecoveryJournal:
    """Plan how the home comes back to the machine that Puppet has made, show the plan, and write its journal."""
    request = RecoveryRequest(
        point=outlook.state.manifest.id,
        units=outlook.units,
        reason=reason or f"rebuild of {outlook.server}",
        unproven=unproven,
        safety_point=False,  # what was there, was captured before Puppet ran
        rebuild=outlook.server,
    )

    def show(plan: RecoveryPlan) -> bool:
        told(plan)
        return True

    journal = plan_and_begin(runtime, catalog, request, requested_by, show)
    assert journal is not None
    return journal


def rebuild(
    runtime: Runtime,
    catalog: Catalog,
    server: str,
    requested_by: str,
    *,
    point: str = "",
    reason: str = "",
    unproven: bool = False,
    outlook: Outlook | None = None,
    told: Callable[[RecoveryPlan], None] = lambda plan: None,
) -> RecoveryEvidence:
    """Rebuild a server in one go, as it was looked at before, if it was; one that was interrupted goes on where it was.
    Raise what made it fail, after its end was recorded."""
    if journal := begun_before(runtime, server):
        log.info("Going on with rebuild %s of server %s, which was interrupted", journal.recovery, server)
        return recover(runtime, catalog, journal)
    outlook = outlook or look(runtime, catalog, server, point, unproven=unproven)
    check, seconds = lay_down(runtime, catalog, server)
    ServerControl.of(runtime, server).preflight()
    journal = begin(runtime, catalog, outlook, requested_by, reason=reason, unproven=unproven, told=told)
    return recover(runtime, catalog, journal, before=[check], before_seconds={"lay down by Puppet": seconds})
