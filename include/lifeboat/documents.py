"""Documents in the vault: signed manifests and evidence, each a snapshot of one small file.

What a listing should tell without reading the document is in the snapshot's tags, since each read costs a
process. A document counts only if its signature is good and it says what its tags say.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from lifeboat.errors import DocumentError, PointError, SignatureError, VaultDamagedError
from lifeboat.evidence import Evidence, read_evidence_document
from lifeboat.manifest import (
    EVIDENCE_SCHEMA,
    MANIFEST_SCHEMA,
    Address,
    Document,
    Manifest,
    UnitSnapshot,
    read_document,
    sha256,
    to_json,
)
from lifeboat.signing import Signer, Verifier
from lifeboat.vault import Snapshot, Vault

log = logging.getLogger(__name__)

MANIFEST_PATH = "/manifest.json"
EVIDENCE_PATH = "/evidence.json"


class SignedManifest(Document):
    """A verified manifest with the SHA-256 of its signed bytes, to which evidence is bound."""

    manifest: Manifest
    sha256: str


def write_manifest(vault: Vault, signer: Signer, manifest: Manifest) -> SignedManifest:
    """Sign a manifest and put it into the vault: from here on the restore point exists."""
    payload = to_json(manifest)
    tags = {
        "kind": "manifest",
        "deployment": manifest.deployment,
        "point": manifest.id,
        "type": manifest.kind,
    }
    vault.backup_bytes(signer.seal(MANIFEST_SCHEMA, payload), MANIFEST_PATH, tags)
    return SignedManifest(manifest=manifest, sha256=sha256(payload))


def list_point(vault: Vault, deployment: str, point: str) -> list[Snapshot]:
    """Given a restore point's id, return all snapshots of it: members, facts, manifest and evidence."""
    return vault.snapshots({"deployment": deployment, "point": point})


def find_manifest(
    vault: Vault, signer: Verifier, deployment: str, point: str, listing: Sequence[Snapshot] | None = None
) -> SignedManifest | None:
    """Given a restore point's id and, if at hand, its listing, return its verified manifest, or None if it is
    not sealed.

    A forged manifest beside the true one is passed over with a warning; alone it raises SignatureError.
    """
    listing = list_point(vault, deployment, point) if listing is None else listing
    snapshots = [snapshot for snapshot in listing if snapshot.tags.get("kind") == "manifest"]
    refused: SignatureError | None = None
    for snapshot in snapshots:
        try:
            return read_manifest(vault, signer, snapshot)
        except SignatureError as error:
            log.warning("%s", error)
            refused = error
    if refused:
        raise refused
    return None


def require_manifest(
    vault: Vault, signer: Verifier, deployment: str, point: str, listing: Sequence[Snapshot] | None = None
) -> SignedManifest:
    """Given a restore point's id, return its verified manifest. Raise PointError if there is none."""
    found = find_manifest(vault, signer, deployment, point, listing)
    if found is None:
        raise PointError(
            f"There is no restore point '{point}' of deployment '{deployment}' in vault {vault.name}.",
            next_step=f"List them with `lifeboat points {deployment}`.",
        )
    return found


def read_manifest(vault: Vault, signer: Verifier, snapshot: Snapshot) -> SignedManifest:
    """Given a manifest's snapshot, return the verified manifest. Raise SignatureError when it is not genuine."""
    what = f"Manifest of restore point '{snapshot.tags.get('point')}'"
    payload = signer.open(MANIFEST_SCHEMA, vault.read(snapshot.id, MANIFEST_PATH), what=what)
    manifest = read_document(Manifest, payload, what)
    if (manifest.deployment, manifest.id) != (snapshot.tags.get("deployment"), snapshot.tags.get("point")):
        raise SignatureError(
            f"{what} is the manifest of '{manifest.deployment}' '{manifest.id}'; it is not used.",
            next_step="Somebody copied a signed manifest under other tags; find out who writes to the vault.",
        )
    return SignedManifest(manifest=manifest, sha256=sha256(payload))


def located(manifest: Manifest, listing: Sequence[Snapshot]) -> Manifest:
    """Given a manifest and the listing of its point in some vault, return it with the addresses of that vault.

    Copying gave the snapshots new ids; their tags and trees, which the manifest signs, are what they were. An address
    that the vault does not hold stays as it is.
    """
    there = {found.id for found in listing}

    def find(where: Address, unit: UnitSnapshot, kind: str, member: str) -> Address:
        if where.snapshot in there:
            return where
        tags = {"kind": kind, "attempt": unit.attempt, "member": member}
        for found in listing:
            if found.tree == where.tree and tags.items() <= found.tags.items():
                return where.model_copy(update={"snapshot": found.id})
        return where

    def find_all(unit: UnitSnapshot) -> UnitSnapshot:
        members = (
            member.model_copy(update={"address": find(member.address, unit, "member", member.member)})
            for member in unit.members
        )
        facts = find(unit.facts, unit, "facts", str(unit.unit))
        return unit.model_copy(update={"facts": facts, "members": tuple(members)})

    return manifest.model_copy(update={"units": tuple(map(find_all, manifest.units))})


