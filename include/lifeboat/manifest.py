"""Restore points as documents: what was captured, its proofs, and the evidence about it.

Documents are JSON, carry the version of their schema, and lie in the vault inside a signed envelope
(`lifeboat.signing`). A manifest is written once, last; evidence is only ever added.
"""

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifeboat import __version__
from lifeboat.deployment import Unit
from lifeboat.errors import DocumentError
from lifeboat.wso2.checks import CheckResult

MANIFEST_SCHEMA = "lifeboat/manifest/1"
EVIDENCE_SCHEMA = "lifeboat/evidence/1"

D = TypeVar("D", bound=BaseModel)
PointKind = Literal["system_backup", "pre_upgrade", "safety"]
Outcome = Literal["passed", "failed", "skipped"]


class Document(BaseModel):
    """What all documents share: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenPoint(Document):
    """A restore point between open and seal: its identity and what must come into it. Travels as XCom."""

    id: str
    deployment: str
    kind: PointKind
    opened_at: datetime
    max_skew_seconds: float
    units: tuple[Unit, ...]
    reason: str = ""
    labels: dict[str, str] = {}

    def expires_at(self) -> datetime:
        """Return the time after which no capture may join this point."""
        return self.opened_at + timedelta(seconds=self.max_skew_seconds)


class Address(Document):
    """Where something lies in the vault: a snapshot, found by tags and tree id, and a path inside it.

    The snapshot's id changes when it is copied to another vault; its tree and tags do not.
    """

    snapshot: str
    tree: str
    path: str


class Proof(Document):
    """Facts captured with the data. The whole facts lie in the vault; here are their digest and a summary.

    `algorithm` names how the facts were computed; facts of different algorithms are never compared.
    """

    algorithm: str
    digest: str
    summary: dict[str, int | str]


class MemberSnapshot(Document):
    """One member of a restore point: what was captured by which attempt, where it is, and its proof."""

    member: str
    engine: str
    address: Address
    size_bytes: int
    added_bytes: int
    packed_bytes: int | None = None
    stream_sha256: str | None = None
    proof: Proof
    details: dict[str, Any] = {}


class UnitSnapshot(Document):
    """What one capture attempt of one unit gave. Travels as XCom, so it is small: facts stay in the vault.

    `instant` is what the data shows; `skew_ms` how far it may be off. `proof_seconds` is the part of the
    capture in which nothing but the proof was computed.
    """

    unit: Unit
    site: str
    attempt: str
    host_name: str
    instant: datetime
    skew_ms: float
    started_at: datetime
    finished_at: datetime
    proof_seconds: float
    tools: dict[str, str]
    facts: Address
    facts_sha256: str
    members: tuple[MemberSnapshot, ...]
    checks: tuple[CheckResult, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()


class Manifest(Document):
    """A sealed restore point. `labels` say more of why it was made, such as target_level before an update."""

    schema_version: Literal["lifeboat/manifest/1"] = Field("lifeboat/manifest/1", alias="schema")
    id: str
    deployment: str
    kind: PointKind
    reason: str
    labels: dict[str, str] = {}
    opened_at: datetime
    sealed_at: datetime
    skew_seconds: float
    lifeboat_version: str
    units: tuple[UnitSnapshot, ...]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def members(self) -> list[MemberSnapshot]:
        """Return all members, in the order of their units."""
        return [member for unit in self.units for member in unit.members]

    def unit(self, unit: Unit) -> UnitSnapshot:
        """Given a unit, return its snapshot. Raise KeyError when the point has none."""
        for snapshot in self.units:
            if snapshot.unit == unit:
                return snapshot
        raise KeyError(str(unit))

    @property
    def size_bytes(self) -> int:
        return sum(member.size_bytes for member in self.members())


class Check(Document):
    """One check of a drill. `name` is stable; `member` says of what; `detail` is for people."""

    name: str
    verdict: Literal["fidelity", "health"]
    outcome: Outcome
    member: str
    detail: str = ""


class UnitDrill(Document):
    """What the drill of one unit found, and how long its restore took. Travels as XCom.

    `runbook` is the member that its runbook brought back, or was to, in place of Lifeboat; empty for none.
    """

    unit: Unit
    host_name: str
    restore_seconds: float
    seconds: float
    restored_bytes: int
    checks: tuple[Check, ...]
    runbook: str = ""

    def failed(self) -> list[Check]:
        """Return the red checks."""
        return [check for check in self.checks if check.outcome == "failed"]


class DrillEvidence(Document):
    """A drill of a whole restore point, bound to its manifest by hash. `home` is whether it was restored from the vault
    that the point had its home in then, or from a copy at another site."""

    schema_version: Literal["lifeboat/evidence/1"] = Field("lifeboat/evidence/1", alias="schema")
    type: Literal["drill"] = "drill"
    id: str
    deployment: str
    point: str
    manifest_sha256: str
    site: str
    home: bool = True
    started_at: datetime
    finished_at: datetime
    fidelity: Outcome
    health: Outcome
    complete: bool
    missing_units: tuple[Unit, ...] = ()
    rto_seconds: float
    rpo_seconds: float | None = None
    units: tuple[UnitDrill, ...]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @property
    def passed(self) -> bool:
        """Whether both verdicts passed and no unit is missing."""
        return self.complete and self.fidelity == "passed" and self.health != "failed"

    def more_tags(self) -> dict[str, str]:
        """Return what its snapshot is found by besides."""
        return {}

    @property
    def conclusive(self) -> bool:
        """Whether it says something about the point: all of it was drilled, or a part of it and that failed."""
        return self.complete or "failed" in (self.fidelity, self.health)


def new_point_id(opened_at: datetime, seed: str | None = None) -> str:
    """Given a time and, for a run that may be repeated, a seed, return a restore point's id such as
    20261123T020000Z-1f3a9c0e. The same time and seed give the same id; without a seed each call differs."""
    suffix = hashlib.sha256(seed.encode()).hexdigest()[:8] if seed is not None else secrets.token_hex(4)
    return f"{opened_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{suffix}"


def canonical_json(value: Any) -> bytes:
    """Given a JSON value, return the one way that its digest is computed over: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def content_id(*parts: Any) -> str:
    """Given the JSON values that a document is made of, return its id: the same ones, written again, are the same."""
    return sha256(canonical_json(parts))[:32]


def sha256(data: bytes) -> str:
    """Given bytes, return their SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_document(model: type[D], payload: bytes | str, what: str) -> D:
    """Given a kind of document and its payload, return it. Raise DocumentError, naming `what`, when this
    version of Lifeboat cannot read it."""
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DocumentError(
            f"{what} cannot be read by Lifeboat {__version__}; {place}: {first['msg']} ({error.error_count()} in all).",
            next_step="Use the version of Lifeboat that wrote it, or a newer one.",
        ) from None


def to_json(document: Document) -> bytes:
    """Given a document, return the bytes that are signed and stored."""
    return document.model_dump_json(by_alias=True, indent=1).encode()
