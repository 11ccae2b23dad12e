"""Housekeeping on a real vault: what each part removes and leaves, and what it tells when something is wrong."""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lifeboat.capture import capture_unit, open_point
from lifeboat.deployment import Unit
from lifeboat.documents import list_point, read_all
from lifeboat.housekeeping import PARTS, housekeep, parts_to_check
from lifeboat.recovery_documents import RecoveryRequest
from lifeboat.recovery_run import plan_and_begin, recover
from lifeboat.upkeep_documents import UpkeepRecord, VaultCheck, read_upkeep
from tests.support.command_line import lifeboat_here
from tests.support.kept_vaults import Kept, flip, locked
from tests.support.small_deployment import NAME, Small

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TREE = Unit.parse("tree/documents")


@pytest.fixture
def kept(small: Small) -> Kept:
    """The vault of the deployment, to look behind it."""
    with small.runtime() as runtime:
        return Kept(runtime.vault("main"), small.directory / "vault")


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta, *modules: str) -> None:
    """Let modules believe that it is later."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + by

    for module in modules:
        monkeypatch.setattr(f"lifeboat.{module}.datetime", Later)


def kinds(record: UpkeepRecord) -> list[str]:
    return [each.kind for each in record.removed]


def dead_lock(kept: Kept) -> None:
    """Leave a lock whose process is dead."""
    with locked(kept) as lock:
        lock.kill_holder()
        (file,) = kept.files("locks")
        content = file.read_bytes()
    file.write_bytes(content)


def test_a_whole_run_by_hand_is_told_and_recorded(small: Small, kept: Kept) -> None:
    """Two points, one of which goes; a dead lock, a dead drill's place; a vault read by halves."""
    old, new = small.point(20 * HOUR).manifest.id, small.point(drilled=True).manifest.id
    dead_lock(kept)
    (small.directory / "scratch/drill-dead").mkdir(parents=True)
    (small.directory / "scratch/drill-dead/lock").touch()
    done = lifeboat_here(small.environment(), "housekeeping", NAME)
    assert done.status == 0, done.stdout + done.stderr
    assert re.search(rf"point .*{old}.*no rule keeps it", done.stdout)
    assert "Part 1 of 2 of the vault passed" in done.stdout
    assert done.stdout.endswith("Housekeeping passed\n")
    assert not (small.directory / "scratch/drill-dead").exists()
    assert kept.files("locks") == []

    catalog = small.catalog()
    (record,) = catalog.upkeep(NAME)
    assert kinds(record) == ["lock", "scratch", "point"]
    assert [(each.part, each.of, each.passed) for each in record.checks] == [(1, 2, True)]
    assert record.pruned_bytes and record.size_before and record.size_after
    assert record.size_after < record.size_before
    with small.runtime() as runtime:
        assert read_upkeep(runtime.vault("main"), runtime.signer(), NAME) == ([record], [])
        assert list_point(runtime.vault("main"), NAME, old) == []
        again = housekeep(runtime, catalog, ["check"])
        assert [each.part for each in again.checks] == [2]
    assert [state.verdict for state in catalog.points(NAME)] == ["good"]
    assert [state.manifest.id for state in catalog.points(NAME)] == [new]


def test_the_lock_of_a_living_process_stays(small: Small, kept: Kept) -> None:
    small.point()
    with small.runtime() as runtime, locked(kept) as lock:
        vault, files = runtime.housekeeper("main"), kept.files("locks")
        assert vault.unlock() == []
        assert kept.files("locks") == files
        lock.kill_holder()
        assert vault.unlock() == [file.name for file in files]
        assert kept.files("locks") == []


