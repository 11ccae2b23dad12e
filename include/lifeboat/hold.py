"""Legal holds: a restore point that must not be deleted, whatever the retention rule says, until it is released."""

import uuid
from datetime import UTC, datetime, timedelta

from lifeboat.catalog import Catalog
from lifeboat.documents import require_manifest, write_evidence
from lifeboat.errors import ConfigurationError
from lifeboat.hold_documents import HoldEvidence
from lifeboat.runtime import Runtime

#: Longer than writing one document takes.
_LEASE = timedelta(hours=1)


def set_hold(runtime: Runtime, catalog: Catalog, point: str, *, held: bool, reason: str, by: str) -> HoldEvidence:
    """Given the beginning of a point's id, put it on hold or release it: evidence in the vault first, then in the
    catalog. Raise PointError when there is no such point, or it is being deleted; ConfigurationError without a
    reason."""
    if not reason.strip():
        raise ConfigurationError("There is no reason given.", next_step="Say why, for those who find it: --reason.")
    name, site = runtime.deployment.name, runtime.deployment.home_site()
    point = catalog.point(name, point).manifest.id
    document = uuid.uuid4().hex
    with catalog.leased(name, point, f"hold {document}", _LEASE):
        vault, signer = runtime.vault(site), runtime.signer()
        signed = require_manifest(vault, signer, name, point)
        evidence = HoldEvidence(
            id=document,
            deployment=name,
            point=point,
            manifest_sha256=signed.sha256,
            site=site,
            finished_at=datetime.now(UTC),
            held=held,
            reason=reason.strip(),
            by=by,
        )
        write_evidence(vault, signer, evidence)
        catalog.add_evidence(evidence)
    return evidence
