"""Runs a program on a terminal of its own and answers its prompt for a password; prints how it ended as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only. It
reads one JSON payload from standard input: argv, directory, environment, password, seconds. So the password is in no
command line and in no environment.
"""

import json
import os
import pty
import re
import select
import signal
import sys
import time

PROMPT = re.compile(rb"pass(?:word|phrase)[^\n]*:\s*$", re.IGNORECASE)
MOST_BYTES = 64 * 1024


def main() -> None:
    payload = json.load(sys.stdin)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(payload["directory"])
        os.environ.update(payload["environment"])
        try:
            os.execvp(payload["argv"][0], payload["argv"])
        except OSError as error:
            sys.stderr.write(str(error) + "\n")
            os._exit(127)
    deadline, output, answered = time.monotonic() + payload["seconds"], b"", 0
    while True:
        ready, _, _ = select.select([terminal], [], [], max(deadline - time.monotonic(), 0.0))
        if not ready:
            os.killpg(pid, signal.SIGKILL)  # it leads a group of its own, with its children
            os.waitpid(pid, 0)
            json.dump({"status": None, "output": output.decode("utf-8", "replace")}, sys.stdout)
            return
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # what Linux says when the program has ended
            chunk = b""
        if not chunk:
            break
        output = (output + chunk)[-MOST_BYTES:]
        if PROMPT.search(output[answered:]):
            os.write(terminal, payload["password"].encode() + b"\n")
            answered = len(output)
    status = os.waitpid(pid, 0)[1]
    ended = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    json.dump({"status": ended, "output": output.decode("utf-8", "replace")}, sys.stdout)


if __name__ == "__main__":
    main()
