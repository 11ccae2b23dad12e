"""A database with everything in it, brought back beside itself on its own server."""

import pytest

from lifeboat.scratch import scratch_place
from tests.support.engine_bench import red
from tests.support.everything import Everything

RECOVERY = "20260101T000000Z-0a1b2c3d"


@pytest.mark.timeout(60)
def test_what_is_beside_has_the_databases_own_settings_privileges_and_comment(everything: Everything) -> None:
    bench, snapshot, member = everything.bench, everything.snapshot, everything.member
    replacement = bench.engine.plan_replacement(snapshot, [member], RECOVERY)
    with (
        scratch_place(bench.scratch) as place,
        bench.engine.restore_beside(snapshot, replacement, bench.vault, place) as restored,
    ):
        proven = restored.prove()
    bench.engine.step(replacement).discard()
    assert red(restored.checks) == {}
    assert red(bench.compare({member: everything.captured[member]}, proven)) == {}
