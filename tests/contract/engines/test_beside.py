"""What every engine must do in a recovery, on every host: restore beside, exchange, put back, go on from anywhere."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lifeboat.engines.base import Facts, Restored
from lifeboat.manifest import UnitSnapshot
from lifeboat.recovery_documents import Replacement
from lifeboat.scratch import scratch_place
from lifeboat.swap import State, Step
from tests.support.engine_bench import Bench, red
from tests.support.engine_sources import Source

RECOVERY = "20260101T000000Z-0a1b2c3d"


def plan(bench: Bench, snapshot: UnitSnapshot) -> Replacement:
    members = [member.member for member in snapshot.members]
    replacement = bench.engine.plan_replacement(snapshot, members, RECOVERY)
    return Replacement.model_validate_json(replacement.model_dump_json())  # it travels as JSON


@contextmanager
def beside(bench: Bench, snapshot: UnitSnapshot, replacement: Replacement) -> Iterator[Restored]:
    with (
        scratch_place(bench.scratch) as place,
        bench.engine.restore_beside(snapshot, replacement, bench.vault, place) as restored,
    ):
        yield restored


def differences(bench: Bench, captured: Facts, found: Facts, replacement: Replacement) -> dict[str, str]:
    """Compare the facts of the members that are exchanged."""
    members = [exchange.member for exchange in replacement.exchanges]
    return red(bench.compare({name: captured[name] for name in members}, found))


@pytest.fixture
def replaced(bench: Bench, source: Source) -> Iterator["Replaced"]:
    """A source that was captured, then changed, and restored beside what is live now."""
    snapshot = bench.capture()
    then = bench.facts(snapshot)
    for change in source.changes:
        change.alter(source)
    now = bench.facts(bench.capture())
    replacement = plan(bench, snapshot)
    with beside(bench, snapshot, replacement) as restored:
        proven = restored.prove()
    assert red(restored.checks) == {}
    assert differences(bench, then, proven, replacement) == {}
    step = bench.engine.step(replacement)
    yield Replaced(bench, replacement, step, then, now)
    if step.state() is not State.BETWEEN:
        step.discard()


class Replaced:
    """What a test of an exchange looks at."""

    def __init__(self, bench: Bench, replacement: Replacement, step: Step, then: Facts, now: Facts) -> None:
        self.bench, self.replacement, self.step, self.then, self.now = bench, replacement, step, then, now

    def assert_live(self, expected: Facts) -> None:
        """Capture what is live and compare it."""
        live = self.bench.facts(self.bench.capture())
        assert differences(self.bench, expected, live, self.replacement) == {}


def test_an_exchange_goes_forward_and_back(replaced: Replaced) -> None:
    step = replaced.step
    assert step.state() is State.OLD
    replaced.assert_live(replaced.now)
    for _ in range(2):  # doing it again changes nothing
        step.forward()
        assert step.state() is State.NEW
    replaced.assert_live(replaced.then)
    for _ in range(2):
        step.back()
        assert step.state() is State.OLD
    replaced.assert_live(replaced.now)
    step.forward()
    step.discard()
    assert step.state() is not State.BETWEEN
    replaced.assert_live(replaced.then)


def test_restoring_beside_begins_anew(bench: Bench) -> None:
    snapshot = bench.capture()
    replacement = plan(bench, snapshot)
    for _ in range(2):
        with beside(bench, snapshot, replacement) as restored:
            proven = restored.prove()
        assert red(restored.checks) == {}
        assert differences(bench, bench.facts(snapshot), proven, replacement) == {}
    bench.engine.step(replacement).discard()
