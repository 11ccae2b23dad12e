"""Recoveries of a whole site as documents: the plan that people approve, the journal, and the evidence of each end."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from lifeboat.manifest import Check, Document, canonical_json, sha256
from lifeboat.recovery_documents import BoundPlan, RecoveryDocument

#: What may differ between two plans that mean the same.
_VOLATILE = {"expected_seconds", "expected_by", "expires", "warnings"}


class SiteRequest(Document):
    """What a person asks for. Without point and as_of it is the last known good by the drills at the site. A
    `rehearsal` builds everything, measures, switches nothing over, and takes all down again."""

    point: str = ""
    as_of: datetime | None = None
    reason: str = ""
    unproven: bool = False
    rehearsal: bool = False


class PlannedDatabase(Document):
    """A database of RDS that is restored. `unit` is that of the restore point, `identifier` what it will be called, and
    `connection` the one that gets its address. Of `contents` see the deployment file."""

    name: str
    unit: str
    identifier: str
    snapshot: str
    connection: str
    contents: Literal["snapshot", "vault"]
    instance_class: str
    gib: int
    hourly_cost: float | None = None


class PlannedMachine(Document):
    """An EC2 machine that is launched. `image` is an image's name or id, or empty for that of its launch template;
    `connections` get its address."""

    name: str
    machine: str
    image: str
    connections: tuple[str, ...]
    instance_type: str
    hourly_cost: float | None = None


class SiteRecoveryPlan(BoundPlan):
    """What a recovery of a site will do; approved as a whole, by its digest.

    `servers` are those that Puppet lays down, `units` what comes from the site's vault, `left` what of the restore
    point does not come, with the reason. `expires` is when AWS may lose what a rehearsal made, whatever becomes of it.
    `expected_seconds` are told `expected_by` what was measured before; empty where nothing was.
    """

    request: SiteRequest
    databases: tuple[PlannedDatabase, ...] = ()
    machines: tuple[PlannedMachine, ...] = ()
    servers: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    currency: str = "USD"
    expires: datetime | None = None
    expected_seconds: dict[str, float] = Field(default_factory=dict)
    expected_by: str = ""

    @property
    def digest(self) -> str:
        """A digest of what the plan means: two plans with the same digest do the same."""
        return sha256(canonical_json(self.model_dump(mode="json", exclude=_VOLATILE)))

    @property
    def rehearsal(self) -> bool:
        """Whether all of it is taken down again."""
        return self.request.rehearsal

    @property
    def hourly_cost(self) -> float | None:
        """What all that is made costs an hour, or None when the deployment file does not say that of each."""
        costs = [*(each.hourly_cost for each in self.databases), *(each.hourly_cost for each in self.machines)]
        return None if None in costs else sum(cost or 0.0 for cost in costs)

    def database(self, name: str) -> PlannedDatabase:
        """Given its name, return a database. Raise KeyError if there is none."""
        return {each.name: each for each in self.databases}[name]

    def machine(self, name: str) -> PlannedMachine:
        """Given its name, return a machine. Raise KeyError if there is none."""
        return {each.name: each for each in self.machines}[name]


class SiteRecoveryJournal(RecoveryDocument):
    """What a recovery of a site is about to do, in the site's vault before anything is made. `before` is what brought
    traffic to where it was, for the way back."""

    type: Literal["site-recovery-journal"] = "site-recovery-journal"
    plan: SiteRecoveryPlan
    requested_by: str
    approved_by: tuple[str, ...] = ()
    before: tuple[dict[str, Any], ...] = ()

    @property
    def passed(self) -> bool:
        """A journal proves nothing."""
        return False


class SiteRecoveryEvidence(RecoveryDocument):
    """How one attempt ended: a recovery, a rehearsal, the way back of the traffic, or that it was given up.

    `stands` is what is left running in AWS, by name, with its address; `switched` what brings traffic there now.
    """

    type: Literal["site-recovery"] = "site-recovery"
    action: Literal["recover", "rehearse", "switch-back", "give-up"]
    succeeded: bool
    started_at: datetime
    requested_by: str
    approved_by: tuple[str, ...] = ()
    reason: str = ""
    checks: tuple[Check, ...] = ()
    seconds: dict[str, float] = Field(default_factory=dict)
    servers: dict[str, str] = Field(default_factory=dict)
    stands: dict[str, str] = Field(default_factory=dict)
    switched: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the attempt did all that it was meant to do."""
        return self.succeeded

    @property
    def given_up(self) -> bool:
        """Whether all that the recovery made is gone."""
        return self.succeeded and self.action == "give-up"

    @property
    def ended(self) -> bool:
        """Whether the recovery is finished or given up, so that another one may begin."""
        return self.given_up or (self.succeeded and self.action == "recover")

    def more_tags(self) -> dict[str, str]:
        return {**super().more_tags(), "action": self.action}
