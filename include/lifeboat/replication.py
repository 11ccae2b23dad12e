"""Replication: every restore point of the home vault, whole and read back, in the vault of each other site.

What a site lacks is found by listing both vaults, so that lost events, outages and killed runs heal with the next run.
Of each point its data goes first, then it is read there, then its manifest goes: from then on the point exists at the
site. Evidence goes last; what was found out at the site comes back first. The newest points go first.
"""

import logging
import time
import uuid
from collections.abc import Collection
from datetime import UTC, datetime

from lifeboat.catalog import Catalog, PointState
from lifeboat.catalog.leases import USE
from lifeboat.deployment import Deployment
from lifeboat.documents import (
    SignedManifest,
    list_point,
    located,
    read_evidence,
    require_manifest,
    write_evidence,
)
from lifeboat.errors import (
    ConfigurationError,
    DocumentError,
    LifeboatError,
    PointError,
    SignatureError,
    VaultDamagedError,
)
from lifeboat.manifest import Document
from lifeboat.replica_cloud import copy_outside
from lifeboat.replica_documents import ReplicaEvidence
from lifeboat.replica_scan import Scan, addresses, evidence_to_send, manifests, missing
from lifeboat.replica_verify import Reading, Verifying
from lifeboat.runtime import Runtime
from lifeboat.ticks import tick_before
from lifeboat.times import in_utc

log = logging.getLogger(__name__)

#: What is wrong with one point, and says nothing about the others.
_OF_ONE_POINT = (SignatureError, DocumentError, VaultDamagedError, PointError)


class SiteResult(Document):
    """What a run of replication did for one site. Travels as XCom.

    `replicas` are the points that were copied or read again, `failures` what is wrong with points, `error` why the run
    ended early, and `permanent` whether trying again cannot help.
    """

    site: str
    whole: int = 0
    replicas: tuple[ReplicaEvidence, ...] = ()
    failures: tuple[str, ...] = ()
    evidence_sent: int = 0
    evidence_brought: int = 0
    error: str = ""
    permanent: bool = False

    @property
    def passed(self) -> bool:
        """Whether the site now holds every point that it should."""
        return not self.error and not self.failures


def replicate(
    runtime: Runtime, catalog: Catalog, site: str, points: Collection[str] | None = None, *, again: bool = False
) -> SiteResult:
    """Given a site other than the home site, bring its vault all that it lacks, of some points or of all, and return
    what was done; a failure is told in the result. With `again` what is whole there is read once more."""
    run = _Run(runtime, catalog, site)
    try:
        run.do(points, again)
    except LifeboatError as failure:
        log.error("Replication to site %s ended: %s", site, failure)
        return run.result(error=str(failure), permanent=failure.permanent)
    return run.result()


def require_other_site(runtime: Runtime, site: str) -> str:
    """Given a site's name, return it. Raise ConfigurationError when it is none that points are copied to."""
    others = runtime.deployment.other_sites()
    if site not in others:
        raise ConfigurationError(
            f"'{site}' is no site that restore points of '{runtime.deployment.name}' are copied to.",
            next_step=f"Those are: {', '.join(others) or 'none; give `sites` a second one with a vault of its own'}.",
        )
    return site


def points_of_tick(catalog: Catalog, deployment: Deployment, tick: datetime) -> list[str]:
    """Given a tick of the schedule of replication, return the points that were sealed since the tick before it, newest
    first; without a schedule, all until then."""
    cron = deployment.schedules.replication
    after = tick_before(cron, deployment.schedules.zone(), tick) if cron else None
    return [
        state.manifest.id
        for state in catalog.points(deployment.name)
        if state.manifest.sealed_at <= tick and (after is None or after < state.manifest.sealed_at)
    ]


