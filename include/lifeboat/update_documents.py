"""Updates as documents: the plan that people approve, the journal of each server's attempt, and how it ended."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from lifeboat.manifest import Check, Document, canonical_json, sha256

Outcome = Literal["updated", "rolled_back", "failed"]


class UpdateRequest(Document):
    """What a person asks for. Without servers and types it is every server; without a level, the newest.

    `wait` gives a person time to resolve conflicts; else the tool reverts. `remove_patches` takes Carbon's patches away
    before the update, which must contain them: the two do not mix.
    """

    servers: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    method: str = "updates2"
    level: int | None = Field(None, ge=0)
    pack: str = ""
    wait: bool = False
    remove_patches: bool = False
    reason: str = ""

    @property
    def target(self) -> str:
        """What it leads to, in words."""
        if self.method == "pack" and self.pack:
            return self.pack
        return "the newest level" if self.level is None else f"level {self.level}"


class ServerUpdate(Document):
    """One server of a plan: what it is now, and what to think of."""

    server: str
    type: str
    level: str
    patches: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    product: str = ""


class PlannedPack(Document):
    """A pack that is made ready before any server is touched: for which product, of what, and on which host."""

    product: str
    source: str
    host: str


class UpdatePlan(Document):
    """What an update will do: its servers one after the other, the first one the canary."""

    id: str
    deployment: str
    site: str
    request: UpdateRequest
    servers: tuple[ServerUpdate, ...]
    left_alone: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    packs: tuple[PlannedPack, ...] = ()

    @property
    def digest(self) -> str:
        """A digest of what the plan means: two plans with the same digest do the same."""
        return sha256(canonical_json(self.model_dump(mode="json")))


class _UpdateDocument(Document):
    """What journal and evidence of an update share with all evidence."""

    schema_version: Literal["lifeboat/evidence/1"] = Field("lifeboat/evidence/1", alias="schema")
    id: str
    deployment: str
    point: str
    manifest_sha256: str
    site: str
    update: str
    server: str
    attempt: str
    finished_at: datetime
    requested_by: str
    approved_by: tuple[str, ...] = ()
    complete: Literal[False] = False

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def more_tags(self) -> dict[str, str]:
        """Return what its snapshot is found by besides."""
        return {"update": self.update, "server": self.server, "attempt": self.attempt}


class UpdateJournal(_UpdateDocument):
    """That an update is about to touch a server, in the vault before it does."""

    type: Literal["update-journal"] = "update-journal"
    plan: UpdatePlan

    @property
    def passed(self) -> bool:
        """A journal proves nothing."""
        return False


class UpdateEvidence(_UpdateDocument):
    """How the update of one server ended: `updated`; `rolled_back`, proven equal to the snapshot of before; or
    `failed`, when not even that came to pass. `rollback` is the recovery that did it, empty if nothing was touched.
    `pack` says what was made ready for all servers, if the method does that."""

    type: Literal["update"] = "update"
    outcome: Outcome
    level_before: str
    level_after: str
    started_at: datetime
    seconds: dict[str, float] = Field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    rollback: str = ""
    schema_changed: tuple[str, ...] = ()
    reason: str = ""
    error: str = ""
    pack: str = ""

    @property
    def passed(self) -> bool:
        """Whether the server has what was wanted."""
        return self.outcome == "updated"

    def more_tags(self) -> dict[str, Any]:
        return {**super().more_tags(), "outcome": self.outcome}
