"""Sources, hosts and vaults for the suite that every engine passes; each is made once or copied for each test."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from lifeboat.engines.postgres.tools import tools_directory
from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.all_sources import SOURCES
from tests.support.chance import chance_of
from tests.support.engine_bench import SSH_HOST, Bench, make_bench
from tests.support.engine_sources import PostgresSource, Source, connection_to
from tests.support.everything import Everything, captured_and_restored
from tests.support.mariadb_server import MariaDBServer
from tests.support.quick_vault import make_quick_vault
from tests.support.sshd import TestSshd
from tests.support.toolbox import Toolbox

BenchMaker = Callable[..., Bench]


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter, as PostgreSQL's must; pytest's own are for one account."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-engines-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres(open_directory: Path) -> Iterator[SamplePostgres]:
    """A running PostgreSQL server."""
    server = SamplePostgres(open_directory / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb(open_directory: Path) -> Iterator[MariaDBServer]:
    """A running MariaDB server."""
    server = MariaDBServer(open_directory / "mariadb")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def empty_vault(open_directory: Path) -> Path:
    """An empty vault to be copied."""
    return make_quick_vault(open_directory / "empty-vault")


@pytest.fixture(scope="session")
def _tools(open_directory: Path) -> Toolbox:
    return Toolbox(open_directory / "toolbox")


@pytest.fixture
def toolbox(_tools: Toolbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    """Programs that can be broken, here and on the host over SSH."""
    monkeypatch.setenv("PATH", _tools.path)
    monkeypatch.setenv("HOME", str(_tools.home))
    yield _tools
    _tools.reset()


@pytest.fixture(scope="session")
def gated_sshd(_tools: Toolbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestSshd]:
    """An sshd whose sessions find their programs in the toolbox first."""
    server = TestSshd(tmp_path_factory.mktemp("sshd"))
    keys = server.directory / "authorized_keys"
    gate = _tools.gate.replace('"', '\\"')
    keys.write_text(f'command="{gate}" {keys.read_text()}')
    yield server
    server.stop()


@pytest.fixture
def place(open_directory: Path, empty_vault: Path) -> Iterator[Path]:
    """A directory for one test, with an empty vault in it, that every account may enter."""
    directory = Path(tempfile.mkdtemp(dir=open_directory))
    directory.chmod(0o755)
    shutil.copytree(empty_vault, directory / "vault")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def bench_for(place: Path, toolbox: Toolbox, request: pytest.FixtureRequest) -> Iterator[BenchMaker]:
    """Given a unit, what a deployment file says of it, and connections, give the bench of its engine."""
    benches: list[Bench] = []

    def make(unit: Unit, document: Mapping[str, Any], connections: Mapping[str, Connection] | None = None) -> Bench:
        known = dict(connections or {})
        if f"'host': '{SSH_HOST}'" in repr(document):
            sshd: TestSshd = request.getfixturevalue("gated_sshd")
            known["bench_ssh"] = sshd.connection("bench_ssh")
            document = {**document, "hosts": {SSH_HOST: {"ssh": "bench_ssh"}}}
        bench = make_bench(place, unit, document, known)
        benches.append(bench)
        return bench

    yield make
    for bench in benches:
        bench.runtime.close()


@pytest.fixture(params=["worker", SSH_HOST])
def host(request: pytest.FixtureRequest) -> str:
    """The name of the host that the source is on."""
    return str(request.param)


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest, place: Path) -> Iterator[Source]:
    """A fresh source of each engine."""
    made = SOURCES[request.param](place, request.getfixturevalue)
    yield made
    made.remove()


@pytest.fixture
def bench(source: Source, host: str, bench_for: BenchMaker) -> Bench:
    """The engine at work on the source, on each host."""
    return bench_for(source.unit, source.document(host), source.connections())


@pytest.fixture
def postgres_bench(postgres: SamplePostgres, bench_for: BenchMaker) -> Callable[..., Bench]:
    """Given databases of the server, and changes of the connection and of the server's settings, give the bench."""

    def make(*databases: str, settings: Mapping[str, Any] | None = None, **connection: Any) -> Bench:
        roles = {name: {"role": "other"} for name in databases}
        server = {"engine": "postgres", "connection": "bench_postgres", "databases": roles, **(settings or {})}
        document = {"database_servers": {PostgresSource.unit.name: server}}
        return bench_for(PostgresSource.unit, document, {"bench_postgres": connection_to(postgres, **connection)})

    return make


@pytest.fixture(scope="session")
def real_tools(postgres: SamplePostgres) -> tuple[str, Path]:
    """The variable that names the directory of the server's tools, and that directory."""
    with psycopg.connect(postgres.admin_conninfo) as session:
        major = session.info.server_version // 10000
    return f"LIFEBOAT_POSTGRES_{major}", Path(tools_directory(major, "pg_dump"))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """What chooses among all that a test could do."""
    return chance_of(request.node.name)


@pytest.fixture(scope="session")
def everything(postgres: SamplePostgres, open_directory: Path, empty_vault: Path) -> Iterator[Everything]:
    """A database with everything in it, and its restored twin. What a test changes, it changes back."""
    directory = open_directory / "everything"
    directory.mkdir(mode=0o755)
    shutil.copytree(empty_vault, directory / "vault")
    with captured_and_restored(postgres, directory) as made:
        yield made
