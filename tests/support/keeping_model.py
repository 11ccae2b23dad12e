"""A model checker of what deletes restore points: random operations on a vault, each followed by what must hold.

The code under test is the product's: decision, deletion, leases, holds, orphans, catalog. The model beside it knows of
each point what a person would note down: is it good, held, in use.
"""

import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from lifeboat.catalog import Catalog
from lifeboat.documents import SignedManifest, write_evidence, write_manifest
from lifeboat.errors import PointError
from lifeboat.hold import set_hold
from lifeboat.housekeeping import housekeep
from lifeboat.manifest import Address, new_point_id
from lifeboat.recovery_documents import RecoveryJournal, RecoveryPlan, RecoveryRequest
from lifeboat.recovery_journal import begin, lease_point, record
from lifeboat.refresh import refresh
from lifeboat.retention_run import Retention
from tests.support.points import made_up_drill, made_up_point
from tests.support.vault_model import Clock, Killed, VaultRuntime

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAME = "kept"
#: What one operation is chosen by, and how often.
WEIGHTS = {
    "backup": 10,
    "fail_backup": 2,
    "pass_drill": 8,
    "fail_drill": 2,
    "interrupt_drill": 2,
    "hold": 2,
    "release": 2,
    "keep_house": 8,
    "kill_housekeeping": 4,
    "begin_recovery": 2,
    "end_recovery": 2,
    "use": 2,
    "lose_catalog": 1,
    "wait": 8,
}


@dataclass
class Noted:
    """What the model notes down of a restore point."""

    signed: SignedManifest
    snapshots: set[str]
    drill: bool | None = None
    held: bool = False

    @property
    def counts(self) -> bool:
        """Whether a recovery falls back to it by itself."""
        return bool(self.drill) and self.signed.manifest.kind != "safety"

    @property
    def of(self) -> tuple[datetime, datetime]:
        manifest = self.signed.manifest
        return manifest.units[0].instant, manifest.sealed_at


