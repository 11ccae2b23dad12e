"""A vault on S3 as it was before somebody deleted, overwrote or shadowed its files.

Each file that was there at a time, or came since, gets its genuine version on top. Nothing is destroyed by that: what
lay on top stays below, and what is new since then stays, for restore points may have been sealed since; but for what
restic takes for a key and is none, which would keep the vault from opening. Then the index is made anew, and every
sealed point is read.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lifeboat.catalog import Catalog
from lifeboat.documents import located, read_documents
from lifeboat.errors import ConfigurationError
from lifeboat.manifest import content_id
from lifeboat.replica_verify import Verifying
from lifeboat.runtime import Runtime
from lifeboat.s3_vault import S3Vault, Version
from lifeboat.upkeep_documents import BroughtBack, UpkeepRecord, write_upkeep

log = logging.getLogger(__name__)


@dataclass
class VaultPlan:
    """What is to be done: versions to put on top, and objects to hide, whose versions stay."""

    as_of: datetime
    back: list[Version] = field(default_factory=list)
    hide: list[str] = field(default_factory=list)


def last_verified(catalog: Catalog, deployment: str, site: str, home: str) -> datetime:
    """Return when a site's vault was last known to be whole: by a drill from it that passed, or a check. Raise
    ConfigurationError when it never was."""
    records, states = catalog.upkeep(deployment), catalog.points(deployment)
    times = [each.finished_at for each in (state.drill for state in states) if each and each.passed and site == home]
    times += [
        check.checked_at
        for record in records
        for (where, _, _), check in record.newest_checks().items()
        if where == site and check.passed
    ]
    if not times:
        raise ConfigurationError(
            f"Nothing tells when the vault of site '{site}' was whole.",
            next_step="Give the moment: --as-of 2026-11-23T02:00Z, the latest before the theft.",
        )
    return max(times)


def plan_vault(bucket: S3Vault, as_of: datetime) -> VaultPlan:
    """Given a bucket and a time, return what brings its vault back to what it was then."""
    plan = VaultPlan(as_of)
    for versions in bucket.versions():
        _plan_object(bucket, versions, plan)
    return plan


def _plan_object(bucket: S3Vault, versions: Sequence[Version], plan: VaultPlan) -> None:
    """The time decides whether a file was there; one that came later counts as well."""
    top, there = versions[-1], [each for each in versions if not each.marker]
    then = [each for each in versions if each.time <= plan.as_of]
    if not there or (then and then[-1].marker):
        return
    if not then and top.key.startswith(f"{bucket.prefix}keys/") and not _is_key(bucket.read(there[0])):
        plan.hide += [] if top.marker else [top.key]
        return
    genuine = _genuine(bucket, there)
    if top.marker or not top.same_content(genuine):
        plan.back.append(genuine)


def _genuine(bucket: S3Vault, versions: Sequence[Version]) -> Version:
    """Given the versions of a file, oldest first, return the one whose content restic wrote: it names files by their
    SHA-256, but for the configuration, and writes none twice."""
    if not all(each.same_content(versions[0]) for each in versions):
        for each in versions:
            if hashlib.sha256(bucket.read(each)).hexdigest() == each.key.rpartition("/")[2]:
                return each
    return versions[0]


def _is_key(content: bytes) -> bool:
    try:
        found = json.loads(content)
    except ValueError:
        return False
    return isinstance(found, dict) and {"kdf", "salt", "data"} <= found.keys()


def bring_back(runtime: Runtime, catalog: Catalog, site: str, plan: VaultPlan) -> UpkeepRecord:
    """Carry out a plan, make the index anew, and read every sealed point; what came of it is written into the vault,
    signed."""
    started, bucket = datetime.now(UTC), runtime.s3_vault(site)
    for number, version in enumerate(plan.back, 1):
        bucket.bring_back(version)
        if number % 1000 == 0:
            log.info("Brought back %d of %d objects", number, len(plan.back))
    for key in plan.hide:
        bucket.hide(key)
    vault, signer, name = runtime.housekeeper(site), runtime.signer(), runtime.deployment.name
    vault.rebuild_index()
    found = read_documents(runtime.vault(site), signer, name)
    listing, verifying = runtime.vault(site).snapshots({"deployment": name}), Verifying(vault)
    whole, failures = [], []
    for signed in found.manifests:
        of_point = [each for each in listing if each.tags.get("point") == signed.manifest.id]
        log.info("Reading restore point %s", signed.manifest.id)
        red = verifying.read(located(signed.manifest, of_point), of_point).failures
        failures += [f"{signed.manifest.id}: {failure}" for failure in red]
        whole += [] if red else [signed.manifest.id]
    done = BroughtBack(
        site=site,
        as_of=plan.as_of,
        objects=len(plan.back),
        hidden=tuple(plan.hide),
        points=tuple(whole),
        failures=tuple(failures),
    )
    record = UpkeepRecord(
        id=content_id(name, site, started.isoformat(), done.model_dump(mode="json")),
        deployment=name,
        site=site,
        started_at=started,
        finished_at=datetime.now(UTC),
        brought_back=(done,),
        errors=tuple(failures),
    )
    write_upkeep(runtime.vault(site), signer, record)
    catalog.add_upkeep([record])
    for refused in found.refused:
        log.warning("Not used: %s", refused)
    return record
