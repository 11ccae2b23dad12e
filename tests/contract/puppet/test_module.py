"""Our Puppet module lays a node down from nothing, once, and never takes anything away again."""

import getpass
import logging
import os
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lifeboat.errors import PuppetError
from lifeboat.host import Host
from tests.support.puppet_node import CONFIGURATION, SAMPLE, SECRET, TOP, Node
from tests.support.puppet_place import PuppetPlace
from tests.support.waiting import eventually
from tests.support.wso2_server import SCRIPT


@pytest.fixture
def node(place: PuppetPlace, here: Host, tmp_path: Path) -> Any:
    made = Node(place, tmp_path, here)
    yield made
    made.home.end()


@pytest.fixture
def systemctl(node: Node, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that remembers what is enabled, and writes every call into this file."""
    directory = node.directory / "bin"
    directory.mkdir()
    program = directory / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$*" >>{directory}/calls\n'
        f"case $* in *is-enabled*) test -e {directory}/on;; *enable*) touch {directory}/on;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory / "calls"


def test_a_node_from_nothing_that_starts_and_is_never_laid_down_again(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    home = node.home.home
    with caplog.at_level(logging.INFO):
        assert node.puppet().run().changed
    assert (home / "updates/product.txt").read_text() == TOP
    assert sorted(path.name for path in home.parent.iterdir()) == ["apim-cp-1"]
    toml = home / "repository/conf/deployment.toml"
    assert tomllib.loads(toml.read_text()) == {
        "server": {**CONFIGURATION["server"], "offset": node.home.offset},
        "database": {
            "shared_db": {
                "password": SECRET,
                "pool_options": {"maxActive": 50},
                "note": "two\nlines\tütf",
                "empty": [],
            }
        },
        "apim": {"gateway": {"environment": CONFIGURATION["apim.gateway.environment"]}},
    }
    keystore = home / "repository/resources/security/wso2carbon.jks"
    assert keystore.read_bytes() == b"\xfe\xed\xfe\xed"
    assert keystore.with_name("client-truststore.jks").read_bytes() == b"as released"
    assert (oct(keystore.stat().st_mode)[-3:], oct(toml.stat().st_mode)[-3:]) == ("640", "640")

    told = ["sh", "-c", 'eval "$(grep ^export "$1")"; printf %s "$SAMPLE"', "sh", node.launcher]
    assert subprocess.run(told, check=True, capture_output=True, text=True).stdout == SAMPLE
    subprocess.run([node.launcher, "start"], check=True, capture_output=True)
    assert eventually(lambda: node.home.log.exists() and "started in" in node.home.log.read_text())
    data = home / "repository/deployment/server/api.xml"
    data.parent.mkdir(parents=True)
    data.write_text("<api/>")
    node.pack.write_bytes(b"a pack of another level")
    second = node.puppet().run()
    assert not second.changed
    assert second.report is not None
    assert second.report.out_of_sync == 0

    toml.write_text("[server]\n")  # somebody's hand: Puppet's word is the last one here, and here alone
    with caplog.at_level(logging.INFO):
        third = node.puppet().run()
    assert third.report is not None
    assert third.report.changed == 1
    assert data.read_text() == "<api/>"
    assert node.home.processes()
    assert list(home.rglob("*.kept")) == []
    everything = b"".join(path.read_bytes() for path in node.place.directory.rglob("*") if path.is_file())
    for part in SECRET.split('"'):
        assert part not in caplog.text
        assert part.encode() not in everything


@pytest.mark.parametrize("broken", ["half a zip", "two directories"])
def test_a_pack_that_is_not_one_leaves_no_home(node: Node, broken: str) -> None:
    if broken == "half a zip":
        node.pack.write_bytes(node.pack.read_bytes()[:-200])
    else:
        with zipfile.ZipFile(node.pack, "a") as archive:
            archive.writestr("another/file", b"")
    with pytest.raises(PuppetError) as caught:
        node.puppet(configuration={}, keystores="/no/such").run()
    assert caught.value.failed[0] == "Exec[unpack apim-cp-1]"
    assert not node.home.home.exists()


@pytest.mark.usefixtures("systemctl")
def test_an_empty_machine_gets_account_java_and_unit(node: Node) -> None:
    """As --noop tells, since the tests make no accounts."""
    of_class = {"manage_user": True, "user": "wso2sample", "group": "wso2sample", "manage_jdk": True}
    parameters = {**of_class, "jdk_package": "no-such-jdk", "manage_unzip": True}
    run = node.puppet(parameters, init="systemd", unit_directory=str(node.directory), keystores=None).run(noop=True)
    assert run.report is not None
    assert run.report.out_of_sync == 7  # group, user, Java, pack, deployment.toml, unit, enabled
    assert not node.home.home.exists()


def test_a_unit(node: Node, systemctl: Path) -> None:
    puppet = node.puppet(init="systemd", unit_directory=str(node.directory), java_home="/usr/lib/jvm/default")
    assert puppet.run().changed
    unit = (node.directory / "apim-cp-1.service").read_text()
    assert f"ExecStart={node.home.home}/{SCRIPT} start\n" in unit
    assert f"User={getpass.getuser()}\n" in unit
    assert r'''Environment="SAMPLE=it's \"100%%\" \\ here"''' in unit
    assert 'Environment="JAVA_HOME=/usr/lib/jvm/default"\n' in unit
    changing = [line for line in systemctl.read_text().splitlines() if "is-enabled" not in line]
    assert changing == ["daemon-reload", "--quiet enable apim-cp-1.service"]
    assert not puppet.run().changed
    assert node.home.processes() == []
