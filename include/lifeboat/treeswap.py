"""Exchanges a directory or file for another one on the host that holds them, and prints what lies under the names
then.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only.
It reads one JSON payload from standard input:
  action       look, forward, back or discard
  live, beside, kept   absolute paths; kept is empty when nothing was live
  carried      forward only: paths relative to live that are copied over first, for they are in no snapshot
  directories  forward only: relative paths of directories that must exist
  sides        suffixes of the files that belong to a file and move with it, such as -wal

It prints {"live": …, "beside": …, "kept": …}, whether there is something under each name, `split`, whether a side file
lies there without its file, since an exchange was interrupted, and about the live one's place {"real",
"parent_writable", "mount_point", "empty", "device", "free_bytes"}. Nothing is ever overwritten.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import Any, Dict, List

# So many paths fit into one command line.
BATCH = 500


def to_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def exists(path: str) -> bool:
    return bool(path) and os.path.lexists(to_bytes(path))


def refuse(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(3)


def rename(source: str, target: str) -> None:
    """Rename a directory to a name that is free, durably."""
    if exists(target):
        refuse(f"there is something at {target!r} already")
    os.rename(to_bytes(source), to_bytes(target))
    parent = os.open(os.path.dirname(to_bytes(target)), os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def rename_with_sides(source: str, target: str, sides: List[str]) -> None:
    """Rename a file, the files that belong to it first: what lies without its file is seen as interrupted."""
    for side in sides:
        if exists(source + side):
            rename(source + side, target + side)
    rename(source, target)


def settle(live: str, others: List[str], sides: List[str]) -> None:
    """Give the live file the side files that an interrupted exchange left under another name."""
    for other in others:
        for side in sides:
            if other and not exists(other) and exists(other + side):
                rename(other + side, live + side)


def carry(live: str, beside: str, paths: List[str]) -> None:
    """Copy paths from the live directory to the one beside it, with all their metadata."""
    for start in range(0, len(paths), BATCH):
        batch = [path for path in paths[start : start + BATCH] if exists(os.path.join(live, path))]
        if batch:
            command = [b"cp", b"-a", b"--parents", b"--reflink=auto", b"-t", to_bytes(beside), b"--"]
            done = subprocess.run(command + [to_bytes(path) for path in batch], cwd=to_bytes(live), check=False)
            if done.returncode:
                refuse(f"cp ended with status {done.returncode}")


def forward(live: str, beside: str, kept: str, payload: Dict[str, Any]) -> None:
    if exists(beside):
        if exists(live):
            carry(live, beside, payload["carried"])
        for directory in payload["directories"]:
            os.makedirs(os.path.join(to_bytes(beside), to_bytes(directory)), exist_ok=True)
        if exists(live):
            if not kept:
                refuse(f"there is something at {live!r}, where nothing was when this was planned")
            rename_with_sides(live, kept, payload["sides"])
        rename(beside, live)
    settle(live, [beside], payload["sides"])


def back(live: str, beside: str, kept: str, sides: List[str]) -> None:
    if not kept:
        if exists(live) and not exists(beside):
            rename_with_sides(live, beside, sides)
    elif exists(kept):
        if exists(live):
            rename_with_sides(live, beside, sides)
        rename(kept, live)
    settle(live, [kept], sides)


def discard(live: str, beside: str, kept: str, sides: List[str]) -> None:
    if not exists(live):
        refuse(f"nothing is at {live!r}: finish the exchange or put it back first")
    for path in [name + side for name in (beside, kept) if name for side in ("", *sides)]:
        if os.path.isdir(to_bytes(path)) and not os.path.islink(to_bytes(path)):
            shutil.rmtree(to_bytes(path))
        elif exists(path):
            os.unlink(to_bytes(path))


def look(live: str, beside: str, kept: str, sides: List[str]) -> Dict[str, Any]:
    real = os.path.realpath(to_bytes(live))
    parent = os.path.dirname(real)
    there = os.path.isdir(parent)
    space = os.statvfs(parent) if there else None
    return {
        "live": exists(live),
        "beside": exists(beside),
        "kept": exists(kept),
        "split": any(name and not exists(name) and exists(name + side) for name in (beside, kept) for side in sides),
        "real": real.decode("utf-8", "surrogateescape"),
        "parent_writable": there and os.access(parent, os.W_OK | os.X_OK),
        "mount_point": os.path.ismount(real),
        "empty": not (os.listdir(real) if os.path.isdir(real) else os.path.isfile(real) and os.path.getsize(real)),
        "device": os.stat(parent).st_dev if there else 0,
        "free_bytes": space.f_bavail * space.f_frsize if space else 0,
    }


def main() -> None:
    payload = json.load(sys.stdin)
    names = [payload[name] for name in ("live", "beside", "kept")]
    action, sides = payload["action"], payload["sides"]
    if action == "forward":
        forward(names[0], names[1], names[2], payload)
    elif action == "back":
        back(names[0], names[1], names[2], sides)
    elif action == "discard":
        discard(names[0], names[1], names[2], sides)
    json.dump(look(names[0], names[1], names[2], sides), sys.stdout)


if __name__ == "__main__":
    main()