def test_what_failed_backups_left_goes_when_it_is_old_and_an_open_point_is_left_alone(
    small: Small, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed, catalog = small.point(), small.catalog()
    with small.runtime() as runtime:
        opened = open_point(runtime.deployment, "system_backup")
        capture_unit(runtime, opened, TREE)
        (member,) = runtime.vault("main").snapshots({"point": sealed.manifest.id, "kind": "member"})
        runtime.vault("main").backup_bytes(b"a retry", "/a", {**member.tags, "attempt": "another"})
        runtime.vault("main").backup_bytes(b"of others", "/a", {"kind": "member", "deployment": "x", "point": "y"})
        before = len(kept.vault.snapshots({}))
        assert housekeep(runtime, catalog, ["orphans"]).removed == ()
        later(monkeypatch, DAY + HOUR, "orphans")
        record = housekeep(runtime, catalog, ["orphans"])
        assert sorted((each.name, each.snapshots, each.why) for each in record.removed) == sorted(
            [
                (opened.id, 2, "its point was never sealed, or is deleted"),
                (sealed.manifest.id, 1, "an attempt that its point does not name"),
            ]
        )
        manifests, _, refused = read_all(runtime.vault("main"), runtime.signer(), NAME)
    assert len(kept.vault.snapshots({})) == before - 3 + 2  # and the records of both runs
    assert (manifests, refused) == ([sealed], [])


def test_a_vault_with_an_unreadable_snapshot_is_not_touched(
    small: Small, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the manifest without which a point looks like what a failed backup left."""
    point = small.point(20 * HOUR).manifest.id
    small.point(10 * HOUR)
    small.point(drilled=True)
    before = len(kept.vault.snapshots({}))
    (manifest,) = kept.vault.snapshots({"kind": "manifest", "point": point})
    flip(kept.directory / "snapshots" / manifest.id, 30)
    monkeypatch.setenv("RESTIC_CACHE_DIR", str(small.directory / "cache"))  # as on a machine that has not seen it
    with small.runtime() as runtime:
        record = housekeep(runtime, small.catalog(), ["retention", "orphans"])
    assert (record.removed, record.passed) == ((), False)
    assert len(record.errors) == 2
    assert all("snapshots that cannot be read, so nothing is removed" in error for error in record.errors)
    assert len(kept.files("snapshots")) == before + 1


def test_damaged_data_makes_the_run_red_until_it_is_whole(small: Small, kept: Kept) -> None:
    small.point(drilled=True)
    catalog, pack = small.catalog(), kept.files("data")[0]
    content = pack.read_bytes()
    flip(pack, 20)
    with small.runtime() as runtime:
        records = [housekeep(runtime, catalog, ["check"]) for _ in range(3)]
        assert {record.passed for record in records[1:]} == {False}
        told = " ".join(records[2].errors)
        assert f"pack {pack.name}" in told
        assert "Next: " in told
        red = [each for record in records for each in record.checks if not each.passed]
        assert {each.part for each in red} == {int(pack.name[:2], 16) % 2 + 1}
        pack.write_bytes(content)
        assert housekeep(runtime, catalog, ["check"]).passed
    assert [record.passed for record in catalog.upkeep(NAME)] == [True, *(r.passed for r in reversed(records))]


def test_one_part_that_fails_keeps_no_other_from_running(small: Small, kept: Kept) -> None:
    old = small.point(20 * HOUR).manifest.id
    small.point(drilled=True)
    document = small.document()
    document["retention"] = {**document["retention"], "prune_time": "1s", "check_parts": 1}
    small.write(document)
    with small.runtime() as runtime, pytest.MonkeyPatch.context() as patch:
        slow = small.directory / "bin"
        slow.mkdir()
        script = '#!/bin/sh\ncase "$1" in prune) exec sleep 30;; esac\nexec /usr/bin/restic "$@"\n'
        (slow / "restic").write_text(script)
        (slow / "restic").chmod(0o755)
        patch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
        record = housekeep(runtime, small.catalog())
    (error,) = record.errors
    assert error.startswith("prune: Freeing space in vault")
    assert "took longer than 1s and was ended" in error
    assert [each.name for each in record.removed] == [old]
    assert [each.passed for each in record.checks] == [True]


def test_what_a_recovery_swapped_out_protects_its_point_and_goes_in_time(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = small.point(10 * HOUR, drilled=True).manifest.id
    tree, catalog = small.directory / "documents", small.catalog()
    (tree / "a").write_text("changed")
    with small.runtime() as runtime:
        request = RecoveryRequest(safety_point=False, reason="a test")
        journal = plan_and_begin(runtime, catalog, request, "olivia", lambda plan: True)
        assert journal is not None
        assert catalog.leases(NAME) == {old: f"recovery {journal.recovery}"}
        recover(runtime, catalog, journal)
        assert catalog.leases(NAME) == {}
    (swapped,) = small.directory.glob("documents.before-*")
    small.point(drilled=True)
    with small.runtime() as runtime:
        record = housekeep(runtime, catalog, ["retention", "swapped_out"])
        assert (record.removed, record.errors) == ((), ())
        later(monkeypatch, 15 * DAY, "swapped_out")
        record = housekeep(runtime, catalog, ["swapped_out"])
        assert [(each.kind, each.name) for each in record.removed] == [("swapped_out", journal.recovery)]
        assert str(swapped) in record.removed[0].why
        assert not swapped.exists()
        assert (tree / "a").read_bytes() == b"a document\n" * 50
        assert kinds(housekeep(runtime, catalog, ["swapped_out", "retention"])) == ["point"]


def test_the_part_that_was_not_read_for_longest_comes_next_and_damaged_ones_again() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def run(day: int, *parts: tuple[int, bool], of: int = 4) -> UpkeepRecord:
        at = noon + day * DAY
        checks = tuple(VaultCheck(part=part, of=of, passed=passed, checked_at=at) for part, passed in parts)
        return UpkeepRecord(deployment=NAME, site="main", started_at=at, finished_at=at, checks=checks)

    records: list[UpkeepRecord] = []
    turns = []
    for day in range(6):
        parts = parts_to_check(records, 4, "main")
        turns.append(parts)
        records.insert(0, run(day, *((part, part != 2 or day > 2) for part in parts)))
    assert turns == [[1], [2], [2, 3], [2, 4], [1], [3]]
    assert parts_to_check(records, 5, "main") == [1]
    assert set(PARTS) == {"locks", "retention", "orphans", "swapped_out", "prune", "check"}