def manifest_there(vault: Vault, signer: Verifier, deployment: str, point: str) -> Manifest:
    """Given a restore point's id, return its verified manifest with the addresses of this vault. Raise PointError if
    there is none."""
    listing = list_point(vault, deployment, point)
    return located(require_manifest(vault, signer, deployment, point, listing).manifest, listing)


def located_at(vault: Vault, manifest: Manifest, site: str) -> Manifest:
    """Given a verified manifest and the site of a vault, return it with the addresses of this vault. The vault is asked
    only about what was captured at another site."""
    if all(unit.site == site for unit in manifest.units):
        return manifest
    return located(manifest, list_point(vault, manifest.deployment, manifest.id))


def write_evidence(vault: Vault, signer: Signer, evidence: Evidence) -> None:
    """Sign evidence and add it to the vault."""
    tags = {
        "kind": "evidence",
        "type": evidence.type,
        "deployment": evidence.deployment,
        "point": evidence.point,
        "id": evidence.id,
        "passed": "yes" if evidence.passed else "no",
        **evidence.more_tags(),
    }
    vault.backup_bytes(signer.seal(EVIDENCE_SCHEMA, to_json(evidence)), EVIDENCE_PATH, tags)


def read_evidence(vault: Vault, signer: Verifier, snapshot: Snapshot) -> Evidence:
    """Given an evidence's snapshot, return it verified. Raise SignatureError when it is not genuine."""
    what = f"Evidence about restore point '{snapshot.tags.get('point')}'"
    payload = signer.open(EVIDENCE_SCHEMA, vault.read(snapshot.id, EVIDENCE_PATH), what=what)
    return read_evidence_document(payload, what)


def read_all(
    vault: Vault, signer: Verifier, deployment: str, point: str = ""
) -> tuple[list[SignedManifest], list[Evidence], list[str]]:
    """Given a deployment, return all its genuine manifests and evidence in a vault, and what was refused: what
    is forged, damaged, doubled, or about no manifest of the vault. With `point`, those of the points whose ids
    begin with it."""
    found = read_documents(vault, signer, deployment, point)
    return found.manifests, found.evidence, [*found.refused, *found.dangling]


@dataclass(frozen=True)
class Found:
    """The genuine documents of a vault, what was `refused` (forged, damaged, doubled), and what is `dangling`: genuine
    evidence about no manifest of the vault."""

    manifests: list[SignedManifest]
    evidence: list[Evidence]
    refused: list[str]
    dangling: list[str]


def read_documents(vault: Vault, signer: Verifier, deployment: str, point: str = "") -> Found:
    """Given a deployment, return what its vault holds of documents; with `point`, of the points whose ids begin so."""

    def read(snapshot: Snapshot) -> SignedManifest | Evidence | str:
        try:
            if snapshot.tags["kind"] == "manifest":
                return read_manifest(vault, signer, snapshot)
            return read_evidence(vault, signer, snapshot)
        except (SignatureError, DocumentError, VaultDamagedError) as error:
            return str(error)

    kinds = ("manifest", "evidence")
    listed = [s for s in vault.snapshots({"deployment": deployment}) if s.tags.get("kind") in kinds]
    snapshots = [snapshot for snapshot in listed if snapshot.tags.get("point", "").startswith(point)]
    # One after the other: restic 0.14 that meets the lock of another one just as that goes waits for 45 seconds.
    documents = [read(snapshot) for snapshot in snapshots]
    refused = [document for document in documents if isinstance(document, str)]
    manifests: dict[str, SignedManifest] = {}
    for signed in documents:
        if isinstance(signed, SignedManifest) and manifests.setdefault(signed.manifest.id, signed) != signed:
            refused.append(f"Restore point '{signed.manifest.id}' has a second manifest; the first one counts.")
    known = {signed.sha256 for signed in manifests.values()}
    evidence: dict[str, Evidence] = {}
    dangling = []
    for document in documents:
        if isinstance(document, SignedManifest | str):
            continue
        if document.manifest_sha256 in known:
            evidence[document.id] = document
        else:
            dangling.append(f"Evidence {document.id} is about no manifest of the vault (point '{document.point}').")
    return Found(
        sorted(manifests.values(), key=lambda signed: signed.manifest.id),
        sorted(evidence.values(), key=lambda document: document.finished_at),
        refused,
        dangling,
    )
