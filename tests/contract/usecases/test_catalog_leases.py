"""Who uses a restore point and what is being deleted, decided in one place; and the tables of a catalog of before."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, create_engine, text

from lifeboat.catalog import Catalog, PointState
from lifeboat.catalog import database as catalog_database
from lifeboat.errors import PointError
from lifeboat.hold_documents import HoldEvidence
from lifeboat.manifest import to_json
from lifeboat.upkeep_documents import KEPT_RECORDS, UpkeepRecord
from tests.support.points import made_up_drill, made_up_point

NOON, HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)


def unused(states: Sequence[PointState], used: Mapping[str, str]) -> dict[str, str]:
    """Let every point go that nobody uses."""
    return {state.manifest.id: "old" for state in states if state.manifest.id not in used}


def test_a_point_in_use_stays_and_one_that_goes_is_refused(url: URL) -> None:
    catalog = Catalog(url)
    used, free = made_up_point(NOON), made_up_point(NOON + HOUR)
    for point in (used, free):
        catalog.add_point(point)
    catalog.lease("sample", used.manifest.id, "drill 1", HOUR)
    assert catalog.mark_going("sample", unused) == {free.manifest.id: "old"} == catalog.going("sample")
    with pytest.raises(PointError, match="is being deleted by retention; drill 2 cannot use it"):
        catalog.lease("sample", free.manifest.id, "drill 2", HOUR)
    catalog.rebuild("sample", [used, free], [])
    assert catalog.leases("sample") == {used.manifest.id: "drill 1"}
    catalog.gone("sample", [free.manifest.id])
    assert [state.manifest.id for state in catalog.points("sample")] == [used.manifest.id]
    assert catalog.going("sample") == {}
    catalog.give_back("sample", "drill 1")
    assert catalog.mark_going("sample", unused).keys() == {used.manifest.id}


def test_a_lease_ends_by_itself_and_with_its_block(url: URL) -> None:
    catalog = Catalog(url)
    catalog.add_point(point := made_up_point(NOON))
    catalog.lease("sample", point.manifest.id, "a killed drill", timedelta(seconds=-1))
    with catalog.leased("sample", point.manifest.id, "a restore", HOUR):
        assert catalog.leases("sample") == {point.manifest.id: "a restore"}
        assert catalog.mark_going("sample", unused) == {}
    assert catalog.leases("sample") == {}
    assert catalog.mark_going("sample", unused).keys() == {point.manifest.id}


def test_what_a_killed_run_has_marked_can_be_used_again_and_is_decided_anew(
    url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog(url)
    points = [made_up_point(NOON + number * HOUR) for number in range(3)]
    for point in points:
        catalog.add_point(point)
    first, second, gone = (point.manifest.id for point in points)
    catalog.mark_going("sample", unused)
    catalog.rebuild("sample", points[:2], [])  # the manifest of the third was removed, then the run was killed
    assert catalog.mark_going("sample", lambda states, used: {}) == {gone: "old"}

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + 2 * HOUR

    monkeypatch.setattr("lifeboat.catalog.leases.datetime", Later)
    catalog.lease("sample", first, "a recovery", HOUR)
    with pytest.raises(PointError, match="is being deleted"):
        catalog.lease("sample", gone, "a recovery", HOUR)
    assert catalog.mark_going("sample", unused) == {second: "old", gone: "old"}
    assert catalog.mark_going("sample", lambda states, used: {}) == {gone: "old"}
    assert catalog.going("sample").keys() == {second, gone}


def test_of_a_lease_and_a_deletion_at_once_exactly_one_is_granted(url: URL) -> None:
    catalog, points = Catalog(url), [made_up_point(NOON + number * HOUR) for number in range(12)]
    for point in points:
        catalog.add_point(point)
    barrier = threading.Barrier(2, timeout=20)
    leased: set[str] = set()

    def take() -> None:
        for point in points:
            barrier.wait()
            try:
                catalog.lease("sample", point.manifest.id, "a drill", HOUR)
                leased.add(point.manifest.id)
            except PointError:
                pass  # it is going

    def delete() -> None:
        other = Catalog(url)
        for point in points:
            one = point.manifest.id
            barrier.wait()
            other.mark_going("sample", lambda states, used, one=one: {} if one in used else {one: "old"})  # type: ignore[misc]

    with ThreadPoolExecutor(max_workers=2) as pool:
        for future in (pool.submit(take), pool.submit(delete)):
            future.result()
    going = set(catalog.going("sample"))
    assert not leased & going
    assert leased | going == {point.manifest.id for point in points}


def test_the_newest_hold_counts(url: URL) -> None:
    catalog, point = Catalog(url), made_up_point(NOON)
    catalog.add_point(point)

    def say(hours: int, held: bool) -> HoldEvidence | None:
        document = HoldEvidence(
            id=f"{hours}",
            deployment="sample",
            point=point.manifest.id,
            manifest_sha256=point.sha256,
            site="main",
            finished_at=NOON + hours * HOUR,
            held=held,
            reason="the auditors",
            by="olivia",
        )
        catalog.add_evidence(document)
        return catalog.point("sample", point.manifest.id).hold

    assert say(1, held=True) is not None
    assert say(3, held=False) is None
    assert say(2, held=True) is None
    assert (found := say(4, held=True)) is not None
    assert (found.reason, found.by) == ("the auditors", "olivia")


def test_records_of_housekeeping_come_newest_first_and_do_not_pile_up(url: URL) -> None:
    catalog = Catalog(url)
    records = [
        UpkeepRecord(deployment="sample", site="main", started_at=NOON, finished_at=NOON + number * HOUR)
        for number in range(KEPT_RECORDS + 5)
    ]
    catalog.add_upkeep([UpkeepRecord(deployment="other", site="main", started_at=NOON, finished_at=NOON)])
    catalog.add_upkeep(records)
    assert catalog.upkeep("sample") == records[:4:-1]
    assert len(catalog.upkeep("other")) == 1


def test_a_catalog_of_before_is_brought_up_to_date(tmp_path: Path) -> None:
    url, point = URL.create("sqlite", database=str(tmp_path / "catalog.db")), made_up_point(NOON)
    drill = made_up_drill(point)
    config = Config()
    config.set_main_option("script_location", str(Path(catalog_database.__file__).parent / "migrations"))
    with create_engine(url).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        manifest = point.manifest
        connection.execute(
            text("INSERT INTO point VALUES ('sample', :id, :kind, :at, :at, 1, :sha, :document)"),
            {
                "id": manifest.id,
                "kind": manifest.kind,
                "at": "2026-03-01 12:00:00.000000",
                "sha": point.sha256,
                "document": to_json(manifest).decode(),
            },
        )
        connection.execute(
            text("INSERT INTO evidence VALUES (:id, :sha, 'drill', 'main', :at, 1, 1, :document)"),
            {
                "id": drill.id,
                "sha": point.sha256,
                "at": "2026-03-01 13:00:00.000000",
                "document": to_json(drill).decode(),
            },
        )
    catalog = Catalog(url)
    assert catalog.points("sample") == [PointState(point.manifest, point.sha256, drill)]
    catalog.lease("sample", manifest.id, "a drill", HOUR)
    assert catalog.leases("sample") == {manifest.id: "a drill"}
    assert catalog.upkeep("sample") == []
