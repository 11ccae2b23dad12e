"""Holds, and retention carried out on a real vault, as a person sees it."""

import re
from datetime import timedelta

import pytest

from lifeboat.documents import list_point
from lifeboat.errors import ConfigurationError, PointError
from lifeboat.hold import set_hold
from lifeboat.housekeeping import housekeep
from lifeboat.refresh import refresh
from lifeboat.retention_run import Retention
from tests.support.command_line import Ended, lifeboat_here
from tests.support.small_deployment import NAME, Small

HOUR = timedelta(hours=1)


def run(small: Small, *arguments: str) -> Ended:
    return lifeboat_here(small.environment(), *arguments)


def test_a_person_holds_a_point_and_deletes_what_no_rule_keeps(small: Small) -> None:
    old, held, good, newest = (
        small.point(age * HOUR, drilled=drilled).manifest.id
        for age, drilled in ((20, False), (10, False), (5, True), (1, False))
    )
    done = run(small, "hold", NAME, held[:16], "--reason", "the auditors want it")
    assert (done.status, "is on hold: the auditors want it" in done.stdout) == (0, True), done.stderr
    for shown in (run(small, "points", NAME), run(small, "show", NAME, held)):
        assert "On hold" in shown.stdout
        assert "the auditors want it" in shown.stdout

    dry = run(small, "retention", NAME, "--dry-run")
    assert dry.status == 0, dry.stderr
    for point, why in ((old, "goes.*no rule keeps it"), (held, "stays.*on hold"), (good, "stays.*the last known good")):
        assert re.search(rf"{point}.*{why}", dry.stdout), dry.stdout
    assert re.search(rf"{newest}.*stays.*the newest; one of the last 1", dry.stdout)
    refused = run(small, "retention", NAME, "--confirm", "another")
    assert (refused.status, refused.stdout.endswith("Nothing was changed.\n")) == (1, True)

    with small.runtime() as runtime:
        assert len(list_point(runtime.vault("main"), NAME, old)) == 3
    done = run(small, "retention", NAME, "--yes")
    assert done.status == 0, done.stdout + done.stderr
    assert re.search(rf"point.*{old}.*3.*no rule keeps it", done.stdout)
    catalog = small.catalog()
    assert {state.manifest.id for state in catalog.points(NAME)} == {held, good, newest}
    (record,) = catalog.upkeep(NAME)
    assert [(each.kind, each.name, each.snapshots) for each in record.removed] == [("point", old, 3)]
    with small.runtime() as runtime:
        assert list_point(runtime.vault("main"), NAME, old) == []
        (small.directory / "catalog.db").unlink()
        refresh(runtime, small.catalog())
    assert {state.manifest.id for state in small.catalog().points(NAME)} == {held, good, newest}
    assert small.catalog().upkeep(NAME) == [record]

    done = run(small, "release", NAME, held, "--reason", "they have seen it")
    assert done.status == 0, done.stderr
    assert run(small, "retention", NAME, "--confirm", NAME).status == 0
    assert {state.manifest.id for state in small.catalog().points(NAME)} == {good, newest}
    assert run(small, "retention", NAME).stdout.endswith("Nothing goes.\n")


def test_only_the_housekeepers_credential_deletes(small: Small) -> None:
    old, new = small.point(20 * HOUR).manifest.id, small.point(drilled=True).manifest.id
    catalog, right = small.catalog(), small.passwords["small_housekeeper"]
    small.passwords["small_housekeeper"] = "wrong"
    with small.runtime() as runtime:
        record = housekeep(runtime, catalog, ["retention"])
        assert (record.removed, record.passed) == ((), False)
        assert "The password of vault" in record.errors[0]
        assert catalog.upkeep(NAME) == [record]
        assert len(list_point(runtime.vault("main"), NAME, old)) == 3
    small.passwords["small_housekeeper"] = right
    with small.runtime() as runtime:
        assert [each.name for each in housekeep(runtime, catalog, ["retention"]).removed] == [old]
    assert [state.manifest.id for state in catalog.points(NAME)] == [new]

    document = small.document()
    del document["sites"]["main"]["vault"]["housekeeper"]
    small.write(document)
    for command in (["retention", NAME, "--yes"], ["housekeeping", NAME]):
        small.point(20 * HOUR)
        assert "names no housekeeper for its vault" in run(small, *command).stderr


def test_validate_tells_of_a_housekeeper_who_cannot_open_the_vault(small: Small) -> None:
    assert run(small, "validate", NAME).status == 0
    small.passwords["small_housekeeper"] = "wrong"
    done = run(small, "validate", NAME)
    assert (done.status, done.stderr.count("The password of vault")) == (1, 1), done.stderr


def test_a_point_in_use_or_being_deleted_is_told(small: Small) -> None:
    old, new = small.point(20 * HOUR).manifest.id, small.point(drilled=True).manifest.id
    catalog = small.catalog()
    with small.runtime() as runtime:
        with catalog.leased(NAME, old, "drill 7", HOUR):
            decisions = Retention(runtime, catalog).verdict().decisions
            assert {each.point.manifest.id: each.reasons for each in decisions}[old] == ("in use by drill 7",)
        assert Retention(runtime, catalog).mark()[1].keys() == {old}
        with pytest.raises(PointError, match="is being deleted by retention"):
            set_hold(runtime, catalog, old, held=True, reason="too late", by="olivia")
        with pytest.raises(ConfigurationError, match="no reason given"):
            set_hold(runtime, catalog, new, held=True, reason=" ", by="olivia")
    assert "is being deleted by retention" in run(small, "drill", NAME, old).stderr
