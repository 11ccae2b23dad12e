"""Tells how the embedded H2 databases of a home lie on their host, and prints it as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only.
It reads one JSON payload from standard input:
  files   data files (.mv.db or .h2.db), absolute paths
  jars    globs of H2's jars, absolute

It prints {"files": {path: what it is}, "jars": [path]}. A file that is there has its "head" (what tells its format),
"size", "mode", "uid", "gid", a "stamp" that tells a change, and "hot": the reasons to think that it is open. Nothing is
changed; a lock is only tried, for a moment and shared.
"""

import contextlib
import fcntl
import glob
import json
import os
import sys
from typing import Any

HEAD_BYTES = 512


def users(path: str) -> list[str]:
    """Return the processes that have a file open, as far as this account may see."""
    wanted, found = os.path.realpath(path), {}
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == wanted:
                pid = link.split("/")[2]
                with open(f"/proc/{pid}/comm") as file:
                    found[pid] = f"{file.read().strip()} ({pid})"
    return sorted(found.values())


def hot(path: str) -> list[str]:
    """Return the reasons to think that a data file is open. H2 locks an MV store by the system; a page store, and every
    database that several processes share, by a file beside it."""
    reasons = [f"{user} has it open" for user in users(path)]
    with open(path, "rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.lockf(file, fcntl.LOCK_UN)
        except OSError:
            reasons.append("another process holds a lock on it")
    lock_file = path[: -len(".mv.db")] + ".lock.db"
    if os.path.exists(lock_file):
        reasons.append(f"its lock file {lock_file} is there")
    return reasons


def look(path: str) -> dict[str, Any]:
    info = os.stat(path)
    reasons = hot(path)
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    return {
        "head": head.decode("latin-1"),
        "size": info.st_size,
        "mode": info.st_mode & 0o7777,
        "uid": info.st_uid,
        "gid": info.st_gid,
        "stamp": f"{info.st_dev}:{info.st_ino}:{info.st_size}:{info.st_mtime_ns}:{info.st_ctime_ns}",
        "hot": reasons,
    }


def main() -> None:
    payload = json.load(sys.stdin)
    try:
        files = {path: look(path) for path in payload["files"] if os.path.isfile(path)}
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)
    jars = sorted(path for pattern in payload["jars"] for path in glob.glob(pattern))
    json.dump({"files": files, "jars": jars}, sys.stdout)


if __name__ == "__main__":
    main()
