"""Looks at one WSO2 server on the host that it runs on, and starts it there; prints what it finds as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only,
and Linux. It reads one JSON payload from standard input; `do` names one of the functions in ACTIONS, the rest is
for that function. Run it under the account of the server: another one may not see its ports and environment.

A process belongs to a home when its command line says `-Dcarbon.home=` that home, as every JVM of WSO2 does, or
when it is a shell that runs a script of its bin/: the start script stays beside its JVM and starts it again.
"""

import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

LOG = "repository/logs/wso2carbon.log"
PID_FILES = ("wso2carbon.pid", "runtime.pid")
SHELLS = ("sh", "bash", "dash", "ksh")
NOT_A_SERVER = ("stop", "version", "--version")
JVM_OPTIONS = ("JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
LISTENING = "0A"
FINGERPRINT_BYTES = 256
BODY_BYTES = 2000


def read(path: str, offset: int = 0) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read()
    except OSError:
        return b""


def words_of(pid: int) -> List[str]:
    return [os.fsdecode(word) for word in read(f"/proc/{pid}/cmdline").split(b"\0")[:-1]]


def is_alive(pid: int) -> bool:
    state = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1]
    return state not in ([], [b"Z"], [b"X"])


def is_jvm_of(home: str, words: List[str]) -> bool:
    homes = (word.partition("=")[2] for word in words if word.startswith("-Dcarbon.home="))
    return any(os.path.realpath(each) == home for each in homes)


def is_script_of(home: str, words: List[str]) -> bool:
    if len(words) < 2 or os.path.basename(words[0]) not in SHELLS or not words[1].startswith("/"):
        return False
    inside = os.path.realpath(words[1]).startswith(os.path.join(home, "bin", ""))
    return inside and not any(word in NOT_A_SERVER for word in words[2:])


def is_named_by_environment(home: str, pid: int, words: List[str]) -> bool:
    """Old kernels cut a long command line short; so for the process of the PID file its environment counts too."""
    if not words or os.path.basename(words[0]) != "java":
        return False
    variables = dict(entry.partition(b"=")[::2] for entry in read(f"/proc/{pid}/environ").split(b"\0"))
    named = variables.get(b"CARBON_HOME")
    return named is not None and os.path.realpath(os.fsdecode(named)) == home


def pid_files(home: str) -> Iterator[Tuple[str, Optional[int]]]:
    """Yield the PID files of a home with what they say; WSO2 pads the number with NULs to 100 bytes."""
    for name in PID_FILES:
        path = os.path.join(home, name)
        if os.path.lexists(path):
            text = read(path).strip(b"\0\n\r ")
            yield path, int(text) if text.isdigit() else None


def processes_of(home: str) -> Dict[int, Tuple[str, List[str]]]:
    """Return the living processes of a home, by number: what each is (jvm or script), and its command line."""
    named = {pid for _, pid in pid_files(home)}
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid() or not is_alive(int(entry)):
            continue
        pid, words = int(entry), words_of(int(entry))
        if is_jvm_of(home, words) or (pid in named and is_named_by_environment(home, pid, words)):
            found[pid] = ("jvm", words)
        elif is_script_of(home, words):
            found[pid] = ("script", words)
    return found


