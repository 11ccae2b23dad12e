"""A recovery in one go, as the command line does it: from a plan to its evidence, and back again."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from lifeboat.capture import JOBS
from lifeboat.catalog import Catalog
from lifeboat.deployment import Unit
from lifeboat.errors import LifeboatError, RecoveryError
from lifeboat.manifest import Check
from lifeboat.puppet_agent import agents_disabled
from lifeboat.recovery import (
    check_live,
    live_now,
    make_safety_point,
    puppet_reason,
    put_back,
    restore_unit,
    start_servers,
    steps,
    stop_servers,
    swap,
)
from lifeboat.recovery_documents import RecoveryEvidence, RecoveryJournal, RecoveryPlan, RecoveryRequest
from lifeboat.recovery_journal import begin, lease_point, new_recovery_id, record, refuse_other_recovery
from lifeboat.recovery_plan import plan_recovery, refuse_other_workers
from lifeboat.runtime import Runtime
from lifeboat.together import TogetherPool
from lifeboat.wso2.server import ServerControl

log = logging.getLogger(__name__)


class Watch:
    """Seconds that each phase of an attempt took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase, and say that it begins."""
        log.info("— %s", name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 1)


def recover(
    runtime: Runtime,
    catalog: Catalog,
    journal: RecoveryJournal,
    *,
    jobs: int = JOBS,
    safety: bool = True,
    before: Sequence[Check] = (),
    before_seconds: Mapping[str, float] | None = None,
) -> RecoveryEvidence:
    """Carry out a recovery whose journal is written, in one go, as the command line does; or go on with one that
    was interrupted. Its end is recorded whatever it is, with what was done and measured before it. Raise what made it
    fail, after that."""
    plan, watch, started = journal.plan, Watch(), datetime.now(UTC)
    watch.seconds.update(before_seconds or {})
    servers: dict[str, str] = {}
    found: dict[str, Any] = {
        "seconds": watch.seconds,
        "servers": servers,
        "requested_by": journal.requested_by,
        "approved_by": journal.approved_by,
        "checks": tuple(before),
    }
    try:
        if safety and plan.safety_units and live_now(runtime, plan) == "old":
            with watch.phase("safety point"):
                found["safety_point"] = make_safety_point(runtime, catalog, plan, jobs=jobs)
        with watch.phase("restore beside and prove"):
            found["checks"] += tuple(_restore_all(runtime, plan, jobs))
        with _puppet_kept_away(runtime, plan):
            with watch.phase("stop"), _started_again(runtime, plan, servers):
                stop_servers(runtime, plan)
                if not plan.request.rehearsal:
                    refuse_other_recovery(runtime, plan.id)
                with watch.phase("swap"):
                    swap(runtime, plan)
            with watch.phase("start"):
                start_servers(runtime, plan.servers, servers)
        with watch.phase("checks"):
            found["checks"] += tuple(check_live(runtime, plan))
        _refuse_unhealthy(found["checks"])
    except LifeboatError as error:
        record(runtime, catalog, plan, started_at=started, error=error.message, **found)
        raise
    return record(runtime, catalog, plan, started_at=started, **found)


def _restore_all(runtime: Runtime, plan: RecoveryPlan, jobs: int) -> list[Check]:
    with TogetherPool(jobs) as pool:
        futures = [pool.submit(restore_unit, runtime, plan, each.unit) for each in plan.replacements]
    return [check for future in futures for check in future.result()]


def _refuse_unhealthy(checks: Sequence[Check]) -> None:
    red = sorted({check.name for check in checks if check.outcome == "failed" and check.verdict == "health"})
    if red:
        raise RecoveryError(
            f"What was restored is live, but these WSO2 checks find what they did not find before: {', '.join(red)}.",
            next_step="Look at the checks above; `lifeboat undo` puts back what was live before.",
        )


def _puppet_kept_away(runtime: Runtime, plan: RecoveryPlan) -> AbstractContextManager[None]:
    """Disable the agents of Puppet, and enable them in the end, but not while an exchange is neither done nor undone:
    where a home is missing, Puppet would make another one, and nothing could go on or back."""
    return agents_disabled(runtime, plan.servers, puppet_reason(plan), leave=lambda: live_now(runtime, plan) == "mixed")


@contextmanager
def _started_again(runtime: Runtime, plan: RecoveryPlan, told: dict[str, str]) -> Iterator[None]:
    """When stopping or exchanging fails and all is as it was, start the servers that ran before."""
    ran = [name for name in plan.servers if ServerControl.of(runtime, name).state().running]
    try:
        yield
    except LifeboatError:
        if live_now(runtime, plan) == "old":
            log.warning("Nothing was exchanged; the servers that ran before are started again")
            start_servers(runtime, ran, told)
        raise


def undo(runtime: Runtime, catalog: Catalog, journal: RecoveryJournal, *, requested_by: str) -> RecoveryEvidence:
    """Put back what was live before a recovery: stop, exchange back, start. What was restored stays beside."""
    plan, watch, started = journal.plan, Watch(), datetime.now(UTC)
    servers: dict[str, str] = {}
    found: dict[str, Any] = {"seconds": watch.seconds, "servers": servers, "requested_by": requested_by}
    attempt: dict[str, Any] = {"action": "undo", "started_at": started}
    try:
        with _puppet_kept_away(runtime, plan):
            with watch.phase("stop"):
                stop_servers(runtime, plan)
            with watch.phase("put back"):
                put_back(runtime, plan)
            with watch.phase("start"):
                start_servers(runtime, plan.servers, servers)
    except LifeboatError as error:
        record(runtime, catalog, plan, error=error.message, **attempt, **found)
        raise
    return record(runtime, catalog, plan, **attempt, **found)


def discardable(runtime: Runtime, plan: RecoveryPlan) -> list[str]:
    """Return the names of what a recovery left that is not live: what was kept, or what was restored and put back.
    Raise RecoveryError when it is neither finished nor undone."""
    if (live := live_now(runtime, plan)) == "mixed":
        raise RecoveryError(
            f"Recovery '{plan.id}' is neither finished nor undone ({live}); nothing of it is removed.",
            next_step=plan.ways_on(runtime.option),
        )
    exchanges = [exchange for each in plan.replacements for exchange in each.exchanges]
    return [name for each in exchanges if (name := each.kept if live == "new" else each.beside)]


def discard(runtime: Runtime, plan: RecoveryPlan) -> None:
    """Remove for good what a recovery left that is not live. Raise RecoveryError when it is neither finished nor
    undone."""
    discardable(runtime, plan)
    for step in steps(runtime, plan):
        step.discard()


def plan_and_begin(
    runtime: Runtime,
    catalog: Catalog,
    request: RecoveryRequest,
    requested_by: str,
    confirm: Callable[[RecoveryPlan], bool],
) -> RecoveryJournal | None:
    """Plan a recovery, let `confirm` decide, and write its journal; None when it was not confirmed."""
    refuse_other_recovery(runtime)
    plan = plan_recovery(runtime, catalog, request, new_recovery_id())
    # In one go all is done from here.
    refuse_other_workers(runtime.deployment, [Unit(kind="home", name=name) for name in plan.servers])
    lease_point(runtime, catalog, plan)
    if not confirm(plan):
        catalog.give_back(plan.deployment, f"recovery {plan.id}")
        return None
    return begin(runtime, catalog, plan, requested_by, [requested_by])
