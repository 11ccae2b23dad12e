"""A database is gone, and a person brings it back in Airflow's pages, with a real browser."""

from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import expect

from lifeboat.drill import drill_point
from lifeboat.recovery_documents import RecoveryEvidence
from tests.e2e.browser import browser
from tests.e2e.world import World

NAME, DAG = "sample", "sample.recovery"
REASON = "apim_db was dropped"


def rows(world: World) -> int:
    with psycopg.connect(world.stage.postgres.admin_conninfo, dbname="apim_db") as session:
        found = session.execute("SELECT count(*) FROM am_api").fetchone()
    assert found is not None
    return int(found[0])


def is_there(world: World) -> bool:
    with psycopg.connect(world.stage.postgres.admin_conninfo) as session:
        return bool(session.execute("SELECT 1 FROM pg_database WHERE datname = 'apim_db'").fetchone())


@pytest.fixture
def lost(world: World) -> Iterator[int]:
    """Lose one of two databases and a document after a good restore point; yield how many APIs there were."""
    documents = world.directory / f"documents-of-{NAME}"
    documents.mkdir()
    (documents / "contract.txt").write_text("signed")
    manifest = world.make_point(NAME)
    with world.runtime(NAME) as runtime:
        assert drill_point(runtime, world.catalog, manifest.id).passed
    before = rows(world)
    (documents / "contract.txt").rename(documents / "nonsense.txt")
    with psycopg.connect(world.stage.postgres.admin_conninfo, autocommit=True) as session:
        session.execute("DROP DATABASE apim_db WITH (FORCE)")
    yield before
    if not is_there(world):  # other tests need it
        world.stage.prepare("small")


def test_a_person_recovers_a_lost_database_in_the_browser(world: World, lost: int) -> None:
    with browser(world.airflow.url) as pages:
        pages.log_in("admin", world.airflow.passwords["admin"])
        form = pages.open_form(DAG)
        pages.choose(form, "database/main-db", "tree/documents")
        form.locator("[name=element_reason]").fill(REASON)
        pages.picture("recovery-form", height=1250)
        run_id = pages.trigger(form)

        asked = pages.open_required_action(DAG, "approve")
        for part in (
            "the last known good",
            REASON,
            "database/main-db/shared_db",
            "is kept",
            "is gone",
            "lifeboat undo",
        ):
            assert part in asked
        assert "its backfill is active" not in asked
        pages.picture("recovery-approval")
        pages.answer("Approve")

        run = next(run for run in world.runs(DAG) if run.run_id == run_id)
        run.wait(timeout=300)
        pages.open_task(DAG, run_id, "record")
        expect(pages.page.get_by_text("passed: what was restored is live")).to_be_visible()
        pages.picture("recovery-run", height=1000, expanded=True)

    assert rows(world) == lost
    assert [path.name for path in (world.directory / f"documents-of-{NAME}").iterdir()] == ["contract.txt"]
    evidence = world.catalog.recoveries(NAME)[-1]
    assert isinstance(evidence, RecoveryEvidence)
    assert (evidence.succeeded, evidence.requested_by, evidence.approved_by) == (True, "admin", ("admin",))
    assert evidence.reason == REASON
    assert {server: told.split()[0] for server, told in evidence.servers.items()} == {
        "apim-cp-1": "healthy",
        "apim-gw-1": "healthy",
    }
    # What is gone cannot be captured, and what nobody chose is not.
    safety = world.catalog.point(NAME, evidence.safety_point).manifest
    assert [str(unit.unit) for unit in safety.units] == ["tree/documents"]
    states = run.states()
    assert states["safety.database_main-db"] == states["safety.home_apim-cp-1"] == "skipped"
