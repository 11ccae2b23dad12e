"""What a recovery of a site would do: which restore point, what is made in AWS, what comes from the site's vault, how
traffic gets there, and what is known of time and cost. Nothing is changed."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lifeboat.aws.ec2_images import find_image
from lifeboat.aws.names import image_name, rds_name
from lifeboat.aws.sites import cloud_of_site
from lifeboat.capture import engine_for
from lifeboat.catalog import Catalog, PointState, last_instant
from lifeboat.deployment import DatabaseServer, Deployment, Unit
from lifeboat.deployment_takeover import Takeover
from lifeboat.documents import manifest_there
from lifeboat.engines import load_engine
from lifeboat.engines.rds import RdsEngine
from lifeboat.errors import CloudMissingError, ConfigurationError, RecoveryError
from lifeboat.manifest import Manifest, UnitSnapshot
from lifeboat.recovery_documents import RecoveryRequest
from lifeboat.recovery_plan import resolve
from lifeboat.runtime import Runtime
from lifeboat.site_recovery_documents import (
    PlannedDatabase,
    PlannedMachine,
    SiteRecoveryEvidence,
    SiteRecoveryPlan,
    SiteRequest,
)
from lifeboat.site_switch import described, read_all
from lifeboat.vault import Vault

log = logging.getLogger(__name__)

#: The phase of a rehearsal that no recovery has.
TAKEN_DOWN = "take down"
#: After this time what a rehearsal has made is a leftover, whether it still runs or not.
REHEARSAL_EXPIRES = timedelta(days=1)


def takeover_of(deployment: Deployment, site: str) -> Takeover:
    """Given the name of a site, return how it takes over. Raise ConfigurationError when that is the home site, or the
    deployment file does not say it."""
    able = ", ".join(name for name, each in deployment.sites.items() if each.takeover) or "(none)"
    if site not in deployment.sites or deployment.sites[site].takeover is None:
        raise ConfigurationError(
            f"Deployment '{deployment.name}' does not say how site '{site}' takes over.",
            next_step=f"Say it in sites.{site}.takeover; sites that can: {able}.",
        )
    if site == deployment.home_site():
        raise ConfigurationError(
            f"Site '{site}' is the home site of deployment '{deployment.name}'.",
            next_step="To go back to a restore point there: `lifeboat recover`.",
        )
    takeover = deployment.sites[site].takeover
    assert takeover
    return takeover


def plan_site_recovery(
    runtime: Runtime, catalog: Catalog, site: str, request: SiteRequest, recovery: str
) -> SiteRecoveryPlan:
    """Given a runtime at home, the site that takes over, what a person asks for and the recovery's id, return what
    would be done.

    Raise PointError when there is no such point, ConfigurationError when the deployment file does not say how, and what
    else stands in the way: a snapshot that is not in the site's account, or what a rehearsal would touch that is live.
    """
    takeover = takeover_of(runtime.deployment, site)
    with runtime.at(site) as there:
        deployment = there.deployment
        wanted = RecoveryRequest(point=request.point, as_of=request.as_of, unproven=request.unproven)
        state, chosen = resolve(catalog, deployment.name, wanted, site)
        vault = there.vault(site)
        manifest = manifest_there(vault, there.signer(), deployment.name, state.manifest.id)
        databases = tuple(_databases(there, takeover, manifest, vault, recovery))
        machines = tuple(_machines(there, takeover, manifest, vault, recovery))
        units, left = _units(deployment, manifest, databases)
        servers = tuple(name for name, each in _servers(deployment) if each.puppet)
        if request.rehearsal:
            _refuse_what_stands(deployment, units, servers, databases, machines)
        read_all(there, takeover)  # what may not be switched is told now
    expected, by = _expected(catalog, state, site)
    return SiteRecoveryPlan(
        id=recovery,
        deployment=deployment.name,
        site=site,
        point=state.manifest.id,
        manifest_sha256=state.manifest_sha256,
        point_instant=last_instant(state.manifest),
        verdict=state.verdict,
        chosen=chosen,
        request=request,
        databases=databases,
        machines=machines,
        servers=servers,
        units=tuple(map(str, units)),
        left=tuple(left),
        switches=() if request.rehearsal else tuple(map(described, takeover.switch)),
        warnings=tuple(_warnings(deployment, state, takeover, expected)),
        currency=takeover.currency,
        expires=(datetime.now(UTC) + REHEARSAL_EXPIRES).replace(microsecond=0) if request.rehearsal else None,
        expected_seconds=expected,
        expected_by=by,
    )


def refuse_changed(runtime: Runtime, catalog: Catalog, plan: SiteRecoveryPlan) -> None:
    """Given a plan that was approved, raise RecoveryError when the same request would mean something else by now."""
    now = plan_site_recovery(runtime, catalog, plan.site, plan.request, plan.id)
    if now.digest != plan.digest:
        what = ", ".join(name for name in SiteRecoveryPlan.model_fields if getattr(now, name) != getattr(plan, name))
        raise RecoveryError(
            f"The plan of site recovery '{plan.id}' changed while it waited for its approval: {what}. Nothing was "
            f"made.",
            next_step="Start a new one and approve what it plans; name the restore point to keep it.",
        )


def _servers(deployment: Deployment) -> Iterable[tuple[str, Any]]:
    """Return the servers that stand in at the site, in start order."""
    here = [(name, each) for name, each in deployment.servers.items() if each.site == deployment.home_site()]
    return sorted(here, key=lambda pair: (pair[1].start_order, pair[0]))


def _databases(
    there: Runtime, takeover: Takeover, manifest: Manifest, vault: Vault, recovery: str
) -> Iterator[PlannedDatabase]:
    deployment = there.deployment
    for name, settings in takeover.databases.items():
        unit = Unit(kind="rds", name=name)
        engine = engine_for(there, unit)
        assert isinstance(engine, RdsEngine)
        document = engine.document(_captured(manifest, unit), vault)
        found, wanted = engine.require_snapshot(document), engine.wanted(document)
        assert engine.rds.database_server  # references are checked when the file is read
        if settings.contents == "vault":
            _captured(manifest, Unit(kind="database", name=engine.rds.database_server))
        yield PlannedDatabase(
            name=name,
            unit=str(unit),
            identifier=rds_name(deployment.name, recovery, name),
            snapshot=found.id,
            connection=deployment.database_servers[engine.rds.database_server].connection,
            contents=settings.contents,
            instance_class=wanted.instance_class or "",
            gib=wanted.allocated_gib,
            hourly_cost=settings.hourly_cost,
        )


def _machines(
    there: Runtime, takeover: Takeover, manifest: Manifest, vault: Vault, recovery: str
) -> Iterator[PlannedMachine]:
    deployment = there.deployment
    bindings = deployment.sites[deployment.home_site()].bindings
    for name, settings in takeover.machines.items():
        image = settings.ami or ""
        if settings.image:
            unit = Unit(kind="image", name=settings.image)
            image = image_of(there, _captured(manifest, unit), vault)
        yield PlannedMachine(
            name=name,
            machine=image_name(deployment.name, recovery, name),
            image=image,
            connections=tuple(str(bindings[each].connection) for each in settings.bindings),
            instance_type=settings.launch.instance_type or f"as template {settings.launch.template} says",
            hourly_cost=settings.hourly_cost,
        )


def image_of(there: Runtime, snapshot: UnitSnapshot, vault: Vault) -> str:
    """Given the capture of a machine, return the id of its image in the site's account. Raise CloudMissingError when
    there is none that is whole."""
    engine = engine_for(there, snapshot.unit)
    site = there.deployment.home_site()
    cloud = cloud_of_site(there, site)
    name = engine.document(snapshot, vault)["snapshot"]["name"]  # type: ignore[attr-defined]
    found = find_image(cloud, name, cloud.region)
    if found is None or found["State"] != "available":
        raise CloudMissingError(
            f"{snapshot.unit}: image {name} is not whole in the account of site '{site}'.",
            next_step="Take another restore point, or copy this one again: `lifeboat replicate --again`.",
        )
    return str(found["ImageId"])


def _captured(manifest: Manifest, unit: Unit) -> UnitSnapshot:
    for each in manifest.units:
        if each.unit == unit:
            return each
    raise RecoveryError(
        f"Restore point '{manifest.id}' has no {unit}, of which the site's takeover makes something.",
        next_step=f"Name another point; `lifeboat show {manifest.deployment} POINT` lists what is in one.",
    )


def _units(
    deployment: Deployment, manifest: Manifest, databases: tuple[PlannedDatabase, ...]
) -> tuple[list[Unit], list[str]]:
    """Return what comes from the site's vault, and what does not, with the reason."""
    site = deployment.home_site()
    by_snapshot = {deployment.rds[each.name].database_server: each for each in databases if each.contents == "snapshot"}
    units, left = [], []
    for unit in (each.unit for each in manifest.units):
        if unit not in deployment.units():
            left.append(f"{unit}: the deployment file does not name it any more")
        elif load_engine(getattr(deployment.settings_of(unit), "engine", unit.kind)).only_by_name:
            if str(unit) not in {each.unit for each in databases} and unit.kind == "rds":
                left.append(f"{unit}: takeover.databases does not name it")
        elif deployment.settings_of(unit).site != site:
            left.append(f"{unit}: no binding of site '{site}' stands in for it")
        elif unit.kind == "database" and unit.name in by_snapshot:
            left.append(f"{unit}: it comes with snapshot {by_snapshot[unit.name].snapshot}")
        else:
            units.append(unit)
    return units, left


