"""What recoveries swapped out and kept beside what is live: removed once it is old."""

import logging
from datetime import UTC, datetime

from lifeboat.catalog import Catalog
from lifeboat.deployment import format_duration
from lifeboat.errors import LifeboatError
from lifeboat.recovery_documents import RecoveryJournal
from lifeboat.recovery_plan import refuse_other_workers
from lifeboat.recovery_run import discard, discardable
from lifeboat.retention_uses import discarded, ended_recoveries, in_file, journals
from lifeboat.runtime import Runtime
from lifeboat.upkeep_documents import Removed

log = logging.getLogger(__name__)


def discard_expired(runtime: Runtime, catalog: Catalog, removed: list[Removed], left: list[str]) -> None:
    """Remove what finished or undone recoveries left longer than `swapped_out` ago; `removed` gets what went, and
    `left` what could not, with the reason. Raise the first error when all were tried."""
    deployment = runtime.deployment
    before = datetime.now(UTC) - deployment.retention.swapped_out
    done, begun = discarded(catalog, deployment.name), journals(catalog, deployment.name)
    failed: list[LifeboatError] = []
    for recovery, evidence in ended_recoveries(catalog, deployment.name).items():
        if recovery in done or evidence.finished_at >= before or recovery not in begun:
            continue
        journal = begun[recovery]
        try:
            _discard(runtime, journal, removed, left)
        except LifeboatError as error:
            if journal.site != deployment.home_site():  # what stands there may be reached from there alone
                left.append(f"recovery {recovery} at site '{journal.site}': {error.message}")
                continue
            log.error("What recovery %s swapped out could not be removed: %s", recovery, error)
            failed.append(error)
    if failed:
        raise failed[0]


def _discard(runtime: Runtime, journal: RecoveryJournal, removed: list[Removed], left: list[str]) -> None:
    plan, deployment = journal.plan, runtime.deployment
    if not in_file(journal, deployment):
        gone = ", ".join(str(each.unit) for each in plan.replacements if each.unit not in deployment.units())
        kept = ", ".join(exchange.kept for each in plan.replacements for exchange in each.exchanges if exchange.kept)
        left.append(f"recovery {plan.id}: the deployment file no longer names {gone}; remove by hand: {kept}")
        return
    try:
        refuse_other_workers(deployment, [each.unit for each in plan.replacements])
    except LifeboatError as error:
        left.append(f"recovery {plan.id}: {error.message} Run `lifeboat discard` there.")
        return
    with runtime.at(plan.site) as there:
        names = discardable(there, plan)
        discard(there, plan)
    why = f"swapped out more than {format_duration(deployment.retention.swapped_out)} ago: {', '.join(names)}"
    log.info("Removed what recovery %s left: %s", plan.id, why)
    removed.append(Removed(kind="swapped_out", name=plan.id, why=why))
