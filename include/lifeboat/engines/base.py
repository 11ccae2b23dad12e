"""What an engine is: the module that captures, restores and proves the members of one vendor or kind.

An engine works on one unit: a database server with its databases, one home, or one tree. Every engine passes
the contract suite in tests/contract. Its promises:
- `preflight` changes nothing and names everything that is missing, before anything is opened or locked;
- `capture` stores data and facts, and returns a UnitSnapshot only when both are whole; it never retries what
  is permanent, and whatever a failed attempt left in the vault carries that attempt's tag and is never used;
- `restore` writes below the scratch directory only, and what it started is gone when its context ends;
- `compare` looks at facts alone;
- `plan_replacement` changes nothing and raises whatever stands in the way of a recovery; `restore_beside` touches
  nothing that is live, and called again it begins anew; `step` exchanges as `lifeboat.swap.Step` promises.
"""

import json
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.by_hand import ByHand, Runbook
from lifeboat.deployment import Unit, UnitSettings
from lifeboat.errors import ConfigurationError, ToolError, VaultDamagedError
from lifeboat.host import Host
from lifeboat.manifest import (
    Address,
    Check,
    MemberSnapshot,
    OpenPoint,
    Outcome,
    Proof,
    UnitSnapshot,
    canonical_json,
    sha256,
)
from lifeboat.recovery_documents import Replacement
from lifeboat.runtime import Runtime
from lifeboat.swap import Step
from lifeboat.text import shown
from lifeboat.vault import Stored, Vault
from lifeboat.wso2.checks import CheckedDatabase, CheckResult

log = logging.getLogger(__name__)

#: Facts of one unit: member name to that member's facts, all of it JSON.
Facts = dict[str, dict[str, Any]]

FACTS_PATH = "/facts.json"


@dataclass(frozen=True)
class Capture:
    """One attempt to capture one unit for an open restore point."""

    point: OpenPoint
    unit: Unit
    site: str
    vault: Vault
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def tags(self, member: str) -> dict[str, str]:
        """Given a member's name, return the tags by which its snapshot is found in any vault."""
        return {
            "kind": "member",
            "deployment": self.point.deployment,
            "point": self.point.id,
            "member": member,
            "attempt": self.attempt,
        }

    def store_facts(self, facts: Facts) -> tuple[Address, str]:
        """Store the facts of the unit in the vault, and return their address and digest."""
        content = canonical_json(facts)
        tags = {**self.tags(str(self.unit)), "kind": "facts"}
        stored = self.vault.backup_bytes(content, FACTS_PATH, tags)
        return address(stored, FACTS_PATH), sha256(content)


@dataclass
class Restored:
    """A unit restored into scratch: how to prove it, and what went wrong on the way. `unreached` says, after `prove`,
    that the WSO2 checks cannot be run on it from here."""

    checks: list[Check] = field(default_factory=list)
    restored_bytes: int = 0
    unreached: bool = field(default=False, init=False)

    def prove(self) -> Facts:
        """Compute the facts again from what was restored; members that could not be restored are left out."""
        raise NotImplementedError

    def databases(self) -> AbstractContextManager[Mapping[str, CheckedDatabase]]:
        """Yield the restored databases for the WSO2 checks, by member name."""
        raise NotImplementedError

    def examine(self) -> list[CheckResult]:
        """Run the WSO2 checks on what is no database, after `prove`."""
        return []


@dataclass(frozen=True)
class Part:
    """One member, of which all or a part is to be brought back into a place of its own, beside what is live:
    its snapshot, its facts, an empty directory of this worker to work in, and its runbook ready to be run."""

    member: MemberSnapshot
    facts: dict[str, Any]
    vault: Vault
    scratch: Path
    by_hand: ByHand


@dataclass(frozen=True)
class Returned:
    """What was brought back: where it is now, how much it is, and the checks that prove it."""

    where: str
    size_bytes: int
    checks: tuple[Check, ...]


