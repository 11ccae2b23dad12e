"""Evidence of every kind: what is signed, bound to a restore point by its manifest's digest, and only ever added."""

from typing import Annotated, TypeAlias

from pydantic import Field, RootModel

from lifeboat.hold_documents import HoldEvidence
from lifeboat.manifest import DrillEvidence, read_document
from lifeboat.recovery_documents import RecoveryEvidence, RecoveryJournal
from lifeboat.replica_documents import ReplicaEvidence
from lifeboat.site_recovery_documents import SiteRecoveryEvidence, SiteRecoveryJournal
from lifeboat.update_documents import UpdateEvidence, UpdateJournal

#: Every kind of evidence; `type` tells them apart.
Evidence: TypeAlias = (
    DrillEvidence
    | RecoveryJournal
    | RecoveryEvidence
    | SiteRecoveryJournal
    | SiteRecoveryEvidence
    | UpdateJournal
    | UpdateEvidence
    | HoldEvidence
    | ReplicaEvidence
)


class _AnyEvidence(RootModel[Annotated[Evidence, Field(discriminator="type")]]):
    """Reads evidence of any kind."""


def read_evidence_document(payload: bytes | str, what: str) -> Evidence:
    """Given the payload of evidence, return it. Raise DocumentError, naming `what`, if it cannot be read."""
    return read_document(_AnyEvidence, payload, what).root
