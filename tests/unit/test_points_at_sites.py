"""What is known of restore points at other sites: whole, good, damaged, and what a loss of the home site costs."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import URL

from lifeboat.catalog import Catalog, PointState
from lifeboat.catalog.last_good import good_at, newest_whole
from lifeboat.documents import SignedManifest
from lifeboat.report import print_points
from lifeboat.sites_report import print_replicas, print_sites
from tests.support.points import made_up_drill, made_up_point, made_up_replica

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(URL.create("sqlite", database=str(tmp_path / "catalog.db")))


@pytest.fixture
def point(catalog: Catalog) -> SignedManifest:
    made = made_up_point(NOON)
    catalog.add_point(made)
    return made


def state(catalog: Catalog) -> PointState:
    (found,) = catalog.points("sample")
    return found


def test_a_point_is_whole_at_a_site_by_the_newest_evidence_about_it(catalog: Catalog, point: SignedManifest) -> None:
    assert (state(catalog).verdict_at("other"), state(catalog).whole_at("other")) == ("missing", False)
    catalog.add_evidence(made_up_replica(point))
    assert (state(catalog).verdict_at("other"), state(catalog).whole_at("other")) == ("unproven", True)
    catalog.add_evidence(made_up_replica(point, "tree/documents: damaged", minutes=20))
    assert (state(catalog).verdict_at("other"), state(catalog).whole_at("other")) == ("damaged", False)
    catalog.add_evidence(made_up_replica(point, minutes=30))
    assert state(catalog).whole_at("other")
    assert not state(catalog).whole_at("third")


@pytest.mark.parametrize(("here", "there"), [("passed", "failed"), ("failed", "passed")])
def test_a_drill_speaks_of_the_vault_that_it_restored_from_alone(
    catalog: Catalog, point: SignedManifest, here: str, there: str
) -> None:
    words = {"passed": "good", "failed": "failed"}
    catalog.add_evidence(made_up_replica(point))
    catalog.add_evidence(made_up_drill(point, there, site="other", home=False))  # type: ignore[arg-type]
    assert (state(catalog).verdict, state(catalog).verdict_at("other")) == ("unproven", words[there])
    catalog.add_evidence(made_up_drill(point, here))  # type: ignore[arg-type]
    assert (state(catalog).verdict, state(catalog).verdict_at("other")) == (words[here], words[there])
    assert (catalog.last_known_good("sample") is not None) is (here == "passed")
    assert (good_at(catalog.points("sample"), "other") is not None) is (there == "passed")


def test_a_drill_at_the_home_site_of_its_time_counts_whatever_that_was_called(
    catalog: Catalog, point: SignedManifest
) -> None:
    """A site may get another name, and after a disaster another site becomes the home site."""
    catalog.add_evidence(made_up_replica(point))
    catalog.add_evidence(made_up_drill(point, site="other"))
    assert (state(catalog).verdict, state(catalog).verdict_at("other")) == ("good", "good")


def test_a_lost_copy_is_no_last_known_good_whatever_its_drill_said(catalog: Catalog, point: SignedManifest) -> None:
    catalog.add_evidence(made_up_drill(point, site="other", home=False))
    catalog.add_evidence(made_up_replica(point, "tree/documents: damaged"))
    assert good_at(catalog.points("sample"), "other") is None


def test_people_see_points_by_sites_and_what_a_loss_of_the_home_site_costs(
    catalog: Catalog, point: SignedManifest
) -> None:
    catalog.add_evidence(made_up_replica(point))
    catalog.add_evidence(made_up_drill(point, site="other", home=False))
    later = made_up_point(NOON + DAY)
    catalog.add_point(later)
    catalog.add_evidence(made_up_replica(later))
    catalog.add_evidence(made_up_replica(later, "tree/documents: damaged", site="third"))
    states = catalog.points("sample")

    text = printed(lambda console: print_points(states, None, console, sites=["other", "third"], rpo=DAY))

    rows = {line.split()[1]: line.split("│")[-3:-1] for line in text.splitlines() if line.startswith("│")}
    assert [cell.strip() for cell in rows[point.manifest.id]] == ["good", "-"]
    assert [cell.strip() for cell in rows[later.manifest.id]] == ["whole", "damaged"]
    assert "Site third: no restore point is whole there; last known good there: none" in text
    whole = newest_whole(states, "other")
    assert whole is not None
    assert whole.manifest == later.manifest
    for age, word in ((DAY - timedelta(minutes=2), "kept"), (DAY, "breached")):
        now = later.manifest.sealed_at + age
        line = printed(lambda console, now=now: print_sites(states, ["other"], DAY, now, console))
        assert line.startswith(f"Site other: newest whole {later.manifest.id}, ")
        assert f"(objective 1d: {word}); last known good there: {point.manifest.id}" in line


def test_people_see_what_is_wrong_with_a_copy_and_how_it_was_read(catalog: Catalog, point: SignedManifest) -> None:
    catalog.add_evidence(made_up_replica(point))
    catalog.add_evidence(made_up_replica(point, "tree/documents: damaged", site="third"))
    text = printed(lambda console: print_replicas(state(catalog), console))
    assert text.splitlines() == [
        "Site other: whole, read 2026-03-01 12:11:00 UTC: 0 streams by their SHA-256, 1 trees by all their content",
        "Site third: damaged, read 2026-03-01 12:11:00 UTC: 0 streams by their SHA-256, 1 trees by all their content",
        "failed tree/documents: damaged",
    ]


def printed(show) -> str:  # type: ignore[no-untyped-def]
    text = io.StringIO()
    show(Console(file=text, width=200))
    return text.getvalue()
