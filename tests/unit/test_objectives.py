"""Each objective as a state, by ages on both sides of what is allowed."""

from datetime import timedelta
from pathlib import Path

import pytest

from lifeboat.objectives import worst
from tests.support.points import made_up_replica
from tests.support.watched import DAY, HOUR, NOW, Watched

GIB = 1 << 30


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_all_is_well(watched: Watched) -> None:
    watched.point(6 * HOUR, "passed")
    watched.upkeep(2 * HOUR, passed=True)
    found = watched.findings()
    assert {finding.state for finding in found.values()} == {"ok"}
    assert list(found) == ["rpo", "good_age", "drill_age", "drill_result", "rto", "check_age"]
    assert [finding.next_step for finding in found.values() if finding.next_step] == []
    rpo = found["rpo"]
    assert (rpo.value, rpo.objective, rpo.last_success) == (6 * 3600, 24 * 3600, NOW - 6 * HOUR)
    assert rpo.sentence == (
        "The newest restore point is of 6 hours ago: so much work would be lost now; the limit is 1 day."
    )


def test_what_never_happened_is_unknown_until_it_is_due(watched: Watched) -> None:
    assert set(watched.states(NOW).values()) == {"unknown"}
    after_a_day = watched.states(NOW + DAY + HOUR)
    assert [name for name, state in after_a_day.items() if state == "breached"] == ["rpo"]
    after_all = watched.findings(NOW + 9 * DAY)
    breached = {name: finding.since for name, finding in after_all.items() if finding.state == "breached"}
    assert breached == {
        "rpo": NOW + DAY,
        "good_age": NOW + 8 * DAY,
        "drill_age": NOW + 7 * DAY,
        "check_age": NOW + 3 * DAY,
    }
    assert after_all["rpo"].sentence == "There is no restore point; it was due 8 days ago."
    assert "`lifeboat backup sample`" in after_all["rpo"].next_step


def test_a_backup_that_is_due_is_a_warning_for_as_long_as_it_may_take(watched: Watched) -> None:
    watched.point(DAY)
    states = [watched.states(NOW + timedelta(minutes=minutes))["rpo"] for minutes in (0, 1, 30, 31)]
    assert states == ["ok", "warning", "warning", "breached"]
    late = watched.findings(NOW + HOUR)["rpo"]
    assert late.since == NOW
    assert "1 day and 1 hour ago" in late.sentence


def test_a_point_before_an_upgrade_is_a_backup_and_a_safety_point_is_none(watched: Watched) -> None:
    watched.point(30 * HOUR, kind="pre_upgrade")
    watched.point(HOUR, kind="safety")
    assert watched.findings()["rpo"].value == 30 * 3600


def test_the_last_known_good_may_be_as_old_as_its_drill_and_the_point_together(watched: Watched) -> None:
    watched.point(8 * DAY, "passed")
    watched.point(HOUR)
    assert watched.states()["good_age"] == "ok"
    assert watched.states(NOW + HOUR)["good_age"] == "breached"
    watched.allow(good_age=9 * DAY)
    assert watched.states(NOW + HOUR)["good_age"] == "ok"


def test_drills_grow_old_from_their_end_on(watched: Watched) -> None:
    watched.point(7 * DAY + 62 * timedelta(minutes=1), "passed")  # its drill ended 7 days and a minute ago
    assert watched.states()["drill_age"] == "breached"
    assert watched.states(NOW - timedelta(minutes=2))["drill_age"] == "ok"


def test_a_red_drill_is_a_breach_until_a_newer_one_passes(watched: Watched) -> None:
    watched.point(9 * HOUR, "passed")
    failed = watched.point(6 * HOUR, "failed").manifest.id
    found = watched.findings()
    assert found["drill_result"].state == "breached"
    assert failed in found["drill_result"].sentence
    assert found["drill_result"].next_step == f"`lifeboat show sample {failed}` lists its checks."
    assert (found["drill_age"].state, found["good_age"].state) == ("ok", "ok")
    watched.point(3 * HOUR, "passed")
    assert watched.states()["drill_result"] == "ok"


