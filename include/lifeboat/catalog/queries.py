"""What several parts of the catalog ask and change, within the transaction of the caller."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lifeboat.catalog.models import Evidence, Point
from lifeboat.catalog.states import PointState
from lifeboat.documents import SignedManifest
from lifeboat.hold_documents import HoldEvidence
from lifeboat.manifest import DrillEvidence, Manifest, read_document
from lifeboat.replica_documents import ReplicaEvidence


def point_states(session: Session, deployment: str) -> list[PointState]:
    """Given a deployment, return its points, newest first, each with its newest conclusive drill and its hold, and
    with what is known of its copies at other sites."""
    rows = session.scalars(select(Point).where(Point.deployment == deployment).order_by(Point.sealed_at.desc())).all()
    replicas = _newest_replicas(_evidence(session, deployment, "replica"))
    drills, site_drills = _newest_conclusive(_evidence(session, deployment, "drill"), replicas)
    holds = _holding(_evidence(session, deployment, "hold"))
    return [
        PointState(
            read_document(Manifest, row.document, f"Restore point {row.id}"),
            row.manifest_sha256,
            drills.get(row.manifest_sha256),
            holds.get(row.manifest_sha256),
            replicas.get(row.manifest_sha256, {}),
            site_drills.get(row.manifest_sha256, {}),
        )
        for row in rows
    ]


def _evidence(session: Session, deployment: str, kind: str) -> Sequence[Evidence]:
    """Return the rows of a kind of evidence, newest first."""
    return session.scalars(
        select(Evidence)
        .join(Point, Point.manifest_sha256 == Evidence.manifest_sha256)
        .where(Point.deployment == deployment, Evidence.type == kind)
        .order_by(Evidence.finished_at.desc())
    ).all()


def _newest_conclusive(
    rows: Sequence[Evidence], replicas: Mapping[str, Mapping[str, ReplicaEvidence]]
) -> tuple[dict[str, DrillEvidence], dict[str, dict[str, DrillEvidence]]]:
    """Given the rows of drills, newest first, and what is known of copies, return for each manifest the newest drill
    that says something about it: of the home vault, and of each site that it was copied to."""
    at_home: dict[str, DrillEvidence] = {}
    at_sites: dict[str, dict[str, DrillEvidence]] = {}
    for row in rows:
        manifest, sites = row.manifest_sha256, at_sites.setdefault(row.manifest_sha256, {})
        copied = row.site in replicas.get(manifest, {})
        if manifest in at_home and (row.site in sites or not copied):
            continue
        drill = read_document(DrillEvidence, row.document, f"Evidence {row.id}")
        if drill.conclusive and copied:
            sites.setdefault(row.site, drill)
        if drill.conclusive and drill.home:
            at_home.setdefault(manifest, drill)
    return at_home, at_sites


def _newest_replicas(rows: Sequence[Evidence]) -> dict[str, dict[str, ReplicaEvidence]]:
    """Given the rows about copies, newest first, return for each manifest the newest of each site."""
    newest: dict[str, dict[str, ReplicaEvidence]] = {}
    for row in rows:
        sites = newest.setdefault(row.manifest_sha256, {})
        if row.site not in sites:
            sites[row.site] = read_document(ReplicaEvidence, row.document, f"Evidence {row.id}")
    return newest


def _holding(holds: Sequence[Evidence]) -> dict[str, HoldEvidence]:
    """Given the rows of holds, newest first, return for each manifest the newest, if that holds it."""
    newest: dict[str, HoldEvidence] = {}
    for row in holds:
        if row.manifest_sha256 not in newest:
            newest[row.manifest_sha256] = read_document(HoldEvidence, row.document, f"Evidence {row.id}")
    return {digest: hold for digest, hold in newest.items() if hold.held}


def kept_documents(session: Session, deployment: str) -> set[str]:
    """Return what tells the documents that are kept of a deployment from others: digests of manifests, ids of
    evidence."""
    manifests = select(Point.manifest_sha256).where(Point.deployment == deployment)
    evidence = select(Evidence.id).where(Evidence.manifest_sha256.in_(manifests))
    return {*session.scalars(manifests), *session.scalars(evidence)}


def of_point(session: Session, signed: SignedManifest) -> set[str]:
    """Return the digests of the manifests that are kept of a point."""
    point = signed.manifest
    of_point = select(Point.manifest_sha256).where(Point.deployment == point.deployment, Point.id == point.id)
    return set(session.scalars(of_point))


def forget(session: Session, kept: Collection[str]) -> None:
    """Remove manifests, with the evidence about them, and evidence."""
    session.execute(delete(Evidence).where(Evidence.id.in_(kept) | Evidence.manifest_sha256.in_(kept)))
    session.execute(delete(Point).where(Point.manifest_sha256.in_(kept)))