def _refuse_what_stands(
    deployment: Deployment,
    units: Iterable[Unit],
    servers: Iterable[str],
    databases: Iterable[PlannedDatabase],
    machines: Iterable[PlannedMachine],
) -> None:
    """Raise RecoveryError when a rehearsal would touch what it does not make itself."""
    made = {each.connection for each in databases} | {name for each in machines for name in each.connections}
    touched = dict.fromkeys([*units, *(Unit(kind="home", name=each) for each in servers)])
    standing = []
    for unit in touched:
        settings = deployment.settings_of(unit)
        embedded = isinstance(settings, DatabaseServer) and settings.server
        if isinstance(settings, DatabaseServer) and not embedded:
            reached: str | None = settings.connection
        else:
            host = deployment.hosts.get(settings.host)
            reached = host.ssh if host else None
        if reached not in made:
            standing.append(str(unit))
    if standing:
        raise RecoveryError(
            f"A rehearsal would touch what stands at site '{deployment.home_site()}' already: {', '.join(standing)}.",
            next_step="Let takeover.machines or takeover.databases make what they are on, so that the rehearsal has "
            "its own; or drill them: `lifeboat drill --site`.",
        )


def _expected(catalog: Catalog, state: PointState, site: str) -> tuple[dict[str, float], str]:
    """Return the seconds of each phase as the newest that succeeded had them, and by what that is known."""
    done = [
        each
        for each in catalog.site_recoveries(state.manifest.deployment)
        if isinstance(each, SiteRecoveryEvidence) and each.site == site and each.succeeded and each.seconds
        if each.action in ("recover", "rehearse")
    ]
    if done:
        what = "rehearsal" if done[-1].action == "rehearse" else "recovery"
        seconds = {phase: took for phase, took in done[-1].seconds.items() if phase != TAKEN_DOWN}
        return seconds, f"{what} {done[-1].recovery}"
    drill = state.drill
    if drill is None:
        return {}, ""
    return {f"restore {each.unit}": each.restore_seconds for each in drill.units}, "the drill there, without start"


def _warnings(
    deployment: Deployment, state: PointState, takeover: Takeover, expected: dict[str, float]
) -> Iterator[str]:
    if state.verdict != "good":
        yield f"Restore point {state.manifest.id} is {state.verdict}: no drill at the site passed."
    if datetime.now(UTC) - last_instant(state.manifest) > deployment.objectives.rpo_at_sites():
        yield "The restore point is older than the objective for the loss of a site: what came after it will be gone."
    if sum(expected.values()) > deployment.objectives.rto.total_seconds():
        yield "It is expected to take longer than the RTO."
    if not takeover.switch:
        yield "takeover.switch is empty: bring the traffic there by hand."
    for name, server in _servers(deployment):
        if server.control is None:
            yield f"Server '{name}' has no control in the deployment file: start it by hand."
