"""A server that is rebuilt at another site from nothing: a real Puppet over a real sshd, the home of a proven point
from that site's vault, its configuration rebound, started and healthy. The home site is gone."""

import tests.support.airflow_home  # noqa: F401, I001 (before airflow)

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lifeboat.capture import make_point
from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from lifeboat.drill import drill_point
from lifeboat.errors import ConfigurationError, LifeboatError, PuppetError, RecoveryError, UnreachableError
from lifeboat.rebuild import begun_before, look, rebuild
from lifeboat.recovery_documents import RecoveryEvidence
from lifeboat.replication import replicate
from lifeboat.runtime import Runtime
from lifeboat_airflow.puppet import RebuildServerOperator
from tests.support.command_line import lifeboat_here
from tests.support.puppet_node import Node
from tests.support.puppet_place import PuppetPlace
from tests.support.s3 import S3Server
from tests.support.small_deployment import NAME
from tests.support.sshd import TestSshd
from tests.support.two_sites import HOME, OTHER, Places, TwoSites
from tests.support.waiting import eventually
from tests.support.wso2_server import HEALTH, SCRIPT, DoubleHome, make_home

SERVER = "apim-cp-1"
TOML = "repository/conf/deployment.toml"
CONFIGURATION = """\
# the name is that of the load balancer: cp.main.example
[server]
hostname = "cp.main.example"
offset = {offset}

[database.shared_db]
url = "jdbc:postgresql://DB.main.example:5433/shared_db?host=other-db.main.example.org" # the first
[apim.throttling]
receiver = "tcp://mydb.main.example:9611"\r
"""
CP = {"stands_in_for": SERVER, "host_name": "cp.other.example", "replaces": ["cp.main.example"]}
REBOUND = """\
# the name is that of the load balancer: cp.other.example
[server]
hostname = "cp.other.example"
offset = {offset}

[database.shared_db]
url = "jdbc:postgresql://db.other.example:5434/shared_db?host=other-db.main.example.org" # the first
[apim.throttling]
receiver = "tcp://mydb.main.example:9611"\r
"""


@dataclass
class Elsewhere(TwoSites):
    """A server at home at one site, whose machine at the other one is empty."""

    sshd: TestSshd | None = None
    node: Node | None = None
    live: DoubleHome | None = None

    @property
    def there(self) -> DoubleHome:
        assert self.node
        return self.node.home

    def connections(self) -> dict[str, Connection]:
        assert self.sshd
        found = {
            "cp_there": self.sshd.connection("cp_there"),
            "db_here": Connection("db_here", "postgres", host="db.main.example", port=5433),
            "db_there": Connection("db_there", "postgres", host="db.other.example", port=5434),
            "erp_here": Connection("erp_here", "ssh", host="erp.main.example"),
        }
        return super().connections() | found

    def bind(self, manifest: str | None = None, **bindings: Any) -> None:
        """Write the deployment file; `bindings` replace those of the other site, and None removes one."""
        assert self.node and self.live
        bound: dict[str, Any] = {
            "cp": {**CP, "connection": "cp_there", "path": str(self.there.home)},
            "db": {"stands_in_for": "main-db", "connection": "db_there"},
            **bindings,
        }
        server = {
            "type": "apim-control-plane",
            "home": str(self.live.home),
            "control": {"script": SCRIPT, "stop_timeout": "20s", "start_timeout": "20s"},
            "port_offset": self.there.offset,
            "health_url": HEALTH,
            "puppet": self.node.settings(manifest, configuration=None, keystores=None),
        }
        database = {"engine": "postgres", "connection": "db_here", "databases": {"shared_db": {"role": "shared"}}}
        sites = {name: dict(site) for name, site in self.settings["sites"].items()}
        sites[OTHER]["bindings"] = {name: each for name, each in bound.items() if each}
        self.settings = {
            "sites": sites,
            "servers": {SERVER: server},
            "database_servers": {"main-db": database},
            "hosts": {"erp": {"ssh": "erp_here"}},
            "business_data": {},
        }
        self.write(self.document())

    def at_other(self) -> Runtime:
        deployment, resolve = self.runtime().deployment, self.connections().__getitem__
        return Runtime(deployment, resolve, OTHER)

    def rebuild(self, **more: Any) -> RecoveryEvidence:
        with self.at_other() as runtime:
            return rebuild(runtime, self.catalog(), SERVER, "a tester", **more)

    def empty(self) -> None:
        """Make the other site's machine as it was, but for Puppet's own files."""
        self.there.end()
        assert self.node
        for path in (*self.there.home.parent.glob("*"), self.node.launcher):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def elsewhere(
    tmp_path_factory: pytest.TempPathFactory, s3: S3Server, sshd: TestSshd, place: PuppetPlace
) -> Iterator[Elsewhere]:
    """A good point at the other site of a server whose own site is gone."""
    directory = tmp_path_factory.mktemp("rebuild")
    node = Node(place, directory)
    live = make_home(directory / "at-home/apim-cp-1")
    live.offset = node.home.offset
    (live.home / TOML).write_text(CONFIGURATION.format(offset=live.offset), newline="")
    (live.home / TOML).chmod(0o640)
    artefact = live.home / "repository/deployment/server/api.xml"
    artefact.parent.mkdir(parents=True)
    artefact.write_text("<api/>")
    made = Elsewhere(directory / "d", {}, places=Places.make(directory, s3, s3))._made()
    made.sshd, made.node, made.live = sshd, node, live
    made.bind()
    catalog = made.catalog()
    with made.runtime() as runtime:
        signed = make_point(runtime, "system_backup", units=[Unit(kind="home", name=SERVER)])
        catalog.add_point(signed)
        assert replicate(runtime, catalog, OTHER).passed
        assert drill_point(runtime, catalog, signed.manifest.id, site=OTHER).passed
    made.vault_directory(HOME).rename(directory / "the-home-vault-is-gone")
    yield made
    made.empty()


