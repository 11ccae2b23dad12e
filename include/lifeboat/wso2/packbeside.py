"""Makes a home of a new pack beside an old one, on the host that holds both, and prints what it found as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only. It
reads one JSON payload from standard input:
  pack      a zip with one top directory, or a directory
  home      the old home; none when a pack shall only be unpacked
  beside    where the new one is made; what is there goes first
  kept      expressions (paths relative to the home): files of the installation, which replace those of the pack
  added     expressions: files of the installation where the pack has none
"""

import json
import os
import re
import shutil
import stat
import sys
import zipfile
from typing import Any, Dict, Iterator, List, Pattern

WEBAPPS = "repository/deployment/server/webapps/"


def refuse(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(3)


def unpack(pack: str, beside: str) -> None:
    """Unpack with modes and links, after every byte was checked."""
    with zipfile.ZipFile(pack) as archive:
        broken = archive.testzip()
        if broken:
            refuse(f"{pack} is damaged: {broken}")
        tops = {name.split("/")[0] for name in archive.namelist()}
        if len(tops) != 1:
            refuse(f"{pack} has not one top directory but {len(tops)}")
        directory = beside + ".unpacked"
        shutil.rmtree(directory, ignore_errors=True)
        links = []
        for entry in archive.infolist():
            path = archive.extract(entry, directory)
            mode = entry.external_attr >> 16
            if stat.S_ISLNK(mode):
                links.append((path, archive.read(entry)))
            elif mode & 0o7777:
                os.chmod(path, mode & 0o7777)
    for path, target in links:  # last, so that nothing is written through them
        os.unlink(path)
        os.symlink(target, os.fsencode(path))
    os.rename(os.path.join(directory, tops.pop()), beside)
    os.rmdir(directory)


def files(home: str) -> Iterator[str]:
    for directory, names, found in os.walk(home):
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        for name in [*found, *links]:
            yield os.path.relpath(os.path.join(directory, name), home)


def exploded(beside: str, path: str) -> bool:
    """Whether a path is in the exploded copy of a web archive that the pack has: it is exploded anew."""
    if not path.startswith(WEBAPPS) or "/" not in path[len(WEBAPPS) :]:
        return False
    return os.path.exists(os.path.join(beside, WEBAPPS, path[len(WEBAPPS) :].split("/")[0] + ".war"))


def matches(patterns: List[Pattern[str]], path: str) -> bool:
    return any(pattern.fullmatch(path) for pattern in patterns)


def carry_over(payload: Dict[str, Any]) -> int:
    home, beside, count = payload["home"], payload["beside"], 0
    kept, added = ([re.compile(text, re.DOTALL) for text in payload[name]] for name in ("kept", "added"))
    for path in files(home):
        target = os.path.join(beside, path)
        new = matches(added, path) and not os.path.lexists(target) and not exploded(beside, path)
        if matches(kept, path) or new:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.lexists(target):
                os.unlink(target)
            shutil.copy2(os.path.join(home, path), target, follow_symlinks=False)
            status = os.lstat(os.path.join(home, path))
            if os.geteuid() == 0:
                os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
            count += 1
    return count


def give_to_owner_of(home: str, beside: str) -> None:
    status = os.stat(home)
    if os.geteuid() == 0 and status.st_uid:
        for directory, names, found in os.walk(beside):
            for name in [".", *names, *found]:
                os.chown(os.path.join(directory, name), status.st_uid, status.st_gid, follow_symlinks=False)


def main() -> None:
    payload = json.load(sys.stdin)
    beside = payload["beside"]
    shutil.rmtree(beside, ignore_errors=True)
    if os.path.isdir(payload["pack"]):
        shutil.copytree(payload["pack"], beside, symlinks=True)
    else:
        unpack(payload["pack"], beside)
    count = 0
    if payload["home"]:
        give_to_owner_of(payload["home"], beside)
        count = carry_over(payload)
        os.makedirs(os.path.join(beside, "tmp"), exist_ok=True)
    json.dump({"carried": count}, sys.stdout)


if __name__ == "__main__":
    main()
