"""What must not be lost of an update: that a server is about to be touched, and how that ended."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from lifeboat.catalog import Catalog
from lifeboat.catalog.leases import USE
from lifeboat.documents import read_evidence, write_evidence
from lifeboat.errors import UpdateError
from lifeboat.manifest import new_point_id
from lifeboat.runtime import Runtime
from lifeboat.update_documents import UpdateEvidence, UpdateJournal, UpdatePlan
from lifeboat.vault import Snapshot


@dataclass(frozen=True)
class Base:
    """The restore point from before an update, to which everything about it is bound."""

    point: str
    manifest_sha256: str


def new_update_id(run_after: datetime | None = None, seed: str | None = None) -> str:
    """Return an update's id; a run that may be repeated gives its time and its own id, so that it means the same."""
    return new_point_id(run_after or datetime.now(UTC), f"update {seed}" if seed is not None else None)


def begin_attempt(
    runtime: Runtime,
    catalog: Catalog,
    plan: UpdatePlan,
    base: Base,
    server: str,
    requested_by: str,
    approved_by: Sequence[str],
) -> UpdateJournal:
    """Write into the vault that a server is about to be updated: until there is evidence of the end, its home may be
    in any state."""
    attempt = new_point_id(datetime.now(UTC))
    catalog.lease(plan.deployment, base.point, f"update {attempt}", USE)
    journal = UpdateJournal(
        id=uuid.uuid4().hex,
        deployment=plan.deployment,
        point=base.point,
        manifest_sha256=base.manifest_sha256,
        site=plan.site,
        update=plan.id,
        server=server,
        attempt=attempt,
        finished_at=datetime.now(UTC),
        requested_by=requested_by,
        approved_by=tuple(approved_by),
        plan=plan,
    )
    write_evidence(runtime.vault(plan.site), runtime.signer(), journal)
    catalog.add_evidence(journal)
    return journal


def end_attempt(runtime: Runtime, catalog: Catalog, journal: UpdateJournal, **found: Any) -> UpdateEvidence:
    """Write how an attempt ended, the vault first."""
    shared = journal.model_dump(exclude={"id", "type", "plan", "finished_at", "schema_version"})
    evidence = UpdateEvidence(
        id=uuid.uuid4().hex,
        finished_at=datetime.now(UTC),
        reason=journal.plan.request.reason,
        **shared,
        **found,
    )
    write_evidence(runtime.vault(journal.site), runtime.signer(), evidence)
    catalog.add_evidence(evidence)
    catalog.give_back(journal.deployment, f"update {journal.attempt}")
    return evidence


def open_attempts(runtime: Runtime, *, update: str = "", server: str = "") -> list[UpdateJournal]:
    """Return the journals of attempts, oldest first, after which a server is neither updated nor rolled back."""
    listing = _listing(runtime, update, server)
    ended = {each.tags["attempt"] for each in listing if each.tags.get("outcome") in ("updated", "rolled_back")}
    begun = [each for each in listing if each.tags["type"] == "update-journal" and each.tags["attempt"] not in ended]
    return [cast(UpdateJournal, _read(runtime, each)) for each in begun]


def updated(runtime: Runtime, update: str, server: str) -> UpdateEvidence | None:
    """Return the evidence that an update has brought a server to what was wanted, if it has."""
    for each in _listing(runtime, update, server):
        if each.tags.get("outcome") == "updated":
            return cast(UpdateEvidence, _read(runtime, each))
    return None


def begun_plan(runtime: Runtime, update: str) -> UpdateJournal:
    """Given an update's id, or the beginning of it, return a journal of it. Raise UpdateError for none or several."""
    found = [each for each in _listing(runtime, "", "") if each.tags["update"].startswith(update)]
    if len({each.tags["update"] for each in found}) != 1:
        raise UpdateError(
            f"Not one update of deployment '{runtime.deployment.name}' that touched a server has an id that begins "
            f"with '{update}'.",
            next_step=f"List them with `lifeboat updates {runtime.deployment.name}`.",
        )
    return cast(UpdateJournal, _read(runtime, next(e for e in found if e.tags["type"] == "update-journal")))


def refuse_open(runtime: Runtime, update: str = "") -> None:
    """Raise UpdateError when another update left a server neither updated nor rolled back."""
    for journal in open_attempts(runtime):
        if journal.update != update:
            raise UpdateError(
                f"Update '{journal.update}' left server '{journal.server}' neither updated nor rolled back.",
                next_step=f"Put it right first: `lifeboat update {journal.deployment} --resume {journal.update}`.",
            )


def _listing(runtime: Runtime, update: str, server: str) -> list[Snapshot]:
    tags = {"deployment": runtime.deployment.name, "kind": "evidence"}
    tags |= {name: value for name, value in (("update", update), ("server", server)) if value}
    found = runtime.vault(runtime.deployment.home_site()).snapshots(tags)
    return [each for each in found if each.tags["type"] in ("update-journal", "update")]


def _read(runtime: Runtime, snapshot: Snapshot) -> Any:
    return read_evidence(runtime.vault(runtime.deployment.home_site()), runtime.signer(), snapshot)
