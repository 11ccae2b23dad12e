"""What every engine must do, on every host: capture, restore, prove, and see every change."""

import pytest

from lifeboat.engines import known_engines
from tests.support.all_sources import SOURCES
from tests.support.engine_bench import Bench, red
from tests.support.engine_sources import Source


def test_every_engine_takes_part() -> None:
    in_the_cloud = {"rds", "image"}  # their data is in no vault: tests/contract/aws
    assert set(SOURCES) | in_the_cloud == set(known_engines())


def test_what_was_captured_comes_back(bench: Bench) -> None:
    snapshot = bench.capture()
    with bench.restored(snapshot) as restored:
        proven = restored.prove()
        checks = [*restored.checks, *bench.compare(bench.facts(snapshot), proven)]
    assert {check.outcome for check in checks} == {"passed"}, red(checks)
    assert proven.keys() == {member.member for member in snapshot.members}
    assert {check.member for check in checks} == proven.keys()
    assert all(check.verdict == "fidelity" and check.detail for check in checks)
    assert restored.restored_bytes >= max(member.size_bytes for member in snapshot.members) > 0
    assert not list(bench.scratch.glob("drill-*"))


@pytest.mark.parametrize("host", ["worker"])
def test_every_member_comes_back_by_its_runbook(bench: Bench) -> None:
    """The printed commands alone bring back what the engine's own restore does."""
    snapshot = bench.capture()
    captured = bench.facts(snapshot)
    for member in snapshot.members:
        with bench.restored_by_hand(snapshot, member) as (restored, by_hand):
            assert by_hand.check is not None
            assert by_hand.check.outcome == "passed", by_hand.check
            assert red(bench.compare(captured, restored.prove())) == {}
            assert {check.name for check in restored.checks if check.member == member.member} == set()
        assert by_hand.runbook.in_place


def test_every_change_is_seen(bench: Bench, source: Source) -> None:
    before = bench.facts(bench.capture())
    for change in source.changes:
        change.alter(source)
    snapshot = bench.capture()
    after = bench.facts(snapshot)
    with bench.restored(snapshot) as restored:
        proven = restored.prove()
    assert red(bench.compare(after, proven)) == {}
    found = red(bench.compare(before, proven))
    assert {change.check for change in source.changes} == found.keys()
    for change in source.changes:
        assert change.name in found[change.check]
