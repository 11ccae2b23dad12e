"""Reads the Carbon patches of a home on the host that holds it, and prints what is there as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library
only. It reads one JSON payload from standard input:
  root        the home
  places      [patches, servicepacks, plugins] directories to look for, relative to the home; those whose plugins
              directory exists are taken
  excluded    regular expressions of relative paths that are passed over with all below them
  cache       file that remembers what jars hold by inode, ctime and size, or null

It says what is there and judges nothing; `lifeboat.wso2.patches` does that. Paths are bytes here and UTF-8 in
JSON, with surrogates for what is none.
"""

import hashlib
import json
import os
import re
import stat
import sys
import time
import zipfile
import zlib
from typing import Any, Dict, List, Optional, Tuple

BASELINE = "patch0000"
CHUNK = 1 << 20
# A file that changed this shortly before the walk could change again within one tick of its ctime.
SETTLED_SECONDS = 1.0
# A link may lead to a directory above itself.
DEEPEST = 20
ARCHIVE_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def to_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def to_text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def stamp_of(info: os.stat_result) -> str:
    return f"{info.st_ino}:{info.st_ctime_ns}:{info.st_size}"


def md5_of(path: bytes) -> str:
    try:  # Carbon's own choice; it guards against nothing
        digest = hashlib.md5(usedforsecurity=False)
    except TypeError:  # before Python 3.9
        digest = hashlib.md5()  # noqa: S324
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(CHUNK), b""):
            digest.update(block)
    return digest.hexdigest()


def manifest_of(jar: zipfile.ZipFile) -> Optional[Dict[str, str]]:
    """Return the main headers of a jar's manifest by their names in lower case, or None if it has none."""
    names = [name for name in jar.namelist() if name.upper() == "META-INF/MANIFEST.MF"]
    if not names:
        return None
    text = jar.read(names[0]).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    headers = {}
    for line in text.split("\n\n")[0].replace("\n ", "").split("\n"):
        name, found, value = line.partition(": ")
        if found:
            headers[name.lower()] = value
    return headers


