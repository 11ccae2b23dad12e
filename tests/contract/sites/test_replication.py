"""Replication: what is whole at the other site afterwards, whatever went wrong before or meanwhile."""

import contextlib
import json
import os
import re
import shutil
import threading
import time
from pathlib import Path

from lifeboat.documents import list_point, read_documents
from lifeboat.hold import set_hold
from lifeboat.processes import end_all
from lifeboat.replication import SiteResult, replicate
from lifeboat.signing import new_private_key
from tests.support.command_line import lifeboat_here
from tests.support.planting import flip_byte, restic
from tests.support.small_deployment import NAME
from tests.support.two_sites import HOME, OTHER, OTHER_PASSWORD, Places, TwoSites


def run(two: TwoSites, *points: str, again: bool = False, site: str = OTHER) -> SiteResult:
    with two.runtime() as runtime:
        return replicate(runtime, two.catalog(), site, points or None, again=again)


def test_after_an_outage_every_point_comes_over_with_its_evidence_and_then_nothing_more(
    places: Places, tmp_path: Path
) -> None:
    two = TwoSites.on_s3(places, tmp_path / "d")
    signed = [two.point(drilled=True)]
    two.change("the second")
    signed.append(two.point())

    result = run(two)

    ids = [each.manifest.id for each in signed]
    assert result.passed, result
    assert [each.point for each in result.replicas] == ids[::-1]  # the newest first
    assert {(each.copied, each.trees, each.streams) for each in result.replicas} == {(2, 1, 0)}
    assert result.evidence_sent == 1
    with two.runtime() as runtime:
        found = read_documents(runtime.vault(OTHER), runtime.signer(), NAME)
        set_hold(runtime, two.catalog(), ids[0], held=True, reason="a court", by="me")
    assert sorted(found.manifests, key=lambda each: each.manifest.sealed_at) == signed
    assert sorted(each.type for each in found.evidence) == ["drill", "replica", "replica"]
    assert found.refused == found.dangling == []

    later = run(two)

    assert (later.passed, later.whole, later.replicas, later.evidence_sent) == (True, 2, (), 1)
    with two.runtime() as runtime:
        evidence = read_documents(runtime.vault(OTHER), runtime.signer(), NAME).evidence
    assert sorted(each.type for each in evidence) == ["drill", "hold", "replica", "replica"]


def test_a_copy_that_is_killed_is_finished_by_the_next_run(on_s3: TwoSites) -> None:
    two = on_s3
    two.set_sites(other={"replication": {"limit_upload": "64K"}})
    (two.directory / "documents/large").write_bytes(os.urandom(400_000))
    point = two.point().manifest.id
    snapshots = two.vault_directory(OTHER) / "snapshots"
    before = set(snapshots.iterdir())

    def kill() -> None:
        while set(snapshots.iterdir()) == before:  # the facts come first
            time.sleep(0.02)
        end_all()

    killer = threading.Thread(target=kill)
    killer.start()
    killed = run(two)
    killer.join()

    assert (killed.passed, killed.permanent, killed.replicas) == (False, False, ()), killed
    with two.runtime() as runtime:
        half = list_point(runtime.vault(OTHER), NAME, point)
        assert [each.tags["kind"] for each in half] == ["facts"]
    two.set_sites(other={"replication": {}})

    result = run(two)

    assert result.passed, result
    (replica,) = result.replicas
    assert (replica.copied, replica.passed) == (1, True)
    with two.runtime() as runtime:
        whole = list_point(runtime.vault(OTHER), NAME, point)
    assert sorted(each.tags["kind"] for each in whole) == ["evidence", "facts", "manifest", "member"]


