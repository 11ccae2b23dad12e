"""Housekeeping: what is no longer wanted goes, its space is freed, and the vault is read, a part of it each time.

It consists of parts, each of which runs whatever became of the others. What each found is one document in the vault at
the end; the run failed when a part did. Only the housekeeper's credential deletes.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.errors import ConfigurationError, LifeboatError, VaultDamagedError
from lifeboat.immutability import extend
from lifeboat.manifest import Document, content_id
from lifeboat.orphans import remove_orphans
from lifeboat.repair import repair, unfinished
from lifeboat.retention_run import Retention, remove_points
from lifeboat.runtime import Runtime
from lifeboat.scratch import reap
from lifeboat.swapped_out import discard_expired
from lifeboat.upkeep_documents import KEPT_RECORDS, Removed, Repair, Retained, UpkeepRecord, VaultCheck, write_upkeep
from lifeboat.vault_upkeep import HousekeeperVault, named_packs

log = logging.getLogger(__name__)

#: So many damaged parts are read again by one run: damage to the vault's structure shows in all of them.
_AGAIN = 3


class PartResult(Document):
    """What one part of a run found, at a site. Travels as XCom."""

    part: str
    site: str = ""
    removed: tuple[Removed, ...] = ()
    held_back: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    checks: tuple[VaultCheck, ...] = ()
    repairs: tuple[Repair, ...] = ()
    retained: tuple[Retained, ...] = ()
    pruned_bytes: int | None = None
    size_before: int | None = None
    size_after: int | None = None
    error: str = ""


@dataclass
class Run:
    """What a part works with, and what it has found so far: that counts also when it fails."""

    runtime: Runtime
    catalog: Catalog
    site: str
    only: Collection[str] | None = None  # points that retention may delete, if it may not decide by itself
    removed: list[Removed] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    checks: list[VaultCheck] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    retained: list[Retained] = field(default_factory=list)
    pruned_bytes: int | None = None
    size_before: int | None = None
    size_after: int | None = None

    @property
    def vault(self) -> HousekeeperVault:
        return self.runtime.housekeeper(self.site)


def locks(run: Run) -> None:
    """Remove the locks of dead processes, which would keep all others waiting, and scratch places of dead drills."""
    run.removed += [
        Removed(kind="lock", name=name, why="the process that held it is dead") for name in run.vault.unlock()
    ]
    scratch = Path(run.runtime.deployment.sites[run.site].scratch)
    if scratch.is_dir():
        run.removed += [
            Removed(kind="scratch", name=str(place), why="its drill is dead and has left it") for place in reap(scratch)
        ]
    run.size_before = run.vault.size()


def retention(run: Run) -> None:
    """Remove the points that no rule keeps, or say why none goes now."""
    verdict, going = Retention(run.runtime, run.catalog).mark(run.only)
    run.held_back += verdict.held_back
    remove_points(run.vault, run.catalog, run.runtime.deployment.name, going, run.removed)


def orphans(run: Run) -> None:
    """Remove what failed backups and interrupted deletions left, and records of this kind that are very old."""
    vault, deployment = run.vault, run.runtime.deployment
    run.removed += remove_orphans(deployment, run.catalog, vault)
    records = vault.snapshots({"kind": "upkeep", "deployment": deployment.name})
    old = records[: -KEPT_RECORDS + 1]  # this run's comes to them
    vault.forget([each.id for each in old])
    run.removed += [
        Removed(kind="record", name=each.tags.get("id", each.id), why=f"only {KEPT_RECORDS} are kept", snapshots=1)
        for each in old
    ]
    if any(site.account for site in run.runtime.deployment.sites.values()):
        from lifeboat.aws.points import remove_from_clouds  # boto3 takes a third of a second, and few have a cloud

        remove_from_clouds(run.runtime, run.removed, run.left)


def swapped_out(run: Run) -> None:
    """Remove what recoveries swapped out long ago."""
    discard_expired(run.runtime, run.catalog, run.removed, run.left)


def prune(run: Run) -> None:
    """Free the space of what is gone, within the limits that the deployment sets."""
    settings = run.runtime.deployment.retention
    run.pruned_bytes = run.vault.prune(settings.prune_at_most, settings.prune_time)
    run.size_after = run.vault.size()


def check(run: Run) -> None:
    """Read the next part of the site's vault, and again those that were damaged; repair what other sites have whole.
    Raise VaultDamagedError when something stays damaged."""
    deployment = run.runtime.deployment
    of = deployment.retention.check_parts
    vault = run.runtime.reading_housekeeper(run.site)
    for part in parts_to_check(run.catalog.upkeep(deployment.name), of, run.site):
        _check_part(run, vault, part, of)
    if len(deployment.sites) > 1 and ((red := _red(run)) or unfinished(vault)):
        _repair(run, vault, red)
    if red := _red(run):
        told = [word for each in run.repairs for word in (*each.kept, *each.still_damaged)]
        raise VaultDamagedError(
            f"Vault {vault.name} holds damaged data: {red[0].detail}"
            + (f" What no other site has whole stays so: {'; '.join(told)}." if told else ""),
            next_step="See which points need it by `restic find --pack` and a drill of each, and make a new backup; "
            "docs/housekeeping.md says how to repair the vault. It is read again by each run until it is whole.",
        )


def _repair(run: Run, vault: HousekeeperVault, red: Sequence[VaultCheck]) -> None:
    """Repair what other sites have whole, and read the damaged parts again."""
    packs = dict.fromkeys(pack for each in red for pack in named_packs(each.detail))
    try:
        run.repairs.append(repair(run.runtime, run.catalog, run.site, packs))
    except ConfigurationError as error:  # nobody who may, or nothing but restic reaches the storage
        found = red[0].detail if red else "a repair was not finished."
        raise VaultDamagedError(
            f"Vault {vault.name} holds damaged data: {found} It is not repaired: {error.message}",
            next_step=error.next_step,
        ) from error
    for each in red:
        _check_part(run, vault, each.part, each.of)


def retain(run: Run) -> None:
    """Keep what the site's vault uses from being destroyed for another time. Raise VaultError when somebody changed
    what protects it, or not all was done."""
    extend(run.runtime, run.catalog.upkeep(run.runtime.deployment.name), run.site, run.retained)


def _check_part(run: Run, vault: HousekeeperVault, part: int, of: int) -> None:
    damage = vault.check(part, of)
    run.checks.append(
        VaultCheck(part=part, of=of, passed=not damage, checked_at=datetime.now(UTC), detail=damage, site=run.site)
    )


def _red(run: Run) -> list[VaultCheck]:
    newest = {each.part: each for each in run.checks}
    return [each for each in newest.values() if not each.passed]


PARTS: dict[str, Callable[[Run], None]] = {
    part.__name__: part for part in (locks, retention, orphans, swapped_out, prune, check)
}
#: What is done for each site whose vault has `object_lock`.
RETAIN = retain.__name__


def parts_to_check(records: Iterable[UpkeepRecord], of: int, site: str) -> list[int]:
    """Given the records of earlier runs, newest first, return the parts of a site's vault to read now: the one that was
    not read for longest, and those that were damaged when they were read last."""
    newest: dict[int, VaultCheck] = {}
    for record in records:
        for (where, part, parts), each in record.newest_checks().items():
            if (where, parts) == (site, of):
                newest.setdefault(part, each)
    never = datetime.min.replace(tzinfo=UTC)
    turn = min(range(1, of + 1), key=lambda part: newest[part].checked_at if part in newest else never)
    damaged = sorted((each for each in newest.values() if not each.passed), key=lambda each: each.checked_at)
    return sorted({turn, *(each.part for each in damaged[:_AGAIN])})


def tasks(deployment: Deployment) -> list[tuple[str, str]]:
    """Return what a run does, in order: each part, and the site whose vault it is about. Only checking and locking are
    about others than the home site's."""
    home, sites = deployment.home_site(), deployment.sites
    checks = [("check", site) for site in deployment.other_sites()]
    locking = [(RETAIN, site) for site in sites if sites[site].vault.object_lock]
    return [*((part, home) for part in PARTS), *checks, *locking]


