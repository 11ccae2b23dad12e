"""The last known good: which point a recovery falls back to, and what is said when there is none."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.catalog.states import last_instant
from lifeboat.documents import SignedManifest
from lifeboat.errors import PointError
from lifeboat.manifest import sha256, to_json
from tests.support.points import made_up_drill, made_up_point

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(URL.create("sqlite", database=str(tmp_path / "catalog.db")))


def keep(catalog: Catalog, sealed_at: datetime, drill: str | None, **changes: Any) -> SignedManifest:
    """Keep a point, captured a minute before it was sealed, with a drill of this outcome; return it."""
    manifest = made_up_point(sealed_at).manifest.model_copy(update=changes)
    point = SignedManifest(manifest=manifest, sha256=sha256(to_json(manifest)))
    catalog.add_point(point)
    if drill is not None:
        catalog.add_evidence(made_up_drill(point, drill))  # type: ignore[arg-type]
    return point


def found(catalog: Catalog, as_of: datetime | None = None) -> str | None:
    state = catalog.last_known_good("sample", as_of)
    if state is not None:
        assert catalog.require_last_known_good("sample", as_of) == state
    return state.manifest.id if state else None


def test_as_of_a_time_it_is_the_newest_good_point_that_shows_nothing_later(catalog: Catalog) -> None:
    first, second, _failed, _unproven = (
        keep(catalog, NOON + day * DAY, drill).manifest
        for day, drill in enumerate(("passed", "passed", "failed", None))
    )
    captured = NOON + DAY - MINUTE
    assert found(catalog) == second.id
    assert found(catalog, NOON + 10 * DAY) == second.id
    assert found(catalog, captured) == second.id
    assert found(catalog, captured.astimezone(timezone(timedelta(hours=5, minutes=30)))) == second.id
    assert found(catalog, captured - timedelta(microseconds=1)) == first.id
    assert found(catalog, NOON - MINUTE - timedelta(seconds=1)) is None


def test_a_point_counts_by_its_latest_capture_and_how_far_that_may_be_off(catalog: Catalog) -> None:
    point = made_up_point(NOON)
    (unit,) = point.manifest.units
    later = unit.model_copy(update={"instant": unit.instant + timedelta(seconds=20), "skew_ms": 1500.0})
    kept = keep(catalog, NOON, "passed", units=(later, unit)).manifest
    shows = unit.instant + timedelta(seconds=21.5)
    assert last_instant(kept) == shows
    assert found(catalog, shows) == kept.id
    assert found(catalog, shows - timedelta(milliseconds=1)) is None


def test_the_newest_is_the_one_with_the_newest_data_not_the_one_sealed_last(catalog: Catalog) -> None:
    newest = keep(catalog, NOON, "passed").manifest
    (unit,) = made_up_point(NOON - DAY).manifest.units
    keep(catalog, NOON + MINUTE, "passed", units=(unit,))
    assert found(catalog) == newest.id


def test_a_point_before_an_upgrade_counts_and_a_safety_point_never_does(catalog: Catalog) -> None:
    before_upgrade = keep(catalog, NOON, "passed", kind="pre_upgrade").manifest
    keep(catalog, NOON + DAY, "passed", kind="safety")
    assert found(catalog) == before_upgrade.id
    assert found(catalog, NOON + 2 * DAY) == before_upgrade.id


# -- none -----------------------------------------------------------------------------------------------------


def refusal(catalog: Catalog, as_of: datetime | None = None) -> PointError:
    assert catalog.last_known_good("sample", as_of) is None
    with pytest.raises(PointError) as caught:
        catalog.require_last_known_good("sample", as_of)
    return caught.value


def test_before_the_first_point_the_first_is_named_and_as_of_the_named_time_it_is_found(catalog: Catalog) -> None:
    moment = NOON + timedelta(microseconds=1)
    (unit,) = made_up_point(NOON).manifest.units
    first = keep(catalog, NOON + MINUTE, "passed", units=(unit.model_copy(update={"instant": moment}),)).manifest
    keep(catalog, NOON + DAY, "passed")
    error = refusal(catalog, NOON)
    assert error.message == (
        "Deployment 'sample' has no restore point at or before 2026-03-01 12:00:00 UTC: "
        f"its first is {first.id} (good, of 2026-03-01 12:00:01 UTC)."
    )
    assert "lifeboat points sample" in error.next_step
    assert found(catalog, datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)) == first.id


def test_when_none_is_good_those_that_there_are_are_named_with_their_verdicts(catalog: Catalog) -> None:
    failed = keep(catalog, NOON, "failed").manifest
    unproven = keep(catalog, NOON + DAY, None).manifest
    keep(catalog, NOON + 2 * DAY, "passed")
    error = refusal(catalog, NOON + DAY)
    assert error.message == (
        "Deployment 'sample' has no good restore point at or before 2026-03-02 12:00:00 UTC; there are: "
        f"{unproven.id} (unproven, of 2026-03-02 11:59:00 UTC), {failed.id} (failed, of 2026-03-01 11:59:00 UTC)."
    )
    assert "lifeboat drill sample POINT" in error.next_step


def test_of_many_only_the_newest_are_named(catalog: Catalog) -> None:
    for day in range(8):
        keep(catalog, NOON + day * DAY, None)
    message = refusal(catalog).message
    assert message.count("unproven") == 5
    assert message.endswith("and 3 older.")


def test_without_any_point_the_vault_is_asked(catalog: Catalog) -> None:
    assert refusal(catalog).message == "Deployment 'sample' has no restore point."
    assert "lifeboat catalog rebuild sample" in refusal(catalog).next_step


def test_with_safety_points_alone_they_are_named(catalog: Catalog) -> None:
    safety = keep(catalog, NOON, "passed", kind="safety").manifest
    message = refusal(catalog).message
    assert "safety points, which are never a default" in message
    assert safety.id in message