@pytest.fixture
def empty(elsewhere: Elsewhere) -> Iterator[Elsewhere]:
    """The same, with an empty machine and the bindings it should have."""
    elsewhere.bind()
    yield elsewhere
    elsewhere.empty()
    with elsewhere.at_other() as runtime:
        if journal := begun_before(runtime, SERVER):
            pytest.fail(f"{journal.recovery} is neither finished nor undone")


def _contents(home: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in home.rglob("*") if path.is_file() and "logs" not in path.parts)
    found = {str(path.relative_to(home)): (path.stat().st_mode, path.read_bytes()) for path in files}
    return {name: each for name, each in found.items() if not name.endswith(".pid") and not name.startswith("tmp")}


def _assert_rebuilt(empty: Elsewhere, evidence: RecoveryEvidence) -> None:
    assert evidence.passed
    assert (evidence.site, evidence.live) == (OTHER, "new")
    assert evidence.servers[SERVER].startswith("healthy by ")
    assert empty.live
    expected, found = _contents(empty.live.home), _contents(empty.there.home)
    mode, _ = expected.pop(TOML)
    assert found.pop(TOML) == (mode, REBOUND.format(offset=empty.there.offset).encode())
    assert found == expected
    assert empty.there.processes()


def _rebuilds(empty: Elsewhere) -> list[RecoveryEvidence]:
    return [each for each in empty.catalog().recoveries(NAME) if isinstance(each, RecoveryEvidence)]