class _Run:
    """One run for one site, and what it has done so far."""

    def __init__(self, runtime: Runtime, catalog: Catalog, site: str) -> None:
        self.runtime, self.catalog, self.site = runtime, catalog, site
        self.name = runtime.deployment.name
        self.replicas: list[ReplicaEvidence] = []
        self.failures: list[str] = []
        self.whole: list[str] = []
        self.sent = self.brought = 0

    def result(self, *, error: str = "", permanent: bool = False) -> SiteResult:
        return SiteResult(
            site=self.site,
            whole=len(self.whole),
            replicas=tuple(self.replicas),
            failures=tuple(self.failures),
            evidence_sent=self.sent,
            evidence_brought=self.brought,
            error=error,
            permanent=permanent,
        )

    def do(self, points: Collection[str] | None, again: bool) -> None:
        require_other_site(self.runtime, self.site)
        self.signer = self.runtime.signer()
        self.home = self.runtime.vault(self.runtime.deployment.home_site())
        self.there = self.runtime.replica_vault(self.site)
        self.verifying = Verifying(self.there)
        tags = {"deployment": self.name}
        self.scan = Scan.of(self.home.snapshots(tags), self.there.snapshots(tags))
        self._bring_evidence()
        known = {state.manifest.id: state for state in self.catalog.points(self.name)}
        for point in self.scan.sealed():
            if points is None or point in points:
                self._look_at(point, None if again else known.get(point))
        self._send_evidence()

    def _look_at(self, point: str, state: PointState | None) -> None:
        """Given a point and, unless it is to be read in any case, what is known of it, do what is to be done."""
        replica = state.replicas.get(self.site) if state else None
        if state is None or replica is None or not self.scan.complete(point, state.manifest):
            self._attempt(point)
        elif not replica.passed:  # nothing changed there: reading it once more would find the same
            self.failures += [f"{point}: {failure} (of {in_utc(replica.finished_at)})" for failure in replica.failures]
        elif self.scan.lacking(point, manifests):
            self._attempt(point)
        else:
            self.whole.append(point)

    def _attempt(self, point: str) -> None:
        try:
            with self.catalog.leased(self.name, point, f"replication {uuid.uuid4().hex[:8]}", USE):
                evidence = self._replicate(point)
        except _OF_ONE_POINT as error:
            log.error("Restore point %s is not copied to site %s: %s", point, self.site, error)
            self.failures.append(f"{point}: {error.message}")
            return
        self.replicas.append(evidence)
        if evidence.passed:
            self.whole.append(point)
        self.failures += [f"{point}: {failure}" for failure in evidence.failures]

    def _replicate(self, point: str) -> ReplicaEvidence:
        started_at, started = datetime.now(UTC), time.monotonic()
        listing = self.scan.home[point]
        signed = require_manifest(self.home, self.signer, self.name, point, listing)
        self.catalog.add_point(signed)
        copied, reading = 0, Reading()
        try:
            copied = self._copy_data(signed)
            listing = list_point(self.there, self.name, point)
            here = located(signed.manifest, listing)
            reading = self.verifying.read(here, listing)
            reading.failures += copy_outside(self.runtime, here, self.there, self.site)
            if not reading.failures:
                self._copy_manifest(signed)
        except (VaultDamagedError, SignatureError) as error:
            reading.failures.append(error.message)
        evidence = ReplicaEvidence(
            id=uuid.uuid4().hex,
            deployment=self.name,
            point=point,
            manifest_sha256=signed.sha256,
            site=self.site,
            source=self.runtime.deployment.home_site(),
            started_at=started_at,
            finished_at=datetime.now(UTC),
            copied=copied,
            size_bytes=reading.size_bytes,
            seconds=round(time.monotonic() - started, 3),
            streams=reading.streams,
            trees=reading.trees,
            failures=tuple(reading.failures),
        )
        self._record(evidence)
        return evidence

    def _copy_data(self, signed: SignedManifest) -> int:
        """Copy what the manifest names and the site lacks, and return how many snapshots that were."""
        point, manifest = signed.manifest.id, signed.manifest
        if lost := missing(manifest, self.scan.home[point]):
            raise VaultDamagedError(
                f"The home vault no longer holds {len(lost)} of the snapshots that restore point '{point}' names.",
                next_step="Look who removes snapshots from it; see docs/housekeeping.md.",
            )
        wanted = {where.tree for where in missing(manifest, self.scan.there.get(point, ()))}
        at_home = addresses(located(manifest, self.scan.home[point]))
        ids = list(dict.fromkeys(where.snapshot for where in at_home if where.tree in wanted))
        if ids:
            log.info("Copying %d snapshots of restore point %s to site %s", len(ids), point, self.site)
            self.there.copy_from(self.home, ids)
        return len(ids)

    def _copy_manifest(self, signed: SignedManifest) -> None:
        """Copy the manifest, from which on the point exists at the site, and see that it is the same there."""
        point = signed.manifest.id
        self.there.copy_from(self.home, self.scan.lacking(point, manifests))
        found = require_manifest(self.there, self.signer, self.name, point)
        if found.sha256 != signed.sha256:
            raise SignatureError(
                f"Site '{self.site}' holds another manifest of restore point '{point}', which is signed as well.",
                next_step="Somebody sealed this point twice; find out who, and remove the wrong one by hand.",
            )

    def _record(self, evidence: ReplicaEvidence) -> None:
        """Write evidence where it belongs: a point that is not whole at the site has nothing there to bind it to."""
        if evidence.passed:
            write_evidence(self.there, self.signer, evidence)
        try:
            write_evidence(self.home, self.signer, evidence)
        except LifeboatError as error:
            if not evidence.passed:
                raise
            log.warning("The home vault does not get evidence %s now, but with a later run: %s", evidence.id, error)
        self.catalog.add_evidence(evidence)

    def _send_evidence(self) -> None:
        """Copy what is known about points to the site that holds them: drills, holds, recoveries, updates."""
        ids = [each for point in self.whole for each in self.scan.lacking(point, evidence_to_send)]
        if ids:
            self.there.copy_from(self.home, ids)
            self.sent = len(ids)

    def _bring_evidence(self) -> None:
        """Copy what was found out at the site, such as a drill while the home vault was cut off, to the home vault."""
        digests = {state.manifest_sha256 for state in self.catalog.points(self.name)}
        genuine = []
        for snapshot in self.scan.untold():
            try:
                evidence = read_evidence(self.there, self.signer, snapshot)
            except _OF_ONE_POINT as error:
                log.warning("Evidence at site %s is not used: %s", self.site, error)
                continue
            if evidence.manifest_sha256 in digests:
                genuine.append((snapshot.id, evidence))
        if genuine:
            self.home.copy_from(self.there, [snapshot for snapshot, _ in genuine])
            for _, evidence in genuine:
                self.catalog.add_evidence(evidence)
            self.brought = len(genuine)