def test_damage_at_the_other_site_is_found_when_it_is_read_again_and_can_be_repaired(two: TwoSites) -> None:
    point = two.point()
    assert run(two).passed
    with two.runtime() as runtime:
        (member,) = runtime.vault(OTHER).snapshots({"kind": "member"})
    there = two.vault_directory(OTHER)
    pack = flip_byte(there, member.id, "/a", OTHER_PASSWORD)
    assert run(two).replicas == ()

    result = run(two, again=True)

    assert not result.passed
    (replica,) = result.replicas
    assert replica.copied == 0
    assert [failure for failure in replica.failures if "holds damaged data" in failure] == list(replica.failures)
    assert replica.failures[0].startswith("tree/documents: ")
    with two.runtime() as runtime:
        evidence = read_documents(runtime.vault(HOME), runtime.signer(), NAME).evidence
    assert [each.passed for each in evidence if each.type == "replica"] == [True, False]
    (known,) = run(two).failures  # without reading it again
    assert known.startswith(f"{point.manifest.id}: {replica.failures[0]} (of ")
    pack.unlink()  # as docs/sites.md says
    for command in (["rebuild-index"], ["forget", member.id]):
        restic(there, *command, password=OTHER_PASSWORD)
    repaired = run(two)
    assert [(each.point, each.copied, each.passed) for each in repaired.replicas] == [(point.manifest.id, 1, True)]


def test_what_somebody_removed_at_the_other_site_comes_over_again(two: TwoSites) -> None:
    two.point()
    assert run(two).passed
    with two.runtime() as runtime:
        (member,) = runtime.vault(OTHER).snapshots({"kind": "member"})
    (two.vault_directory(OTHER) / "snapshots" / member.id).unlink()

    result = run(two)

    assert result.passed, result
    assert [each.copied for each in result.replicas] == [1]


def test_a_forged_point_is_not_copied_and_keeps_no_other_one_back(two: TwoSites) -> None:
    good = two.point().manifest.id
    two.key, key = new_private_key(), two.key
    forged = two.point().manifest.id
    two.key = key

    result = run(two)

    assert ([each.point for each in result.replicas], result.whole) == ([good], 1)
    (failure,) = result.failures
    assert failure.startswith(f"{forged}: ")
    assert "signed" in failure
    with two.runtime() as runtime:
        assert list_point(runtime.vault(OTHER), NAME, forged) == []


def test_a_site_that_fails_keeps_no_other_one_back(two: TwoSites, places: Places) -> None:
    point = two.point().manifest.id
    two.other_password = "another one"
    third = two.directory / "third"
    shutil.copytree(places.home_vault, third)
    two.set_sites(third=two.site(HOME, str(third)))

    done = lifeboat_here(two.environment(), "replicate", NAME)

    assert done.status == 1, done.stderr
    assert "The password of vault" in done.stdout
    assert re.search(rf"{point}.*passed.*2 snapshots", done.stdout)
    assert "Site third: 1 restore points are whole" in done.stdout
    assert lifeboat_here(two.environment(), "replicate", NAME, "--site", "third").status == 0
    for site in (HOME, "nowhere"):
        refused = lifeboat_here(two.environment(), "replicate", NAME, "--site", site)
        assert (refused.status, "Those are: other, third" in refused.stderr) == (1, True)


def test_no_secret_of_either_site_is_in_a_list_of_processes(on_s3: TwoSites) -> None:
    two = on_s3
    two.point()
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for each in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(each.read_text(errors="replace"))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        assert run(two).passed
    finally:
        done.set()
        watcher.join()
    mine = [line for line in seen if "restic" in line or "rclone" in line]
    assert any("copy" in line.split("\0") for line in mine)
    secrets = [secret for each in two.connections().values() for secret in (each.password, *each.extra.values())]
    assert [secret for secret in secrets if any(str(secret) in line for line in mine)] == []


def test_the_vault_of_another_site_cuts_files_as_the_home_vault_does(two: TwoSites) -> None:
    two.set_sites(third=two.site(HOME, str(two.directory / "made")))

    with two.runtime() as runtime:
        runtime.initialise_vault("third")
        runtime.initialise_vault("third")
        vaults = (runtime.vault(site) for site in (HOME, "third", OTHER))
        polynomials = [json.loads(vault._run(["cat", "config"]).stdout)["chunker_polynomial"] for vault in vaults]

    assert polynomials[0] == polynomials[1] != polynomials[2]
