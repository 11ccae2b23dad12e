import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lifeboat.errors import CommandError, PreflightError
from lifeboat.sample.postgres_server import SamplePostgres


@pytest.fixture(scope="module")
def shared_server(open_directory: Path) -> SamplePostgres:
    return SamplePostgres(open_directory / "server")


@pytest.fixture
def server(shared_server: SamplePostgres) -> Iterator[SamplePostgres]:
    """The server, running; every test finds it so, and whatever a test left of it ends after the test."""
    shared_server.start()
    yield shared_server
    shared_server.stop()


def titles() -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def processes(cluster: str) -> list[str]:
    """The processes of a server, by the name that is in all their titles."""
    return [title for title in titles() if "postgres" in title and cluster in title]


def postmaster(directory: Path) -> int:
    return int((directory / "server/data/postmaster.pid").read_text().splitlines()[0])


def test_serves_by_tcp_and_by_socket_with_password_only(server: SamplePostgres) -> None:
    with psycopg.connect(server.admin_conninfo) as connection:
        query = (
            "SELECT current_setting('server_encoding'), datcollate, current_setting('fsync') FROM pg_database "
            "WHERE datname = 'postgres'"
        )
        assert connection.execute(query).fetchone() == ("UTF8", "C.UTF-8", "off")
    with psycopg.connect(server.admin_conninfo, host=str(server.socket_directory)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    for host in ("127.0.0.1", str(server.socket_directory)):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.admin_conninfo, host=host, password="wrong")


def test_keeps_its_password_to_itself(server: SamplePostgres, open_directory: Path) -> None:
    file = open_directory / "server/admin-password"
    assert file.stat().st_mode & 0o777 == 0o600
    password = file.read_text().strip()
    assert len(password) >= 20
    assert not [title for title in titles() if password in title]


def test_start_is_idempotent_and_remembers_the_port(server: SamplePostgres, open_directory: Path) -> None:
    pid = postmaster(open_directory)
    server.start()
    assert postmaster(open_directory) == pid
    again = SamplePostgres(open_directory / "server")
    assert again.port == server.port
    assert again.is_running()


def test_stop_leaves_no_process_and_keeps_the_data(server: SamplePostgres) -> None:
    with psycopg.connect(server.admin_conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
        row = connection.execute("SELECT current_setting('cluster_name')").fetchone()
        assert row and row[0].startswith("lifeboat-")
        assert len(processes(row[0])) > 3
        server.stop()
    assert not server.is_running()
    assert processes(row[0]) == []
    server.stop()
    server.start()
    with psycopg.connect(server.admin_conninfo) as connection:
        connection.execute("DROP TABLE kept")


def test_starts_after_a_crash(server: SamplePostgres, open_directory: Path) -> None:
    os.kill(postmaster(open_directory), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while server.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    server.start()
    with psycopg.connect(server.admin_conninfo) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_starts_when_the_pid_file_names_another_server(server: SamplePostgres, open_directory: Path) -> None:
    """After a reboot the number in the pid file may belong to another server of the same account."""
    other = SamplePostgres(open_directory / "other")
    other.start()
    try:
        server.stop()
        pid_file = open_directory / "server/data/postmaster.pid"
        pid_file.write_text((open_directory / "other/data/postmaster.pid").read_text())
        assert not server.is_running()
        server.start()
        with psycopg.connect(server.admin_conninfo) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        other.stop()


def test_a_long_directory_gets_a_short_socket(open_directory: Path) -> None:
    server = SamplePostgres(open_directory / ("long" * 30))
    server.start()
    try:
        with psycopg.connect(server.admin_conninfo, host=str(server.socket_directory)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        server.socket_directory.rmdir()


def test_says_so_if_the_port_is_taken(open_directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = SamplePostgres(open_directory / "taken", port=port)
        with pytest.raises(CommandError, match=f"port {port} may be taken"):
            server.start()
    assert not server.is_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another account")
def test_says_so_if_its_account_cannot_reach_the_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(PreflightError, match="cannot reach"):
        SamplePostgres(tmp_path / "server").start()
