"""Servers under systemd. There is none in a container, so a systemctl on the PATH stands in for it."""

import os
from pathlib import Path

import pytest

from lifeboat.errors import PreflightError, ServerError
from lifeboat.host import LocalHost
from lifeboat.wso2.server import ServerControl
from tests.support.systemctl import FakeSystemd
from tests.support.wso2_server import SCRIPT, DoubleHome

UNIT = "wso2am-cp.service"
HERE = LocalHost("here")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    made = FakeSystemd(tmp_path / "systemd")
    monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
    return made


@pytest.fixture
def control(systemd: FakeSystemd, home: DoubleHome) -> ServerControl:
    systemd.install(UNIT, home.home / SCRIPT)
    return home.control(HERE, unit=UNIT)


def test_a_life_under_systemd(control: ServerControl, systemd: FakeSystemd, home: DoubleHome) -> None:
    home.pid_file.write_bytes(str(os.getpid()).encode().ljust(100, b"\0"))
    control.preflight()
    assert control.start() is True
    assert control.health()
    control.preflight()
    assert control.stop() is True
    assert home.processes() == []
    assert control.stop() is False
    assert systemd.calls() == [
        f"--no-ask-password start {UNIT}",
        f"--no-ask-password stop --no-block {UNIT}",
    ]


def test_a_unit_that_is_active_without_its_server_is_started_all_the_same(
    control: ServerControl, systemd: FakeSystemd
) -> None:
    systemd.set_active(UNIT, "active")
    assert control.start() is True
    assert control.state().running


def test_a_server_that_was_started_by_hand_is_not_for_systemd_to_stop(control: ServerControl, home: DoubleHome) -> None:
    home.control(HERE).start()
    for act in (control.preflight, control.stop):
        with pytest.raises(ServerError, match=f"but not by its unit '{UNIT}'"):
            act()
    assert control.state().running


def test_a_unit_that_is_not_there(home: DoubleHome, systemd: FakeSystemd) -> None:
    control = home.control(HERE, unit="no-such.service")
    for act in (control.preflight, control.start):
        with pytest.raises(PreflightError, match=r"no systemd unit 'no-such.service' \(LoadState: not-found\)"):
            act()


def test_a_unit_that_does_not_start(control: ServerControl, home: DoubleHome) -> None:
    home.rewrite(SCRIPT, "#!/bin/sh\n", "#!/bin/sh\nexit 3\n")
    with pytest.raises(ServerError, match=rf"did not start unit '{UNIT}': Job for {UNIT} failed") as caught:
        control.start()
    assert f"journalctl -u {UNIT}" in caught.value.next_step


def test_a_unit_whose_server_dies(control: ServerControl, home: DoubleHome) -> None:
    home.rewrite("bin/sample-server.py", "START_SECONDS = 0.4", "sys.exit(1)")
    with pytest.raises(ServerError, match="ended before it had started"):
        control.start()


@pytest.mark.parametrize("place", ["ExecStart", "Environment", "EnvironmentFile"])
def test_dangerous_switches_of_a_unit(systemd: FakeSystemd, home: DoubleHome, place: str, tmp_path: Path) -> None:
    file = tmp_path / "wso2.env"
    file.write_text("# nothing\nJAVA_OPTS=-Xmx2g -Dcarbon.registry.clean=true\n")
    more = {
        "ExecStart": "ExecStartPre=/opt/api-cp.sh -Dsetup",
        "Environment": 'Environment="JAVA_OPTS=-Dsetup -Xmx2g"',
        "EnvironmentFile": f"EnvironmentFile=-{file}",
    }[place]
    systemd.install(UNIT, home.home / SCRIPT, more)
    control = home.control(HERE, unit=UNIT)
    expected = f"{file}:2: -Dcarbon.registry.clean" if place == "EnvironmentFile" else f"{UNIT}:8: -Dsetup"
    for act in (control.preflight, control.start):
        with pytest.raises(ServerError, match="with a switch that destroys data") as caught:
            act()
        assert expected in caught.value.message
    assert home.processes() == []