def run_part(
    runtime: Runtime, catalog: Catalog, name: str, site: str = "", only: Collection[str] | None = None
) -> PartResult:
    """Run one part of housekeeping, at the home site if none is given, and return what it found; a failure is told in
    the result."""
    run, error = Run(runtime, catalog, site or runtime.deployment.home_site(), only), ""
    log.info("— %s, site %s", name.replace("_", " "), run.site)
    try:
        {**PARTS, RETAIN: retain}[name](run)
    except LifeboatError as failure:
        log.error("%s failed: %s", name, failure)
        error = f"{name}{f' of site {site}' if run.site != runtime.deployment.home_site() else ''}: {failure}"
    found = {each: getattr(run, each) for each in PartResult.model_fields if hasattr(run, each)}
    return PartResult(part=name, error=error, **found)


def record_run(
    runtime: Runtime, catalog: Catalog, started_at: datetime, results: Iterable[PartResult], lost: Iterable[str] = ()
) -> UpkeepRecord:
    """Write what the parts of a run found into the vault, then into the catalog. `lost` names parts of which no result
    came back. The same results recorded again are the same record."""
    results, lost, site = list(results), list(lost), runtime.deployment.home_site()
    told = [each.model_dump(mode="json") for each in results]

    def known(name: str) -> int | None:
        return next((found for each in results if (found := getattr(each, name)) is not None), None)

    record = UpkeepRecord(
        id=content_id(runtime.deployment.name, site, started_at.isoformat(), lost, *told),
        deployment=runtime.deployment.name,
        site=site,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        removed=tuple(found for each in results for found in each.removed),
        held_back=tuple(found for each in results for found in each.held_back),
        left=tuple(found for each in results for found in each.left),
        checks=tuple(found for each in results for found in each.checks),
        repairs=tuple(found for each in results for found in each.repairs),
        retained=tuple(found for each in results for found in each.retained),
        pruned_bytes=known("pruned_bytes"),
        size_before=known("size_before"),
        size_after=known("size_after"),
        errors=(*(each.error for each in results if each.error), *(f"{name}: was killed" for name in lost)),
    )
    write_upkeep(runtime.vault(site), runtime.signer(), record)
    catalog.add_upkeep([record])
    return record


def housekeep(
    runtime: Runtime, catalog: Catalog, parts: Collection[str] = (*PARTS, RETAIN), only: Collection[str] | None = None
) -> UpkeepRecord:
    """Run all of housekeeping, or some parts, in one go, as the command line does, and return its record. With `only`
    no other points are deleted."""
    runtime.housekeeper(runtime.deployment.home_site())  # without the credential nothing can be done
    started = datetime.now(UTC)
    chosen = [(part, site) for part, site in tasks(runtime.deployment) if part in parts]
    return record_run(runtime, catalog, started, [run_part(runtime, catalog, *each, only) for each in chosen])
