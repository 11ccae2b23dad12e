"""Recoveries of a home whose server really runs: it is stopped, and started again whatever becomes of the swap."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifeboat import recovery_run
from lifeboat.deployment import Unit
from lifeboat.errors import RecoveryError, ServerError, SwapError
from lifeboat.recovery import restore_unit, swap
from lifeboat.recovery_documents import RecoveryEvidence
from lifeboat.recovery_run import recover, undo
from tests.support.recoverable import Recoverable
from tests.support.wso2_server import HEALTH, SCRIPT, DoubleHome, make_home

SERVED = "home/served"
CHANGED = "# changed since"


class Served:
    """A deployment with a home whose server runs, and a good restore point of it."""

    def __init__(self, deployment: Recoverable, home: DoubleHome) -> None:
        self.deployment = deployment
        self.home = home

    @property
    def toml(self) -> Path:
        return self.home.home / "repository/conf/deployment.toml"

    def begun(self) -> Any:
        return self.deployment.begun(units=(SERVED,))

    def recover(self) -> RecoveryEvidence:
        return recover(self.deployment.runtime, self.deployment.catalog, self.begun())

    def run_again(self, **constants: Any) -> None:
        """Start the server anew with other manners."""
        self.home.end()
        self.home.behave(**constants)
        self.home.control(self.deployment.runtime.host("worker")).start()

    def last_evidence(self) -> RecoveryEvidence:
        (*_, evidence) = self.deployment.catalog.recoveries("mini")
        assert isinstance(evidence, RecoveryEvidence)
        return evidence


@pytest.fixture
def served(deployment: Recoverable) -> Iterator[Served]:
    home = make_home(deployment.mini.directory / "served")
    document = yaml.safe_load(deployment.mini.file.read_text())
    document["servers"] = {
        "served": {
            "type": "apim-control-plane",
            "home": str(home.home),
            "control": {"script": SCRIPT, "stop_timeout": "5s", "start_timeout": "5s"},
            "port_offset": home.offset,
            "health_url": HEALTH,
        }
    }
    del document["database_servers"], document["business_data"]
    deployment.mini.file.write_text(yaml.safe_dump(document, sort_keys=False))
    with deployment.mini.runtime() as runtime:
        deployment.runtime = runtime
        deployment.point()
        found = Served(deployment, home)
        found.toml.write_text(found.toml.read_text() + f"{CHANGED}\n")
        home.control(runtime.host("worker")).start()
        yield found
        home.end()
    shutil.rmtree(home.home, ignore_errors=True)


def test_the_server_is_stopped_and_started_again(served: Served) -> None:
    (before,) = served.home.processes()[:1]
    evidence = served.recover()
    assert evidence.succeeded
    assert evidence.servers["served"].startswith("healthy by http://127.0.0.1:")
    assert CHANGED not in served.toml.read_text()
    after = served.home.processes()
    assert after
    assert before not in after
    # The log goes on where it was: what was written before the swap was carried over.
    assert served.home.log.read_text().count("WSO2 Carbon started in") == 2


def test_a_server_that_does_not_end_is_left_alone_and_so_is_what_is_live(served: Served) -> None:
    served.run_again(STOP_SECONDS=1000)
    before = served.home.processes()
    with pytest.raises(ServerError):
        served.recover()
    assert served.home.processes() == before
    assert CHANGED in served.toml.read_text()
    assert (served.last_evidence().succeeded, served.last_evidence().live) == (False, "old")


def test_the_server_starts_again_when_the_swap_fails(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was restored is lost between stop and swap."""
    journal = served.begun()
    stop = recovery_run.stop_servers

    def stop_and_lose(*arguments: Any) -> None:
        stop(*arguments)
        assert served.home.processes() == []
        shutil.rmtree(journal.plan.replacements[0].exchanges[0].beside)

    monkeypatch.setattr(recovery_run, "stop_servers", stop_and_lose)
    with pytest.raises(SwapError, match="there is nothing at"):
        recover(served.deployment.runtime, served.deployment.catalog, journal)
    assert served.home.processes()
    assert CHANGED in served.toml.read_text()
    evidence = served.last_evidence()
    assert (evidence.succeeded, evidence.live) == (False, "old")
    assert evidence.servers["served"].startswith("healthy by ")


def test_a_server_that_does_not_come_up_is_on_record_and_can_be_undone(served: Served) -> None:
    served.home.end()
    served.home.behave(START_SECONDS=1000)
    served.deployment.point()
    served.run_again(START_SECONDS=0.4)
    journal = served.begun()
    with pytest.raises(ServerError):
        recover(served.deployment.runtime, served.deployment.catalog, journal)
    evidence = served.last_evidence()
    assert (evidence.succeeded, evidence.live, evidence.servers) == (False, "new", {"served": "did not start"})
    served.home.end()
    undone = undo(served.deployment.runtime, served.deployment.catalog, journal, requested_by="a tester")
    assert (undone.succeeded, undone.live) == (True, "old")
    assert served.home.processes()


def test_nothing_is_exchanged_while_a_server_runs(served: Served) -> None:
    journal = served.begun()
    restore_unit(served.deployment.runtime, journal.plan, Unit.parse(SERVED))
    with pytest.raises(RecoveryError, match="Server served runs"):
        swap(served.deployment.runtime, journal.plan)
    assert CHANGED in served.toml.read_text()
