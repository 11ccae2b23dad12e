"""The catalog is a cache: whatever was in it comes back from the vault alone."""

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import URL, inspect

from lifeboat.catalog import Catalog, PointState, catalog_url
from lifeboat.catalog.models import Base
from lifeboat.documents import SignedManifest, read_all, write_evidence, write_manifest
from lifeboat.drill import record_drill
from lifeboat.errors import ConfigurationError, LifeboatError, PointError, UnreachableError
from lifeboat.manifest import DrillEvidence
from tests.contract.usecases.conftest import Damaged
from tests.support.planting import flip_byte, restic
from tests.support.points import made_up_drill, made_up_point

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def everything(catalog: Catalog, deployment: str) -> tuple[list[PointState], PointState | None]:
    return catalog.points(deployment), catalog.last_known_good(deployment)


# -- rebuild --------------------------------------------------------------------------------------------------


def test_rebuild_after_a_loss_gives_the_same(damaged: Damaged, url: URL) -> None:
    """Points, verdicts and last known good of a vault with a good, a failed and an incomplete drill."""
    now, green = datetime.now(UTC), damaged.proven.evidence.units
    red = green[0].model_copy(update={"checks": (green[0].checks[0].model_copy(update={"outcome": "failed"}),)})
    record_drill(damaged.runtime, damaged.catalog, damaged.point, [red, *green[1:]], now)
    record_drill(damaged.runtime, damaged.catalog, damaged.proven.old.manifest.id, green[1:], now)
    before = everything(damaged.catalog, "mini")
    assert [state.verdict for state in before[0]] == ["failed", "good"]

    fresh = Catalog(url)
    assert everything(fresh, "mini") == ([], None)
    manifests, evidence, refused = read_all(damaged.vault, damaged.runtime.signer(), "mini")
    assert (len(manifests), len(evidence), refused) == (2, 3, [])
    fresh.rebuild("mini", manifests, evidence)
    assert everything(fresh, "mini") == before
    fresh.rebuild("mini", manifests, evidence)
    assert everything(fresh, "mini") == before


def test_rebuild_passes_over_what_is_not_genuine(damaged: Damaged) -> None:
    """One damaged document, or a copied one, keeps nobody from reading the others."""
    signer, vault = damaged.runtime.signer(), damaged.vault
    (evidence,) = vault.snapshots({"kind": "evidence"})
    vault.backup_bytes(vault.read(evidence.id, "/evidence.json"), "/evidence.json", evidence.tags)
    vault.backup_bytes(b"{}", "/evidence.json", evidence.tags)
    twin = damaged.proven.old.manifest.model_copy(update={"reason": "sealed a second time"})
    write_manifest(vault, signer, twin)
    write_evidence(vault, signer, made_up_drill(made_up_point(NOON, "mini")))
    flip_byte(damaged.mini.vault_directory, damaged.document("manifest").id, "/manifest.json")

    manifests, documents, refused = read_all(vault, signer, "mini")
    assert [signed.sha256 for signed in manifests] == [damaged.proven.old.sha256]
    assert documents == [damaged.proven.evidence]
    assert len(refused) == 4
    for what in ("is not a signed envelope", "holds damaged data", "has a second manifest", "is about no manifest"):
        assert any(what in each for each in refused), (what, refused)
    damaged.catalog.rebuild("mini", manifests, documents)
    assert [state.verdict for state in damaged.catalog.points("mini")] == ["good"]


def test_rebuild_forgets_what_is_no_longer_in_the_vault(damaged: Damaged) -> None:
    restic(damaged.mini.vault_directory, "forget", damaged.document("manifest").id)
    manifests, evidence, _ = read_all(damaged.vault, damaged.runtime.signer(), "mini")
    damaged.catalog.rebuild("mini", manifests, evidence)
    assert [state.manifest.id for state in damaged.catalog.points("mini")] == [damaged.proven.old.manifest.id]


def test_rebuild_keeps_what_comes_while_the_vault_is_read(url: URL) -> None:
    catalog = Catalog(url)
    old, gone, new = (made_up_point(NOON + timedelta(days=day)) for day in range(3))
    catalog.add_point(old)
    catalog.add_point(gone)
    kept = catalog.kept("sample")
    catalog.add_point(new)
    catalog.add_evidence(made_up_drill(old))
    catalog.add_evidence(made_up_drill(new))
    catalog.rebuild("sample", [old], [], kept)
    assert [(state.manifest.id, state.verdict) for state in catalog.points("sample")] == [
        (new.manifest.id, "good"),
        (old.manifest.id, "good"),
    ]


def test_rebuild_touches_no_other_deployment(url: URL) -> None:
    catalog = Catalog(url)
    here, there = made_up_point(NOON, "here"), made_up_point(NOON, "there")
    for point in (here, there):
        catalog.add_point(point)
        catalog.add_evidence(made_up_drill(point))
    catalog.rebuild("here", [], [])
    assert catalog.points("here") == []
    assert [state.verdict for state in catalog.points("there")] == ["good"]


