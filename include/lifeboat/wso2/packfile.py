"""Looks into a pack, makes one of a directory, and proves it, on the host that has it; prints what it found as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only. It
reads one JSON payload from standard input: `action`, `pack` (a zip with one top directory, or a directory), and:
  look   names: files of the pack to read; sought: files to look for
  make   directory, and top: the name of the one directory that the zip will have
  prove  nothing: every byte is read, and every jar in it, too
"""

import hashlib
import io
import json
import os
import stat
import sys
import time
import zipfile
import zlib
from typing import Any, Dict, List

BROKEN = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
UPDATES = "updates/"


def look(payload: Dict[str, Any]) -> Dict[str, Any]:
    """Return the bytes that the pack takes unpacked, the files that were asked for, those that were sought and are
    there, and the names in updates/."""
    pack = payload["pack"]
    found: Dict[str, str] = {}
    if os.path.isdir(pack):
        paths = [os.path.join(directory, name) for directory, _, names in os.walk(pack) for name in names]
        sizes = {os.path.relpath(path, pack): os.lstat(path).st_size for path in paths}
        for name in set(payload["names"]).intersection(sizes):
            with open(os.path.join(pack, name), "rb") as file:
                found[name] = file.read().decode("utf-8", "replace")
    else:
        with zipfile.ZipFile(pack) as archive:
            entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
            sizes = {name: entry.file_size for name, entry in entries.items()}
            for name in set(payload["names"]).intersection(entries):
                found[name] = archive.read(entries[name]).decode("utf-8", "replace")
    updates = sorted(name for name in sizes if name.startswith(UPDATES))
    there = sorted(name for name in payload["sought"] if name in sizes)
    return {"bytes": sum(sizes.values()), "files": found, "there": there, "updates": updates}


def make(payload: Dict[str, Any]) -> Dict[str, Any]:
    """Make a zip of a directory, with modes and links; it gets its name when all of it is on the disk."""
    directory, pack = payload["directory"], payload["pack"]
    with open(pack + ".part", "wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for root, names, files in os.walk(directory):
                for name in sorted(names + files):
                    path = os.path.join(root, name)
                    add(archive, path, payload["top"] + "/" + os.path.relpath(path, directory))
        file.flush()
        os.fsync(file.fileno())
    os.rename(pack + ".part", pack)
    return {}


def add(archive: zipfile.ZipFile, path: str, name: str) -> None:
    status = os.lstat(path)
    is_directory = stat.S_ISDIR(status.st_mode)
    when = max(time.gmtime(status.st_mtime)[:6], (1980, 1, 1, 0, 0, 0))
    entry = zipfile.ZipInfo(name + "/" if is_directory else name, when)
    entry.external_attr = status.st_mode << 16
    if stat.S_ISLNK(status.st_mode):
        archive.writestr(entry, os.readlink(path))
    elif is_directory:
        archive.writestr(entry, "")
    elif stat.S_ISREG(status.st_mode):
        entry.file_size = status.st_size
        with open(path, "rb") as source, archive.open(entry, "w") as target:
            for chunk in iter(lambda: source.read(1 << 20), b""):
                target.write(chunk)


def prove(payload: Dict[str, Any]) -> Dict[str, Any]:
    """Return the digest of the zip and what of it is not whole."""
    pack, digest = payload["pack"], hashlib.sha256()
    with open(pack, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    try:
        with zipfile.ZipFile(pack) as archive:
            broken: List[str] = [entry.filename for entry in archive.infolist() if not is_whole(archive, entry)]
    except BROKEN as error:
        broken = [str(error)]
    return {"sha256": digest.hexdigest(), "bytes": os.path.getsize(pack), "broken": sorted(broken)}


def is_whole(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    try:
        content = archive.read(entry)
        if entry.filename.endswith(".jar") and not stat.S_ISLNK(entry.external_attr >> 16):
            with zipfile.ZipFile(io.BytesIO(content)) as jar:
                return jar.testzip() is None
    except BROKEN:
        return False
    return True


def main() -> None:
    payload = json.load(sys.stdin)
    try:
        found = {"look": look, "make": make, "prove": prove}[payload["action"]](payload)
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(payload["pack"] + ": " + str(error))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
