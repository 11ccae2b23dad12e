"""Another site by the scheduler: new points are copied by themselves, and are drilled there without the home site."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from lifeboat.documents import read_all
from tests.e2e.runs import eventually
from tests.e2e.world import World

NAME, SITE = "twin", "west"


@pytest.fixture(scope="module")
def points(world: World) -> tuple[str, str]:
    """A restore point of yesterday, and one that a backup made now, after which both were copied by themselves."""
    documents = world.directory / f"documents-of-{NAME}"
    documents.mkdir()
    (documents / "contract.bin").write_bytes(random.Random(7).randbytes(300_000))
    old = world.make_point(NAME, timedelta(days=1)).id
    world.airflow.unpause(f"{NAME}.replication")
    new: str = world.trigger(f"{NAME}.system_backup").wait().result("seal")
    (run,) = eventually(lambda: world.runs(f"{NAME}.replication"), "the replication that the backup's asset starts")
    run.wait()
    assert run.facts()["run_type"] == "asset_triggered"
    assert run.states() == {f"replicate_to_{SITE}": "success"}
    return old, new


@contextmanager
def cut_off(world: World) -> Iterator[None]:
    """The home site's vault is out of reach."""
    vault = world.vault_directory(NAME)
    away = vault.with_name(f"{vault.name}-away")
    vault.rename(away)
    try:
        yield
    finally:
        away.rename(vault)


def test_a_new_point_is_copied_and_is_good_there_by_a_drill_without_the_home_site(
    world: World, points: tuple[str, str]
) -> None:
    old, new = points
    with cut_off(world):
        drill = world.trigger(f"{NAME}.restore_drill", {"site": SITE}).wait()
    assert drill.states() == dict.fromkeys(["pick", f"drill tree/documents of {new} at {SITE}", "record"], "success")
    with world.runtime(NAME) as runtime:
        manifests, evidence, refused = read_all(runtime.vault(SITE), runtime.signer(), NAME)
    assert {signed.manifest.id for signed in manifests} == {old, new}
    assert sorted((each.point, each.type) for each in evidence) == [(old, "replica"), (new, "drill"), (new, "replica")]
    assert refused == []
    assert world.verdict(NAME, new) == "unproven"  # at the home site, that is


def test_a_backfill_reads_the_points_of_its_time_again_and_copies_what_is_gone(
    world: World, points: tuple[str, str]
) -> None:
    for point in points:
        _lose_manifest(world, point)
    dag = f"{NAME}.replication"
    before = {run.run_id for run in world.runs(dag)}
    now = datetime.now(UTC)
    world.airflow.create_backfill(dag, now - timedelta(days=1), now)
    (run,) = eventually(lambda: [run for run in world.runs(dag) if run.run_id not in before], "a backfill's run")
    assert run.wait().facts()["run_type"] == "backfill"
    assert _there(world) == {points[0]}


def _lose_manifest(world: World, point: str) -> None:
    with world.runtime(NAME) as runtime:
        (found,) = runtime.vault(SITE).snapshots({"point": point, "kind": "manifest"})
    (lost,) = (world.vault_directory(NAME, SITE) / "snapshots").glob(f"{found.id}*")
    lost.unlink()


def _there(world: World) -> set[str]:
    with world.runtime(NAME) as runtime:
        return {signed.manifest.id for signed in read_all(runtime.vault(SITE), runtime.signer(), NAME)[0]}
