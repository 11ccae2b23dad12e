"""The agent is kept away while something is restored, and comes back, unless somebody else keeps it away."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lifeboat import puppet_agent
from lifeboat.errors import PuppetBusyError, PuppetError, RecoveryError
from lifeboat.host import Host
from lifeboat.puppet_agent import agent_disabled, disable, enable
from tests.support.puppet_place import PuppetPlace
from tests.support.puppet_server import PuppetServer

OURS, THEIRS = "Lifeboat: recovery 1 of prod", "by the night shift: do not touch"


def test_the_agent_is_disabled_and_enabled_again(place: PuppetPlace, host: Host) -> None:
    puppet = place.on(host)
    with agent_disabled(puppet, OURS):
        assert place.reason() == OURS
        with pytest.raises(PuppetError, match=f"is disabled: {OURS}"):
            puppet.run()
    assert not place.disabled.exists()


def test_it_is_enabled_when_the_restore_failed(place: PuppetPlace, here: Host) -> None:
    with pytest.raises(RecoveryError, match="not proven"), agent_disabled(place.on(here), OURS):
        assert place.reason() == OURS
        raise RecoveryError("not proven")
    assert not place.disabled.exists()


def test_it_stays_disabled_when_puppet_must_not_find_what_failed(place: PuppetPlace, here: Host) -> None:
    with pytest.raises(RecoveryError), agent_disabled(place.on(here), OURS, leave=lambda: True):
        raise RecoveryError("half of it is exchanged")
    assert place.reason() == OURS


def test_what_somebody_else_disabled_stays_so(place: PuppetPlace, here: Host) -> None:
    puppet = place.on(here)
    place.disable_by_hand(THEIRS)
    with agent_disabled(puppet, OURS):
        assert place.reason() == THEIRS
    assert place.reason() == THEIRS


def test_what_a_killed_attempt_left_is_known_by_its_reason(place: PuppetPlace, here: Host) -> None:
    puppet = place.on(here)
    place.disable_by_hand(OURS)
    with agent_disabled(puppet, OURS):
        assert place.reason() == OURS
    assert not place.disabled.exists()


def test_a_run_that_does_not_end_leaves_the_agent_enabled(place: PuppetPlace, here: Host) -> None:
    puppet = place.on(here, timeout=timedelta(seconds=0.5))
    with subprocess.Popen(["puppet agent", "-c", "import time; time.sleep(30)"], executable=sys.executable) as run:
        place.running.parent.mkdir(parents=True, exist_ok=True)
        place.running.write_text(str(run.pid))
        with pytest.raises(PuppetBusyError):
            disable(puppet, OURS)
        run.terminate()
    assert not place.disabled.exists()


def test_an_agent_that_cannot_be_enabled_is_an_error_but_hides_no_other(
    place: PuppetPlace, here: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*arguments: object) -> None:
        raise PuppetError("the disk is full")

    puppet = place.on(here)
    place.disable_by_hand(OURS)
    monkeypatch.setattr(puppet_agent, "enable", refuse)
    with pytest.raises(PuppetError, match="the disk is full"), agent_disabled(puppet, OURS):
        pass
    with pytest.raises(RecoveryError), agent_disabled(puppet, OURS):
        raise RecoveryError("not proven")
    assert "stays disabled: the disk is full" in caplog.text


def test_enabling_leaves_what_others_disabled(place: PuppetPlace, here: Host) -> None:
    place.disable_by_hand(THEIRS)
    enable(place.on(here), OURS)
    assert place.reason() == THEIRS


@pytest.fixture
def server(place: PuppetPlace, tmp_path: Path) -> Iterator[PuppetServer]:
    made = PuppetServer(tmp_path / "ssl")
    yield made
    made.stop()


def test_an_agent_gets_its_catalog_from_its_server(
    place: PuppetPlace, here: Host, server: PuppetServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = tmp_path / "made"
    made.write_text("an old password")
    server.resources = [{"type": "File", "title": str(made), "parameters": {"ensure": "file", "content": "by Puppet"}}]
    puppet = place.on(here, settings={**server.settings(), "ssldir": str(tmp_path / "ssl")})
    with caplog.at_level(logging.INFO):
        assert puppet.run().changed
    assert made.read_text() == "by Puppet"
    assert "content changed" in caplog.text
    assert "an old password" not in caplog.text  # `puppet agent --test` shows it
    second = puppet.run()
    assert not second.changed
    assert second.report is not None
    assert second.report.out_of_sync == 0
    assert [report["status"] for report in server.reports] == ["changed", "unchanged"]

    server.failure = "Server Error: Evaluation Error: Unknown variable: 'x' (file: /etc/site.pp, line: 3)"
    with pytest.raises(PuppetError, match=r"does not compile(?s:.*)Unknown variable: 'x'"):
        puppet.run()
