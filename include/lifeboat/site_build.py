"""What a recovery of a site makes in AWS: databases from snapshots, machines from images; found again by its names, and
taken down. Each function may be repeated: what an earlier try has made is gone on with."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from lifeboat.aws.ec2_instances import Machine, find_machine, launch
from lifeboat.aws.leftovers import Cleared, clear, find_made
from lifeboat.aws.names import Mark
from lifeboat.aws.rds_restore import Endpoint, endpoint_of
from lifeboat.aws.rds_words import Database
from lifeboat.aws.sites import cloud_of_site
from lifeboat.aws.waiting import Limits
from lifeboat.aws.work import Work
from lifeboat.capture import engine_for
from lifeboat.deployment import Unit
from lifeboat.deployment_cloud import Place
from lifeboat.documents import manifest_there
from lifeboat.drill import any_failed, health_checks, log_checks, proof_checks, red_checks, sealed_facts, unit_snapshot
from lifeboat.engines.rds import RdsEngine
from lifeboat.errors import RecoveryError, UnreachableError
from lifeboat.host import Command
from lifeboat.manifest import Check, UnitSnapshot
from lifeboat.runtime import MadeAddress, Runtime
from lifeboat.site_recovery_documents import SiteRecoveryPlan
from lifeboat.text import shown

log = logging.getLogger(__name__)

_ASKED_AGAIN_SECONDS = 3.0


@dataclass(frozen=True)
class Made:
    """Something that was made: how AWS calls it, and where it answers."""

    id: str
    address: MadeAddress
    connections: tuple[str, ...]

    def __str__(self) -> str:
        port = f":{self.address.port}" if self.address.port else ""
        return f"{self.id} at {self.address.host}{port}"


def mark_of(plan: SiteRecoveryPlan) -> Mark:
    """Return the mark of all that a plan makes."""
    return Mark(plan.deployment, plan.id, "rehearsal" if plan.rehearsal else "recovery", plan.expires)


def restore_database(there: Runtime, plan: SiteRecoveryPlan, name: str) -> Work[Endpoint]:
    """Given a runtime at the site, restore a database of the plan from its snapshot, with the settings of its source or
    of the site; a rehearsal's may be deleted."""
    engine, snapshot = _captured_database(there, plan, name)
    instead = Place(deletion_protection=False) if plan.rehearsal else Place()
    document = engine.document(snapshot, there.vault(plan.site))
    return engine.bring_back(document, plan.database(name).identifier, mark_of(plan), instead)


def launch_machine(there: Runtime, plan: SiteRecoveryPlan, name: str) -> Work[Machine]:
    """Launch a machine of the plan, as the deployment file says for the site."""
    planned, takeover = plan.machine(name), there.deployment.sites[plan.site].takeover
    assert takeover
    cloud, how = cloud_of_site(there, plan.site), takeover.machines[name].launch
    return launch(cloud, planned.image, cloud.region, planned.machine, how, mark_of(plan))


def made_by(there: Runtime, plan: SiteRecoveryPlan) -> dict[str, Made]:
    """Return what of the plan is there and answers somewhere, by name, as AWS tells it now."""
    if not (plan.databases or plan.machines):
        return {}
    cloud, found = cloud_of_site(there, plan.site), {}
    for each in plan.databases:
        database = Database(there.deployment.rds[each.name].kind, each.identifier, cloud.region)
        if database.find(cloud) is not None and (endpoint := endpoint_of(cloud, database)).host:
            address = MadeAddress(endpoint.host, endpoint.port)
            found[each.name] = Made(database.id, address, (each.connection,))
    for machine in plan.machines:
        told = find_machine(cloud, machine.machine, cloud.region)
        if told is not None and told.get("PrivateIpAddress"):
            address = MadeAddress(told["PrivateIpAddress"])
            found[machine.name] = Made(told["InstanceId"], address, machine.connections)
    return found


def require_made(there: Runtime, plan: SiteRecoveryPlan) -> dict[str, Made]:
    """Return the same. Raise RecoveryError when something is missing that somebody removed meanwhile."""
    found = made_by(there, plan)
    planned = [*(each.name for each in plan.databases), *(each.name for each in plan.machines)]
    missing = [name for name in planned if name not in found]
    if missing:
        raise RecoveryError(
            f"What site recovery '{plan.id}' made is not all there: {', '.join(missing)}.",
            next_step=f"Go on with `lifeboat site recover {plan.deployment} {plan.site} --resume {plan.id}`, which "
            "makes it again; AWS's trail tells who removed it.",
        )
    return found


