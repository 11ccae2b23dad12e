"""Walks a tree on the host that holds it, and prints what is there as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library
only. It reads one JSON payload from standard input:
  root        directory to walk
  rules       [class, regular expression of relative paths] pairs, the first match wins; "excluded" paths are
              passed over with all below them, a path without a match is "compared"
  digest      whether to read the files for their SHA-256
  cache       file that remembers digests by inode, ctime and size, or null
  known       directories that links may lead to

Paths are bytes here and UTF-8 in JSON, with surrogates for what is none, whatever the host's locale is.
"""

import hashlib
import json
import os
import re
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional

CHUNK = 1 << 20
# A file that changed this shortly before the walk could change again within one tick of its ctime.
SETTLED_SECONDS = 1.0


def to_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def to_text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def is_below(path: bytes, directory: bytes) -> bool:
    return path == directory or path.startswith(directory.rstrip(b"/") + b"/")


def sha256_of(path: bytes) -> str:
    digest = hashlib.sha256()
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while True:
            count = file.readinto(buffer)
            if not count:
                return digest.hexdigest()
            digest.update(view[:count])


def load_cache(path: str) -> Dict[str, str]:
    try:
        with open(path) as file:
            cache = json.load(file)
    except (OSError, ValueError):
        return {}
    return cache if isinstance(cache, dict) else {}


def save_cache(path: str, cache: Dict[str, str]) -> None:
    aside = f"{path}.{os.getpid()}"
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(aside, "w") as file:
        json.dump(cache, file)
    os.replace(aside, path)


def kind_of(mode: int) -> str:
    for kind, test in (("f", stat.S_ISREG), ("d", stat.S_ISDIR), ("l", stat.S_ISLNK), ("p", stat.S_ISFIFO)):
        if test(mode):
            return kind
    return "s" if stat.S_ISSOCK(mode) else "b"


class Walk:
    def __init__(self, payload: Dict[str, Any]) -> None:
        self.root = os.path.realpath(to_bytes(payload["root"]))
        self.known = [os.path.realpath(to_bytes(path)) for path in payload.get("known", [])]
        self.digest: bool = payload["digest"]
        self.rules = [(label, re.compile(text, re.DOTALL)) for label, text in payload["rules"]]
        self.cache_path: Optional[str] = payload.get("cache")
        self.digests = load_cache(self.cache_path) if self.cache_path and self.digest else {}
        self.fresh: Dict[str, str] = {}
        self.entries: List[Dict[str, Any]] = []
        self.unreadable: List[List[Optional[str]]] = []
        self.links_out: List[List[str]] = []
        self.excluded: List[str] = []
        self.started = time.time()

    def run(self) -> Dict[str, Any]:
        root = os.lstat(self.root)
        waiting = [""]
        while waiting:
            waiting += self.visit(waiting.pop())
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            contents = list(pool.map(self.content, self.entries))
        for entry, content in zip(self.entries, contents):
            entry["content"] = content
        if self.cache_path and self.digest:
            try:
                save_cache(self.cache_path, self.fresh)
            except OSError as error:
                sys.stderr.write(f"digest cache not written: {error}\n")
        return {
            "root": {"path": to_text(self.root), **self.metadata(root)},
            "entries": self.entries,
            "unreadable": self.unreadable,
            "links_out": self.links_out,
            "excluded": self.excluded,
        }

    def classify(self, path: str) -> str:
        for label, pattern in self.rules:
            if pattern.fullmatch(path):
                return str(label)
        return "compared"

    def absolute(self, relative: str) -> bytes:
        return os.path.join(self.root, to_bytes(relative))

    def visit(self, relative: str) -> List[str]:
        """Record the entries of a directory and return the directories among them."""
        directories = []
        try:
            found = list(os.scandir(self.absolute(relative)))
        except FileNotFoundError:
            return []
        except OSError as error:
            self.unreadable.append([relative, error.strerror])
            return []
        for item in found:
            path = os.path.join(relative, to_text(item.name))
            label = self.classify(path)
            if label == "excluded":
                self.excluded.append(path)
                continue
            try:
                info = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.unreadable.append([path, error.strerror])
                continue
            kind = kind_of(info.st_mode)
            if kind in "sb":
                continue
            self.entries.append(self.entry(path, label, kind, info))
            if kind == "d":
                directories.append(path)
            elif kind == "l":
                self.follow(path)
        return directories

    def follow(self, path: str) -> None:
        target = os.path.realpath(self.absolute(path))
        if not any(is_below(target, directory) for directory in [self.root, *self.known]):
            self.links_out.append([path, to_text(target)])

    def metadata(self, info: os.stat_result, size: int = 0) -> Dict[str, Any]:
        mode = 0o777 if stat.S_ISLNK(info.st_mode) else stat.S_IMODE(info.st_mode)
        stamp = f"{info.st_ino}:{info.st_ctime_ns}:{size}"
        return {"mode": mode, "uid": info.st_uid, "gid": info.st_gid, "stamp": stamp}

    def entry(self, path: str, label: str, kind: str, info: os.stat_result) -> Dict[str, Any]:
        size = info.st_size if kind == "f" else 0
        return {"path": path, "kind": kind, "class": label, "size": size, **self.metadata(info, size)}

    def content(self, entry: Dict[str, Any]) -> str:
        path = self.absolute(entry["path"])
        try:
            if entry["kind"] == "l":
                return to_text(os.readlink(path))
            if entry["kind"] != "f" or not self.digest:
                return ""
            digest = self.digests.get(entry["stamp"]) or sha256_of(path)
        except FileNotFoundError:
            return "vanished"
        except OSError as error:
            self.unreadable.append([entry["path"], error.strerror])
            return ""
        changed = int(entry["stamp"].split(":")[1]) / 1e9
        if changed < self.started - SETTLED_SECONDS:
            self.fresh[entry["stamp"]] = digest
        return digest


def main() -> None:
    payload = json.load(sys.stdin)
    cache = payload.get("cache")
    if cache:
        payload["cache"] = os.path.expanduser(cache)
    json.dump(Walk(payload).run(), sys.stdout)


if __name__ == "__main__":
    main()
