"""Runs of a real Puppet: what each exit status means, and what an error names."""

import logging
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from lifeboat.deployment_puppet import Puppet
from lifeboat.errors import PreflightError, PuppetBusyError, PuppetError, ToolError, UnreachableError
from lifeboat.host import Completed, Host
from lifeboat.puppet import PuppetOnHost
from lifeboat.puppet_errors import no_run
from tests.support.puppet_place import PuppetPlace

FAILING = "exec { 'turn the key': command => '/bin/false' }"


def test_the_second_run_changes_nothing(place: PuppetPlace, host: Host, tmp_path: Path) -> None:
    made = tmp_path / "made"
    text = f"file {{ '{made}': content => $facts['lifeboat_test'] }}"
    puppet = place.on(host, text, facts={"lifeboat_test": "a fact"})
    first, second = puppet.run(), puppet.run()
    assert made.read_text() == "a fact"
    assert first.changed
    assert first.report is not None
    assert (first.report.changed, first.report.failed, first.report.out_of_sync) == (1, 0, 1)
    assert not second.changed
    assert second.report is not None
    assert (second.report.changed, second.report.failed, second.report.out_of_sync) == (0, 0, 0)
    assert second.report.seconds > 0


@pytest.mark.parametrize(("host", "also_changes"), [("local", False), ("ssh", True)], ids=["4", "6"], indirect=["host"])
def test_a_resource_that_fails_is_named(
    place: PuppetPlace, host: Host, tmp_path: Path, also_changes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    made = tmp_path / "made"
    puppet = place.on(host, (f"file {{ '{made}': content => 'x' }}\n" if also_changes else "") + FAILING)
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(PuppetError, match=r"Exec\[turn the key\] \(.*\.pp:\d\): change") as caught,
    ):
        puppet.run()
    assert caught.value.failed == ("Exec[turn the key]",)
    assert ("What it changed besides stays" in caught.value.message) is also_changes
    assert made.exists() is also_changes
    assert "'/bin/false' returned 1 instead of one of [0]" in caplog.text


def test_a_catalog_that_does_not_compile_is_not_the_run_before(place: PuppetPlace, here: Host) -> None:
    """Puppet leaves the last report as it was: of a run that changed something."""
    assert place.on(here, "notify { 'something': }").run().changed
    with pytest.raises(
        PuppetError, match=r"does not compile, so nothing was changed: .*nonsense.* \(.*line: 1\)"
    ) as caught:
        place.on(here, "notify { 'x': nonsense => 1 }").run()
    assert caught.value.failed == ()
    assert "Facter" not in caught.value.message


def test_a_report_of_an_earlier_run_is_not_taken_for_this_one(place: PuppetPlace, here: Host) -> None:
    report = Path(place.paths()["lastrunreport"])
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("--- a report of an earlier run")
    assert place.on(here, "notify { 'x': }", settings={"report": False}).run().report is None


def test_noop_says_what_would_change_and_changes_nothing(place: PuppetPlace, here: Host, tmp_path: Path) -> None:
    made = tmp_path / "made"
    run = place.on(here, f"file {{ '{made}': content => 'x' }}").run(noop=True)
    assert not run.changed
    assert run.report is not None
    assert run.report.out_of_sync == 1
    assert not made.exists()


def test_what_would_fail_fails_with_noop(place: PuppetPlace, here: Host) -> None:
    with pytest.raises(PuppetError) as caught:
        place.on(here, "file { '/tmp/x': source => '/no/such/file' }").run(noop=True)
    assert caught.value.failed == ("File[/tmp/x]",)


def test_a_puppet_server_that_is_not_there_may_come_back(place: PuppetPlace, here: Host) -> None:
    with pytest.raises(UnreachableError, match="The Puppet server of host 'here' does not answer") as caught:
        place.on(here).run()
    assert not caught.value.permanent


def test_a_run_that_does_not_end_is_ended(place: PuppetPlace, here: Host) -> None:
    puppet = place.on(here, "exec { '/bin/sleep 100': }", timeout=timedelta(seconds=2))
    began = time.monotonic()
    with pytest.raises(PuppetError, match="did not end within 2 seconds"):
        puppet.run()
    assert time.monotonic() - began < 60
    assert puppet.running_process() is None