def standing(there: Runtime, plan: SiteRecoveryPlan) -> dict[str, str]:
    """Return all that stands in AWS of a plan, by name, with its address if it has one by now."""
    made = made_by(there, plan)
    stands = {name: str(each) for name, each in made.items()}
    if plan.databases or plan.machines:
        cloud, known = cloud_of_site(there, plan.site), {each.id for each in made.values()}
        found = find_made(cloud, cloud.region, plan.deployment, plan.id)
        stands |= {each.thing.id: str(each) for each in found if each.thing.id not in known}
    return stands


def addresses_of(made: Mapping[str, Made]) -> dict[str, MadeAddress]:
    """Given what was made, return its addresses by the connections that get them."""
    return {connection: each.address for each in made.values() for connection in each.connections}


def prove_database(made: Runtime, plan: SiteRecoveryPlan, name: str) -> list[Check]:
    """Given a runtime at the site with the made addresses, compare a restored database with its capture, and run the
    WSO2 checks in it if its contents are to be used. Raise RecoveryError when one of fidelity is red, or one of health
    and the plan does not say that the point is not proven."""
    engine, snapshot = _captured_database(made, plan, name)
    vault, planned = made.vault(plan.site), plan.database(name)
    cloud = cloud_of_site(made, plan.site)
    endpoint = endpoint_of(cloud, Database(engine.rds.kind, planned.identifier, cloud.region))
    checks: list[Check] = []
    facts = sealed_facts(vault, snapshot, checks) or {}
    if not any_failed(checks):
        restored = engine.look_at(engine.document(snapshot, vault), endpoint)
        checks += proof_checks(engine, snapshot, facts, restored)
        if restored.unreached:
            raise UnreachableError(
                f"{planned.identifier} is there, and does not answer this worker at {endpoint.host}:{endpoint.port}.",
                next_step="Look at its security groups and at the subnet's routes; `rds.places` names what it gets "
                "at the site. Then repeat.",
            )
        checks += health_checks(made, snapshot, restored) if planned.contents == "snapshot" else ()
    log_checks(checks)
    red = red_checks(checks, unproven=plan.request.unproven)
    if red:
        raise RecoveryError(
            f"{planned.unit} of restore point '{plan.point}' is not what was captured: {', '.join(red)} failed.",
            next_step=f"See the log above; recover from another point: `lifeboat points {plan.deployment}`.",
        )
    return checks


def wait_for_machine(made: Runtime, plan: SiteRecoveryPlan, name: str) -> None:
    """Wait until a machine answers over SSH: EC2 calls it running long before. Raise UnreachableError when it does not
    in its time."""
    takeover = made.deployment.sites[plan.site].takeover
    assert takeover
    limit, began = takeover.answers_within.total_seconds(), time.monotonic()
    bound = set(plan.machine(name).connections)
    hosts = [host for host, settings in made.deployment.hosts.items() if settings.ssh in bound]
    for host in hosts[:1]:
        while True:
            try:
                made.host(host).run(Command(["true"]))
                break
            except UnreachableError as error:
                if time.monotonic() - began > limit:
                    raise
                log.info("%s does not answer yet, after %d s: %s", name, time.monotonic() - began, error.message)
                time.sleep(_ASKED_AGAIN_SECONDS)
        log.info("%s answers, after %d s", name, time.monotonic() - began)


def take_down(there: Runtime, plan: SiteRecoveryPlan) -> Cleared:
    """Remove the machines and databases that carry the plan's mark; what cannot be removed keeps nothing else from
    going, and is told by whoever records the end, as is all else that stands by then."""
    if not (plan.databases or plan.machines):
        return Cleared((), ())
    cloud = cloud_of_site(there, plan.site)
    found = find_made(cloud, cloud.region, plan.deployment, plan.id)
    log.info("To be taken down: %s", shown([str(each) for each in found], most=50) or "nothing is there")
    return clear(cloud, found, Limits())


def _captured_database(runtime: Runtime, plan: SiteRecoveryPlan, name: str) -> tuple[RdsEngine, UnitSnapshot]:
    unit = Unit.parse(plan.database(name).unit)
    engine = engine_for(runtime, unit)
    assert isinstance(engine, RdsEngine)
    manifest = manifest_there(runtime.vault(plan.site), runtime.signer(), plan.deployment, plan.point)
    return engine, unit_snapshot(manifest, unit)