class Engine(ABC):
    """One engine at work on one unit of a deployment."""

    kind: ClassVar[str]
    #: The type of Airflow connection that its units name, or None.
    connection_type: ClassVar[str | None] = None
    methods: ClassVar[tuple[str, ...]] = ("logical",)
    #: Whether a recovery leaves its units alone unless they are named: they are not WSO2's.
    only_by_name: ClassVar[bool] = False
    #: Whether its members lie inside a home, which is exchanged before them and put back after them.
    inside_a_home: ClassVar[bool] = False
    #: Whether the WSO2 checks can be run on it while it is live.
    checked_live: ClassVar[bool] = True
    #: Whether the vault has only a document about its data, which `copy_to` brings to other sites.
    outside: ClassVar[bool] = False
    #: Bytes of scratch that a drill needs for each byte that was captured.
    scratch_factor: ClassVar[float] = 1.1

    def __init__(self, runtime: Runtime, unit: Unit) -> None:
        self.runtime = runtime
        self.unit = unit
        #: Set by a drill: `restore` brings this runbook's member back by it, and only if it fails by its own way.
        self.by_hand: ByHand | None = None
        #: Set by a drill: the site whose vault it restores from.
        self.at_site = runtime.deployment.home_site()

    @abstractmethod
    def preflight(self) -> dict[str, str]:
        """Check tools, access, paths and privileges; return the tools' versions. Raise what is missing."""

    def drill_preflight(self) -> None:  # noqa: B027 (most engines need nothing that a capture does not)
        """Check what a drill of this unit needs on this worker besides. Raise what is missing."""

    @abstractmethod
    def capture(self, capture: Capture) -> UnitSnapshot:
        """Capture the unit. Raise CaptureError or another LifeboatError, and then nothing may be referenced."""

    @abstractmethod
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> AbstractContextManager[Restored]:
        """Given a snapshot and an empty scratch directory of this worker, restore the unit there."""

    @abstractmethod
    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        """Given a member's facts as captured and as restored, yield the fidelity checks, passed ones as well."""

    def copy_to(self, snapshot: UnitSnapshot, vault: Vault, site: str) -> None:
        """Bring what lies outside of the vault to a site whose vault is given, and see that it is whole there. Called
        again it copies nothing twice. Raise CloudError and others, and then the point is not whole at the site."""
        raise self._cannot("keeps all of its data in the vault")

    # -- without a swap; an engine offers what its kind of member has -------------------------------------------

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        """Given a member's snapshot and facts, return how it is restored by standard tools beside the live one,
        under its name with a suffix."""
        raise self._cannot("has no runbook")

    def restore_files(self, part: Part, target: Path, path: str | None) -> Returned:
        """Bring a member's files, or the sub-tree or file at `path`, back into the new directory `target`."""
        raise self._cannot("restores nothing into a directory")

    def restore_database(self, part: Part, name: str) -> Returned:
        """Bring a database back as the new database `name` of the live server, and prove it there."""
        raise self._cannot("has no database to restore into")

    def require_place(self, name: str, *, clear: bool = False) -> None:
        """Raise PreflightError unless `restore_database` may make the database `name`: there is none, or one without
        any table, which `clear` drops."""
        raise self._cannot("has no database to restore into")

    def drop_database(self, name: str) -> None:
        """Drop a database that `restore_database` has made."""
        raise self._cannot("has no database to restore into")

    def restore_table(self, part: Part, table: str, into: str) -> Returned:
        """Bring one table of a database back as the new table `into` of the live database, and prove its rows."""
        raise self._cannot("has no table to restore into")

    def _cannot(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.unit}: its engine {what}.", next_step="See `lifeboat restore --help` for what fits which member."
        )

    # -- recovery -------------------------------------------------------------------------------------------

    @abstractmethod
    def plan_replacement(self, snapshot: UnitSnapshot, members: Sequence[str], recovery: str) -> Replacement:
        """Given a snapshot, the names of the members to bring back and the recovery's id, which goes into the names
        beside the live ones, say what would be exchanged. Raise what stands in the way: privileges, other uses of
        the live thing, things that an exchange would break."""

    @abstractmethod
    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> AbstractContextManager[Restored]:
        """Restore the members beside the live ones, on their own server or host. `scratch` is an empty directory of
        this worker for what is only needed meanwhile."""

    @abstractmethod
    def step(self, replacement: Replacement) -> Step:
        """Return the exchange of the unit's members, live against restored."""

    def examine(self) -> list[CheckResult]:
        """Run the WSO2 checks of the live unit that need no database; most engines have none."""
        return []

    def live_databases(self) -> AbstractContextManager[Mapping[str, CheckedDatabase]]:
        """Yield the live databases for the WSO2 checks, by member name; most engines have none."""
        return nullcontext({})

    def live_schema(self) -> dict[str, dict[str, str]]:
        """Return the objects of each live database's schema with a digest, by member; most engines have none."""
        return {}

    @property
    def host(self) -> Host:
        return self.runtime.host(self.settings.host)

    @property
    def settings(self) -> UnitSettings:
        return self.runtime.deployment.settings_of(self.unit)


