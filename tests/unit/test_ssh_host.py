"""SshHost's logins, its single connection, and what it leaves behind: nothing. See also contract/test_hosts.py."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from lifeboat.connections import Connection
from lifeboat.errors import AccessError, ConfigurationError, ToolError, UnreachableError
from lifeboat.host import Command, Completed
from lifeboat.process_tree import descendants
from lifeboat.processes import end_all
from lifeboat.sample.ports import free_port
from lifeboat.ssh_host import SshHost
from tests.support.sshd import TestSshd, make_key
from tests.support.waiting import command_line, eventually, is_running

TRUE = Command(["true"])
#: Says its number and stays; it never writes again and reads nothing.
SLEEP = Command(["sh", "-c", "echo $$; exec sleep 300"])
#: A process that starts SLEEP, says its number and that of the connection, and ends, or waits to be killed.
WORKER = """
import json, subprocess, sys, time
from lifeboat.connections import Connection
from lifeboat.ssh_host import SshHost
from tests.unit.test_ssh_host import SLEEP, masters

fields, ending, stdin = json.load(sys.stdin)
host = SshHost("erp", Connection(**fields))
process = host.start(SLEEP, stdin=getattr(subprocess, stdin))
print(int(process.stdout.readline()), *masters(), flush=True)
time.sleep(60 if ending == "kill" else 0)
"""


@pytest.fixture
def own_sshd(tmp_path: Path) -> Iterator[TestSshd]:
    """A sshd that the test may change and cut off."""
    directory = tmp_path / "sshd"
    directory.mkdir()
    server = TestSshd(directory)
    yield server
    server.stop()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory for temporary files, empty at first."""
    directory = Path(tempfile.mkdtemp(prefix="test-"))
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    yield directory
    shutil.rmtree(directory)


def masters() -> list[int]:
    """Return the numbers of our children that hold an SSH connection."""
    return [relative.pid for relative in descendants(os.getpid()) if b"\0-M\0" in command_line(relative.pid)]


def files_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


# Host keys


def test_unknown_host_key(sshd: TestSshd, tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "known_hosts").touch()
    host = SshHost("erp", sshd.connection(host_key=None), known_hosts=tmp_path / "known_hosts")
    with pytest.raises(AccessError, match=r"'erp' \(\w+@127.0.0.1:\d+\) has a host key that is not known") as caught:
        host.run(TRUE)
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in caught.value.next_step
    assert "'host_key' of connection 'test_ssh'" in caught.value.next_step
    assert files_in(temporary) == []


def test_wrong_host_key(sshd: TestSshd, tmp_path: Path, temporary: Path) -> None:
    other = make_key(tmp_path / "other")
    with pytest.raises(AccessError, match="another host key than the known one") as caught:
        SshHost("erp", sshd.connection(host_key=other)).run(TRUE)
    assert "Find out why the key changed" in caught.value.next_step
    assert files_in(temporary) == []


def test_host_key_as_lines_of_a_known_hosts_file(sshd: TestSshd) -> None:
    lines = f"other.example.com {sshd.host_key}\n[127.0.0.1]:{sshd.port} {sshd.host_key} root@erp\n"
    with SshHost("erp", sshd.connection(host_key=lines)) as host:
        assert host.run(TRUE).exit_status == 0


def test_host_key_of_another_name_is_not_enough(sshd: TestSshd) -> None:
    with pytest.raises(AccessError, match="not known"):
        SshHost("erp", sshd.connection(host_key=f"other.example.com {sshd.host_key}")).run(TRUE)


