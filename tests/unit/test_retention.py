"""Which restore points stay: the rule's, and whatever the rule says those that must never go."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lifeboat.catalog.last_good import newest_good
from lifeboat.catalog.states import PointState
from lifeboat.documents import SignedManifest
from lifeboat.manifest import sha256, to_json
from lifeboat.retention import Rule, decide
from tests.support.points import made_up_drill, made_up_point

NOON, DAY = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(days=1)
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def state(at: datetime, drill: Any = None, kind: str = "system_backup") -> PointState:
    manifest = made_up_point(at).manifest.model_copy(update={"kind": kind})
    point = SignedManifest(manifest=manifest, sha256=sha256(to_json(manifest)))
    return PointState(manifest, point.sha256, None if drill is None else made_up_drill(point, drill))


def staying(states: list[PointState], rule: Rule, **more: Any) -> dict[str, tuple[str, ...]]:
    found = decide(states, rule, more.pop("zone", UTC_ZONE), **more)
    return {each.point.manifest.id: each.reasons for each in found if each.stays}


def ids(states: list[PointState], *numbers: int) -> set[str]:
    return {states[number].manifest.id for number in numbers}


def test_of_each_period_the_newest_stays() -> None:
    # 0: March 1st, a minute before noon; two a day, back to January 20th
    states = [state(NOON - number * DAY / 2) for number in range(80)]
    kept = staying(states, Rule(last=1, daily=3, weekly=2, monthly=5, yearly=5))
    # days: March 1st, February 28th and 27th; weeks: until March 1st, until February 22nd; months: 3 are there
    assert kept.keys() == ids(states, 0, 1, 3, 13, 57)
    assert kept[states[0].manifest.id] == (
        "the newest",
        "one of the last 1",
        "daily 1 of 3",
        "weekly 1 of 2",
        "monthly 1 of 5",
        "yearly 1 of 5",
    )
    assert kept[states[57].manifest.id] == ("monthly 3 of 5",)


def test_days_begin_in_the_deployments_zone() -> None:
    late, early = state(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)), state(datetime(2026, 3, 1, 22, 30, tzinfo=UTC))
    assert len(staying([late, early], Rule(daily=2))) == 1
    assert len(staying([late, early], Rule(daily=2), zone=BERLIN)) == 2


def test_periods_without_points_are_not_counted() -> None:
    states = [state(NOON), state(NOON - 400 * DAY), state(NOON - 900 * DAY)]
    assert staying(states, Rule(daily=3)).keys() == ids(states, 0, 1, 2)


@pytest.mark.parametrize("seed", range(20))
def test_what_must_never_go_stays_whatever_the_rule(seed: int) -> None:
    choose = random.Random(seed)
    kinds = ["system_backup", "pre_upgrade", "safety"]
    states = [
        state(NOON - number * DAY / 3, choose.choice([None, "passed", "failed"]), choose.choice(kinds))
        for number in range(choose.randint(1, 30))
    ]
    choose.shuffle(states)
    held = {choose.choice(states).manifest.id: "the auditors want it", "of-another-deployment": "x"}
    used = {choose.choice(states).manifest.id: "recovery r1"}
    kept = staying(states, Rule(last=choose.randint(0, 2)), held=held, used=used)
    good = newest_good(states)
    wanted = {max(states, key=lambda each: each.manifest.sealed_at).manifest.id, *held.keys(), *used.keys()}
    wanted -= {"of-another-deployment"}
    assert wanted <= kept.keys()
    assert good is None or "the last known good" in kept[good.manifest.id]
    left = [each for each in states if each.manifest.id in kept]
    assert newest_good(left) == good
    assert staying(left, Rule()).keys() <= kept.keys()


def test_nothing_of_nothing() -> None:
    assert decide([], Rule(last=3), UTC_ZONE) == []


def test_in_each_period_a_good_point_is_kept_rather_than_a_newer_one_that_is_not() -> None:
    newest, red, good, older = (
        state(NOON - hours * DAY / 24, drill)
        for hours, drill in ((0, None), (25, "failed"), (26, "passed"), (27, "passed"))
    )
    assert staying([newest, red, good, older], Rule(daily=2))[good.manifest.id] == (
        "the last known good",
        "daily 2 of 2",
    )
    assert staying([newest, red, good, older], Rule(daily=2)).keys() == ids([newest, good], 0, 1)


def test_safety_points_count_for_no_period_and_stay_as_long_as_what_was_swapped_out() -> None:
    newest, safety, backup = state(NOON), state(NOON - DAY, kind="safety"), state(NOON - DAY - DAY / 24)
    upgrade = state(NOON - 5 * DAY, kind="pre_upgrade")
    states = [newest, safety, backup, upgrade]
    assert staying(states, Rule(last=2, daily=2)).keys() == ids([newest, backup], 0, 1)
    kept = staying(states, Rule(last=1), changes_since=NOON - 3 * DAY)
    assert kept.keys() == ids([newest, safety], 0, 1)
    assert kept[safety.manifest.id] == ("from before a recent change",)
    assert staying(states, Rule(last=1), changes_since=NOON - 6 * DAY).keys() == ids([newest, safety, upgrade], 0, 1, 2)
