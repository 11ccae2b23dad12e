"""What every host must do, local or over SSH. Both run on this machine, so the tests can look behind them."""

import hashlib
import os
import pwd
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifeboat.errors import CommandError, LifeboatError, PreflightError, ToolError
from lifeboat.host import Command, Host, LocalHost
from lifeboat.ssh_host import SshHost
from tests.support.sshd import TestSshd
from tests.support.waiting import command_lines, eventually, is_running

SECRET = "s3cret \"quoted\" 'twice'"
ACCOUNT = "nobody"
NASTY = [
    "",
    " ",
    "a b",
    "*",
    "$HOME",
    "`id`",
    "$(id)",
    "; false",
    "&& false",
    "\\",
    "\\n",
    "'",
    '"',
    "'\"'",
    "-n",
    "--",
]
NASTY += ["line\nbreak", "ends\n", "tab\t", "!", "~", "#", "{a,b}", "%s", "größer ✓", "|", ">x", "<x", "\r"]


@pytest.fixture(scope="module", params=["local", "ssh"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    if request.param == "local":
        yield LocalHost("here")
    else:
        sshd: TestSshd = request.getfixturevalue("sshd")
        with SshHost("there", sshd.connection()) as ssh_host:
            yield ssh_host


def shell(script: str, *arguments: str, **options: object) -> Command:
    return Command(["sh", "-c", script, "sh", *arguments], **options)  # type: ignore[arg-type]


# Commands and their ends


def test_run_returns_output_and_status(host: Host) -> None:
    done = host.run(shell("printf out; printf err >&2"))
    assert (done.exit_status, done.stdout, done.stderr) == (0, b"out", "err")


def test_failure_shows_status_and_standard_error(host: Host) -> None:
    with pytest.raises(CommandError, match=r"'sh' on host '\w+' ended with status 3:\nno luck") as caught:
        host.run(shell("echo no luck >&2; exit 3"))
    assert (caught.value.exit_status, caught.value.stderr) == (3, "no luck")


@pytest.mark.parametrize("status", [1, 3, 254, 255])
def test_accepted_status_is_no_failure(host: Host, status: int) -> None:
    assert host.run(shell(f"exit {status}"), accept=(0, status)).exit_status == status


def test_status_255_of_a_command_is_its_own(host: Host) -> None:
    with pytest.raises(CommandError, match="status 255"):
        host.run(shell("exit 255"))


def test_killed_command_is_a_failure(host: Host) -> None:
    with pytest.raises(CommandError):
        host.run(shell("kill -KILL $$"))


def test_missing_tool(host: Host) -> None:
    with pytest.raises(ToolError, match="no-such-tool"):
        host.run(Command(["no-such-tool", "--version"]))


def test_arguments_survive_untouched(host: Host) -> None:
    done = host.run(Command(["printf", "%s\\0", *NASTY]))
    assert done.stdout.decode().split("\0")[:-1] == NASTY


def test_first_word_is_a_program_and_no_part_of_a_shell(host: Host) -> None:
    assert host.run(Command(["echo", "a\\tb"])).stdout == b"a\\tb\n"
    with pytest.raises(ToolError):
        host.run(Command(["watch_session"]))


def test_working_directory(host: Host, tmp_path: Path) -> None:
    directory = tmp_path / "with space"
    directory.mkdir()
    assert host.run(Command(["pwd"], working_directory=str(directory))).stdout.decode() == f"{directory}\n"


@pytest.mark.parametrize("name", ["missing", "file"])
def test_working_directory_that_cannot_be_entered(host: Host, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match=str(tmp_path / name)):
        host.run(Command(["true"], working_directory=str(tmp_path / name)))


def test_a_command_costs_little(host: Host) -> None:
    host.run(Command(["true"]))
    began = time.monotonic()
    for _ in range(10):
        host.run(Command(["true"]))
    assert time.monotonic() - began < 5


# Environment, secrets, accounts


def test_environment_and_secrets_arrive(host: Host) -> None:
    values = {f"VALUE_{number}": value for number, value in enumerate(NASTY)}
    command = Command(["env", "-0"], environment=values, secrets={"THE_SECRET": SECRET})
    arrived = dict(entry.split("=", 1) for entry in host.run(command).stdout.decode().split("\0")[:-1])
    assert values.items() <= arrived.items()
    assert arrived["THE_SECRET"] == SECRET


def test_secrets_are_in_no_command_line(host: Host) -> None:
    secrets = {"THE_SECRET": "not-for-anybody-to-see"}
    with host.start(shell("echo started; exec sleep 60", secrets=secrets)) as process:
        assert process.stdout.readline() == b"started\n"
        assert eventually(lambda: b"sleep\x0060\x00" in command_lines())
        lines = command_lines()
    assert not [line for line in lines if b"not-for-anybody" in line]


def test_secrets_are_masked_in_errors(host: Host) -> None:
    command = shell('echo "login with $THE_SECRET failed" >&2; exit 1', "x" + SECRET, secrets={"THE_SECRET": SECRET})
    with pytest.raises(CommandError, match=r"login with \*\*\* failed") as caught:
        host.run(command)
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.stderr} {command!r}"


@pytest.mark.parametrize("directory", [None, "/usr"])
def test_run_as_another_account(host: Host, directory: str | None) -> None:
    command = shell(
        'id -un; pwd; echo "$HOME"; echo "$THE_SECRET"; cat',
        run_as=ACCOUNT,
        secrets={"THE_SECRET": SECRET},
        working_directory=directory,
    )
    lines = host.run(command, input=b"from standard input").stdout.decode().splitlines()
    assert lines == [ACCOUNT, directory or "/", pwd.getpwnam(ACCOUNT).pw_dir, SECRET, "from standard input"]


def test_run_as_a_missing_account(host: Host) -> None:
    with pytest.raises(PreflightError, match="no-such-account"):
        host.run(Command(["true"], run_as="no-such-account"), accept=(0, 1))


# Streams


def test_streams_of_20_megabytes(host: Host) -> None:
    data = os.urandom(20 << 20)
    assert hashlib.sha256(host.run(Command(["cat"]), input=data).stdout).digest() == hashlib.sha256(data).digest()


def test_stream_written_by_the_caller(host: Host) -> None:
    with host.start(Command(["sha256sum"]), stdin=subprocess.PIPE) as process:
        for _ in range(20):
            process.stdin.write(bytes(1 << 20))
        process.stdin.close()
        assert process.stdout.read().split()[0].decode() == hashlib.sha256(bytes(20 << 20)).hexdigest()
        assert process.wait() == 0


def test_pipe_of_two_commands(host: Host) -> None:
    secrets = {"THE_SECRET": SECRET}
    writer = shell('head -c 20000000 /dev/zero; printf %s "$THE_SECRET"', secrets=secrets)
    reader = shell('printf %s "$THE_SECRET"; sha256sum', secrets=secrets)
    with host.start(writer) as source, host.start(reader, stdin=source.stdout) as sink:
        source.stdout.close()
        output = sink.stdout.read().decode().removeprefix(SECRET)
        assert (sink.wait(), source.wait()) == (0, 0)
    assert output.split()[0] == hashlib.sha256(bytes(20_000_000) + SECRET.encode()).hexdigest()


def test_files_as_input_and_output(host: Host, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(os.urandom(3 << 20))
    with (
        (tmp_path / "in").open("rb") as source,
        (tmp_path / "out").open("wb") as sink,
        host.start(Command(["cat"]), stdin=source, stdout=sink) as process,
    ):
        assert process.wait() == 0
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


def test_reader_that_stops_early_ends_the_pipe(host: Host) -> None:
    with host.start(Command(["cat", "/dev/zero"])) as source:
        with host.start(Command(["head", "-c", "5"]), stdin=source.stdout) as sink:
            source.stdout.close()
            assert sink.stdout.read() == bytes(5)
            assert sink.wait() == 0
        assert source.wait() != 0


def test_input_that_cannot_be_read_is_a_failure(host: Host, tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with host.start(Command(["cat"]), stdin=directory) as process:
            assert process.stdout.read() == b""
            assert process.wait() != 0
            assert "Is a directory" in process.stderr()
    finally:
        os.close(directory)


def test_input_that_nobody_reads(host: Host) -> None:
    assert host.run(Command(["true"]), input=bytes(1 << 20)).exit_status == 0


def test_without_input_a_command_reads_nothing(host: Host) -> None:
    assert host.run(Command(["cat"])).stdout == b""


# What is left running


def _started(host: Host, script: str, pid_file: Path, **options: float) -> int:
    with pytest.raises(TimeoutError, match=r"'sh' did not finish within 0\.5 seconds"):
        host.run(shell(script, str(pid_file)), timeout=0.5)
    return int(pid_file.read_text())


def test_time_limit_ends_the_command(host: Host, tmp_path: Path) -> None:
    pid = _started(host, 'echo $$ >"$1"; exec sleep 300', tmp_path / "pid")
    assert eventually(lambda: not is_running(pid))


def test_time_limit_ends_the_children_too(host: Host, tmp_path: Path) -> None:
    pid = _started(host, 'sleep 300 & echo $! >"$1"; wait; true', tmp_path / "pid")
    assert eventually(lambda: not is_running(pid))


def test_leaving_the_context_ends_the_command(host: Host) -> None:
    with host.start(shell("echo $$; exec sleep 300")) as process:
        pid = int(process.stdout.readline())
        assert is_running(pid)
    assert eventually(lambda: not is_running(pid))


def test_ended_command_of_another_account(host: Host) -> None:
    with host.start(shell("echo $$; sleep 300; true", run_as=ACCOUNT)) as process:
        pid = int(process.stdout.readline())
        assert pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name == ACCOUNT
        process.end(grace=0.2)
    assert eventually(lambda: not is_running(pid))


def test_daemon_outlives_the_command_that_starts_it(host: Host) -> None:
    began = time.monotonic()
    pid = int(host.run(shell("nohup sleep 300 >/dev/null 2>&1 & echo $!")).stdout)
    try:
        assert time.monotonic() - began < 5
        time.sleep(1.5)
        assert is_running(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


# Questions


def test_run_python(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "contract_module.py").write_text(
        "import json, os, sys\n"
        "payload = json.load(sys.stdin)\n"
        "print(json.dumps({'got': payload, 'account': os.geteuid()}))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")  # a python3 that every account may run
    payload = {"text": "größer\n'", "numbers": list(range(50_000))}
    answer = host.run_python("contract_module", payload, run_as=ACCOUNT)
    assert answer == {"got": payload, "account": pwd.getpwnam(ACCOUNT).pw_uid}


def test_find_tool(host: Host) -> None:
    found = host.find_tool("tail")
    assert found is not None and found.endswith("/tail")
    assert host.find_tool("no-such-tool") is None


def test_is_directory(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert host.is_directory(str(tmp_path))
    assert not host.is_directory(str(tmp_path / "file"))
    assert not host.is_directory(str(tmp_path / "missing"))
    assert host.is_directory(str(closed))
    assert not host.is_directory(str(closed), run_as=ACCOUNT)


def test_read_file(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "with 'quote"
    path.write_bytes(b"\x00content\n")
    assert host.read_file(str(path)) == b"\x00content\n"
    assert host.read_file(str(tmp_path / "missing")) is None


def test_free_bytes(host: Host, tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    assert host.free_bytes(str(tmp_path)) == pytest.approx(status.f_bavail * status.f_frsize, rel=0.05)
    with pytest.raises(LifeboatError):
        host.free_bytes(str(tmp_path / "missing"))


def test_host_name(host: Host) -> None:
    assert host.host_name() == socket.gethostname()


# Ways to and from


class Greeter(socketserver.BaseRequestHandler):
    """Answers with what it got, behind a greeting."""

    def handle(self) -> None:
        self.request.sendall(b"hello " + self.request.recv(100))


@pytest.fixture
def serve() -> Iterator[Callable[[socketserver.BaseServer], None]]:
    """Serves in the background until the test is over."""
    servers: list[socketserver.BaseServer] = []

    def begin(server: socketserver.BaseServer) -> None:
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def greeting(family: socket.AddressFamily, address: tuple[str, int] | str) -> bytes:
    with socket.socket(family) as client:
        client.settimeout(10)
        client.connect(address)
        client.sendall(b"there")
        return client.recv(100)


def refuses(port: int) -> bool:
    """Return whether nobody listens on a port of the loopback."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_forward_reaches_a_port(host: Host, serve: Callable[[socketserver.BaseServer], None]) -> None:
    server = socketserver.TCPServer(("127.0.0.1", 0), Greeter)
    serve(server)
    with host.forward(*server.server_address) as address:
        assert greeting(socket.AF_INET, address) == b"hello there"
    assert host.is_local or refuses(address[1])


def test_forward_reaches_a_socket_of_postgresql(
    host: Host, tmp_path: Path, serve: Callable[[socketserver.BaseServer], None]
) -> None:
    serve(socketserver.UnixStreamServer(str(tmp_path / ".s.PGSQL.5433"), Greeter))
    with host.forward(str(tmp_path), 5433) as (directory, port):
        path = Path(directory) / f".s.PGSQL.{port}"
        assert greeting(socket.AF_UNIX, str(path)) == b"hello there"
        if not host.is_local:
            assert path.parent.stat().st_mode & 0o777 == 0o700
    assert host.is_local or not Path(directory).exists()


def test_expose_lets_the_host_reach_us(host: Host, serve: Callable[[socketserver.BaseServer], None]) -> None:
    server = socketserver.TCPServer(("127.0.0.1", 0), Greeter)
    serve(server)
    with host.expose(server.server_address[1]) as port:
        assert greeting(socket.AF_INET, ("127.0.0.1", port)) == b"hello there"
    assert host.is_local or eventually(lambda: refuses(port))