def address(stored: Stored, path: str) -> Address:
    """Given what was stored, return its address; `seal` fills in the tree, which restic tells in its listing."""
    return Address(snapshot=stored.snapshot, tree="", path=path)


def proof(algorithm: str, facts: Mapping[str, Any], summary: dict[str, int | str]) -> Proof:
    """Given a member's facts, return the proof that a manifest carries."""
    return Proof(algorithm=algorithm, digest=sha256(canonical_json(facts)), summary=summary)


def member_snapshot(
    name: str, engine: str, stored: Stored, path: str, member_proof: Proof, **more: Any
) -> MemberSnapshot:
    """Given what was stored of a member and its proof, return its part of the manifest."""
    return MemberSnapshot(
        member=name,
        engine=engine,
        address=address(stored, path),
        size_bytes=more.pop("size_bytes", stored.size_bytes),
        added_bytes=stored.added_bytes,
        packed_bytes=stored.packed_bytes,
        proof=member_proof,
        **more,
    )


def load_facts(vault: Vault, snapshot: UnitSnapshot) -> Facts:
    """Given a unit's snapshot, return its facts from the vault. Raise VaultDamagedError when they changed."""
    content = vault.read(snapshot.facts.snapshot, snapshot.facts.path)
    if sha256(content) != snapshot.facts_sha256:
        raise VaultDamagedError(
            f"The facts of {snapshot.unit} in the vault are not those that were sealed.",
            next_step="Use another restore point; run `restic check --read-data` on the vault.",
        )
    facts: Facts = json.loads(content)
    return facts


def fidelity(name: str, member: str, ok: bool, detail: str) -> Check:
    """Given what a comparison found, return its fidelity check."""
    outcome: Outcome = "passed" if ok else "failed"
    return Check(name=name, verdict="fidelity", outcome=outcome, member=member, detail=detail)


def difference(captured: Mapping[str, Any], restored: Mapping[str, Any], most: int = 5) -> str:
    """Given two mappings, return in words which keys differ, at most `most` of each kind, or an empty text."""
    lost = sorted(captured.keys() - restored.keys())
    extra = sorted(restored.keys() - captured.keys())
    changed = sorted(key for key in captured.keys() & restored.keys() if captured[key] != restored[key])
    parts = []
    for word, keys in (("missing", lost), ("extra", extra), ("changed", changed)):
        if keys:
            parts.append(f"{len(keys)} {word}: {shown(keys, most)}")
    return "; ".join(parts)


def require_version(host: Host, tool: str, version: tuple[int, ...], least: tuple[int, ...], how: str) -> None:
    """Raise ToolError when a tool on a host is older than Lifeboat works with."""
    if version < least:
        present, wanted = (".".join(map(str, item)) for item in (version, least))
        raise ToolError(
            f"{tool} {present} on host '{host.name}' is too old; {wanted} or newer is needed.", next_step=how
        )
