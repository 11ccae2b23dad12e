"""Repair: a damaged vault is filled from another site, and what manifests say of it stays true."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat.documents import read_documents
from lifeboat.drill import drill_point
from lifeboat.errors import VaultBusyError
from lifeboat.housekeeping import housekeep
from lifeboat.repair import repair
from lifeboat.replication import replicate
from lifeboat.upkeep_documents import UpkeepRecord, read_upkeep
from lifeboat.vault_upkeep import HousekeeperVault
from tests.support.planting import first_blob, flip_byte, flip_byte_at, flip_byte_of_blob, place_of, restic
from tests.support.quick_vault import PASSWORD
from tests.support.small_deployment import NAME
from tests.support.two_sites import HOME, OTHER, OTHER_PASSWORD, TwoSites

PASSWORDS = {HOME: PASSWORD, OTHER: OTHER_PASSWORD}


def admit_housekeepers(two: TwoSites) -> None:
    for site in (HOME, OTHER):
        vault = two.settings["sites"][site]["vault"]
        two.set_sites(**{site: {"vault": {**vault, "housekeeper": f"{site}_writer"}}})
    two.settings = {**two.settings, "retention": {"check_parts": 1}}
    two.write(two.document())


@pytest.fixture
def kept(two: TwoSites) -> Iterator[TwoSites]:
    admit_housekeepers(two)
    yield two


def check(two: TwoSites) -> UpkeepRecord:
    with two.runtime() as runtime:
        return housekeep(runtime, two.catalog(), ["check"])


def bring_over(two: TwoSites) -> None:
    with two.runtime() as runtime:
        assert replicate(runtime, two.catalog(), OTHER).passed


def damage(two: TwoSites, site: str, point: str) -> Path:
    """Flip a bit of the document of a point at a site, and return the pack."""
    with two.runtime() as runtime:
        (member,) = runtime.vault(site).snapshots({"kind": "member", "point": point})
    return flip_byte(two.vault_directory(site), member.id, "/a", PASSWORDS[site])


def snapshots(two: TwoSites, site: str) -> set[str]:
    return {each.name for each in (two.vault_directory(site) / "snapshots").iterdir()}


def damage_tree(two: TwoSites, site: str, point: str) -> Path:
    """Flip a bit of the directory listing of a point at a site, and return the pack."""
    with two.runtime() as runtime:
        (member,) = runtime.vault(site).snapshots({"kind": "member", "point": point})
    return flip_byte_of_blob(two.vault_directory(site), member.tree, PASSWORDS[site])


@pytest.mark.parametrize(("site", "spoil"), [(HOME, damage), (OTHER, damage_tree)])
def test_damage_is_filled_from_the_other_site_and_read_again(
    request: pytest.FixtureRequest, site: str, spoil: Callable[[TwoSites, str, str], Path]
) -> None:
    two: TwoSites = request.getfixturevalue("two" if site == HOME else "on_s3")
    admit_housekeepers(two)
    point = two.point().manifest.id
    bring_over(two)
    pack, before = spoil(two, site, point), snapshots(two, site)
    two.notice()

    record = check(two)

    assert record.passed, record
    (repair,) = record.repairs
    source = OTHER if site == HOME else HOME
    assert (repair.site, repair.packs, repair.points, repair.sources) == (site, (pack.name,), (point,), (source,))
    assert repair.snapshots == 1
    assert repair.size_bytes > 0
    assert [(each.site, each.passed) for each in record.checks if each.site == site] == [(site, False), (site, True)]
    assert before <= snapshots(two, site)  # under their own names: manifests address them
    assert not pack.exists()
    with two.runtime() as runtime:
        catalog = two.catalog()
        assert read_documents(runtime.vault(HOME), runtime.signer(), NAME).refused == []
        assert read_upkeep(runtime.vault(HOME), runtime.signer(), NAME) == ([record], [])
        (state,) = catalog.points(NAME)
        assert state.replicas[OTHER].source == HOME
        assert (state.replicas[OTHER].copied == 1) == (site == OTHER)
        assert drill_point(runtime, catalog, point, site=site).passed
    restic(two.vault_directory(site), "check", "--read-data", password=PASSWORDS[site])
    assert check(two).repairs == ()


def test_what_was_not_copied_stays_and_what_it_shares_with_copied_points_is_whole_again(kept: TwoSites) -> None:
    two = kept
    (two.directory / "documents/shared").write_text("in all points")
    old = two.point().manifest.id
    bring_over(two)
    (two.directory / "documents/b").write_text("in the second alone")
    new = two.point().manifest.id
    with two.runtime() as runtime:
        (member,) = runtime.vault(HOME).snapshots({"kind": "member", "point": new})
    shared = flip_byte(two.vault_directory(HOME), member.id, "/shared", PASSWORD)

    record = check(two)

    assert record.passed, record
    assert sorted(record.repairs[0].points) == sorted([old, new])
    own = flip_byte(two.vault_directory(HOME), member.id, "/b", PASSWORD)
    assert own != shared

    record = check(two)

    assert not record.passed
    (repair,) = record.repairs
    assert repair.still_damaged == (f"{new}: tree/documents",)
    assert (repair.points, repair.sources) == ((), ())
    assert f"What no other site has whole stays so: {new}: tree/documents" in record.errors[0]
    with two.runtime() as runtime:
        assert drill_point(runtime, two.catalog(), old).passed
        assert not drill_point(runtime, two.catalog(), new).passed
    again = check(two)
    assert (again.passed, again.repairs[0].still_damaged) == (False, repair.still_damaged)


def test_a_damaged_pack_stays_while_something_that_nobody_else_has_can_be_read(kept: TwoSites) -> None:
    two = kept
    (two.directory / "documents/first").write_text("one of two in a pack")
    first = two.point().manifest.id
    bring_over(two)
    with two.runtime() as runtime:
        (member,) = runtime.vault(HOME).snapshots({"kind": "member", "point": first})
    for name in ("a", "first"):
        (two.directory / "documents" / name).unlink()
    (two.directory / "documents/own").write_text("of the second")
    (two.directory / "documents/more").write_text("of the third")
    second = two.point().manifest.id
    (two.directory / "documents/own").unlink()
    third = two.point().manifest.id
    with two.runtime() as runtime:
        (member,) = runtime.vault(HOME).snapshots({"kind": "member", "point": second})
    pack = flip_byte(two.vault_directory(HOME), member.id, "/own", PASSWORD)

    record = check(two)

    assert not record.passed
    (repair,) = record.repairs
    assert repair.kept == (f"{third}: tree/documents can be read, and no other site has it",)
    assert repair.points == ()
    assert pack.exists()
    with two.runtime() as runtime:
        assert drill_point(runtime, two.catalog(), third).passed
        assert not drill_point(runtime, two.catalog(), second).passed


def test_a_lost_pack_is_filled_as_well(kept: TwoSites) -> None:
    two = kept
    point = two.point().manifest.id
    bring_over(two)
    pack = damage(two, OTHER, point)
    pack.unlink()
    with two.runtime() as runtime:  # restic's check would try for most of a minute to read it
        done = repair(runtime, two.catalog(), OTHER, [pack.name])
    assert (done.packs, done.points, done.sources, done.still_damaged) == ((pack.name,), (point,), (HOME,), ())
    restic(two.vault_directory(OTHER), "check", "--read-data", password=OTHER_PASSWORD)


def test_what_can_be_read_of_a_pack_with_a_damaged_header_is_not_lost(kept: TwoSites) -> None:
    """restic reads such a pack by the index alone, which cannot be made anew from it."""
    two, vault = kept, kept.vault_directory(HOME)

    def damage_header(kind: str, path: str, **tags: str) -> Path:
        with two.runtime() as runtime:
            (snapshot,) = runtime.vault(HOME).snapshots({"kind": kind, **tags})
        pack, _, _ = place_of(vault, first_blob(vault, snapshot.id, path, PASSWORD), PASSWORD)
        flip_byte_at(pack, pack.stat().st_size - 6)
        return pack

    two.point()
    bring_over(two)
    assert check(two).passed
    pack = damage_header("upkeep", "/upkeep.json")  # of that check, which is in the home vault alone
    record = check(two)
    assert record.passed, record
    assert (record.repairs[0].packs, record.repairs[0].still_damaged) == ((pack.name,), ())
    with two.runtime() as runtime:
        assert len(read_upkeep(runtime.vault(HOME), runtime.signer(), NAME)[0]) == 2

    two.change("the second")
    new = two.point().manifest.id
    damage_header("member", "/a", point=new)
    record = check(two)
    assert record.repairs[0].kept == (f"{new}: tree/documents can be read, and no other site has it",)
    assert (record.passed, record.repairs[0].points) == (False, ())
    bring_over(two)
    record = check(two)
    assert (record.passed, record.repairs[0].points) == (True, (new,))
    with two.runtime() as runtime:
        assert drill_point(runtime, two.catalog(), new).passed
    restic(vault, "check", "--read-data", password=PASSWORD)


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("after", ["rebuild_index", "copy_from"])
def test_a_repair_that_is_killed_is_finished_by_the_next_run(
    kept: TwoSites, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = kept
    point = two.point().manifest.id
    bring_over(two)
    damage(two, HOME, point)
    before = snapshots(two, HOME)
    work = getattr(HousekeeperVault, after)

    def killed(vault: HousekeeperVault, *arguments: Any) -> None:
        work(vault, *arguments)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(HousekeeperVault, after, killed)
        check(two)
    with two.runtime() as runtime:
        assert not drill_point(runtime, two.catalog(), point).passed or after == "copy_from"

    record = check(two)

    assert record.passed, record
    assert record.repairs[0].points == (point,)
    assert snapshots(two, HOME) >= before
    assert {each.name for each in (two.vault_directory(HOME) / "damaged").rglob("*") if each.is_file()} == set()
    restic(two.vault_directory(HOME), "check", "--read-data", password=PASSWORD)
    with two.runtime() as runtime:
        assert drill_point(runtime, two.catalog(), point).passed


def test_a_source_that_fails_meanwhile_takes_nothing_away(kept: TwoSites, monkeypatch: pytest.MonkeyPatch) -> None:
    two = kept
    point = two.point().manifest.id
    bring_over(two)
    damage(two, HOME, point)
    before = snapshots(two, HOME)

    def cut_off(vault: HousekeeperVault, *arguments: Any) -> None:
        assert before - snapshots(two, HOME)
        raise VaultBusyError("The line is cut.", next_step="Mend it.")

    with monkeypatch.context() as patch:
        patch.setattr(HousekeeperVault, "copy_from", cut_off)
        record = check(two)
    assert (record.passed, record.repairs[0].points, record.repairs[0].sources) == (False, (), ())
    assert snapshots(two, HOME) >= before
    assert check(two).passed


def test_only_the_housekeeper_repairs_and_one_site_that_fails_stops_no_other(kept: TwoSites) -> None:
    two = kept
    point = two.point().manifest.id
    bring_over(two)
    pack = damage(two, OTHER, point)
    vault = two.settings["sites"][OTHER]["vault"]
    two.set_sites(other={"vault": {**vault, "housekeeper": None}})
    two.settings = {**two.settings, "retention": {"check_parts": 1}}
    two.write(two.document())
    before = pack.read_bytes()

    record = check(two)

    assert (record.repairs, record.passed, pack.read_bytes()) == ((), False, before)
    assert "names no housekeeper" in record.errors[0]
    two.other_password = "another one"
    record = check(two)
    assert [(each.site, each.passed) for each in record.checks] == [(HOME, True)]
    assert record.errors[0].startswith("check of site other: The password of vault")