# -- keeping and asking ---------------------------------------------------------------------------------------


def test_the_newest_conclusive_drill_counts(url: URL) -> None:
    catalog = Catalog(url)
    point = made_up_point(NOON)
    catalog.add_point(point)

    def verdict_after(hours: int, drill: DrillEvidence) -> str:
        catalog.add_evidence(drill.model_copy(update={"finished_at": NOON + timedelta(hours=hours)}))
        return catalog.point("sample", point.manifest.id).verdict

    assert catalog.point("sample", point.manifest.id).verdict == "unproven"
    assert verdict_after(1, made_up_drill(point, complete=False)) == "unproven"
    assert verdict_after(2, made_up_drill(point)) == "good"
    assert verdict_after(3, made_up_drill(point, complete=False)) == "good"
    assert verdict_after(4, made_up_drill(point, "failed")) == "failed"
    assert verdict_after(5, made_up_drill(point)) == "good"
    assert verdict_after(6, made_up_drill(point, "failed", complete=False)) == "failed"
    assert verdict_after(0, made_up_drill(point)) == "failed"


def test_last_known_good_is_the_newest_good_point(url: URL) -> None:
    catalog = Catalog(url)
    good, better, failed, unproven = (made_up_point(NOON + timedelta(days=day)) for day in range(4))
    for point in (better, unproven, good, failed):
        catalog.add_point(point)
    assert catalog.last_known_good("sample") is None
    for point, outcome in ((better, "passed"), (failed, "failed"), (good, "passed")):
        catalog.add_evidence(made_up_drill(point, outcome))
    found = catalog.last_known_good("sample")
    assert found is not None
    assert found.manifest == better.manifest
    assert found.manifest_sha256 == better.sha256


def test_undrilled_points_of_a_stretch_of_time(url: URL) -> None:
    catalog = Catalog(url)
    points = [made_up_point(NOON + timedelta(hours=hour)) for hour in range(5)]
    for point in points:
        catalog.add_point(point)
    catalog.add_evidence(made_up_drill(points[3]))
    catalog.add_evidence(made_up_drill(points[2], complete=False))

    def hours(after: int | None, until: int, most: int = 10) -> list[int]:
        after_time = None if after is None else NOON + timedelta(hours=after)
        ids = catalog.undrilled("sample", after_time, NOON + timedelta(hours=until), most)
        return [[point.manifest.id for point in points].index(each) for each in ids]

    assert hours(None, 4) == [4, 2, 1, 0]
    assert hours(1, 4) == [4, 2]
    assert hours(0, 2) == [2, 1]
    assert hours(None, 4, most=2) == [4, 2]
    assert hours(4, 9) == []
    assert catalog.undrilled("other", None, NOON + timedelta(days=1), 10) == []


def test_exposure_ends_with_the_next_point(url: URL) -> None:
    catalog = Catalog(url)
    first, second = made_up_point(NOON), made_up_point(NOON + timedelta(hours=24))
    for point in (first, second):
        catalog.add_point(point)
    now = NOON + timedelta(hours=30)
    assert catalog.exposure_seconds(first.manifest, now) == 24 * 3600
    assert catalog.exposure_seconds(second.manifest, now) == 6 * 3600 + 60  # captured a minute before it was sealed


def test_a_point_is_found_by_the_beginning_of_its_id(url: URL) -> None:
    catalog = Catalog(url)
    first, second = made_up_point(NOON), made_up_point(NOON + timedelta(days=1))
    for point in (first, second):
        catalog.add_point(point)
    assert catalog.point("sample", first.manifest.id[:10]).manifest == first.manifest
    assert catalog.signed_manifest("sample", second.manifest.id) == second
    for beginning, count in (("2026", "2 restore points"), ("1999", "no restore point")):
        with pytest.raises(PointError, match=f"has {count} whose id begins with '{beginning}'"):
            catalog.point("sample", beginning)


def test_keeping_again_changes_nothing(url: URL) -> None:
    catalog = Catalog(url)
    point = made_up_point(NOON)
    drill = made_up_drill(point)
    for _ in range(2):
        catalog.add_point(point)
        catalog.add_evidence(drill)
    assert everything(Catalog(url), "sample") == (
        [PointState(point.manifest, point.sha256, drill)],
        PointState(point.manifest, point.sha256, drill),
    )


def test_another_manifest_of_the_same_point_replaces_it_and_its_evidence(url: URL) -> None:
    """What the vault holds is the truth; evidence is about one manifest only."""
    catalog = Catalog(url)
    point = made_up_point(NOON)
    catalog.add_point(point)
    catalog.add_evidence(made_up_drill(point))
    again = SignedManifest(manifest=point.manifest.model_copy(update={"reason": "again"}), sha256="0" * 64)
    catalog.add_point(again)
    assert catalog.points("sample") == [PointState(again.manifest, again.sha256, None)]