def test_a_server_is_rebuilt_at_another_site_from_nothing_and_once_more(
    empty: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--site", OTHER, "--confirm", NAME)
    ended = lifeboat_here(empty.environment(), "rebuild", NAME, SERVER, *options)
    assert ended.status == 0, ended.stdout + ended.stderr
    assert "DB.main.example:5433 becomes" not in ended.stdout  # as the connection writes it
    assert "db.main.example:5433 becomes db.other.example:5434 (binding db)" in ended.stdout
    assert "erp.main.example must not be in its configuration" in ended.stdout
    (first,) = _rebuilds(empty)
    _assert_rebuilt(empty, first)
    checks = {check.name: check.detail for check in first.checks}
    assert "changed the host" in checks["puppet"]
    assert "; the home: made" in checks["puppet"]
    assert f"{TOML}:7: DB.main.example:5433 → db.other.example:5434" in checks["configuration-rebound"]
    assert next(iter(first.seconds)) == "lay down by Puppet"

    for name, value in empty.environment().items():
        monkeypatch.setenv(name, value)
    told = RebuildServerOperator(task_id="rebuild", deployment=NAME, server=SERVER, site=OTHER).execute({})
    second = _rebuilds(empty)[-1]
    assert told == {"recovery": second.recovery, "point": first.point, "live": "new"}
    _assert_rebuilt(empty, second)
    detail = next(check.detail for check in second.checks if check.name == "puppet")
    assert "changed nothing" in detail
    assert "; the home: kept, as it was before in restore point " in detail


def test_a_server_does_not_start_while_an_address_of_another_site_is_left(empty: Elsewhere) -> None:
    empty.bind(db=None)
    with pytest.raises(RecoveryError) as caught:
        empty.rebuild()
    said = f"{TOML}:7: DB.main.example:5433 (main-db, for which no binding of site 'other' stands in)"
    assert said in caught.value.message
    assert "sites.other.bindings" in caught.value.next_step
    assert "shared_db" not in (empty.there.home / TOML).read_text()  # as Puppet made it
    assert empty.there.processes() == []
    assert [path.name for path in empty.there.home.parent.iterdir()] == [SERVER]
    empty.bind(db={"stands_in_for": "main-db", "host_name": "db.other.example"})
    assert empty.rebuild().passed
    assert "//db.other.example:5433/" in (empty.there.home / TOML).read_text()


def test_a_resource_that_fails_is_named_and_nothing_is_restored(empty: Elsewhere) -> None:
    empty.bind("file { '/no/such/directory/file': content => 'x' }")
    with pytest.raises(PuppetError) as caught:
        empty.rebuild()
    assert caught.value.failed == ("File[/no/such/directory/file]",)
    assert "shared_db" not in (empty.there.home / TOML).read_text()
    empty.bind()
    _assert_rebuilt(empty, empty.rebuild())


@pytest.mark.parametrize("phase", ["lifeboat.recovery.rebind", "lifeboat.recovery.roll_forward", "start"])
def test_what_fails_in_the_middle_is_made_up_for_by_the_next_try(
    empty: Elsewhere, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    def cut(*_: Any) -> None:
        raise UnreachableError("the line is cut", next_step="wait")

    with monkeypatch.context() as changed:
        changed.setattr("lifeboat.recovery_run.start_servers" if phase == "start" else phase, cut)
        with pytest.raises(UnreachableError, match="the line is cut"):
            empty.rebuild()
    assert empty.there.processes() == []
    restored = "shared_db" in (empty.there.home / TOML).read_text()
    assert restored == (phase == "start")
    _assert_rebuilt(empty, empty.rebuild())


def test_what_stands_in_the_way_is_said_before_anything_happens(elsewhere: Elsewhere) -> None:
    def refused(**bindings: Any) -> LifeboatError:
        elsewhere.bind(**bindings)
        with elsewhere.at_other() as runtime, pytest.raises(LifeboatError) as caught:
            look(runtime, elsewhere.catalog(), SERVER)
        return caught.value

    assert "nothing at site 'other' stands in for it" in refused(cp=None).message
    assert "'apim-cp-1-at-other' cannot be reached" in refused(cp={**CP, "connection": "erp_here"}).message
    elsewhere.bind()
    with elsewhere.at_other() as runtime, pytest.raises(ConfigurationError, match="'nobody' does not exist"):
        look(runtime, elsewhere.catalog(), "nobody")
    with pytest.raises(ConfigurationError, match="has no site 'mars'"):
        Runtime(elsewhere.runtime().deployment, elsewhere.connections().__getitem__, "mars")
    with elsewhere.runtime() as runtime, pytest.raises(LifeboatError, match="has no good restore point"):
        look(runtime, elsewhere.catalog(), SERVER)  # at home it was never drilled
    assert eventually(lambda: not elsewhere.there.home.exists())
