"""Exchanges parts of a directory for others on the host that holds them, and prints what lies under the names then.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only.
It reads one JSON payload from standard input:
  action  look, clear (what lies beside), assemble, forward, back or discard
  root    the live directory
  beside, kept  directories next to it: what is to become live, and what was live, each under its path in root
  parts   a list of {"path", "source", "without", "now", "then"}: the path in root; for `assemble` where it comes from
          in beside/.point, without which of its entries; whether there is something now, and shall be then
  owner   assemble only: whether everything gets the owner and group of root

It prints the state of each part (old, between, new or odd), and of root's place {"real", "parent_writable", "devices",
"free_bytes"}. Nothing is ever overwritten.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

RESTORED = ".point"


def to_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def exists(path: str) -> bool:
    return os.path.lexists(to_bytes(path))


def refuse(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(3)


class Part:
    """One path, live and beside and kept."""

    def __init__(self, payload: dict[str, Any], part: dict[str, Any]) -> None:
        self.live, self.beside, self.kept = (
            os.path.join(payload[name], part["path"]) for name in ("root", "beside", "kept")
        )
        self.now, self.then = part["now"], part["then"]

    def state(self) -> str:
        live, beside, kept = exists(self.live), exists(self.beside), exists(self.kept)
        if self.now:
            if live and not kept:
                return "old"
            if kept and not live:
                return "between" if self.then else "new"
            return "new" if kept and self.then and not beside else "odd"
        if kept or not self.then:
            return "odd"
        return "odd" if live and beside else "new" if live else "old"

    def forward(self) -> None:
        if self.state() == "old" and self.now:
            rename(self.live, self.kept)
        if self.then and self.state() in ("old", "between"):
            rename(self.beside, self.live)

    def back(self) -> None:
        if self.state() == "new" and self.then:
            rename(self.live, self.beside)
        if self.now and exists(self.kept) and not exists(self.live):
            rename(self.kept, self.live)


def rename(source: str, target: str) -> None:
    """Rename to a name that is free, durably; the directories above it are made."""
    if exists(target):
        refuse(f"there is something at {target!r} already")
    os.makedirs(os.path.dirname(to_bytes(target)), exist_ok=True)
    os.rename(to_bytes(source), to_bytes(target))
    for path in (source, target):
        parent = os.open(os.path.dirname(to_bytes(path)), os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def copy(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(to_bytes(target)), exist_ok=True)
    command = [b"cp", b"-a", b"--reflink=auto", b"-T", b"--", to_bytes(source), to_bytes(target)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        refuse(f"cp ended with status {done.returncode}")


def remove(path: str) -> None:
    if os.path.isdir(to_bytes(path)) and not os.path.islink(to_bytes(path)):
        shutil.rmtree(to_bytes(path))
    elif exists(path):
        os.unlink(to_bytes(path))


def assemble(payload: dict[str, Any]) -> None:
    """Make of what was restored to beside/.point what is to become live; that goes then."""
    restored = os.path.join(payload["beside"], RESTORED)
    for part in payload["parts"]:
        if part["then"]:
            target = os.path.join(payload["beside"], part["path"])
            copy(os.path.join(restored, part["source"]), target)
            for name in part["without"]:
                remove(os.path.join(target, name))
    remove(restored)
    if payload.get("owner"):
        reference = b"--reference=" + to_bytes(payload["root"])
        subprocess.run([b"chown", b"-R", b"-h", reference, b"--", to_bytes(payload["beside"])], check=True)


def clear(payload: dict[str, Any], parts: list[Part]) -> None:
    if any(part.state() != "old" for part in parts):
        refuse("parts are exchanged already, or being exchanged")
    remove(payload["beside"])


def discard(payload: dict[str, Any], parts: list[Part]) -> None:
    if any(part.state() in ("between", "odd") for part in parts):
        refuse("some parts are neither exchanged nor put back: finish the exchange or put it back first")
    for name in ("beside", "kept"):
        remove(payload[name])


def look(payload: dict[str, Any], parts: list[Part]) -> dict[str, Any]:
    real = os.path.realpath(to_bytes(payload["root"]))
    parent = os.path.dirname(real)
    space = os.statvfs(parent)
    holders = {os.path.dirname(to_bytes(part.live)) for part in parts} | {parent}
    there = [path for path in holders if os.path.isdir(path)]
    mounted = [part.live for part in parts if os.path.ismount(to_bytes(part.live))]
    return {
        "states": [part.state() for part in parts],
        "live": [exists(part.live) for part in parts],
        "real": real.decode("utf-8", "surrogateescape"),
        "not_writable": sorted(os.fsdecode(path) for path in there if not os.access(path, os.W_OK | os.X_OK)),
        "devices": len({os.stat(path).st_dev for path in there}) + len(mounted),
        "device": os.stat(parent).st_dev,
        "free_bytes": space.f_bavail * space.f_frsize,
    }


def main() -> None:
    payload = json.load(sys.stdin)
    parts = [Part(payload, part) for part in payload["parts"]]
    action = payload["action"]
    if action == "clear":
        clear(payload, parts)
    elif action == "assemble":
        assemble(payload)
    elif action == "forward":
        for part in parts:
            part.forward()
    elif action == "back":
        for part in reversed(parts):
            part.back()
    elif action == "discard":
        discard(payload, parts)
    json.dump(look(payload, parts), sys.stdout)


if __name__ == "__main__":
    main()
