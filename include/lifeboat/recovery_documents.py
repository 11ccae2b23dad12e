"""Recoveries as documents: the plan that people approve, the journal of its swap, and the evidence of each attempt."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from lifeboat.deployment import Unit
from lifeboat.manifest import Check, Document, canonical_json, sha256

#: What may differ between two plans that mean the same.
_VOLATILE = {"free_bytes", "needed_bytes", "expected_seconds"}


class Exchange(Document):
    """One live thing and what takes its place: names of databases on their server, or paths on their host.

    `beside` is what is restored, empty when nothing takes the place of what is live; `kept` is the dated name that
    what was live gets, empty when nothing is live.
    """

    member: str
    live: str
    beside: str
    kept: str


class Replacement(Document):
    """What a recovery does to one unit, as its engine plans it.

    `needed_bytes` of room are needed `where` the unit lies, on a file system that it may share with others;
    `free_bytes` are free there, None when that cannot be seen from here. `capturable` is whether what is live can be
    in a safety point: it is there, all of it, not empty, and not open while a server runs.
    `details` are the engine's own. `source` is the unit of the restore point that is brought to this one, when that
    is another.
    """

    unit: Unit
    source: Unit | None = None
    host: str
    where: str
    file_system: str = ""
    exchanges: tuple[Exchange, ...]
    needed_bytes: int
    free_bytes: int | None = None
    expected_seconds: float | None = None
    capturable: bool = True
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)


class Rebinding(Document):
    """An address of another site in a home's configuration, and what comes in its place by a binding of the site."""

    old: str
    new: str
    binding: str


class Foreign(Document):
    """An address of another site that no binding replaces: a home in whose configuration it is left is not made live.
    `of` says what it is the address of."""

    address: str
    of: str


class RecoveryRequest(Document):
    """What a person asks for. Without point and as_of it is the last known good; without units, everything.

    `units` are units such as home/apim-cp-1, or members such as database/main-db/apim_db. With `patches_from`, the
    name of a server, only its patches are brought, to the one home in `units`; `force` brings them to another product.
    `rebuild` is the server that is laid down anew, if that is what the recovery is for. One that is `part_of` the
    recovery of a whole site, of the same id, is gone on with by that; of a rehearsal the machines are removed
    afterwards, so it is never to be finished or undone.
    """

    point: str = ""
    as_of: datetime | None = None
    units: tuple[str, ...] = ()
    reason: str = ""
    unproven: bool = False
    safety_point: bool = True
    patches_from: str = ""
    force: bool = False
    rebuild: str = ""
    part_of: Literal["", "site recovery", "site rehearsal"] = ""

    @property
    def rehearsal(self) -> bool:
        """Whether it is part of a rehearsal."""
        return self.part_of == "site rehearsal"


class BoundPlan(Document):
    """What all plans of recoveries share: their restore point, the verdict on it, and how it was chosen."""

    id: str
    deployment: str
    site: str
    point: str
    manifest_sha256: str
    point_instant: datetime
    verdict: Literal["good", "unproven", "failed"]
    chosen: str

    @property
    def site_ways_on(self) -> str:
        """The commands that end the recovery of a whole site that has this id."""
        which = f"{self.deployment} {self.site}"
        return (
            f"Go on with `lifeboat site recover {which} --resume {self.id}`, or remove what it made with "
            f"`lifeboat site give-up {which} {self.id}`."
        )


class RecoveryPlan(BoundPlan):
    """What a recovery will do; approved as a whole, by its digest.

    `rebindings` and `foreign` are what the configuration of homes must and must not say at another site than home.
    """

    request: RecoveryRequest
    replacements: tuple[Replacement, ...]
    servers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    rebindings: tuple[Rebinding, ...] = ()
    foreign: tuple[Foreign, ...] = ()

    @property
    def digest(self) -> str:
        """A digest of what the plan means: two plans with the same digest do the same."""
        content = self.model_dump(mode="json")
        for replacement in content["replacements"]:
            for name in _VOLATILE:
                replacement.pop(name)
        return sha256(canonical_json(content))

    @property
    def safety_units(self) -> list[Unit]:
        """The units that a safety point is made of: those of which something is live that it can hold, if it is wanted.
        Of the others what there is stays under its dated name, as always."""
        return [each.unit for each in self.replacements if each.capturable] if self.request.safety_point else []

    def ways_on(self, option: str) -> str:
        """Given the option that names the site, return the commands that end a recovery of this plan."""
        if self.request.part_of:
            return self.site_ways_on
        name, which = self.deployment, f"{self.id}{option}"
        return (
            f"Finish it with `lifeboat recover {name} --resume {which}`, or put back what was live with "
            f"`lifeboat undo {name} {which}`."
        )

    def replacement(self, unit: Unit) -> Replacement:
        """Given a unit, return what happens to it. Raise KeyError when the recovery leaves it alone."""
        for found in self.replacements:
            if found.unit == unit:
                return found
        raise KeyError(str(unit))


class RecoveryDocument(Document):
    """What journal and evidence of a recovery share with all evidence."""

    schema_version: Literal["lifeboat/evidence/1"] = Field("lifeboat/evidence/1", alias="schema")
    id: str
    deployment: str
    point: str
    manifest_sha256: str
    site: str
    recovery: str
    finished_at: datetime
    complete: Literal[False] = False

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def more_tags(self) -> dict[str, str]:
        """Return what its snapshot is found by besides."""
        return {"recovery": self.recovery}


class RecoveryJournal(RecoveryDocument):
    """What a recovery is about to do, in the vault before anything is stopped."""

    type: Literal["recovery-journal"] = "recovery-journal"
    plan: RecoveryPlan
    requested_by: str
    approved_by: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """A journal proves nothing."""
        return False


class RecoveryEvidence(RecoveryDocument):
    """How one attempt of a recovery, or its undoing, ended. `live` says what is live now: all new, all old, or,
    when an attempt was left in the middle, mixed."""

    type: Literal["recovery"] = "recovery"
    action: Literal["recover", "undo"]
    succeeded: bool
    live: Literal["new", "old", "mixed"]
    started_at: datetime
    requested_by: str
    approved_by: tuple[str, ...] = ()
    reason: str = ""
    replaced: tuple[Exchange, ...] = ()
    checks: tuple[Check, ...] = ()
    servers: dict[str, str] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    safety_point: str = ""
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the attempt did all that it was meant to do."""
        return self.succeeded

    def more_tags(self) -> dict[str, str]:
        return {**super().more_tags(), "live": self.live}


def bound_to(plan: BoundPlan) -> dict[str, Any]:
    """Given a plan, return the fields that bind a document about it to its restore point."""
    return {
        "deployment": plan.deployment,
        "point": plan.point,
        "manifest_sha256": plan.manifest_sha256,
        "site": plan.site,
        "recovery": plan.id,
    }
