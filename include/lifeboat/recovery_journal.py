"""What must not be lost of a recovery: its journal, written before anything is touched, and the evidence of its end."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from lifeboat.catalog import Catalog
from lifeboat.deployment import Unit
from lifeboat.documents import read_evidence, write_evidence
from lifeboat.errors import RecoveryError
from lifeboat.manifest import new_point_id
from lifeboat.recovery import live_now
from lifeboat.recovery_documents import BoundPlan, RecoveryEvidence, RecoveryJournal, RecoveryPlan, bound_to
from lifeboat.recovery_plan import is_reached
from lifeboat.runtime import Runtime
from lifeboat.wso2.server import ServerControl

#: Longer than what comes before and after an approval takes.
_WORK = timedelta(days=1)


def new_recovery_id(run_after: datetime | None = None, seed: str | None = None) -> str:
    """Return a recovery's id; a run that may be repeated gives its time and its own id, so that repeating it means
    the same recovery, with the same names beside the live ones."""
    return new_point_id(run_after or datetime.now(UTC), f"recovery {seed}" if seed is not None else None)


def refuse_other_recovery(runtime: Runtime, recovery: str = "") -> None:
    """Raise RecoveryError when another recovery of the deployment was begun and neither finished nor undone."""
    for journal in interrupted(runtime):
        if journal.recovery != recovery:
            raise RecoveryError(
                f"Recovery '{journal.recovery}' of deployment '{runtime.deployment.name}', begun at "
                f"{journal.finished_at:%Y-%m-%d %H:%M} UTC, is neither finished nor undone.",
                next_step=journal.plan.ways_on(runtime.option),
            )


def lease_point(runtime: Runtime, catalog: Catalog, plan: BoundPlan, what: str = "recovery") -> None:
    """Keep the point of a plan from being deleted while people approve it, and until its journal does that. Raise
    PointError when it is being deleted already."""
    waits = runtime.deployment.recovery.approval_timeout * 2 + _WORK
    catalog.lease(plan.deployment, plan.point, f"{what} {plan.id}", waits)


def begin(
    runtime: Runtime,
    catalog: Catalog,
    plan: RecoveryPlan,
    requested_by: str,
    approved_by: Sequence[str] = (),
    *,
    may_be_broken: bool = False,
) -> RecoveryJournal:
    """Write the journal of a recovery into the vault: from here on it is finished or undone. Doing it again gives
    the journal that is there. Raise RecoveryError while another one is open.

    Servers that cannot be started as they are stand in the way, unless they `may_be_broken`: a failed update is
    what is to be taken back.
    """
    if not plan.request.rehearsal:
        refuse_other_recovery(runtime, plan.id)
    for journal in _journals(runtime, plan.id):
        return journal
    lease_point(runtime, catalog, plan)
    for server in () if may_be_broken else plan.servers:
        if is_reached(runtime.deployment, Unit(kind="home", name=server)):
            ServerControl.of(runtime, server).preflight()
    journal = RecoveryJournal(
        id=uuid.uuid4().hex,
        plan=plan,
        requested_by=requested_by,
        approved_by=tuple(approved_by),
        finished_at=datetime.now(UTC),
        **bound_to(plan),
    )
    write_evidence(runtime.vault(plan.site), runtime.signer(), journal)
    catalog.add_evidence(journal)
    return journal


def interrupted(runtime: Runtime) -> list[RecoveryJournal]:
    """Return the journals of recoveries that have no evidence of an end at which all was new or all old."""
    vault, signer = runtime.vault(runtime.deployment.home_site()), runtime.signer()
    listing = [s for s in vault.snapshots({"deployment": runtime.deployment.name}) if "recovery" in s.tags]
    ended = {s.tags["recovery"] for s in listing if s.tags.get("live") in ("new", "old") or _given_up(s.tags)}
    found = [s for s in listing if s.tags["type"] == "recovery-journal" and s.tags["recovery"] not in ended]
    journals = [cast(RecoveryJournal, read_evidence(vault, signer, snapshot)) for snapshot in found]
    return [each for each in journals if not each.plan.request.rehearsal]


def _given_up(tags: Mapping[str, str]) -> bool:
    """Return whether a document tells that a site's recovery was given up: all that it was made on is gone."""
    return tags.get("action") == "give-up" and tags["passed"] == "yes"


def find_journal(runtime: Runtime, recovery: str) -> RecoveryJournal | None:
    """Given a recovery's id, return its journal, or None if it has not begun."""
    return next(iter(_journals(runtime, recovery)), None)


def require_journal(runtime: Runtime, recovery: str) -> RecoveryJournal:
    """Given a recovery's id, or the beginning of it, return its journal. Raise RecoveryError for none or several."""
    found = _journals(runtime, recovery)
    if len(found) != 1:
        raise RecoveryError(
            f"{len(found) or 'No'} recoveries of deployment '{runtime.deployment.name}' have an id that begins with "
            f"'{recovery}'.",
            next_step=f"List them with `lifeboat recoveries {runtime.deployment.name}`.",
        )
    return found[0]


def _journals(runtime: Runtime, recovery: str) -> list[RecoveryJournal]:
    vault, signer = runtime.vault(runtime.deployment.home_site()), runtime.signer()
    tags = {"deployment": runtime.deployment.name, "type": "recovery-journal"}
    found = [s for s in vault.snapshots(tags) if s.tags.get("recovery", "").startswith(recovery)]
    return [cast(RecoveryJournal, read_evidence(vault, signer, snapshot)) for snapshot in found]


def record(
    runtime: Runtime,
    catalog: Catalog,
    plan: RecoveryPlan,
    *,
    action: Literal["recover", "undo"] = "recover",
    started_at: datetime,
    requested_by: str,
    error: str = "",
    **found: Any,
) -> RecoveryEvidence:
    """Write how an attempt ended into the vault, then into the catalog; one document an attempt, never rewritten."""
    live = live_now(runtime, plan)
    evidence = RecoveryEvidence(
        id=uuid.uuid4().hex,
        action=action,
        live=live,
        succeeded=not error and live == ("new" if action == "recover" else "old"),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        requested_by=requested_by,
        reason=plan.request.reason,
        replaced=tuple(exchange for each in plan.replacements for exchange in each.exchanges),
        error=error,
        **bound_to(plan),
        **found,
    )
    write_evidence(runtime.vault(plan.site), runtime.signer(), evidence)
    catalog.add_evidence(evidence)
    catalog.give_back(plan.deployment, f"recovery {plan.id}")
    return evidence
