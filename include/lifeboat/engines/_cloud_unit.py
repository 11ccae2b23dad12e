"""Units whose data stays in AWS: in the vault lies a small document that says what it is and where.

The document is a stream like a dump, so its address, digest, signature and copies are those of any member.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.names import Mark
from lifeboat.aws.sites import cloud_of_site
from lifeboat.aws.waiting import Limits
from lifeboat.aws.work import T, Work, finish
from lifeboat.deployment_cloud import MachineImage, RdsDatabase
from lifeboat.engines.base import Capture, Engine, Facts, Restored, difference, fidelity, member_snapshot, proof
from lifeboat.engines.tree import restic_version
from lifeboat.errors import UnreachableError, VaultDamagedError
from lifeboat.host import LocalHost
from lifeboat.manifest import Check, Outcome, UnitSnapshot, canonical_json, sha256
from lifeboat.recovery_documents import Replacement
from lifeboat.swap import Step
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckedDatabase, CheckResult

SCHEMA = "lifeboat/cloud-member/1"
PATH = "/cloud.json"
#: After this time what a drill has made is a leftover, whether it still runs or not.
DRILL_EXPIRES = timedelta(days=1)


#: Opens what was restored for the WSO2 checks.
Look = Callable[[], AbstractContextManager[Mapping[str, CheckedDatabase]]]


class RestoredInCloud(Restored):
    """What a drill has made in AWS, what AWS tells of it, and how to look into it, if that is known."""

    def __init__(self, member: str, facts: dict[str, Any] | None, size: int, look: Look | None = None) -> None:
        super().__init__(restored_bytes=size)
        self._member, self._facts, self._look = member, facts, look
        self.unreached = look is None

    def prove(self) -> Facts:
        if self._look is not None:
            try:
                with self._look():
                    pass
            except UnreachableError as error:
                self._look, self.unreached = None, True
                self.checks.append(self._reached("skipped", error.message))
            else:
                self.checks.append(self._reached("passed", "the restored database answers"))
        return {} if self._facts is None else {self._member: self._facts}

    @contextmanager
    def databases(self) -> Iterator[Mapping[str, CheckedDatabase]]:
        with self._look() if self._look else nullcontext({}) as databases:
            yield databases

    def _reached(self, outcome: Outcome, detail: str) -> Check:
        return Check(name="database-answers", verdict="health", outcome=outcome, member=self._member, detail=detail)


class CloudUnit(Engine):
    """What the engines of things in AWS share. A recovery leaves them alone unless they are named."""

    only_by_name: ClassVar[bool] = True
    checked_live: ClassVar[bool] = False
    outside: ClassVar[bool] = True
    algorithm: ClassVar[str]

    @property
    def cloud_settings(self) -> RdsDatabase | MachineImage:
        settings = self.settings
        assert isinstance(settings, RdsDatabase | MachineImage)
        return settings

    def cloud(self, site: str | None = None) -> Cloud:
        """Return the account of a site, by default of the one where the unit is."""
        return cloud_of_site(self.runtime, site or self.cloud_settings.site)

    def identity(self) -> dict[str, str]:
        """Return what the deployment file calls the live thing by, under its own keys."""
        raise NotImplementedError

    def finish(self, cloud: Cloud, work: Work[T]) -> T:
        """Do work to its end."""
        return finish(cloud, work, Limits())

    def backup_mark(self, point: str) -> Mark:
        """Return the mark of what a restore point keeps."""
        return Mark(self.runtime.deployment.name, point, "backup")

    def drill_mark(self, document: Mapping[str, Any]) -> Mark:
        """Return the mark of what a drill of a restore point makes."""
        expires = (datetime.now(UTC) + DRILL_EXPIRES).replace(microsecond=0)
        return Mark(self.runtime.deployment.name, f"drill-{document['point']}-{self.at_site}", "drill", expires)

    def store(
        self,
        capture: Capture,
        document: dict[str, Any],
        name: str,
        facts: dict[str, Any],
        instant: datetime,
        tools: dict[str, str],
        checks: Sequence[CheckResult] = (),
    ) -> UnitSnapshot:
        """Store the document of what was captured under a name, and its facts, and return the unit's snapshot."""
        member = str(self.unit)
        content = canonical_json({"schema": SCHEMA, "point": capture.point.id, **document})
        began = time.monotonic()
        stored = capture.vault.backup_bytes(content, PATH, capture.tags(member))
        where, digest = capture.store_facts({member: facts})
        snapshot = member_snapshot(
            member,
            self.unit.kind,
            stored,
            PATH,
            proof(self.algorithm, facts, {"region": document["region"], "name": name}),
            stream_sha256=sha256(content),
            details={"region": document["region"], "account": document["account"], **self.identity()},
        )
        return UnitSnapshot(
            unit=self.unit,
            site=capture.site,
            attempt=capture.attempt,
            host_name=self.host.host_name(),
            instant=instant,
            skew_ms=0.0,
            started_at=capture.started_at,
            finished_at=datetime.now(UTC),
            proof_seconds=time.monotonic() - began,
            tools={**tools, "restic": restic_version(LocalHost())},
            facts=where,
            facts_sha256=digest,
            members=(snapshot,),
            checks=tuple(checks),
        )

    def document(self, snapshot: UnitSnapshot, vault: Vault) -> dict[str, Any]:
        """Return the document of a unit's snapshot. Raise VaultDamagedError when it is not the one that was sealed."""
        (member,) = snapshot.members
        content = vault.read(member.address.snapshot, member.address.path)
        if sha256(content) != member.stream_sha256:
            raise VaultDamagedError(
                f"The document of {member.member} in the vault is not the one that was sealed.",
                next_step="Use another restore point; run `restic check --read-data` on the vault.",
            )
        document: dict[str, Any] = json.loads(content)
        return document

    def lost(self, what: str) -> Restored:
        """Return what a drill has restored of data that the vault knows of and the cloud has no more: nothing."""
        member = str(self.unit)
        restored = RestoredInCloud(member, None, 0)
        detail = f"{what} is not in the account of site '{self.at_site}'; AWS's trail tells who removed it"
        restored.checks.append(fidelity("cloud-restored", member, False, detail))
        return restored

    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        differs = difference(captured, restored)
        yield fidelity("cloud-restored", member, not differs, differs or ", ".join(sorted(captured)))

    def plan_replacement(self, snapshot: UnitSnapshot, members: Sequence[str], recovery: str) -> Replacement:
        raise self._cannot("restores beside, in AWS; no recovery exchanges it for what is live: docs/aws.md")

    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> AbstractContextManager[Restored]:
        raise self._cannot("is exchanged by no recovery")

    def step(self, replacement: Replacement) -> Step:
        raise self._cannot("is exchanged by no recovery")
