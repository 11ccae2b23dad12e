"""Vaults of every kind: on a disk, on S3, and on a disk as a host over SSH reaches it. Each test has its own copy."""

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from lifeboat.ssh_host import SshHost
from lifeboat.vault import Vault
from tests.support.kept_vaults import Kept
from tests.support.quick_vault import PASSWORD, make_quick_vault
from tests.support.retried import retried_failures
from tests.support.s3 import S3Server
from tests.support.sshd import TestSshd

#: Given a kind of vault and, optionally, the directory to copy it from, return it.
VaultMaker = Callable[..., Kept]


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter; pytest's own are for one account."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-vaults-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session", autouse=True)
def _environment(open_directory: Path) -> Iterator[None]:
    """rclone is found where Python is, and restic's cache is one that goes away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
        patch.setenv("RESTIC_CACHE_DIR", str(open_directory / "cache"))
        yield


def new_vault(
    kind: str,
    source: Path,
    directory: Path,
    s3: S3Server | None = None,
    ssh_host: SshHost | None = None,
    stack: ExitStack | None = None,
) -> Kept:
    """Copy a vault and return it as one of a kind: on the disk, on S3, or on the disk and used by a host over SSH."""
    name = uuid.uuid4().hex
    if kind == "s3":
        assert s3
        shutil.copytree(source, s3.bucket(name))
        s3.notice()
        return Kept(Vault(s3.repository(name), PASSWORD, s3.credentials, lock_wait=0), s3.bucket(name))
    copy = Path(shutil.copytree(source, directory / name))
    vault = Vault(str(copy), PASSWORD, lock_wait=0)
    if kind == "ssh":
        assert ssh_host
        assert stack
        vault = stack.enter_context(vault.on(ssh_host))
    return Kept(vault, copy)


@pytest.fixture(scope="session")
def empty_vault(open_directory: Path) -> Path:
    """An empty vault to be copied."""
    return make_quick_vault(open_directory / "empty")


@pytest.fixture(scope="session")
def home(open_directory: Path) -> Path:
    """A directory whose content makes one pack of data and one of trees."""
    directory = open_directory / "home"
    (directory / "below").mkdir(parents=True)
    for name in ("a", "below/b"):
        (directory / name).write_bytes(os.urandom(1000))
    return directory


@pytest.fixture(scope="session")
def filled(open_directory: Path, empty_vault: Path, home: Path) -> Path:
    """A vault with that directory in it, not compressed, to be copied."""
    directory = Path(shutil.copytree(empty_vault, open_directory / "filled"))
    Vault(str(directory), PASSWORD).backup_directory(str(home), {"member": "m"}, compression="off")
    return directory


@pytest.fixture(scope="session")
def ssh_host(sshd: TestSshd) -> Iterator[SshHost]:
    with SshHost("there", sshd.connection()) as host:
        yield host


@pytest.fixture
def place(open_directory: Path) -> Iterator[Path]:
    """A directory for one test that every account may enter."""
    directory = Path(tempfile.mkdtemp(dir=open_directory))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def vault_of(place: Path, empty_vault: Path, request: pytest.FixtureRequest) -> Iterator[VaultMaker]:
    """Given a kind of vault and, optionally, what to copy, make one. What it needs runs until the test ends."""
    with ExitStack() as stack:

        def make(kind: str, source: Path = empty_vault) -> Kept:
            if kind == "local":
                return new_vault(kind, source, place)
            servers = request.getfixturevalue("s3"), request.getfixturevalue("ssh_host")
            return new_vault(kind, source, place, *servers, stack)

        yield make


@pytest.fixture(params=["local", "s3", "ssh"])
def kept(request: pytest.FixtureRequest, vault_of: VaultMaker) -> Kept:
    """An empty vault of each kind, which waits for no lock."""
    return vault_of(str(request.param))


@pytest.fixture
def local(vault_of: VaultMaker) -> Kept:
    """An empty vault on a disk."""
    return vault_of("local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that look at the failures that take long last."""
    items.sort(key=_waits)


def _waits(item: pytest.Item) -> bool:
    return "retried" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session", autouse=True)
def _begin_early(request: pytest.FixtureRequest) -> None:
    if any(_waits(item) for item in request.session.items):
        request.getfixturevalue("retried")


@pytest.fixture(scope="session")
def retried(
    open_directory: Path, filled: Path, s3: S3Server, ssh_host: SshHost, _environment: None
) -> Iterator[dict[str, "Future[object]"]]:
    """Failures that restic tells after 45 seconds: all are under way from the first test of this directory."""
    directory = open_directory / "retried"
    directory.mkdir()
    with ExitStack() as stack:
        failures = retried_failures(directory, lambda kind: new_vault(kind, filled, directory, s3, ssh_host, stack))
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=len(failures)))
        yield {name: pool.submit(work) for name, work in failures.items()}
