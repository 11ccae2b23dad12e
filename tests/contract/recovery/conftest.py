"""A deployment whose databases and homes are really replaced; each test begins with the same ones."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lifeboat.sample.postgres_server import SamplePostgres
from tests.support.miniature import VAULT_PASSWORD, Miniature, make_databases, make_miniature
from tests.support.quick_vault import make_quick_vault
from tests.support.recoverable import Recoverable, keep_pristine, make_recoverable, reset_databases


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A directory that every account may pass through, with a path short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-recovery-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres(place: Path) -> Iterator[SamplePostgres]:
    """A running server with the two databases, on which other things may be bound to them."""
    server = SamplePostgres(place / "postgres")
    server.start()
    with psycopg.connect(server.admin_conninfo, autocommit=True) as session:
        session.execute("ALTER SYSTEM SET wal_level = logical")
        session.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
    server.stop()
    server.start()
    make_databases(server)
    keep_pristine(server.admin_conninfo)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _untouched(place: Path, postgres: SamplePostgres) -> Miniature:
    make_quick_vault(place / "empty-vault", VAULT_PASSWORD)
    return make_miniature(place / "untouched", postgres, place / "empty-vault")


@pytest.fixture
def deployment(_untouched: Miniature, place: Path, postgres: SamplePostgres) -> Iterator[Recoverable]:
    """The deployment as it was in the beginning, with an empty vault."""
    reset_databases(postgres.admin_conninfo)
    directory = Path(tempfile.mkdtemp(dir=place))
    directory.chmod(0o711)
    mini = _untouched.copy(directory / "m")
    make_recoverable(mini)
    with mini.runtime() as runtime:
        yield Recoverable(mini, runtime, mini.catalog())
    shutil.rmtree(directory)
