"""What a backup of a past period says: the point that covers it, or that none can be made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_deployment
from lifeboat.documents import SignedManifest
from lifeboat.errors import PointError
from lifeboat.manifest import sha256, to_json
from lifeboat.past_period import next_tick, point_of_period
from tests.support.deployments import with_schedules, write_deployment
from tests.support.points import made_up_drill, made_up_point

TICK = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(URL.create("sqlite", database=str(tmp_path / "catalog.db")))


@pytest.fixture
def daily(tmp_path: Path) -> Deployment:
    """The sample deployment, backed up at two in the morning."""
    return load_deployment(write_deployment(tmp_path, "sample", with_schedules(system_backup="0 2 * * *")))


def keep(catalog: Catalog, sealed_at: datetime, drill: Any = None, kind: str = "system_backup") -> str:
    manifest = made_up_point(sealed_at).manifest.model_copy(update={"kind": kind})
    point = SignedManifest(manifest=manifest, sha256=sha256(to_json(manifest)))
    catalog.add_point(point)
    if drill is not None:
        catalog.add_evidence(made_up_drill(point, drill))
    return manifest.id


def covering(catalog: Catalog, deployment: Deployment, tick: datetime = TICK) -> str:
    return point_of_period(catalog, deployment, tick).manifest.id


def test_a_point_covers_the_period_when_it_was_sealed_from_the_tick_on_and_before_the_next(
    catalog: Catalog, daily: Deployment
) -> None:
    keep(catalog, TICK - SECOND)
    keep(catalog, TICK + DAY)
    with pytest.raises(PointError, match="none can be made any more"):
        covering(catalog, daily)
    last = keep(catalog, TICK + DAY - SECOND)
    assert covering(catalog, daily) == last


def test_the_tick_itself_belongs_to_the_period(catalog: Catalog, daily: Deployment) -> None:
    point = keep(catalog, TICK)
    assert covering(catalog, daily) == point


def test_of_several_a_good_one_is_named_then_one_that_did_not_fail(catalog: Catalog, daily: Deployment) -> None:
    failed = keep(catalog, TICK + 5 * SECOND, "failed")
    assert covering(catalog, daily) == failed
    assert point_of_period(catalog, daily, TICK).verdict == "failed"
    unproven = keep(catalog, TICK + SECOND)
    assert covering(catalog, daily) == unproven
    good = keep(catalog, TICK, "passed")
    assert covering(catalog, daily) == good


def test_a_safety_point_covers_nothing(catalog: Catalog, daily: Deployment) -> None:
    keep(catalog, TICK + SECOND, "passed", "safety")
    with pytest.raises(PointError):
        covering(catalog, daily)


def test_a_point_before_an_upgrade_covers_its_period(catalog: Catalog, daily: Deployment) -> None:
    point = keep(catalog, TICK + SECOND, kind="pre_upgrade")
    assert covering(catalog, daily) == point


def refusal(catalog: Catalog, deployment: Deployment, tick: datetime = TICK) -> PointError:
    with pytest.raises(PointError) as caught:
        point_of_period(catalog, deployment, tick)
    return caught.value


def test_when_none_does_the_nearest_are_named_and_how_to_recover_as_of_then(
    catalog: Catalog, daily: Deployment
) -> None:
    good = keep(catalog, TICK - 2 * DAY, "passed")
    failed = keep(catalog, TICK - DAY, "failed")
    after = keep(catalog, TICK + DAY)
    keep(catalog, TICK + 2 * DAY, "passed")
    error = refusal(catalog, daily)
    assert error.message == (
        "No restore point of 'sample' was sealed from 2026-03-01 02:00:00 UTC until 2026-03-02 02:00:00 UTC, and none "
        "can be made any more: what was there then is gone; "
        f"the nearest before is {failed} (failed, of 2026-02-28 01:59:00 UTC), "
        f"the nearest after is {after} (unproven, of 2026-03-02 01:59:00 UTC)."
    )
    assert (
        "`airflow backfill create --dag-id sample.recovery --from-date 2026-03-01T02:00:00+00:00 "
        f"--to-date 2026-03-01T02:00:00+00:00` recovers as of then, to {good} (good," in error.next_step
    )


def test_without_any_point_it_says_so_and_offers_no_recovery_that_cannot_be(
    catalog: Catalog, daily: Deployment
) -> None:
    error = refusal(catalog, daily)
    assert "there is none before, there is none after" in error.message
    assert "airflow backfill" not in error.next_step
    assert "lifeboat catalog rebuild sample" in error.next_step


def test_the_period_that_is_not_over_can_still_get_a_point_but_not_by_a_backfill(
    catalog: Catalog, daily: Deployment
) -> None:
    tick = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0)
    tick -= DAY if tick > datetime.now(UTC) else timedelta(0)
    error = refusal(catalog, daily, tick)
    assert "not over; a backfill captures nothing" in error.message
    assert "trigger sample.system_backup" in error.next_step


def test_ticks_are_read_in_the_zone_of_the_schedules(tmp_path: Path) -> None:
    berlin = with_schedules(system_backup="30 2 * * *", timezone="Europe/Berlin")
    deployment = load_deployment(write_deployment(tmp_path, "sample", berlin))
    before_the_change = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
    changed = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 02:30 is left out: 03:30 in summer time
    assert next_tick(deployment, before_the_change) == changed
    assert next_tick(deployment, changed) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
