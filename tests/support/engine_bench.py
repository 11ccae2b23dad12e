"""An engine at work on one source, as a capture and a drill use it, without the documents around."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifeboat.by_hand import ByHand, render
from lifeboat.capture import engine_for
from lifeboat.connections import Connection, unset_connection
from lifeboat.deployment import Deployment, Unit
from lifeboat.engines.base import Capture, Engine, Facts, Part, Restored, fidelity, load_facts
from lifeboat.manifest import Check, MemberSnapshot, OpenPoint, UnitSnapshot
from lifeboat.runtime import Runtime
from lifeboat.scratch import scratch_place
from lifeboat.vault import Vault
from tests.support.quick_vault import PASSWORD

SITE = "main"
SSH_HOST = "there"


@dataclass
class Bench:
    """One unit of one deployment: its engine, a vault of its own, and a place for scratch."""

    runtime: Runtime
    unit: Unit
    vault_directory: Path
    scratch: Path

    @property
    def engine(self) -> Engine:
        return engine_for(self.runtime, self.unit)

    @property
    def vault(self) -> Vault:
        return self.runtime.vault(SITE)

    def capture(self) -> UnitSnapshot:
        """Capture the unit, as the use-case does."""
        point = OpenPoint(
            id="20260101T000000Z-00000000",
            deployment=self.runtime.deployment.name,
            kind="system_backup",
            opened_at=datetime.now(UTC),
            max_skew_seconds=600,
            units=(self.unit,),
        )
        snapshot = self.engine.capture(Capture(point=point, unit=self.unit, site=SITE, vault=self.vault))
        return UnitSnapshot.model_validate_json(snapshot.model_dump_json())  # it travels as JSON

    def facts(self, snapshot: UnitSnapshot) -> Facts:
        """Return the facts that were captured."""
        return load_facts(self.vault, snapshot)

    @contextmanager
    def restored(self, snapshot: UnitSnapshot) -> Iterator[Restored]:
        """Yield the unit, restored into scratch."""
        with scratch_place(self.scratch) as place, self.engine.restore(snapshot, self.vault, place) as restored:
            yield restored

    def by_hand(self, engine: Engine, snapshot: UnitSnapshot, member: MemberSnapshot, directory: Path) -> ByHand:
        """Return the runbook of a member, ready to be executed below a new directory."""
        runbook = engine.runbook(member, self.facts(snapshot)[member.member], "restored")
        return ByHand(runbook, render(runbook, "A test.", self.vault.repository), self.vault, directory)

    def part(self, snapshot: UnitSnapshot, name: str, directory: Path, facts: Facts | None = None) -> Part:
        """Return a member to be brought back beside the live one, with a new directory to work in; its facts, if they
        are not given, are read from the vault."""
        (member,) = (each for each in snapshot.members if each.member == name)
        directory.mkdir()
        by_hand = self.by_hand(self.engine, snapshot, member, directory / "by-hand")
        return Part(member, (facts or self.facts(snapshot))[name], self.vault, directory, by_hand)

    @contextmanager
    def restored_by_hand(self, snapshot: UnitSnapshot, member: MemberSnapshot) -> Iterator[tuple[Restored, ByHand]]:
        """Yield the unit, of which one member was restored by its runbook, and how that went."""
        engine = self.engine
        with scratch_place(self.scratch) as place:
            engine.by_hand = self.by_hand(engine, snapshot, member, place / "by-hand")
            with engine.restore(snapshot, self.vault, place) as restored:
                yield restored, engine.by_hand

    def compare(self, captured: Facts, restored: Facts) -> list[Check]:
        """Compare two sets of facts as a drill does."""
        members = [name for name in captured if "/" in name]  # what else the unit told is not of one member
        checks = [check for name in members for check in self._compare(name, captured, restored)]
        return [Check.model_validate_json(check.model_dump_json()) for check in checks]

    def _compare(self, name: str, captured: Facts, restored: Facts) -> Iterator[Check]:
        if name in restored:
            yield from self.engine.compare(name, captured[name], restored[name])
        else:
            yield fidelity("member-proven", name, False, "could not be restored")

    def drill(self, snapshot: UnitSnapshot, captured: Facts | None = None) -> list[Check]:
        """Restore, prove and compare with the facts of the capture, or with other ones."""
        with self.restored(snapshot) as restored:
            proven = restored.prove()
            return [*restored.checks, *self.compare(captured or self.facts(snapshot), proven)]


def red(checks: list[Check]) -> dict[str, str]:
    """Given checks, return the names of the failed ones with what they say."""
    return {check.name: check.detail for check in checks if check.outcome == "failed"}


def make_bench(
    directory: Path,
    unit: Unit,
    document: Mapping[str, Any],
    connections: Mapping[str, Connection],
) -> Bench:
    """Given a directory with a vault in it, a unit, and what a deployment file and the connections say of it,
    return the bench."""
    vault, scratch = directory / "vault", directory / "scratch"
    site = {"vault": {"repository": str(vault), "writer": "bench_vault"}, "scratch": str(scratch)}
    whole = {"version": 1, "name": "bench", "signing": "unused", "sites": {SITE: site}, **document}
    known = {"bench_vault": Connection("bench_vault", "generic", password=PASSWORD), **connections}

    def resolve(connection_id: str) -> Connection:
        if connection_id not in known:
            raise unset_connection(connection_id)
        return known[connection_id]

    return Bench(Runtime(Deployment.model_validate(whole), resolve), unit, vault, scratch)