def read_jar(path: bytes) -> Tuple[Optional[str], str]:
    """Given a jar, return the name that its manifest gives it in plugins/, or None, and what is wrong with it:
    "corrupt" (Carbon cannot open it), "no-manifest" (nor read this one) or "damaged" (its content is not whole)."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as jar:
            headers = manifest_of(jar)
            if headers is None:
                return None, "no-manifest"
            name, version = headers.get("bundle-symbolicname"), headers.get("bundle-version")
            target = None if name is None or version is None else f"{name.split(';')[0]}_{version}.jar"
            try:
                return target, "damaged" if jar.testzip() else ""
            except ARCHIVE_ERRORS:
                return target, "damaged"
    except ARCHIVE_ERRORS:
        return None, "corrupt"


class Walk:
    def __init__(self, payload: Dict[str, Any]) -> None:
        self.root = os.path.realpath(to_bytes(payload["root"]))
        self.places: List[List[str]] = payload["places"]
        self.excluded = [re.compile(text, re.DOTALL) for text in payload["excluded"]]
        self.cache_path: Optional[str] = payload.get("cache")
        self.known = self.load_cache()
        self.fresh: Dict[str, List[Any]] = {}
        self.stamps: Dict[str, str] = {}
        self.links: Dict[str, str] = {}
        self.started = time.time()

    def run(self) -> Dict[str, Any]:
        found = [place for place in self.places if os.path.isdir(self.absolute(place[2]))]
        if not found:
            return {"directories": None, "stamps": {}}
        patches, service_packs, plugins = found[0]
        metadata = patches + "/.metadata/"
        read = {
            "directories": {"patches": patches, "servicepacks": service_packs, "plugins": plugins},
            "patches": [self.patch(patches, name) for name in self.selected(patches)],
            "servicepacks": [self.service_pack(service_packs, name) for name in self.selected(service_packs)],
            "plugins": self.tree(plugins),
            "applied": self.lines(metadata + "prePatchedDir.txt"),
            "applied_jars": self.lines(metadata + "prePatchedJARs.txt"),
        }
        self.save_cache()
        return dict(read, links=self.links, stamps=self.stamps)

    def load_cache(self) -> Dict[str, Any]:
        try:
            with open(self.cache_path or "") as file:
                cache = json.load(file)
        except (OSError, ValueError):
            return {}
        return cache if isinstance(cache, dict) else {}

    def save_cache(self) -> None:
        if not self.cache_path:
            return
        try:
            os.makedirs(os.path.dirname(self.cache_path), mode=0o700, exist_ok=True)
            aside = f"{self.cache_path}.{os.getpid()}"
            with open(aside, "w") as file:
                json.dump(self.fresh, file)
            os.replace(aside, self.cache_path)
        except OSError as error:
            sys.stderr.write(f"cache of jars not written: {error}\n")

    def absolute(self, relative: str) -> bytes:
        return os.path.join(self.root, to_bytes(relative))

    def names(self, directory: str) -> List[str]:
        """Return the names in a directory that are not excluded, sorted."""
        try:
            found = [to_text(name) for name in os.listdir(self.absolute(directory))]
        except OSError:
            return []
        return sorted(name for name in found if not self.is_excluded(directory + "/" + name))

    def is_excluded(self, path: str) -> bool:
        return any(pattern.fullmatch(path) for pattern in self.excluded)

    def selected(self, directory: str) -> List[str]:
        return [name for name in self.names(directory) if name.startswith(("patch", "servicepack"))]

    def entry(self, directory: str, name: str) -> Dict[str, Any]:
        """Return what a patch or service pack is: kind (d, f, or l for a link to nowhere), link, and whether that
        leads out of the home."""
        relative = directory + "/" + name
        path = self.absolute(relative)
        self.stat(relative)
        link = self.links.get(relative)
        kind = "d" if os.path.isdir(path) else "f" if os.path.exists(path) else "l"
        inside = os.path.realpath(path).startswith(self.root.rstrip(b"/") + b"/")
        return {"name": name, "kind": kind, "link": link, "outside": not inside}

    def patch(self, directory: str, name: str) -> Dict[str, Any]:
        entry = self.entry(directory, name)
        if entry["kind"] == "d" and name == BASELINE:
            entry["tree"] = self.tree(directory + "/" + name)
        elif entry["kind"] == "d":
            entry["files"] = self.files(directory + "/" + name)
        return entry

    def service_pack(self, directory: str, name: str) -> Dict[str, Any]:
        entry = self.entry(directory, name)
        if entry["kind"] == "d":
            path = directory + "/" + name
            library = os.path.isdir(self.absolute(path + "/lib"))
            entry["files"] = self.files(path + "/lib") if library else None
            entry["superseded"] = self.lines(path + "/servicepack_patches.txt")
        return entry

    def files(self, directory: str) -> List[List[Any]]:
        """Return [name, kind, name in plugins, MD5, problem] of everything in a patch."""
        return [self.file(directory, name) for name in self.names(directory)]

    def file(self, directory: str, name: str) -> List[Any]:
        path = directory + "/" + name
        info = self.stat(path)
        if info is None:
            return [name, "l", name, None, "corrupt" if name.endswith(".jar") else ""]
        if stat.S_ISDIR(info.st_mode):
            return [name, "d", name, None, "corrupt" if name.endswith(".jar") else ""]
        md5, target, problem = self.content(path, info, name.endswith(".jar"))
        return [name, "f", target or name, md5, problem]

    def tree(self, directory: str) -> Dict[str, Optional[str]]:
        """Return the MD5 of every file below a directory by its path there; None for one that cannot be read."""
        found: Dict[str, Optional[str]] = {}
        waiting = [""]
        while waiting:
            below = waiting.pop()
            for name in self.names(directory + "/" + below if below else directory):
                relative = below + "/" + name if below else name
                info = self.stat(directory + "/" + relative)
                if info is not None and stat.S_ISDIR(info.st_mode) and relative.count("/") < DEEPEST:
                    waiting.append(relative)
                else:
                    found[relative] = self.content(directory + "/" + relative, info, False)[0] if info else None
        return found

    def stat(self, path: str) -> Optional[os.stat_result]:
        """Return what is at a path, behind links, or None; a link is remembered."""
        absolute = self.absolute(path)
        if os.path.islink(absolute):
            self.links[path] = to_text(os.readlink(absolute))
        try:
            return os.stat(absolute)
        except OSError:
            return None

    def content(self, path: str, info: os.stat_result, is_jar: bool) -> List[Any]:
        """Return MD5, name by the manifest and problem of a file; only a patch's jars are opened."""
        stamp = self.stamps[path] = stamp_of(info)
        key = stamp + (":jar" if is_jar else "")
        known = self.known.get(key)
        if known is None:
            absolute = self.absolute(path)
            try:
                known = [md5_of(absolute), *(read_jar(absolute) if is_jar else (None, ""))]
            except OSError:
                return [None, None, "corrupt"]
        if info.st_ctime < self.started - SETTLED_SECONDS:
            self.fresh[key] = known
        return known

    def lines(self, path: str) -> Optional[List[str]]:
        """Return the lines of a small text file, or None if there is none."""
        info = self.stat(path)
        if info is None or self.is_excluded(path):
            return None
        self.stamps[path] = stamp_of(info)
        with open(self.absolute(path), encoding="utf-8", errors="surrogateescape") as file:
            return [line.rstrip("\n") for line in file]


def main() -> None:
    payload = json.load(sys.stdin)
    if payload.get("cache"):
        payload["cache"] = os.path.expanduser(payload["cache"])
    json.dump(Walk(payload).run(), sys.stdout)


if __name__ == "__main__":
    main()