def test_known_hosts_file(sshd: TestSshd, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known hosts"
    known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n")
    with SshHost("erp", sshd.connection(host_key=None), known_hosts=known_hosts) as host:
        assert host.run(TRUE).exit_status == 0


@pytest.mark.parametrize("name", ["no_host_key_check", "allow_host_key_change"])
@pytest.mark.parametrize("value", [True, "true", "True"])
def test_extras_that_trust_anybody_are_refused(sshd: TestSshd, name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"'test_ssh' sets the extra '{name}'"):
        SshHost("erp", sshd.connection(**{name: value}))


def test_an_extra_that_says_to_check_is_fine(sshd: TestSshd) -> None:
    with SshHost("erp", sshd.connection(no_host_key_check="false")) as host:
        assert host.run(TRUE).exit_status == 0


# Logins


def test_wrong_private_key(sshd: TestSshd, tmp_path: Path, temporary: Path) -> None:
    make_key(tmp_path / "other")
    with pytest.raises(AccessError, match=r"'erp' refused the login of .*Permission denied") as caught:
        SshHost("erp", sshd.connection(private_key=(tmp_path / "other").read_text())).run(TRUE)
    assert "connection 'test_ssh'" in caught.value.next_step
    assert files_in(temporary) == []


def test_broken_private_key_is_not_shown(sshd: TestSshd) -> None:
    with pytest.raises(AccessError, match="refused the login") as caught:
        SshHost("erp", sshd.connection(private_key="-----BEGIN\nsecret-material")).run(TRUE)
    assert "secret-material" not in str(caught.value)


def test_private_key_with_passphrase(sshd: TestSshd, tmp_path: Path, temporary: Path) -> None:
    passphrase = '\'open "sesame" $HOME'
    key = encrypted_key(sshd, tmp_path, passphrase)
    with SshHost("erp", sshd.connection(private_key=key, private_key_passphrase=passphrase)) as host:
        assert host.run(TRUE).exit_status == 0
        assert [name for name in files_in(temporary) if "login" in name] == []
    with pytest.raises(AccessError, match="refused the login") as caught:
        SshHost("erp", sshd.connection(private_key=key, private_key_passphrase="wrong-one")).run(TRUE)
    assert "wrong-one" not in str(caught.value)


def encrypted_key(sshd: TestSshd, directory: Path, passphrase: str) -> str:
    """Return the key that may log in, encrypted."""
    path = directory / "encrypted"
    shutil.copyfile(sshd.directory / "user_key", path)
    path.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", str(path)], check=True)
    return path.read_text()


def test_key_file(sshd: TestSshd) -> None:
    connection = sshd.connection(private_key=None, key_file=str(sshd.directory / "user_key"))
    with SshHost("erp", connection) as host:
        assert host.run(TRUE).exit_status == 0


def test_private_key_with_windows_line_ends(sshd: TestSshd) -> None:
    with SshHost("erp", sshd.connection(private_key=sshd.private_key.replace("\n", "\r\n"))) as host:
        assert host.run(TRUE).exit_status == 0


def test_password_reaches_ssh_and_no_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in that asks as ssh does: no sshd here can check a password without an account of its own.
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/arguments\n'
        f'"$SSH_ASKPASS" "backup@erp\'s password: " >{tmp_path}/answer\n'
        f'"$SSH_ASKPASS" "(backup@erp) Enter passphrase for key" >>{tmp_path}/answer\n'
        'echo "backup@erp: Permission denied (publickey,password); $LIFEBOAT_SSH_PASSWORD" >&2; exit 255\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    password, passphrase = "it's $a \\pass%word", "of-the-key"
    extra = {"private_key_passphrase": passphrase}
    connection = Connection("test_ssh", "ssh", "erp", login="backup", password=password, extra=extra)
    with pytest.raises(AccessError, match="refused the login") as caught:
        SshHost("erp", connection).run(TRUE)
    assert (tmp_path / "answer").read_text() == f"{password}\n{password}\n"
    assert password not in str(caught.value) + (tmp_path / "arguments").read_text()


def test_jump_host(sshd: TestSshd, tmp_path: Path) -> None:
    passphrase = "of the key"
    key = encrypted_key(sshd, tmp_path, passphrase)
    known = f"{sshd.host_key}\n[localhost]:{sshd.port} {sshd.host_key}\n"
    jump = f"{sshd.login}@localhost:{sshd.port}"
    logins = sshd.log.read_text().count("Accepted publickey")
    connection = sshd.connection(
        host_key=known, proxy_jump=jump, private_key=key, private_key_passphrase=passphrase, login=sshd.login
    )
    with SshHost("erp", connection) as host:
        assert host.run(TRUE).exit_status == 0
    assert sshd.log.read_text().count("Accepted publickey") == logins + 2
    with pytest.raises(AccessError, match=r"known for \[localhost\]") as caught:
        SshHost("erp", sshd.connection(proxy_jump=jump)).run(TRUE)
    assert "The key of the jump host" in caught.value.next_step


def test_password_is_for_the_host_and_not_for_the_jump_host(own_sshd: TestSshd, tmp_path: Path) -> None:
    own_sshd.configure("PasswordAuthentication yes")
    make_key(tmp_path / "other")
    changes = {"private_key": (tmp_path / "other").read_text(), "password": "wrong-one"}
    known = f"{own_sshd.host_key}\n[localhost]:{own_sshd.port} {own_sshd.host_key}\n"
    jump = f"{own_sshd.login}@localhost:{own_sshd.port}"
    with pytest.raises(AccessError):
        SshHost("erp", own_sshd.connection(host_key=known, proxy_jump=jump, **changes)).run(TRUE)
    assert "Failed password" not in own_sshd.log.read_text()
    with pytest.raises(AccessError):
        SshHost("erp", own_sshd.connection(**changes)).run(TRUE)
    assert "Failed password" in own_sshd.log.read_text()


@pytest.mark.parametrize("extra", [{"proxy_jump": "a,b"}, {"proxy_jump": "-oX:22"}, {"connect_timeout": "soon"}])
def test_extras_that_mean_nothing(sshd: TestSshd, extra: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="'test_ssh'"):
        SshHost("erp", sshd.connection(**extra))


def test_missing_host(sshd: TestSshd) -> None:
    with pytest.raises(ConfigurationError, match="'test_ssh' has no host"):
        SshHost("erp", sshd.connection(host=""))


def test_missing_ssh(sshd: TestSshd, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="'ssh' is not installed on this worker") as caught:
        SshHost("erp", sshd.connection()).run(TRUE)
    assert "openssh-client" in caught.value.next_step
    assert files_in(temporary) == []


# Reaching the host


def test_connection_refused(sshd: TestSshd, temporary: Path) -> None:
    with pytest.raises(UnreachableError, match=r"Host 'erp' cannot be reached: .*127\.0\.0\.1.*refused") as caught:
        SshHost("erp", sshd.connection(port=free_port())).run(TRUE)
    assert not caught.value.permanent
    assert files_in(temporary) == []


def test_unknown_name(sshd: TestSshd) -> None:
    with pytest.raises(UnreachableError, match=r"no-such-host\.invalid"):
        SshHost("erp", sshd.connection(host="no-such-host.invalid")).run(TRUE)


def test_connection_that_breaks_in_a_command(own_sshd: TestSshd) -> None:
    with SshHost("erp", own_sshd.connection()) as host:
        with host.start(SLEEP) as process:
            pid = int(process.stdout.readline())
            own_sshd.cut_off()
            failure = host.failure(SLEEP, Completed(process.wait(), b"", process.stderr()))
        assert isinstance(failure, UnreachableError)
        assert eventually(lambda: not is_running(pid))
        assert host.run(TRUE).exit_status == 0  # on a new connection


def test_too_many_commands_at_a_time(own_sshd: TestSshd) -> None:
    own_sshd.configure("MaxSessions 2")
    with SshHost("erp", own_sshd.connection()) as host, host.start(SLEEP) as process:
        process.stdout.readline()
        with pytest.raises(UnreachableError, match=r"'erp' cannot be reached: .*refused"):
            host.run(TRUE)
    assert "preauth" not in own_sshd.log.read_text()  # it has not tried a connection of its own


def test_forwardings_that_the_host_forbids(own_sshd: TestSshd, temporary: Path) -> None:
    own_sshd.configure("AllowTcpForwarding no")
    with SshHost("erp", own_sshd.connection()) as host:
        with pytest.raises(AccessError, match=r"'erp' .* refused to forward -R") as caught, host.expose(5432):
            pass
        assert "AllowTcpForwarding" in caught.value.next_step
        with pytest.raises(AccessError, match="refused to forward -L"), host.forward("/" + 200 * "x", 5432):
            pass
        assert len(files_in(temporary)) == 2  # the connection's directory and its socket


# The connection and its end


def test_many_commands_and_one_login(sshd: TestSshd, temporary: Path) -> None:
    logins = sshd.log.read_text().count("Accepted publickey")
    with SshHost("erp", sshd.connection()) as host:
        assert masters() == []  # it connects with its first command
        for _ in range(3):
            host.run(TRUE)
        (master,) = masters()
        assert os.getpgid(master) == os.getpgrp()  # it ends with the task that started it
        assert [Path(name).name for name in files_in(temporary)][1:] == ["control"]
    assert sshd.log.read_text().count("Accepted publickey") == logins + 1
    assert masters() == []
    assert files_in(temporary) == []


def test_closing_ends_the_commands(sshd: TestSshd) -> None:
    host = SshHost("erp", sshd.connection())
    with host.start(SLEEP) as process:
        pid = int(process.stdout.readline())
        host.close()
        assert process.wait() != 0
    assert eventually(lambda: not is_running(pid))


def test_connection_that_was_ended_is_made_again(sshd: TestSshd, temporary: Path) -> None:
    with SshHost("erp", sshd.connection()) as host:
        host.run(TRUE)
        end_all()
        assert masters() == []
        assert host.run(TRUE).exit_status == 0
        assert len(files_in(temporary)) == 2
    assert files_in(temporary) == []


def test_long_directory_for_temporary_files(sshd: TestSshd, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = temporary / ("x" * 100)
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    with SshHost("erp", sshd.connection()) as host:
        assert host.run(TRUE).exit_status == 0


def test_forked_process_leaves_the_connection_alone(sshd: TestSshd) -> None:
    with SshHost("erp", sshd.connection()) as host:
        host.run(TRUE)
        (master,) = masters()
        child = os.fork()
        if child == 0:
            host.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert host.run(TRUE).exit_status == 0
        assert masters() == [master]


@pytest.mark.parametrize("ending", ["exit", "kill"])
@pytest.mark.parametrize("stdin", ["DEVNULL", "PIPE"])
def test_end_of_the_worker_ends_everything(sshd: TestSshd, temporary: Path, ending: str, stdin: str) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert worker.stdin is not None
    with worker.stdin as pipe:
        pipe.write(json.dumps([asdict(sshd.connection()), ending, stdin]).encode())
    assert worker.stdout is not None
    with worker.stdout as output:
        pids = [int(word) for word in output.readline().split()]
        if ending == "kill":
            worker.send_signal(signal.SIGKILL)
        worker.wait(20)
    assert len(pids) == 2
    assert eventually(lambda: not any(map(is_running, pids)))
    assert len(files_in(temporary)) <= (1 if ending == "kill" else 0)  # an empty directory
