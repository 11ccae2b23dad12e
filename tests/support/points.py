"""Made-up restore points and drills, for tests of what only reads documents about them."""

import uuid
from datetime import datetime, timedelta

from lifeboat.deployment import Unit
from lifeboat.documents import SignedManifest
from lifeboat.manifest import (
    Address,
    DrillEvidence,
    Manifest,
    MemberSnapshot,
    Outcome,
    Proof,
    UnitSnapshot,
    new_point_id,
    sha256,
    to_json,
)
from lifeboat.replica_documents import ReplicaEvidence

_UNIT = Unit(kind="tree", name="documents")


def made_up_point(sealed_at: datetime, deployment: str = "sample", *units: Unit) -> SignedManifest:
    """Return a restore point that was sealed at a time and captured in the minute before it."""
    captured = sealed_at - timedelta(minutes=1)
    manifest = Manifest(
        id=new_point_id(captured),
        deployment=deployment,
        kind="system_backup",
        reason="made up",
        opened_at=captured,
        sealed_at=sealed_at,
        skew_seconds=0.0,
        lifeboat_version="0",
        units=tuple(_snapshot(unit, captured) for unit in units or (_UNIT,)),
    )
    return SignedManifest(manifest=manifest, sha256=sha256(to_json(manifest)))


def made_up_replica(point: SignedManifest, *failures: str, site: str = "other", minutes: int = 10) -> ReplicaEvidence:
    """Return the evidence about a copy of a restore point, made so many minutes after it was sealed."""
    started = point.manifest.sealed_at + timedelta(minutes=minutes)
    return ReplicaEvidence(
        id=uuid.uuid4().hex,
        deployment=point.manifest.deployment,
        point=point.manifest.id,
        manifest_sha256=point.sha256,
        site=site,
        source="main",
        started_at=started,
        finished_at=started + timedelta(minutes=1),
        copied=2,
        size_bytes=1000,
        seconds=60.0,
        streams=0,
        trees=1,
        failures=failures,
    )


def made_up_drill(
    point: SignedManifest, fidelity: Outcome = "passed", *, complete: bool = True, site: str = "main", home: bool = True
) -> DrillEvidence:
    """Return the evidence of a drill of a restore point, an hour after it was sealed."""
    finished = point.manifest.sealed_at + timedelta(hours=1)
    return DrillEvidence(
        id=uuid.uuid4().hex,
        deployment=point.manifest.deployment,
        point=point.manifest.id,
        manifest_sha256=point.sha256,
        site=site,
        home=home,
        started_at=finished - timedelta(minutes=5),
        finished_at=finished,
        fidelity=fidelity,
        health="skipped",
        complete=complete,
        missing_units=() if complete else tuple(unit.unit for unit in point.manifest.units),
        rto_seconds=60.0,
        units=(),
    )


def _snapshot(unit: Unit, captured: datetime) -> UnitSnapshot:
    address = Address(snapshot=uuid.uuid4().hex, tree=uuid.uuid4().hex, path="/")
    member = MemberSnapshot(
        member=str(unit),
        engine="tree",
        address=address,
        size_bytes=1000,
        added_bytes=100,
        proof=Proof(algorithm="made-up", digest="0", summary={}),
    )
    return UnitSnapshot(
        unit=unit,
        site="main",
        attempt=uuid.uuid4().hex[:12],
        host_name="here",
        instant=captured,
        skew_ms=0.0,
        started_at=captured,
        finished_at=captured + timedelta(seconds=10),
        tools={},
        facts=address,
        facts_sha256="0",
        proof_seconds=1.0,
        members=(member,),
    )
