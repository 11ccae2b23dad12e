"""A deployment in miniature, made once and copied for each test, and what damages it."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from lifeboat.capture import make_point
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from lifeboat.documents import SignedManifest, read_evidence
from lifeboat.drill import drill_point, drill_unit, record_drill
from lifeboat.manifest import Address, DrillEvidence, UnitDrill
from lifeboat.runtime import Runtime
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.vault import Snapshot, Vault
from tests.support.miniature import VAULT_PASSWORD, Miniature, make_databases, make_miniature
from tests.support.planting import FaultyWriter
from tests.support.quick_vault import make_quick_vault
from tests.support.workshop import Workshop


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A directory that every account may pass through, as PostgreSQL's must, with a path short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres(place: Path) -> Iterator[SamplePostgres]:
    """A running server with the two databases. A test that changes them makes copies of its own."""
    server = SamplePostgres(place / "postgres")
    server.start()
    make_databases(server)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def workshop(place: Path) -> Iterator[Workshop]:
    """A running server in which dumps are altered."""
    server = SamplePostgres(place / "workshop")
    server.start()
    yield Workshop(server)
    server.stop()


@pytest.fixture(scope="session")
def untouched(place: Path, postgres: SamplePostgres) -> Miniature:
    """A deployment whose vault is empty. Never changed: take `mini`."""
    make_quick_vault(place / "empty-vault", VAULT_PASSWORD)
    return make_miniature(place / "untouched", postgres, place / "empty-vault")


@dataclass
class Proven:
    """A deployment with two restore points of the same data: `old` was drilled green, `new` not yet."""

    mini: Miniature
    old: SignedManifest
    new: SignedManifest
    evidence: DrillEvidence

    def green(self, *units: Unit) -> list[UnitDrill]:
        """Return the green drills of some units."""
        return [drill for drill in self.evidence.units if drill.unit in units]


@pytest.fixture(scope="session")
def proven(place: Path, untouched: Miniature) -> Proven:
    """The control of all planted damage. Never changed: take `damaged`."""
    mini = untouched.copy(place / "proven")
    catalog = mini.catalog()
    with mini.runtime() as runtime:
        old = make_point(runtime, "system_backup", reason="the older one")
        catalog.add_point(old)
        evidence = drill_point(runtime, catalog, old.manifest.id)
        new = make_point(runtime, "system_backup", reason="the newer one")
        catalog.add_point(new)
    assert evidence.passed, evidence
    return Proven(mini, old, new, evidence)


@pytest.fixture(scope="session")
def roles_loaded(workshop: Workshop, proven: Proven) -> None:
    """The workshop has the roles of the deployment."""
    with proven.mini.runtime() as runtime:
        workshop.load_roles(FaultyWriter(runtime, proven.new.manifest.id).read("roles/main-db"))


@pytest.fixture
def mini(untouched: Miniature, place: Path) -> Iterator[Miniature]:
    """A deployment whose vault is empty, for one test."""
    directory = new_directory(place)
    yield untouched.copy(directory / "m")
    shutil.rmtree(directory)


def new_directory(place: Path) -> Path:
    directory = Path(tempfile.mkdtemp(dir=place))
    directory.chmod(0o711)
    return directory


@dataclass
class Damaged:
    """A copy of the proven deployment, to be damaged."""

    mini: Miniature
    proven: Proven
    runtime: Runtime
    catalog: Catalog

    @property
    def point(self) -> str:
        return self.proven.new.manifest.id

    def writer(self) -> FaultyWriter:
        return FaultyWriter(self.runtime, self.point)

    def address(self, member: str) -> Address:
        """Return where a member of the new point lies."""
        (found,) = (each for each in self.proven.new.manifest.members() if each.member == member)
        return found.address

    def document(self, kind: str) -> Snapshot:
        """Return the snapshot of the new point's one document of a kind."""
        (found,) = self.vault.snapshots({"kind": kind, "point": self.point})
        return found

    @property
    def vault(self) -> Vault:
        return self.runtime.vault("main")

    def drill(self, unit: Unit) -> UnitDrill:
        return drill_unit(self.runtime, self.point, unit)

    def record(self, drill: UnitDrill) -> DrillEvidence:
        """Record a unit's drill beside the green ones of the other units."""
        others = [unit.unit for unit in self.proven.new.manifest.units if unit.unit != drill.unit]
        drills = [drill, *self.proven.green(*others)]
        return record_drill(self.runtime, self.catalog, self.point, drills, datetime.now(UTC))

    def assert_red(self, unit: Unit, *fidelity: str, health: tuple[str, ...] | None = ()) -> UnitDrill:
        """Drill a unit, and assert that exactly these checks are red, that the evidence of it is in the vault, that
        the catalog calls the point failed, and that the older point is the last known good. With `health=None`
        any health check may be red."""
        drill = self.drill(unit)
        red = {verdict: {c.name for c in drill.failed() if c.verdict == verdict} for verdict in ("fidelity", "health")}
        assert red["fidelity"] == set(fidelity)
        assert health is None or red["health"] == set(health)
        evidence = self.record(drill)
        assert not evidence.passed
        assert evidence.complete
        assert evidence.fidelity == ("failed" if fidelity else "passed")
        assert read_evidence(self.vault, self.runtime.signer(), self.document("evidence")) == evidence
        assert self.catalog.point("mini", self.point).verdict == "failed"
        good = self.catalog.last_known_good("mini")
        assert good is not None
        assert good.manifest == self.proven.old.manifest
        return drill


@pytest.fixture
def damaged(proven: Proven, place: Path) -> Iterator[Damaged]:
    directory = new_directory(place)
    mini = proven.mini.copy(directory / "m")
    with mini.runtime() as runtime:
        yield Damaged(mini, proven, runtime, mini.catalog())
    shutil.rmtree(directory)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> URL:
    """Where an empty catalog is to be, of both kinds, as LIFEBOAT_CATALOG names it."""
    if request.param == "sqlite":
        monkeypatch.setenv("LIFEBOAT_CATALOG", str(tmp_path / "new/catalog.db"))
        return catalog_url(lambda connection_id: pytest.fail(f"asked for {connection_id}"))
    server: SamplePostgres = request.getfixturevalue("postgres")
    admin = conninfo_to_dict(server.admin_conninfo)
    with psycopg.connect(server.admin_conninfo, autocommit=True) as session:
        session.execute("DROP DATABASE IF EXISTS catalog WITH (FORCE)")
        session.execute("CREATE DATABASE catalog")
    monkeypatch.setenv("LIFEBOAT_CATALOG", "connection:my_catalog")
    where = Connection(
        "my_catalog", "postgres", "127.0.0.1", server.port, str(admin["user"]), str(admin["password"]), "catalog"
    )
    return catalog_url({"my_catalog": where}.__getitem__)
