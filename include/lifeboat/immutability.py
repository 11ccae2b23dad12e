"""Vaults on S3 that cannot be destroyed: the time for which each object is locked is extended every night.

An object is locked from when it is written, by the bucket's default. What the vault still uses is locked anew, so that
at any time it stays for `retain`, whoever has whatever account; what was pruned is not, and goes by a lifecycle rule.
"""

import logging
import random
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lifeboat.deployment import format_duration
from lifeboat.errors import ConfigurationError, VaultError
from lifeboat.runtime import Runtime
from lifeboat.s3_vault import Lock, S3Vault, Version
from lifeboat.upkeep_documents import Retained, UpkeepRecord

log = logging.getLogger(__name__)

_THREADS = 16
_PROGRESS_SECONDS = 30.0
#: Clocks and whole seconds.
_CLOSE = timedelta(minutes=1)
_NEXT = (
    "Look who has an account that may do so (the storage's audit log), and take it away. `lifeboat vault init` sets "
    "the bucket's settings again, and `lifeboat vault recover` brings back what was deleted or overwritten."
)


def require_locked(runtime: Runtime, site: str) -> None:
    """Given a site whose vault has `object_lock`, return if its bucket is set up so. Raise ConfigurationError."""
    lock = runtime.deployment.sites[site].vault.object_lock
    assert lock is not None
    if problems := runtime.s3_vault(site).problems(lock.mode, lock.retain.days):
        raise ConfigurationError(
            f"The vault of site '{site}' can be destroyed, or grows for ever: {'; '.join(problems)}.",
            next_step=f"`lifeboat vault init {runtime.deployment.name}` sets the bucket up, with the housekeeper's "
            "account; docs/immutability.md says what it needs.",
        )


def extend(runtime: Runtime, records: Iterable[UpkeepRecord], site: str, told: list[Retained]) -> None:
    """Given a site whose vault has `object_lock`, and the records of housekeeping, newest first, lock everything that
    the vault uses for `retain` from now on; never for less than it is. `told` gets what was done. Raise VaultError
    when somebody changed what protects the vault, or not all was done within `time`."""
    lock = runtime.deployment.sites[site].vault.object_lock
    if lock is None:
        raise ConfigurationError(
            f"The vault of site '{site}' has no object_lock.", next_step=f"Set sites.{site}.vault.object_lock."
        )
    bucket = runtime.s3_vault(site)
    findings = bucket.problems(lock.mode, lock.retain.days)
    earlier = next((each for record in records for each in record.retained if each.site == site), None)
    used, shadowed = _used(bucket.versions())
    if shadowed:
        findings.append(f"{len(shadowed)} objects were overwritten, which restic never does, such as {shadowed[0]}")
    work = _Extending(bucket, lock.mode, _until(lock.retain), earlier, time.monotonic() + lock.time.total_seconds())
    work.all(used)
    if work.shortened:
        findings.append(f"the lock of {len(work.shortened)} objects was shortened, such as {work.shortened[0]}")
    told.append(
        Retained(
            site=site,
            until=work.until,
            mode=lock.mode,
            objects=work.done,
            extended=work.extended,
            complete=work.done == len(used),
            findings=tuple(findings),
            finished_at=datetime.now(UTC),
        )
    )
    if findings:
        raise VaultError(f"Vault {bucket.bucket} of site '{site}': {'; '.join(findings)}.", next_step=_NEXT)
    if work.done < len(used):
        raise VaultError(
            f"Within {format_duration(lock.time)} {work.done} of {len(used)} objects of site '{site}' were locked "
            "anew; the others stay locked as long as they were.",
            next_step=f"Raise sites.{site}.vault.object_lock.time.",
        )


def _until(retain: timedelta) -> datetime:
    return (datetime.now(UTC) + retain).replace(microsecond=0)  # as S3 keeps it


def _used(objects: Iterable[Sequence[Version]]) -> tuple[list[Version], list[str]]:
    """Given the versions of each object, return all those of objects that are there, and which objects show another
    content than their first one, which is the genuine one, and must stay as well."""
    used, shadowed = [], []
    for versions in objects:
        if not versions[-1].marker:
            there = [each for each in versions if not each.marker]
            used += there
            if not there[0].same_content(there[-1]):
                shadowed.append(versions[-1].key)
    random.shuffle(used)  # if the time is up, it is not always the same ones that are left
    return used, shadowed


@dataclass
class _Extending:
    bucket: S3Vault
    mode: str
    until: datetime
    earlier: Retained | None
    deadline: float
    done: int = 0
    extended: int = 0
    shortened: list[str] = field(default_factory=list)
    _told_at: float = field(default_factory=time.monotonic)

    def all(self, versions: Sequence[Version]) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            for version, found in zip(versions, pool.map(self._one, versions), strict=True):
                if found is None:
                    continue
                self.done += 1
                self._note(version, found)
                if time.monotonic() - self._told_at > _PROGRESS_SECONDS:
                    self._told_at = time.monotonic()
                    log.info("Locked %d of %d objects until %s", self.done, len(versions), self.until)

    def _one(self, version: Version) -> Lock | None:
        """Lock a version, and return how it was locked before; None when the time is up."""
        if time.monotonic() > self.deadline:
            return None
        found = self.bucket.lock_of(version)
        if self._longer(found):
            stronger = found.until is not None and found.mode == "COMPLIANCE"
            self.bucket.retain(version, "COMPLIANCE" if stronger else self.mode, self.until)
        return found

    def _longer(self, found: Lock) -> bool:
        return found.until is None or found.until < self.until

    def _note(self, version: Version, found: Lock) -> None:
        self.extended += self._longer(found)
        before = self.earlier
        if before is None or version.time > before.finished_at or not before.complete:
            return
        if found.until is None or found.until < before.until - _CLOSE:
            self.shortened.append(version.key)
