"""People are told of breached objectives, of failed runs and of late ones; Prometheus reads the same by itself."""

from collections import Counter
from datetime import timedelta

import httpx
import pytest

from lifeboat.documents import SignedManifest
from lifeboat.manifest import sha256, to_json
from tests.e2e.runs import Run, eventually
from tests.e2e.world import METRICS_TOKEN, World
from tests.support.points import made_up_drill

LOOK, BACKUP, DRILL, RECOVERY = (
    f"watched.{name}" for name in ("objectives", "system_backup", "restore_drill", "recovery")
)
OLD = ("rpo", "good_age", "drill_age")


@pytest.fixture(scope="module")
def looks(world: World) -> list[Run]:
    """Three looks at a deployment whose backups and drills ended nine days ago: the first cannot tell it. Meanwhile a
    recovery has failed."""
    documents = world.directory / "documents-of-watched"
    documents.mkdir()
    (documents / "order.txt").write_text("one boat")
    manifest = world.make_point("watched", age=timedelta(days=9))
    drilled = SignedManifest(manifest=manifest, sha256=sha256(to_json(manifest)))
    world.catalog.add_evidence(made_up_drill(drilled))
    world.people.refuses = True
    first = world.trigger(LOOK).wait("failed")
    world.people.refuses = False
    failing = world.trigger(RECOVERY, {"point": "nobody-made-this"})
    looks = [first, *(world.trigger(LOOK).wait() for _ in range(2))]
    failing.wait("failed")
    return looks


def test_each_breach_is_told_once_even_if_the_service_was_away(world: World, looks: list[Run]) -> None:
    assert "did not take the message 'watched: objective rpo is breached'" in looks[0].log("look")
    assert looks[1].result("look") == dict.fromkeys(OLD, "breached") | {
        "drill_result": "ok",
        "rto": "ok",
        "check_age": "unknown",
    }
    assert _told(world, "watched: objective") == Counter(f"watched: objective {name} is breached" for name in OLD)
    (rpo,) = [message["message"] for message in world.people.taken if message["title"].endswith("rpo is breached")]
    assert "The newest restore point is of 9 days ago" in rpo
    assert "\nNext: Look at the runs of watched.system_backup" in rpo


def test_a_backup_and_a_drill_end_the_breaches_and_a_late_run_is_told(world: World, looks: list[Run]) -> None:
    world.airflow.unpause(DRILL)
    backup = world.trigger(BACKUP).wait()
    (drill,) = eventually(lambda: world.runs(DRILL), "the drill that the backup's asset starts")
    drill.wait()
    world.trigger(LOOK).wait()
    assert _told(world, "watched: objective") == Counter(
        f"watched: objective {name} is {state}" for name in OLD for state in ("breached", "kept again")
    )
    eventually(lambda: _told(world, BACKUP), "the notice of the late backup")
    (late,) = [each for each in world.people.taken if each["title"].startswith(BACKUP)]
    assert late["title"] == f"{BACKUP} takes too long"
    assert f"Run {backup.run_id} is not done after 1s." in late["message"]
    assert world.catalog.alerts("watched") == []


def test_a_failed_run_is_told_at_once(world: World, looks: list[Run]) -> None:
    (run,) = world.runs(RECOVERY)
    eventually(lambda: _told(world, RECOVERY), "the notice of the failed recovery")
    (message,) = [each for each in world.people.taken if each["title"].startswith(RECOVERY)]
    assert (message["title"], message["type"]) == (f"{RECOVERY} failed", "failure")
    assert f"Run {run.run_id} failed." in message["message"]
    assert f"{world.airflow.url}/dags/{RECOVERY}/runs/manual" in message["message"]


def test_metrics_are_for_who_is_logged_in_or_has_the_token(world: World, looks: list[Run]) -> None:
    url = f"{world.airflow.url}/lifeboat/metrics"
    login = {"username": "watcher", "password": world.airflow.passwords["watcher"]}
    token = httpx.post(f"{world.airflow.url}/auth/token", json=login, timeout=60).json()["access_token"]
    answers = {
        who: httpx.get(url, headers=headers, timeout=60)
        for who, headers in {
            "nobody": {},
            "who guesses": {"Authorization": f"Bearer {METRICS_TOKEN}x"},
            "a viewer": {"Authorization": f"Bearer {token}"},
            "a browser": {"Cookie": f"_token={token}"},
            "Prometheus": {"Authorization": f"Bearer {METRICS_TOKEN}"},
        }.items()
    }
    assert {who: answer.status_code for who, answer in answers.items()} == {
        "nobody": 401,
        "who guesses": 403,
        "a viewer": 200,
        "a browser": 200,
        "Prometheus": 200,
    }
    for who in ("a viewer", "Prometheus"):
        assert answers[who].headers["Content-Type"].startswith("text/plain; version=")
        assert 'lifeboat_objective_met{deployment="watched",objective="drill_result"} 1.0' in answers[who].text


def _told(world: World, begin: str) -> Counter[str]:
    return Counter(title for title in world.people.titles() if title.startswith(begin))