def test_a_recovery_that_takes_too_long(watched: Watched) -> None:
    watched.point(6 * HOUR, "passed")
    assert (watched.findings()["rto"].value, watched.states()["rto"]) == (60.0, "ok")
    watched.allow(rto=timedelta(seconds=59))
    assert watched.states()["rto"] == "breached"


def test_a_vault_that_nobody_checks_or_that_is_damaged(watched: Watched) -> None:
    watched.upkeep(4 * DAY, passed=True)
    watched.upkeep(HOUR)  # it came to no check
    assert watched.states()["check_age"] == "breached"
    watched.upkeep(2 * HOUR, passed=True)
    assert watched.states()["check_age"] == "ok"
    watched.upkeep(timedelta(minutes=30), passed=False)
    found = watched.findings()["check_age"]
    assert found.state == "breached"
    assert found.sentence == "The vault is damaged: site main, part 3 of 7: pack 5e1f is bad."
    assert (found.since, found.last_success) == (NOW - timedelta(minutes=30), NOW - 2 * HOUR)
    watched.upkeep(timedelta(minutes=10), passed=True)
    assert watched.states()["check_age"] == "ok"


def test_a_vault_that_grows_too_fast(watched: Watched) -> None:
    watched.upkeep(9 * DAY, 1 * GIB)  # longer ago than the mean of a week
    watched.upkeep(6 * DAY, 40 * GIB)
    watched.upkeep(timedelta(0), 100 * GIB)
    assert "growth_per_day" not in watched.states()
    watched.allow(growth_per_day="10G")
    assert (watched.findings()["growth_per_day"].value, watched.states()["growth_per_day"]) == (10 * GIB, "ok")
    watched.allow(growth_per_day="9G")
    assert watched.states()["growth_per_day"] == "breached"


def test_growth_is_unknown_on_the_first_day(watched: Watched) -> None:
    watched.allow(growth_per_day="1G")
    watched.upkeep(DAY - HOUR, GIB)
    watched.upkeep(timedelta(0), 9 * GIB)
    assert watched.states()["growth_per_day"] == "unknown"


def test_the_worst_state_counts(watched: Watched) -> None:
    watched.point(6 * HOUR, "passed")
    assert worst(list(watched.findings().values())) == "unknown"  # the vault was never checked
    watched.point(3 * HOUR, "failed")
    assert worst(list(watched.findings().values())) == "breached"
    assert worst([]) == "unknown"


def test_what_would_be_lost_with_the_home_site_is_an_objective_of_each_other_site(watched: Watched) -> None:
    home = watched.deployment.sites["main"]
    sites = {"main": home, "other": home, "far": home}
    watched.deployment = watched.deployment.model_copy(update={"sites": sites})
    assert watched.states(NOW)["rpo_at_other"] == "unknown"
    there, away = watched.point(20 * HOUR), watched.point(HOUR)
    watched.catalog.add_evidence(made_up_replica(there))
    watched.catalog.add_evidence(made_up_replica(away, "tree/documents: damaged"))
    found = watched.findings()
    assert (found["rpo_at_other"].state, found["rpo_at_other"].value) == ("ok", 20 * 3600)
    assert watched.states(NOW + 4 * HOUR)["rpo_at_other"] == "ok"
    assert watched.states(NOW + 5 * HOUR)["rpo_at_other"] == "breached"
    assert watched.states(NOW + 5 * HOUR)["rpo"] == "ok"
    assert "20 hours ago: so much work would be lost with the home site" in found["rpo_at_other"].sentence
    never = watched.findings(NOW + 2 * DAY)["rpo_at_far"]
    assert (never.state, "`lifeboat replicate sample`" in never.next_step) == ("breached", True)
    watched.allow(site_rpo=2 * DAY)
    assert watched.states(NOW + 5 * HOUR)["rpo_at_other"] == "ok"