def listening_ports() -> Dict[str, int]:
    """Return the TCP ports that somebody listens on, by the inode of the socket."""
    ports = {}
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read(name).decode().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING:
                ports[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return ports


def ports_of(pid: int, listening: Dict[str, int]) -> Set[int]:
    directory, found = f"/proc/{pid}/fd", set()
    try:
        descriptors = os.listdir(directory)
    except OSError:
        return set()
    for descriptor in descriptors:
        try:
            target = os.readlink(os.path.join(directory, descriptor))
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in listening:
            found.add(listening[target[8:-1]])
    return found


def fingerprint(path: str, size: int) -> str:
    """Return a digest of the bytes before an offset: an inode is used again after its file was removed."""
    with open(path, "rb") as file:
        file.seek(max(0, size - FINGERPRINT_BYTES))
        return hashlib.sha256(file.read(min(size, FINGERPRINT_BYTES))).hexdigest()


def log_position(home: str) -> Dict[str, Any]:
    """Return where the log ends now, for `look` to read on from there."""
    path = os.path.join(home, LOG)
    try:
        info = os.stat(path)
        return {"inode": info.st_ino, "size": info.st_size, "digest": fingerprint(path, info.st_size)}
    except OSError:
        return {"inode": 0, "size": 0, "digest": ""}


def is_continued(path: str, position: Dict[str, Any]) -> bool:
    info = os.stat(path)
    same = info.st_ino == position["inode"] and info.st_size >= position["size"]
    return bool(same and fingerprint(path, position["size"]) == position["digest"])


def written_since(home: str, position: Dict[str, Any]) -> str:
    """Return what was logged since a position; the log may have been rotated or cut meanwhile."""
    current = os.path.join(home, LOG)
    directory = os.path.dirname(current)
    text = b""
    try:
        names = [os.path.join(directory, name) for name in os.listdir(directory) if name.startswith("wso2carbon")]
        rotated = [path for path in names if path != current and is_continued(path, position)]
        for path in rotated[:1]:
            text += read(path, position["size"])
        if os.path.exists(current):
            text += read(current, position["size"] if not rotated and is_continued(current, position) else 0)
    except OSError as error:
        sys.stderr.write(f"log not read: {error}\n")
    return text.decode("utf-8", "replace")


def look(home: str, since: Optional[Dict[str, Any]] = None, marker: str = "") -> Dict[str, Any]:
    """Return the processes, ports and PID files of a home, and what matters of its log since a position."""
    real = os.path.realpath(home)
    listening = listening_ports()
    found = processes_of(real)
    ports = {pid: ports_of(pid, listening) for pid in found}
    logged = written_since(real, since) if since is not None else ""
    lines = logged.splitlines()
    return {
        "processes": [
            {"pid": pid, "kind": kind, "ports": sorted(ports[pid]), "command": " ".join(words)[:200]}
            for pid, (kind, words) in sorted(found.items())
        ],
        "pid_files": [{"path": path, "pid": pid, "stale": pid not in found} for path, pid in pid_files(real)],
        "listening": sorted(set(listening.values())),
        "log": log_position(real),
        "started": [line for line in lines if marker and re.search(marker, line)][-1:],
        "log_tail": lines[-20:],
        "home": real,
        "owner": owner_of(real),
        "account": pwd.getpwuid(os.geteuid()).pw_name,
        "sees_all": os.geteuid() == 0 or bool(read("/proc/1/stat")),
    }


def owner_of(path: str) -> Optional[str]:
    try:
        return pwd.getpwuid(os.stat(path).st_uid).pw_name
    except (OSError, KeyError):
        return None


def clear(home: str) -> Dict[str, Any]:
    """Remove PID files of no living server of this home, and give it an empty tmp. Do nothing while it runs."""
    real = os.path.realpath(home)
    running = processes_of(real)
    removed = []
    if not running:
        for path, _ in list(pid_files(real)):
            os.unlink(path)
            removed.append(path)
        empty_directory(os.path.join(real, "tmp"))
    return {"running": sorted(running), "removed": removed}


def empty_directory(path: str) -> None:
    """Make a directory, or empty the one that is there; what a link leads to is left alone."""
    if os.path.islink(path):
        return
    os.makedirs(path, exist_ok=True)
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def login_environment(environment: Dict[str, str]) -> Dict[str, str]:
    """Return the environment that a login of this account begins with, and nothing of the one that asks."""
    account = pwd.getpwuid(os.geteuid())
    return {
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": "/bin/sh",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        **environment,
    }


def login_command(environment: Dict[str, str], argv: List[str]) -> List[str]:
    """Return argv in a login shell, whose profile may set JAVA_HOME; `environment` has the last word."""
    shell = shutil.which("bash") or "/bin/sh"
    assignments = [f"{name}={value}" for name, value in environment.items()]
    return [shell, "-lc", 'exec env "$@"', "sh", *assignments, *argv]


def launch(home: str, script: str, argument: str, environment: Dict[str, str], seconds: float) -> Dict[str, Any]:
    """Run the start script in a session of its own, so that the server outlives whoever started it."""
    real = os.path.join(home, script)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            login_command(environment, [real, argument]),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=login_environment(environment),
            cwd=home,
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)  # type: Optional[int]
        except subprocess.TimeoutExpired:
            status = None
        output.seek(0)
        return {"status": status, "output": output.read()[-4000:].decode("utf-8", "replace").strip()}


def terminate(home: str) -> Dict[str, Any]:
    """Send SIGTERM to the server, as its script does; to its JVM, or else to the script that would start one."""
    found = processes_of(os.path.realpath(home))
    kinds = {kind for kind, _ in found.values()}
    chosen = [pid for pid, (kind, _) in found.items() if kind == "jvm" or "jvm" not in kinds]
    for pid in chosen:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    return {"signalled": sorted(chosen)}


def ask(url: str, port: int, seconds: float) -> Dict[str, Any]:
    """Ask a URL, or without one, whether a port accepts connections.

    The certificate is not verified: that of WSO2 is self-signed until somebody replaces it, its name is not
    that of the loopback, and nothing secret is sent.
    """
    import socket
    import ssl
    import urllib.error
    import urllib.request  # they take long to import, and most visits do not need them

    try:
        if not url:
            socket.create_connection(("127.0.0.1", port), seconds).close()
            return {"status": 200, "body": ""}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
        with urllib.request.build_opener(*handlers).open(url, timeout=seconds) as answer:
            return {"status": answer.status, "body": answer.read(BODY_BYTES).decode("utf-8", "replace")}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read(BODY_BYTES).decode("utf-8", "replace")}
    except urllib.error.URLError as error:
        refused = isinstance(error.reason, ConnectionRefusedError)
        return {"status": 0, "refused": refused, "body": str(error.reason)}
    except (OSError, ValueError, EOFError) as error:
        return {"status": 0, "refused": isinstance(error, ConnectionRefusedError), "body": str(error) or repr(error)}


def options(home: str, environment: Dict[str, str], files: List[str]) -> Dict[str, Any]:
    """Return the scripts of a home, further files, and the JVM options of a login of this account."""
    directory = os.path.join(home, "bin")
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    scripts = [os.path.join(directory, name) for name in names if name.endswith(".sh")]
    done = subprocess.run(
        login_command(environment, ["env", "-0"]),
        env=login_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        timeout=30,
        check=False,
    )
    variables = dict(entry.partition("=")[::2] for entry in done.stdout.decode("utf-8", "replace").split("\0"))
    return {
        "files": {path: read(path).decode("utf-8", "replace") for path in [*scripts, *files]},
        "environment": {name: variables[name] for name in JVM_OPTIONS if name in variables},
    }


def settle(home: str) -> Dict[str, Any]:
    """Look twice at an ending server within one visit, so that waiting over SSH is not one round trip per look."""
    deadline = time.monotonic() + 1.0
    while processes_of(os.path.realpath(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return look(home)


ACTIONS = {each.__name__: each for each in (look, settle, clear, launch, terminate, ask, options)}


def main() -> None:
    payload = json.load(sys.stdin)
    json.dump(ACTIONS[payload.pop("do")](**payload), sys.stdout)


if __name__ == "__main__":
    main()
