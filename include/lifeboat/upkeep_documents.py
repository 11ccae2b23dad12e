"""What a housekeeping run did, as a signed document in the vault: what it removed and why, and what it verified."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from lifeboat.errors import DocumentError, SignatureError, VaultDamagedError
from lifeboat.manifest import Document, read_document, to_json
from lifeboat.signing import Signer, Verifier
from lifeboat.vault import Snapshot, Vault

UPKEEP_SCHEMA = "lifeboat/upkeep/1"
UPKEEP_PATH = "/upkeep.json"
#: So many records stay in the vault: more than a year of daily runs.
KEPT_RECORDS = 400
#: So many of those that are not known yet are read at once, the newest: a catalog that was lost is needed soon.
_READ_AT_ONCE = 60

#: What can be removed: a restore point, snapshots that belong to none, what a recovery swapped out, a dead process's
#: lock on the vault, a dead drill's scratch place, an old record of this kind.
RemovedKind = Literal["point", "orphan", "swapped_out", "lock", "scratch", "record"]


class Removed(Document):
    """One thing that was removed, and why."""

    kind: RemovedKind
    name: str
    why: str
    snapshots: int = 0


class VaultCheck(Document):
    """That a part of a vault's data was read and compared with its checksums; `detail` says what is damaged. Without a
    `site` it is the vault that the record lies in."""

    part: int
    of: int
    passed: bool
    checked_at: datetime
    detail: str = ""
    site: str = ""


class Repair(Document):
    """How a site's vault was repaired, or what of it could not be.

    `packs` were damaged and are aside now, or lost. `points` were concerned, and are whole again: what a manifest names
    was read from the vault afterwards. It was filled from `sources`; `snapshots` were sent again, `size_bytes` were
    read. `still_damaged` says what nobody has whole, `kept` why damaged packs are still in their place.
    """

    site: str
    packs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    snapshots: int = 0
    size_bytes: int = 0
    still_damaged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    finished_at: datetime

    def sentence(self) -> str:
        """Tell it to people."""
        whole = f"{len(self.points)} restore points are whole again" if self.points else "no restore point was filled"
        source = f", from site {', '.join(self.sources)}: {self.snapshots} snapshots" if self.sources else ""
        read = f", {self.size_bytes} bytes read again" if self.size_bytes else ""
        damage = f"; damaged: {', '.join(self.packs)}" if self.packs else ""
        rest = [*(f"still damaged: {each}" for each in self.still_damaged), *(f"kept: {each}" for each in self.kept)]
        return f"site {self.site}: {whole}{source}{read}{damage}{''.join(f'; {each}' for each in rest)}"


class Retained(Document):
    """That what a site's vault on S3 uses cannot be destroyed until then: so many `objects`, of which `extended` were
    told so now; `complete` says whether those are all. `findings` are what somebody did to it."""

    site: str
    until: datetime
    mode: str
    objects: int
    extended: int
    complete: bool
    findings: tuple[str, ...] = ()
    finished_at: datetime


class BroughtBack(Document):
    """That the files of a site's vault on S3 were put back as they were at a time. `points` were read afterwards and
    are whole."""

    site: str
    as_of: datetime
    objects: int
    hidden: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


class UpkeepRecord(Document):
    """One run of housekeeping.

    `held_back` says why retention deleted nothing, each reason by itself. `checks` are the parts of the vaults that
    were read: of each the next one, and again every one that was damaged, also after a repair: the last one counts.
    Sizes are those of the data that points use, before and after; `pruned_bytes` is what the storage got back. None is
    what the run did not come to. `left` is what was to be removed and could not be, for a reason that is no failure.
    """

    schema_version: Literal["lifeboat/upkeep/1"] = Field("lifeboat/upkeep/1", alias="schema")
    id: str = Field(default_factory=lambda: uuid.uuid4().hex)
    deployment: str
    site: str
    started_at: datetime
    finished_at: datetime
    removed: tuple[Removed, ...] = ()
    held_back: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    pruned_bytes: int | None = None
    size_before: int | None = None
    size_after: int | None = None
    checks: tuple[VaultCheck, ...] = ()
    repairs: tuple[Repair, ...] = ()
    retained: tuple[Retained, ...] = ()
    brought_back: tuple[BroughtBack, ...] = ()
    errors: tuple[str, ...] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @property
    def passed(self) -> bool:
        """Whether every part of the run did what it should, and nothing that it read is damaged."""
        return not self.errors and all(check.passed for check in self.newest_checks().values())

    def newest_checks(self) -> dict[tuple[str, int, int], VaultCheck]:
        """Return the last check of each part, by site, part and number of parts."""
        return {(check.site or self.site, check.part, check.of): check for check in self.checks}


def write_upkeep(vault: Vault, signer: Signer, record: UpkeepRecord) -> None:
    """Sign the record of a run and add it to the vault."""
    tags = {
        "kind": "upkeep",
        "deployment": record.deployment,
        "id": record.id,
        "passed": "yes" if record.passed else "no",
    }
    vault.backup_bytes(signer.seal(UPKEEP_SCHEMA, to_json(record)), UPKEEP_PATH, tags)


def read_upkeep(
    vault: Vault, signer: Verifier, deployment: str, known: Collection[str] = ()
) -> tuple[list[UpkeepRecord], list[str]]:
    """Given a deployment, return the genuine records of its runs in a vault, but for those whose ids are `known`, and
    what was refused. Of very many the newest are read; the others are when it is called again."""

    def read(snapshot: Snapshot) -> UpkeepRecord | str:
        what = f"The record of housekeeping '{snapshot.tags.get('id')}'"
        try:
            payload = signer.open(UPKEEP_SCHEMA, vault.read(snapshot.id, UPKEEP_PATH), what=what)
            return read_document(UpkeepRecord, payload, what)
        except (SignatureError, DocumentError, VaultDamagedError) as error:
            return str(error)

    listed = vault.snapshots({"kind": "upkeep", "deployment": deployment})
    wanted = [each for each in listed if each.tags.get("id") not in known][-_READ_AT_ONCE:]
    found = [read(snapshot) for snapshot in wanted]
    records = [each for each in found if isinstance(each, UpkeepRecord) and each.deployment == deployment]
    return records, [each for each in found if isinstance(each, str)]
