"""A point is good at a site by a drill from that site's vault, with the home site or without it."""

import shutil
from typing import Any

import pytest

from tests.support.command_line import Ended, lifeboat_here
from tests.support.planting import flip_byte
from tests.support.quick_vault import PASSWORD
from tests.support.small_deployment import NAME
from tests.support.two_sites import HOME, OTHER, OTHER_PASSWORD, TwoSites


def run(two: TwoSites, *arguments: str, **more: str) -> Ended:
    return lifeboat_here({**two.environment(), **more}, *arguments)


def verdicts(two: TwoSites) -> tuple[str, str]:
    """Return the verdicts of the only point at home and at the other site."""
    (state,) = two.catalog().points(NAME)
    return state.verdict, state.verdict_at(OTHER)


def lose_catalog(two: TwoSites) -> None:
    for file in two.directory.glob("catalog.db*"):
        file.unlink()


def test_with_the_home_site_gone_a_point_is_drilled_and_restored_and_the_home_site_hears_of_it(two: TwoSites) -> None:
    point = two.point().manifest.id
    refused = run(two, "drill", NAME, point, "--site", OTHER)
    assert (refused.status, "is not known to be at site 'other'" in refused.stderr) == (1, True)
    assert run(two, "replicate", NAME).status == 0
    home = two.vault_directory(HOME)
    away = home.rename(home.with_name("away"))
    lose_catalog(two)

    rebuilt = run(two, "catalog", "rebuild", NAME, "--site", OTHER)
    assert (rebuilt.status, rebuilt.stdout) == (0, f"{NAME}: 1 restore points and 1 pieces of evidence.\n")
    drilled = run(two, "drill", NAME, "--site", OTHER)
    assert drilled.status == 0, drilled.stdout + drilled.stderr
    assert verdicts(two) == ("unproven", "good")
    assert f"last known good there: {point}" in run(two, "points", NAME).stdout
    failed = run(two, "replicate", NAME)
    assert (failed.status, "There is no vault at" in failed.stdout) == (1, True)
    into = two.directory / "restored"
    vault = ("--vault", str(two.vault_directory(OTHER)), point, "--member", "tree/documents", "--into", str(into))
    restored = run(two, "restore", *vault, RESTIC_PASSWORD=OTHER_PASSWORD)
    assert restored.status == 0, restored.stdout + restored.stderr
    assert (into / "a").read_text() == "the first"

    away.rename(home)
    told = run(two, "replicate", NAME)
    assert (told.status, "0 pieces of evidence sent, 1 brought" in told.stdout) == (0, True), told.stdout
    lose_catalog(two)
    assert run(two, "catalog", "rebuild", NAME).status == 0
    assert verdicts(two) == ("unproven", "good")


@pytest.mark.parametrize("damaged", [HOME, OTHER])
def test_damage_at_one_site_makes_a_point_bad_at_that_site_alone(two: TwoSites, damaged: str) -> None:
    two.point()
    assert run(two, "replicate", NAME).status == 0
    with two.runtime() as runtime:
        (member,) = runtime.vault(damaged).snapshots({"kind": "member"})
    password = {HOME: PASSWORD, OTHER: OTHER_PASSWORD}[damaged]
    flip_byte(two.vault_directory(damaged), member.id, "/a", password)
    status = {site: run(two, "drill", NAME, "--site", site).status for site in (HOME, OTHER)}
    assert status == {HOME: int(damaged == HOME), OTHER: int(damaged == OTHER)}
    words = {True: "failed", False: "good"}
    assert verdicts(two) == (words[damaged == HOME], words[damaged == OTHER])


def test_after_a_disaster_the_other_site_becomes_the_home_site(two: TwoSites) -> None:
    point = two.point().manifest.id
    assert run(two, "replicate", NAME).status == 0
    lost = two.vault_directory(HOME)
    shutil.rmtree(lost)
    lose_catalog(two)
    two.settings = {"sites": dict(reversed(two.settings["sites"].items())), "business_data": moved(two)}
    two.write(two.document())
    two.change("what broke it")

    assert run(two, "catalog", "rebuild", NAME).status == 0
    assert run(two, "drill", NAME).status == 0
    recovered = run(two, "recover", NAME, "--confirm", NAME)
    assert recovered.status == 0, recovered.stdout + recovered.stderr
    assert (two.directory / "documents/a").read_text() == "the first"

    shutil.copytree(two.places.home_vault, lost)  # type: ignore[union-attr]
    back = run(two, "replicate", NAME)
    assert (back.status, f"Site {HOME}: 2 restore points are whole" in back.stdout) == (0, True), back.stdout
    assert run(two, "drill", NAME, point, "--site", HOME).status == 0


def moved(two: TwoSites) -> dict[str, Any]:
    """The documents, which are at the other site by now."""
    return {"documents": {"path": str(two.directory / "documents"), "site": OTHER}}


def test_on_s3_with_the_endpoint_of_the_home_site_down_the_other_one_proves_its_copies(
    on_s3: TwoSites, caplog: pytest.LogCaptureFixture
) -> None:
    two = on_s3
    point = two.point().manifest.id
    assert run(two, "replicate", NAME).status == 0
    assert two.places
    two.places.home.stop()
    try:
        drilled = run(two, "drill", NAME, "--site", OTHER)
    finally:
        two.places.home.start()
    assert drilled.status == 0, drilled.stdout + drilled.stderr
    assert "The home vault gets the evidence of this drill with the next replication" in caplog.text
    assert verdicts(two) == ("unproven", "good")
    assert run(two, "replicate", NAME).status == 0
    with two.runtime() as runtime:
        assert runtime.vault(HOME).snapshots({"point": point, "type": "drill"})
