"""A command that goes on when the connection that started it is cut; runs on the host, and prints what there is to say.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only.
It reads one JSON payload from standard input:
  action   start, look, end or forget
  job      its name: a job is started once, however often that is asked for; forget: of all whose names begin so
  argv, directory, environment, input (base64), seconds   start only; directory is empty for the account's own
  seen     look only: [bytes of the output, bytes of the messages] that are known already
  patience look only: how many seconds to wait for more

State is in a directory that only this account may enter, `~/.cache/lifeboat/jobs/<job>`: `output` and `messages` of the
command, `process` (its keeper, with the time it began), and `ended`, which gets its name when it is whole. Environment
and input are never in it. It prints {"known", "running", "ended": [status, timed out] or null, "output", "messages"},
the last two in base64 from where `seen` says.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any

#: A look transports so much at most.
CHUNK_BYTES = 1 << 20
#: What nobody took the result of is removed after so long.
KEPT_SECONDS = 14 * 86400
GRACE_SECONDS = 5.0


def jobs_directory() -> str:
    return os.path.join(os.path.expanduser("~"), ".cache", "lifeboat", "jobs")


def began(pid: int) -> str:
    """Return when a process began, by the kernel's clock, which tells it from a later one of the same number."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == b"Z" else fields[19].decode()


def read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def write(path: str, content: str) -> None:
    with open(path + ".unfinished", "w") as file:
        file.write(content)
    os.rename(path + ".unfinished", path)


def is_running(directory: str) -> bool:
    pid, _, when = read(os.path.join(directory, "process")).decode().partition(" ")
    return bool(pid) and began(int(pid)) == when


def part(path: str, seen: int) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(seen)
            return base64.b64encode(file.read(CHUNK_BYTES)).decode()
    except FileNotFoundError:
        return ""


def look(directory: str, seen: Any, patience: float) -> Any:
    until = time.time() + patience
    while True:
        running = is_running(directory)  # before `ended` is read: it is written first
        ended = read(os.path.join(directory, "ended"))
        output = part(os.path.join(directory, "output"), seen[0])
        messages = part(os.path.join(directory, "messages"), seen[1])
        if ended or output or messages or not running or time.time() >= until:
            return {
                "known": os.path.isdir(directory),
                "running": running,
                "ended": json.loads(ended.decode()) if ended else None,
                "output": output,
                "messages": messages,
            }
        time.sleep(0.1)


def start(directory: str, payload: Any) -> None:
    for name in os.listdir(os.path.dirname(directory)):
        other = os.path.join(os.path.dirname(directory), name)
        if time.time() - os.stat(other).st_mtime > KEPT_SECONDS and not is_running(other):
            shutil.rmtree(other, ignore_errors=True)
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()  # the session's end, and whoever ends its group, does not reach it
        if os.fork() != 0:
            os._exit(0)
        os.close(reader)
        try:
            keep(directory, payload, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        told.read()  # until the keeper has written who it is


def keep(directory: str, payload: Any, told: int) -> None:
    """Run the command, and write down how it ended."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    write(os.path.join(directory, "process"), f"{os.getpid()} {began(os.getpid())}")
    os.close(told)
    content = base64.b64decode(payload["input"])
    files = [os.path.join(directory, name) for name in ("output", "messages")]
    with open(files[0], "wb", 0) as output, open(files[1], "wb", 0) as messages:
        try:
            process = subprocess.Popen(
                payload["argv"],
                cwd=payload["directory"] or None,
                env=dict(os.environ, **payload["environment"]),
                stdin=subprocess.PIPE if content else subprocess.DEVNULL,
                stdout=output,
                stderr=messages,
                start_new_session=True,
            )
        except OSError as error:
            messages.write(f"{error.filename}: {error.strerror}\n".encode())
            write(os.path.join(directory, "ended"), json.dumps([127, False]))
            return
        write(os.path.join(directory, "group"), str(process.pid))
        if content:
            threading.Thread(target=feed, args=(process, content), daemon=True).start()
        timed_out = False
        try:
            process.wait(payload["seconds"])
        except subprocess.TimeoutExpired:
            timed_out = True
            end_group(process.pid, lambda: process.poll() is not None)
            process.wait()
    status = process.returncode
    write(os.path.join(directory, "ended"), json.dumps([128 - status if status < 0 else status, timed_out]))


def feed(process: Any, content: bytes) -> None:
    try:
        process.stdin.write(content)
        process.stdin.close()
    except OSError:
        pass  # it ended without reading everything; its status says what that means


def end_group(group: int, is_over: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        until = time.time() + GRACE_SECONDS
        while time.time() < until:
            if is_over():
                break
            time.sleep(0.05)


def end(directory: str) -> None:
    until = time.time() + GRACE_SECONDS
    # The keeper writes down itself first, and the group when the command has begun.
    while is_running(directory) and not read(os.path.join(directory, "group")) and time.time() < until:
        time.sleep(0.05)
    group = read(os.path.join(directory, "group")).decode()
    if group and is_running(directory):
        end_group(int(group), lambda: not is_running(directory))


def forget(beginning: str) -> None:
    jobs, name = os.path.split(beginning)
    for each in os.listdir(jobs):
        if each.startswith(name) and not is_running(os.path.join(jobs, each)):
            shutil.rmtree(os.path.join(jobs, each), ignore_errors=True)


def main() -> None:
    payload = json.load(sys.stdin)
    directory = os.path.join(jobs_directory(), payload["job"])
    os.makedirs(jobs_directory(), mode=0o700, exist_ok=True)
    if payload["action"] == "start":
        start(directory, payload)
    elif payload["action"] == "end":
        end(directory)
    elif payload["action"] == "forget":
        forget(directory)
    json.dump(look(directory, payload.get("seen", [0, 0]), payload.get("patience", 0.0)), sys.stdout)


if __name__ == "__main__":
    main()
