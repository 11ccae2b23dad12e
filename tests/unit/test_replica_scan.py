"""What a site lacks of a point, by the listings of two vaults alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from lifeboat.documents import located
from lifeboat.replica_scan import Scan, addresses, evidence_to_send, manifests, missing
from lifeboat.vault import Snapshot
from tests.support.points import made_up_point

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POINT = made_up_point(NOON).manifest
(UNIT,) = POINT.units
TAGS = {"deployment": "sample", "point": POINT.id}


def snapshot(identity: str, tree: str, tags: Mapping[str, str], minutes: int = 0) -> Snapshot:
    return Snapshot(identity, tree, NOON + timedelta(minutes=minutes), {**TAGS, **tags})


FACTS = snapshot(
    UNIT.facts.snapshot, UNIT.facts.tree, {"kind": "facts", "attempt": UNIT.attempt, "member": str(UNIT.unit)}
)
WHERE = UNIT.members[0].address
MEMBER = snapshot(WHERE.snapshot, WHERE.tree, {"kind": "member", "attempt": UNIT.attempt, "member": str(UNIT.unit)})
MANIFEST = snapshot("manifest", "tree of the manifest", {"kind": "manifest"})
HOME = [FACTS, MEMBER, MANIFEST]
REPLICA = snapshot("replica", "its tree", {"kind": "evidence", "type": "replica", "site": "other", "id": "r"})


def copied(*snapshots: Snapshot) -> list[Snapshot]:
    return [Snapshot(f"copy of {each.id}", each.tree, each.time, each.tags) for each in snapshots]


def test_addresses_are_found_by_tags_and_tree_and_stay_what_they_are_when_they_are_not_there() -> None:
    there = copied(FACTS, MEMBER)
    assert {where.snapshot for where in addresses(located(POINT, there))} == {each.id for each in there}
    assert located(POINT, HOME) == POINT
    other = Snapshot("forged", "another tree", NOON, MEMBER.tags)
    assert located(POINT, [*copied(FACTS), other]).units[0].members == UNIT.members
    assert missing(POINT, [*copied(FACTS), other]) == [WHERE]


@pytest.mark.parametrize(
    ("there", "complete"),
    [(copied(*HOME), True), (copied(FACTS, MEMBER), True), (copied(FACTS, MANIFEST), False), ([], False)],
)
def test_a_site_is_complete_with_all_that_the_manifest_names_and_needs_no_other_tries(
    there: list[Snapshot], complete: bool
) -> None:
    retried = snapshot("orphan", "tree of a try", {"kind": "member", "attempt": "another", "member": str(UNIT.unit)})
    scan = Scan.of([*HOME, retried], there)
    assert scan.complete(POINT.id, POINT) is complete
    assert scan.lacking(POINT.id, manifests) == (
        [] if "copy of manifest" in {each.id for each in there} else ["manifest"]
    )


def test_evidence_goes_once_and_that_of_the_site_comes_back_once() -> None:
    drill = snapshot("drill", "tree of the drill", {"kind": "evidence", "type": "drill", "id": "a"})
    hold = snapshot("hold", "tree of the hold", {"kind": "evidence", "type": "hold", "id": "b"})
    theirs = snapshot("theirs", "tree of theirs", {"kind": "evidence", "type": "drill", "id": "c"})
    both = snapshot("both", "another tree", {"kind": "evidence", "type": "drill", "id": "a"})
    unsealed = Snapshot("lost", "tree", NOON, {"point": "another", "kind": "evidence", "type": "drill", "id": "d"})
    scan = Scan.of([*HOME, drill, hold, REPLICA], [*copied(*HOME), both, theirs, unsealed])
    assert scan.lacking(POINT.id, evidence_to_send) == ["hold"]
    assert scan.lacking(POINT.id, manifests) == []
    assert [each.id for each in scan.untold()] == ["theirs"]


def test_the_newest_points_come_first_and_what_was_never_sealed_is_none() -> None:
    tags = {"deployment": "sample", "kind": "manifest"}
    found = [
        Snapshot(name, name, NOON + timedelta(days=day), {**tags, "point": name}) for day, name in enumerate("abc")
    ]
    assert Scan.of([*found, Snapshot("x", "x", NOON, {"point": "open", "kind": "facts"})], []).sealed() == [
        "c",
        "b",
        "a",
    ]
