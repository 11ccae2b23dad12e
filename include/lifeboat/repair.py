"""A damaged vault is filled from other sites, by its housekeeper.

restic takes what its index names for stored. So damaged packs are moved aside and the index is made anew; then what
each snapshot lacks is known, and copying brings it. Copying passes over snapshots that are there, so those are aside as
well while that lasts, and come back under their own names: what manifests say of them stays true. Everything that is
aside lies in the vault, below `damaged`: a run that was killed is finished by the next one.

Nothing whole is lost: when something can be read only as long as a damaged pack is there, the pack goes back.
"""

import logging
import uuid
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

from lifeboat.catalog import Catalog
from lifeboat.catalog.leases import USE
from lifeboat.documents import (
    EVIDENCE_PATH,
    MANIFEST_PATH,
    SignedManifest,
    find_manifest,
    located,
    read_evidence,
    read_manifest,
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
from lifeboat.processes import CHUNK_BYTES
from lifeboat.replica_documents import ReplicaEvidence
from lifeboat.replica_scan import addresses, same_in_both
from lifeboat.replica_verify import Reading, Verifying
from lifeboat.runtime import Runtime
from lifeboat.upkeep_documents import UPKEEP_PATH, Repair
from lifeboat.vault import Snapshot, Vault
from lifeboat.vault_files import ASIDE
from lifeboat.vault_upkeep import HousekeeperVault

log = logging.getLogger(__name__)

_PATHS = {"manifest": MANIFEST_PATH, "evidence": EVIDENCE_PATH, "upkeep": UPKEEP_PATH}
_BAD = (SignatureError, DocumentError, VaultDamagedError)


def repair(runtime: Runtime, catalog: Catalog, site: str, packs: Collection[str]) -> Repair:
    """Given a site and the packs that a check of its vault named, fill the vault from the other sites, as far as they
    have whole what is damaged, and return what was done. Raise ConfigurationError when the site names no
    housekeeper."""
    return _Repairing(runtime, catalog, site).do(packs)


def unfinished(vault: HousekeeperVault) -> bool:
    """Return whether something of a vault is aside: a repair of it was killed, or could not do everything."""
    try:
        files = vault.files()
    except ConfigurationError:  # nothing can be put aside there
        return False
    return any(files.names(f"{ASIDE}/{kind}") for kind in ("packs", "snapshots"))


def _pack_path(pack: str) -> str:
    return f"data/{pack[:2]}/{pack}"


@dataclass
class _Source:
    """Another site, and what of the lacking snapshots it has whole: by their ids here, its ids."""

    site: str
    vault: Vault
    ids: dict[str, str] = field(default_factory=dict)


class _Repairing:
    """One run for one site."""

    def __init__(self, runtime: Runtime, catalog: Catalog, site: str) -> None:
        self.runtime, self.catalog, self.site = runtime, catalog, site
        self.name, self.signer = runtime.deployment.name, runtime.signer()
        self.vault = runtime.housekeeper(site)
        self.files = self.vault.files()
        self.sent: dict[str, set[str]] = {}
        self.size_bytes = 0

    def do(self, packs: Collection[str]) -> Repair:
        back = self._take_back_snapshots()  # of a run that was killed
        missing = self._move_aside(packs)
        self.vault.rebuild_index()
        listing = self.vault.snapshots({})
        lacking = [each for each in listing if each.id in back or not self.vault.holds(each.id)]
        log.info("%d of %d snapshots in vault %s lack something", len(lacking), len(listing), self.vault.name)
        with ExitStack() as leases:
            mine = self._leased(lacking, leases)
            for site in self.runtime.deployment.sites:
                if site != self.site and (left := self._lacking(mine)):
                    self._fill_from(site, left)
            left = self._lacking(lacking)
            kept = self._salvage(left) if left else ()
            healed = {each.tags["point"] for each in mine if each not in left and "point" in each.tags}
            healed -= {each.tags.get("point", "") for each in left}
            points, failures = self._read_again(() if kept else sorted(healed))
        aside = self.files.names(f"{ASIDE}/packs")
        self._remove("index")
        if not left and not failures:
            self._remove("packs")
        return Repair(
            site=self.site,
            packs=tuple(sorted({*aside, *missing})),
            points=tuple(points),
            sources=tuple(self.sent),
            snapshots=sum(map(len, self.sent.values())),
            size_bytes=self.size_bytes,
            still_damaged=(*map(_told, left), *failures),
            kept=kept,
            finished_at=datetime.now(UTC),
        )

    # -- what is aside --------------------------------------------------------------------------------------

    def _move_aside(self, packs: Collection[str]) -> list[str]:
        """Move damaged packs aside, but those that are whole by now; return those that are not there."""
        missing = []
        for pack in packs:
            if pack not in self.files.names(f"data/{pack[:2]}"):
                missing.append(pack)
            elif self.vault.is_damaged(pack):
                log.warning("Pack %s of vault %s is damaged, and is moved to %s", pack, self.vault.name, ASIDE)
                self._keep_index()
                self.files.move(_pack_path(pack), f"{ASIDE}/packs/{pack}")
        return [pack for pack in missing if pack not in self.files.names(f"{ASIDE}/packs")]

    def _keep_index(self) -> None:
        """Keep the index as it is: it alone knows what is in a pack whose own header is damaged."""
        for each in self.files.names("index"):
            if each not in self.files.names(f"{ASIDE}/index"):
                self.files.copy(f"index/{each}", f"{ASIDE}/index/{each}")

    def _put_packs_back(self, packs: Sequence[str]) -> None:
        """Put damaged packs in their place once more, so that what can be read of them is read."""
        for pack in packs:
            self.files.move(f"{ASIDE}/packs/{pack}", _pack_path(pack))
        index = self.files.names(f"{ASIDE}/index")
        for each in index:
            self.files.move(f"{ASIDE}/index/{each}", f"index/{each}")
        if not index:
            self.vault.rebuild_index()

    def _remove(self, kind: str) -> None:
        for each in self.files.names(f"{ASIDE}/{kind}"):
            self.files.remove(f"{ASIDE}/{kind}/{each}")

    def _take_back_snapshots(self) -> list[str]:
        """Put snapshots back that are aside, remove those that were made in their place, and return them."""
        back = self.files.names(f"{ASIDE}/snapshots")
        for each in back:
            self.files.move(f"{ASIDE}/snapshots/{each}", f"snapshots/{each}")
        if back:
            listing = self.vault.snapshots({})
            names = {same_in_both(each) for each in listing if each.id in back}
            self.vault.forget([each.id for each in listing if each.id not in back and same_in_both(each) in names])
        return back

    # -- filling --------------------------------------------------------------------------------------------

    def _leased(self, lacking: Sequence[Snapshot], leases: ExitStack) -> list[Snapshot]:
        """Keep the points of this deployment from being deleted meanwhile, and return the snapshots of those."""
        going, mine = set(), [each for each in lacking if each.tags.get("deployment") == self.name]
        for point in sorted({each.tags["point"] for each in mine if "point" in each.tags}):
            what = f"repair {uuid.uuid4().hex[:8]}"
            try:
                leases.enter_context(self.catalog.leased(self.name, point, what, USE))
            except PointError as error:
                log.info("%s", error)
                going.add(point)
        return [each for each in mine if each.tags.get("point") not in going]

    def _lacking(self, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        return [each for each in snapshots if not self.vault.holds(each.id)]

    def _fill_from(self, site: str, lacking: Sequence[Snapshot]) -> None:
        """Send again what another site has whole of some snapshots; a site that cannot be used is passed over."""
        try:
            source = self._source(site, lacking)
        except LifeboatError as error:
            log.warning("Site %s cannot help: %s", site, error)
            return
        if not source.ids:
            return
        log.info("Filling vault %s from site %s: %d snapshots", self.vault.name, site, len(source.ids))
        try:
            for each in source.ids:
                self.files.move(f"snapshots/{each}", f"{ASIDE}/snapshots/{each}")
            self.vault.copy_from(source.vault, list(source.ids.values()))
        except LifeboatError as error:
            log.warning("Filling from site %s ended: %s", site, error)
        else:
            self.sent[site] = set(source.ids)
        self._take_back_snapshots()

    def _source(self, site: str, lacking: Sequence[Snapshot]) -> _Source:
        """Return what a site has of some snapshots, and has whole: it is read there."""
        vault = self.runtime.vault(site)
        source, reading = _Source(site, vault), Verifying(vault)
        listing = vault.snapshots({"deployment": self.name})
        there = {same_in_both(each): each for each in listing}
        whole: dict[str, set[str]] = {}
        for each in lacking:
            twin, point = there.get(same_in_both(each)), each.tags.get("point", "")
            if twin is None:
                continue
            if each.tags.get("kind") in _PATHS:
                good = self._genuine(vault, twin)
            else:
                if point not in whole:
                    of_point = [one for one in listing if one.tags.get("point") == point]
                    trees = {one.tree for one in lacking if one.tags.get("point") == point}
                    whole[point] = self._whole_trees(vault, reading, point, of_point, trees)
                good = twin.tree in whole[point]
            if good:
                source.ids[each.id] = twin.id
        return source

    def _genuine(self, vault: Vault, twin: Snapshot) -> bool:
        """Return whether a manifest or evidence can be read elsewhere, and is genuine."""
        read = {"manifest": read_manifest, "evidence": read_evidence}.get(twin.tags["kind"])
        try:
            return read is not None and bool(read(vault, self.signer, twin))
        except _BAD as error:
            log.warning("It is not taken from there: %s", error)
            return False

    def _whole_trees(
        self, vault: Vault, reading: Verifying, point: str, listing: Sequence[Snapshot], trees: Collection[str]
    ) -> set[str]:
        """Given a point elsewhere, return the trees of those of its units that need some trees and are whole there."""
        try:
            signed = find_manifest(vault, self.signer, self.name, point, listing)
        except _BAD as error:
            log.warning("It is not taken from there: %s", error)
            return set()
        if signed is None:
            return set()
        whole = set()
        for unit in signed.manifest.units:
            one = located(signed.manifest.model_copy(update={"units": (unit,)}), listing)
            needed = {where.tree for where in addresses(one)}
            if needed & set(trees):
                found = reading.read(one, listing)
                for failure in found.failures:
                    log.warning("Restore point %s is not taken from vault %s: %s", point, vault.name, failure)
                whole |= needed if not found.failures else set()
        return whole

    # -- what nobody has ------------------------------------------------------------------------------------

    def _salvage(self, left: list[Snapshot]) -> tuple[str, ...]:
        """What no site has may be readable as long as the damaged packs are there. Documents are stored anew then; for
        data the packs stay in their place. Return why they stay; `left` loses what is whole again."""
        packs = self.files.names(f"{ASIDE}/packs")
        if not packs:
            return ()
        self._put_packs_back(packs)
        documents, held = {}, []
        for each in left:
            content = self._readable(each)
            if content is not None and each.tags.get("kind") in _PATHS:
                documents[each.id] = content
            elif content is not None:
                held.append(f"{_told(each)} can be read, and no other site has it")
        if held:
            return tuple(held)
        for pack in packs:
            self.files.move(_pack_path(pack), f"{ASIDE}/packs/{pack}")
        self.vault.rebuild_index()
        for each in [one for one in left if one.id in documents]:
            self.vault.backup_bytes(documents[each.id], _PATHS[each.tags["kind"]], each.tags)
            self.vault.forget([each.id])
            left.remove(each)
        return ()

    def _readable(self, snapshot: Snapshot) -> bytes | None:
        """Return the content of a document, or nothing much of data, if all of it can be read; None if not."""
        try:
            if path := _PATHS.get(snapshot.tags.get("kind", "")):
                return self.vault.read(snapshot.id, path)
            return self.vault.pour(snapshot.id, "/", _drain)
        except VaultDamagedError:
            return None

    # -- proof ----------------------------------------------------------------------------------------------

    def _read_again(self, points: Sequence[str]) -> tuple[list[str], list[str]]:
        """Read points from the repaired vault, all that their manifests name. Return those that are whole, and what is
        wrong with others. Of copies at this site it is evidence."""
        reading, whole, failures = Verifying(self.vault), list[str](), list[str]()
        listing = self.vault.snapshots({"deployment": self.name}) if points else []
        for point in points:
            started, of_point = datetime.now(UTC), [each for each in listing if each.tags.get("point") == point]
            try:
                signed = find_manifest(self.vault, self.signer, self.name, point, of_point)
                found = reading.read(located(signed.manifest, of_point), of_point) if signed else Reading()
            except _BAD as error:
                failures.append(f"{point}: {error.message}")
                continue
            self.size_bytes += found.size_bytes
            failures += [f"{point}: {failure}" for failure in found.failures]
            if signed is not None:
                self._tell(signed, found, of_point, started)
                whole += [] if found.failures else [point]
        return whole, failures

    def _tell(self, signed: SignedManifest, found: Reading, listing: Sequence[Snapshot], started: datetime) -> None:
        """Write what was read of a copy into the vault of this site, and into the home vault."""
        home = self.runtime.deployment.home_site()
        if self.site == home:
            return
        finished, ids = datetime.now(UTC), {each.id for each in listing}
        evidence = ReplicaEvidence(
            id=uuid.uuid4().hex,
            deployment=self.name,
            point=signed.manifest.id,
            manifest_sha256=signed.sha256,
            site=self.site,
            source=next((site for site, sent in self.sent.items() if sent & ids), home),
            started_at=started,
            finished_at=finished,
            copied=sum(len(sent & ids) for sent in self.sent.values()),
            size_bytes=found.size_bytes,
            seconds=round((finished - started).total_seconds(), 3),
            streams=found.streams,
            trees=found.trees,
            failures=tuple(found.failures),
        )
        if evidence.passed:
            write_evidence(self.vault, self.signer, evidence)
        try:
            write_evidence(self.runtime.vault(home), self.signer, evidence)
        except LifeboatError as error:
            log.warning("The home vault does not get evidence %s now, but with replication: %s", evidence.id, error)
        self.catalog.add_evidence(evidence)


def _drain(stream: IO[bytes]) -> bytes:
    while stream.read(CHUNK_BYTES):
        pass
    return b""


def _told(snapshot: Snapshot) -> str:
    tags = snapshot.tags
    return f"{tags.get('point') or tags.get('id') or snapshot.id[:8]}: {tags.get('member') or tags.get('kind', 'data')}"