@pytest.mark.parametrize("content", ['{"disabled_message":"by the night shift"}', "by the night shift", ""])
def test_a_manifest_is_not_applied_while_the_agent_is_disabled(place: PuppetPlace, here: Host, content: str) -> None:
    puppet = place.on(here, "notify { 'x': }")
    place.disabled.write_text(content)
    with pytest.raises(PuppetError, match=r"is disabled: (by the night shift|no reason is given)"):
        puppet.run()


def test_a_run_in_progress_is_waited_for(place: PuppetPlace, here: Host) -> None:
    puppet = place.on(here, "notify { 'x': }", timeout=timedelta(seconds=1))
    with subprocess.Popen(
        ["puppet agent: applying", "-c", "import time; time.sleep(30)"], executable=sys.executable
    ) as run:
        place.running.write_text(str(run.pid))
        assert puppet.running_process() == run.pid
        with pytest.raises(PuppetBusyError, match=f"process {run.pid}, and did not end within 1 seconds") as caught:
            puppet.run()
        assert not caught.value.permanent
        run.terminate()
    puppet.wait_until_idle()  # the lock is there still; its process is not


def test_what_is_not_there(place: PuppetPlace, here: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    puppet = place.on(here, "")
    Path(str(puppet.settings.manifest)).unlink()
    with pytest.raises(PreflightError, match=r"no manifest of Puppet at '.*' on host 'here'"):
        puppet.preflight()
    monkeypatch.setenv("PATH", "/nowhere")
    fresh = PuppetOnHost(here, puppet.settings)
    monkeypatch.setattr(here, "exists", lambda *arguments, **more: False)
    with pytest.raises(ToolError, match="'puppet' is not installed on host 'here'"):
        fresh.preflight()


UNSIGNED = (
    "Couldn't fetch certificate from CA server; you might still need to sign this agent's certificate (gw). Exiting "
    "now because the waitforcert setting is set to 0."
)
REFUSED = (
    "Error: Could not request certificate: The certificate retrieved from the master does not match the agent's "
    "private key."
)


@pytest.mark.parametrize(
    ("stdout", "stderr", "kind", "words"),
    [
        (
            "Notice: Skipping run of Puppet configuration client; administratively disabled (Reason: 'a reason');\n"
            "Use 'puppet agent --enable' to re-enable.",
            "",
            "PuppetError",
            "is disabled: a reason",
        ),
        (
            "Notice: Run of Puppet configuration client already in progress; skipping  (/x.lock exists)",
            "",
            "PuppetBusyError",
            "is in progress",
        ),
        ("", REFUSED, "AccessError", "do not trust each other"),
        (UNSIGNED, "", "AccessError", "do not trust each other"),
        ("Info: Refreshing CA certificate", "Error: No space", "PuppetError", "did not run on host 'gw': No space"),
        (
            "",
            "Error: Could not retrieve catalog from remote server: Error 500 on SERVER: Server Error: Evaluation "
            "Error: Error while evaluating a Resource Statement (file: /etc/x.pp, line: 3)",
            "PuppetError",
            "does not compile",
        ),
        ("", "", "PuppetError", "did not run on host 'gw': it printed nothing"),
    ],
    ids=["disabled", "busy", "certificate", "unsigned", "another", "catalog", "silent"],
)
def test_why_an_agent_did_not_run(stdout: str, stderr: str, kind: str, words: str) -> None:
    error = no_run(Completed(1, stdout.encode(), stderr), "gw", agent=True, by_hand="puppet agent --test")
    assert type(error).__name__ == kind
    assert words in error.message
    assert error.next_step


def test_a_setting_that_puppet_does_not_have(place: PuppetPlace, here: Host) -> None:
    puppet = PuppetOnHost(here, Puppet.model_validate(place.settings(settings={"no_such_setting": True})))
    with pytest.raises(PuppetError, match=r"could not say where it keeps its state: .*--no_such_setting"):
        puppet.preflight()
