"""The catalog: an SQLAlchemy index over manifests and evidence. A cache: `rebuild` makes it again from vaults.

LIFEBOAT_CATALOG says where it is: the path of an SQLite file (by default in the account's data directory), or
`connection:<id>` for a PostgreSQL database.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select

from lifeboat.catalog.alerts import Alerts
from lifeboat.catalog.database import catalog_url
from lifeboat.catalog.last_good import as_at, newest_good, none_good
from lifeboat.catalog.leases import Leases
from lifeboat.catalog.models import Evidence, Point
from lifeboat.catalog.queries import forget, kept_documents, of_point, point_states
from lifeboat.catalog.states import PointState, first_instant, last_instant
from lifeboat.catalog.upkeep import UpkeepRecords
from lifeboat.documents import SignedManifest
from lifeboat.errors import PointError
from lifeboat.evidence import Evidence as EvidenceDocument
from lifeboat.evidence import read_evidence_document
from lifeboat.manifest import Manifest, to_json

__all__ = ["Catalog", "PointState", "catalog_url", "first_instant", "last_instant"]


class Catalog(Leases, UpkeepRecords, Alerts):
    """Asks and keeps the catalog. Opening it brings its tables up to date."""

    def add_point(self, signed: SignedManifest) -> None:
        """Keep a sealed point; keeping it again changes nothing. Of two manifests of one point the vault's counts:
        another one that was kept goes, with the evidence about it."""
        with self._session(writing=True) as session:
            forget(session, of_point(session, signed) - {signed.sha256})
            session.merge(_point_row(signed))

    def add_evidence(self, evidence: EvidenceDocument) -> None:
        """Keep evidence; keeping it again changes nothing."""
        with self._session(writing=True) as session:
            session.merge(_evidence_row(evidence))

    def kept(self, deployment: str) -> set[str]:
        """Return what tells the documents that are kept of a deployment from others: for `rebuild`."""
        with self._session() as session:
            return kept_documents(session, deployment)

    def rebuild(
        self,
        deployment: str,
        manifests: Sequence[SignedManifest],
        evidence: Sequence[EvidenceDocument],
        kept: Collection[str] | None = None,
    ) -> None:
        """Replace what is kept of a deployment by what its vaults hold, in one transaction.

        Reading a vault takes time. Give what was `kept` before: then what others add meanwhile stays.
        """
        old = self.kept(deployment) if kept is None else set(kept)
        found = {signed.sha256 for signed in manifests} | {document.id for document in evidence}
        with self._session(writing=True) as session:
            if gone := old - found:
                forget(session, gone)
            there = kept_documents(session, deployment)
            for signed in manifests:
                if signed.sha256 not in there:
                    forget(session, of_point(session, signed) - {signed.sha256})
                    session.merge(_point_row(signed))
            session.flush()
            for document in evidence:
                if document.id not in there:
                    session.merge(_evidence_row(document))

    def points(self, deployment: str) -> list[PointState]:
        """Given a deployment, return its restore points, newest first, each with its newest conclusive drill."""
        with self._session() as session:
            return point_states(session, deployment)

    def point(self, deployment: str, point: str) -> PointState:
        """Given a point's id, or the beginning of it, return it. Raise PointError for none or several."""
        found = [state for state in self.points(deployment) if state.manifest.id.startswith(point)]
        if len(found) != 1:
            count = "no restore point" if not found else f"{len(found)} restore points"
            raise PointError(
                f"Deployment '{deployment}' has {count} whose id begins with '{point}'.",
                next_step=f"List them with `lifeboat points {deployment}`; "
                f"`lifeboat catalog rebuild {deployment}` reads them anew from the vault.",
            )
        return found[0]

    def last_known_good(self, deployment: str, as_of: datetime | None = None) -> PointState | None:
        """Given a deployment and perhaps a time with its zone, return its newest point whose newest drill passed
        and that shows nothing later than that time. A safety point is never it: it holds what was live before a
        recovery, broken or whole."""
        return newest_good(self.points(deployment), as_of)

    def require_last_known_good(self, deployment: str, as_of: datetime | None = None, site: str = "") -> PointState:
        """Return the last known good as `last_known_good` does, or that of another site by the drills there. Raise
        PointError, which says which points there are and how to prove or choose one, when there is none."""
        states = self.points(deployment)
        if site:
            states = as_at(states, site)
        found = newest_good(states, as_of)
        if found is None:
            raise none_good(deployment, states, as_of, site)
        return found

    def recoveries(self, deployment: str) -> list[EvidenceDocument]:
        """Given a deployment, return the journals and the evidence of its recoveries, oldest first."""
        return self._documents(deployment, "recovery-journal", "recovery")

    def site_recoveries(self, deployment: str) -> list[EvidenceDocument]:
        """Given a deployment, return the journals and the evidence of recoveries of its sites, oldest first."""
        return self._documents(deployment, "site-recovery-journal", "site-recovery")

    def updates(self, deployment: str) -> list[EvidenceDocument]:
        """Given a deployment, return the journals and the evidence of its updates, oldest first."""
        return self._documents(deployment, "update-journal", "update")

    def _documents(self, deployment: str, *types: str) -> list[EvidenceDocument]:
        with self._session() as session:
            rows = session.scalars(
                select(Evidence)
                .join(Point, Point.manifest_sha256 == Evidence.manifest_sha256)
                .where(Point.deployment == deployment, Evidence.type.in_(types))
                .order_by(Evidence.finished_at)
            ).all()
        return [read_evidence_document(row.document, f"Evidence {row.id}") for row in rows]

    def undrilled(self, deployment: str, after: datetime | None, until: datetime, most: int | None) -> list[str]:
        """Return the ids of points sealed in (after, until] that have no conclusive drill, newest first."""
        return [
            state.manifest.id
            for state in self.points(deployment)
            if state.drill is None
            and (after is None or after < state.manifest.sealed_at)
            and state.manifest.sealed_at <= until
        ][:most]

    def drills(self, deployment: str) -> int:
        """Given a deployment, return how many drills of its points are recorded."""
        of_deployment = select(Point.manifest_sha256).where(Point.deployment == deployment)
        counted = select(func.count()).where(Evidence.type == "drill", Evidence.manifest_sha256.in_(of_deployment))
        with self._session() as session:
            return session.scalar(counted) or 0

    def signed_manifest(self, deployment: str, point: str) -> SignedManifest:
        """Given a point's id, return the manifest that was genuine when it was kept here."""
        state = self.point(deployment, point)
        return SignedManifest(manifest=state.manifest, sha256=state.manifest_sha256)

    def exposure_seconds(self, manifest: Manifest, now: datetime) -> float:
        """Return how much work, in seconds, a recovery to this point loses at most: what came between it and
        the next restore point, or until now if it is the newest."""
        instants = sorted(first_instant(state.manifest) for state in self.points(manifest.deployment))
        mine = first_instant(manifest)
        later = [instant for instant in instants if instant > mine]
        return ((later[0] if later else now) - mine).total_seconds()


def _point_row(signed: SignedManifest) -> Point:
    manifest = signed.manifest
    return Point(
        deployment=manifest.deployment,
        id=manifest.id,
        kind=manifest.kind,
        instant=first_instant(manifest),
        sealed_at=manifest.sealed_at,
        size_bytes=manifest.size_bytes,
        manifest_sha256=signed.sha256,
        document=to_json(manifest).decode(),
    )


def _evidence_row(evidence: EvidenceDocument) -> Evidence:
    return Evidence(
        id=evidence.id,
        manifest_sha256=evidence.manifest_sha256,
        type=evidence.type,
        site=evidence.site,
        finished_at=evidence.finished_at,
        complete=evidence.complete,
        passed=evidence.passed,
        document=to_json(evidence).decode(),
    )