# -- the tables -----------------------------------------------------------------------------------------------


def test_migrations_make_the_tables_of_the_models(url: URL) -> None:
    catalog = Catalog(url)
    found = inspect(catalog._engine)
    assert set(found.get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    for name, table in Base.metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in found.get_columns(name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert found.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key.columns]
        indexes = {tuple(each["column_names"]) for each in found.get_indexes(name) if not each["unique"]}
        assert indexes == {
            tuple(column.name for column in index.columns) for index in table.indexes if not index.unique
        }


def test_a_catalog_of_a_newer_version_is_refused(url: URL) -> None:
    catalog = Catalog(url)
    with catalog._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="tables cannot be brought up to date") as caught:
        Catalog(url)
    assert "newer Lifeboat" in str(caught.value)


def test_many_may_open_an_empty_catalog_at_once(url: URL) -> None:
    barrier = threading.Barrier(8, timeout=20)

    def open_it(number: int) -> int:
        barrier.wait()
        return len(Catalog(url).points("sample"))

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert list(pool.map(open_it, range(8))) == [0] * 8


def write_much(place: str, number: int) -> list[str]:
    """Keep points and drills, all of it of one deployment, as a process of its own."""
    catalog = Catalog(URL.create("sqlite", database=place))
    ids = []
    for minute in range(8):
        point = made_up_point(NOON + timedelta(hours=number, minutes=minute))
        catalog.add_point(point)
        catalog.add_evidence(made_up_drill(point))
        assert catalog.point("sample", point.manifest.id).verdict == "good"
        ids.append(point.manifest.id)
    return ids


def test_many_processes_write_to_one_sqlite_file(tmp_path: Path) -> None:
    place = str(tmp_path / "catalog.db")
    with ProcessPoolExecutor(max_workers=3, mp_context=get_context("spawn")) as pool:
        written = [each for ids in pool.map(write_much, [place] * 3, range(3)) for each in ids]
    catalog = Catalog(URL.create("sqlite", database=place))
    assert {state.manifest.id for state in catalog.points("sample")} == set(written)
    assert all(state.verdict == "good" for state in catalog.points("sample"))
    assert len(written) == 24


def test_writers_of_the_same_point_do_not_collide(tmp_path: Path) -> None:
    """A sealing task and its retry may both be at work."""
    url = URL.create("sqlite", database=str(tmp_path / "catalog.db"))
    Catalog(url)
    points = [made_up_point(NOON + timedelta(minutes=minute)) for minute in range(10)]
    drills = [made_up_drill(point) for point in points]
    barrier = threading.Barrier(4, timeout=20)

    def write(number: int) -> None:
        catalog = Catalog(url)
        for point, drill in zip(points, drills, strict=True):
            barrier.wait()
            catalog.add_point(point)
            catalog.add_evidence(drill)

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(write, range(4)))
    assert len(Catalog(url).points("sample")) == 10


# -- where it is ----------------------------------------------------------------------------------------------


def test_by_default_it_is_in_the_data_directory_of_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIFEBOAT_CATALOG", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    url = catalog_url(lambda connection_id: pytest.fail(f"asked for {connection_id}"))
    assert url.database == str(tmp_path / "data/lifeboat/catalog.db")
    assert (tmp_path / "data/lifeboat").stat().st_mode & 0o777 == 0o700


def no_server(tmp_path: Path) -> URL:
    return URL.create("postgresql+psycopg", "me", "the secret", "127.0.0.1", 1, "catalog")


def no_database(tmp_path: Path) -> URL:
    (tmp_path / "text.db").write_text("this is no database, but it is long enough to be read as one" * 20)
    return URL.create("sqlite", database=str(tmp_path / "text.db"))


def no_file(tmp_path: Path) -> URL:
    return URL.create("sqlite", database=str(tmp_path))


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        (
            no_server,
            UnreachableError,
            r"The catalog postgresql\+psycopg://me:\*\*\*@127.0.0.1:1/catalog cannot be used",
        ),
        (no_database, ConfigurationError, r"text.db is damaged, or is something else: file is not a database"),
        (no_file, UnreachableError, r"cannot be used: unable to open database file"),
    ],
)
def test_a_catalog_that_cannot_be_used(tmp_path: Path, where, error: type[LifeboatError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        Catalog(where(tmp_path))
    assert "the secret" not in str(caught.value)
    assert "lifeboat catalog rebuild" in caught.value.next_step


def test_a_directory_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "file/catalog.db"))
    with pytest.raises(ConfigurationError, match=r"The catalog cannot be at .*: (File exists|Not a directory)"):
        catalog_url(lambda connection_id: pytest.fail(f"asked for {connection_id}"))