@dataclass
class Checker:
    """One sequence of operations on one vault."""

    runtime: VaultRuntime
    catalog: Catalog
    clock: Clock
    choose: random.Random
    points: dict[str, Noted] = field(default_factory=dict)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    journals: dict[str, RecoveryJournal] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    most_at_first: int = 9
    lost_to_a_red_drill: bool = False

    @property
    def vault(self) -> Any:
        return self.runtime.kept

    def begin(self) -> None:
        """Begin with what a deployment has that was backed up and drilled for some days."""
        self.lose_catalog()
        for _ in range(self.choose.randint(3, self.most_at_first)):
            self.backup()
            self._drill(passed=self.choose.random() < 0.8)
            self.clock.advance(self.choose.choice([6 * HOUR, 12 * HOUR, DAY]))

    def step(self) -> None:
        """Do one operation, and assert what must hold after it."""
        names = list(WEIGHTS)
        name = self.choose.choices(names, [WEIGHTS[each] for each in names])[0]
        good = {point for point, noted in self.points.items() if noted.counts}
        newest_good = max(good, key=lambda point: self.points[point].of, default=None)
        self.lost_to_a_red_drill = False
        operation: Callable[[], None] = getattr(self, name)
        operation()
        self.done[name] += 1
        self._observe(name)
        if newest_good is not None and not self.lost_to_a_red_drill:
            assert newest_good in self.points, f"{name}: the last known good is gone"

    # -- operations -------------------------------------------------------------------------------------------

    def backup(self) -> None:
        self.clock.advance(timedelta(minutes=1))
        kind = self.choose.choices(["system_backup", "pre_upgrade", "safety"], [8, 1, 1])[0]
        made = made_up_point(self.clock.now, NAME).manifest
        (unit,) = made.units
        identity = new_point_id(self.clock.now, f"{self.choose.random()}")
        attempt = f"{self.choose.getrandbits(48):012x}"
        tags = {"deployment": NAME, "point": identity, "attempt": attempt, "member": str(unit.unit)}
        stored = [
            self.vault.backup_bytes(attempt.encode(), "/a", {"kind": part, **tags}) for part in ("member", "facts")
        ]
        if self.choose.random() < 0.2:
            self.vault.backup_bytes(b"a retry", "/a", {"kind": "member", **tags, "attempt": "of-a-retry"})
        member = unit.members[0].model_copy(
            update={"address": Address(snapshot=stored[0].snapshot, tree="", path="/a")}
        )
        unit = unit.model_copy(update={"attempt": attempt, "members": (member,)})
        manifest = made.model_copy(update={"id": identity, "kind": kind, "units": (unit,)})
        signed = write_manifest(self.vault, self.runtime.key, manifest)
        self.catalog.add_point(signed)
        self.points[identity] = Noted(signed, {each.snapshot for each in stored})

    def fail_backup(self) -> None:
        tags = {"deployment": NAME, "point": new_point_id(self.clock.now, f"{self.choose.random()}")}
        for kind in ("member", "facts")[: self.choose.randint(1, 2)]:
            self.vault.backup_bytes(b"half", "/a", {"kind": kind, **tags, "attempt": "failed", "member": "tree/a"})

    def pass_drill(self) -> None:
        self._drill(passed=True)

    def fail_drill(self) -> None:
        self._drill(passed=False)

    def _drill(self, *, passed: bool) -> None:
        if (point := self._any_point(newest=0.6)) is None or not self._lease(point, what := f"drill {uuid.uuid4()}"):
            return
        noted = self.points[point]
        drill = made_up_drill(noted.signed, "passed" if passed else "failed")
        self.clock.advance(HOUR)
        drill = drill.model_copy(update={"started_at": self.clock.now, "finished_at": self.clock.now})
        write_evidence(self.vault, self.runtime.key, drill)
        self.catalog.add_evidence(drill)
        self.catalog.give_back(NAME, what)
        self.leases.pop(what)
        self.lost_to_a_red_drill = noted.counts and not passed
        noted.drill = passed

    def interrupt_drill(self) -> None:
        if point := self._any_point():
            self._lease(point, f"drill {uuid.uuid4()}")

    def use(self) -> None:
        """Something takes a lease and gives it back in time, while housekeeping runs."""
        if (point := self._any_point()) and self._lease(point, what := f"restore {uuid.uuid4()}"):
            self.keep_house()
            self._observe("use")
            self.catalog.give_back(NAME, what)
            self.leases.pop(what)

    def hold(self) -> None:
        self._set_hold(held=True)

    def release(self) -> None:
        self._set_hold(held=False)

    def _set_hold(self, *, held: bool) -> None:
        point = self._any_point()
        if point is None or point in self.catalog.going(NAME):
            return
        set_hold(self.runtime, self.catalog, point, held=held, reason="the auditors", by="olivia")
        self.points[point].held = held

    def keep_house(self) -> None:
        planned = Retention(self.runtime, self.catalog).verdict().going if self.choose.random() < 0.3 else {}
        record = housekeep(self.runtime, self.catalog, ["retention", "orphans"])
        assert record.passed, record
        removed = {each.name for each in record.removed if each.kind == "point"}
        assert set(planned) <= removed, "what was planned is what is done"
        self.done["points deleted"] += len(removed)
        self.done["orphans removed"] += sum(each.kind == "orphan" for each in record.removed)

    def kill_housekeeping(self) -> None:
        self.vault.deletions.left = self.choose.randint(0, 8)
        try:
            self.keep_house()
        except Killed:
            self.done["killed"] += 1
        finally:
            self.vault.deletions.left = None

    def begin_recovery(self) -> None:
        if self.journals or (good := self.catalog.last_known_good(NAME)) is None:
            return
        plan = RecoveryPlan(
            id=new_point_id(self.clock.now, f"{self.choose.random()}"),
            deployment=NAME,
            site="main",
            request=RecoveryRequest(),
            point=good.manifest.id,
            manifest_sha256=good.manifest_sha256,
            point_instant=self.clock.now,
            verdict="good",
            chosen="a test",
            replacements=(),
        )
        try:
            lease_point(self.runtime, self.catalog, plan)
        except PointError:
            return  # it is being deleted
        self.clock.advance(HOUR)
        self.journals[plan.id] = begin(self.runtime, self.catalog, plan, "olivia")

    def end_recovery(self) -> None:
        for recovery, journal in list(self.journals.items()):
            record(self.runtime, self.catalog, journal.plan, started_at=self.clock.now, requested_by="olivia")
            del self.journals[recovery]

    def lose_catalog(self) -> None:
        """Every row is gone, leases too: only what has a journal in the vault is protected still."""
        with self.catalog._engine.begin() as connection:
            for table in ("evidence", "point", "lease", "going", "upkeep"):
                connection.execute(text(f"DELETE FROM {table}"))
        self.leases.clear()
        refresh(self.runtime, self.catalog)

    def wait(self) -> None:
        self.clock.advance(self.choose.choice([6 * HOUR, 12 * HOUR, DAY, DAY, 3 * DAY]))

    # -- what must hold ---------------------------------------------------------------------------------------

    def _observe(self, name: str) -> None:
        listing = self.vault.snapshots({"deployment": NAME})
        ids = {each.id for each in listing} | {each.id[:8] for each in listing}  # a backup tells the short one
        existing = {each.tags["point"] for each in listing if each.tags["kind"] == "manifest"}
        protected = {point for what, (point, until) in self.leases.items() if until > self.clock.now}
        protected |= {point for point, noted in self.points.items() if noted.held}
        protected |= {journal.point for journal in self.journals.values()}
        assert protected <= existing, f"{name}: {protected - existing} is held or in use, and gone"
        for point in existing:
            assert self.points[point].snapshots <= ids, f"{name}: {point} exists, and is not whole"
        self.points = {point: noted for point, noted in self.points.items() if point in existing}
        if name != "kill_housekeeping":
            known = {state.manifest.id: state for state in self.catalog.points(NAME)}
            assert known.keys() == existing, f"{name}: catalog and vault differ"
            for point, noted in self.points.items():
                state = known[point]
                assert (state.drill and state.drill.passed, state.hold is not None) == (noted.drill, noted.held)
        else:
            refresh(self.runtime, self.catalog)  # as the next run begins

    def _any_point(self, newest: float = 0.0) -> str | None:
        if not self.points:
            return None
        if self.choose.random() < newest:
            return max(self.points, key=lambda point: self.points[point].of)
        return self.choose.choice(sorted(self.points))

    def _lease(self, point: str, what: str) -> bool:
        try:
            self.catalog.lease(NAME, point, what, DAY)
        except PointError:
            assert point in self.catalog.going(NAME)
            self.done["refused leases"] += 1
            return False
        self.leases[what] = (point, self.clock.now + DAY - HOUR)
        return True

    def state(self) -> list[tuple[str, ...]]:
        """Return what the vault holds and the catalog says, as another vault would have it after the same steps."""
        listing = self.vault.snapshots({"deployment": NAME})
        shown = ("kind", "point", "type", "passed", "held", "attempt")
        return sorted(tuple(each.tags.get(tag, "") for tag in shown) for each in listing)
