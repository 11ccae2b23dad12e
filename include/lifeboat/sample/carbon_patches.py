"""Applies the patches of a home as a Carbon server does at its start: `python3 carbon_patches.py HOME`.

A stand-in for the server's own code (PatchInstaller and PatchUtils of carbon-kernel 4.4 to 4.12 and of Micro
Integrator), quirks included, for the sample's servers and for tests. It needs the standard library only.

- "Changed?" is asked of directory names (prePatchedDir.txt) and, if those are the same, of the MD5 of the jars that
  the patches hold now (prePatchedJARs.txt). A jar that went away is not noticed.
- Applying is an overlay: patch0000 over plugins/, then the newest service pack, then every patch in the order of the
  names as text. Nothing is ever deleted from plugins/. Without patch0000 it is made of plugins/ as they are now.
- An error is logged, and the server starts all the same.
"""

import hashlib
import os
import re
import shutil
import sys
import time
import zipfile
import zlib
from typing import NamedTuple

BASELINE = "patch0000"
SUPERSEDED = "servicepack_patches.txt"
#: Where patches, service packs and plugins lie: Carbon's own places, then those of EI 6 and Micro Integrator.
PLACES = (
    ("repository/components/patches", "repository/components/servicepacks", "repository/components/plugins"),
    ("patches", "servicepacks", "wso2/components/plugins"),
)
LOG = "repository/logs/patches.log"
#: What is an IOException there.
IO_ERRORS = (OSError, zipfile.BadZipFile, zlib.error)
_LOGGER = "org.wso2.carbon.server.extensions.PatchInstaller"


class Jar(NamedTuple):
    """A file of a patch: its path, and the name of the directory that it came with."""

    path: str
    patch: str


class CarbonPatches:
    """The patch mechanism of one home."""

    def __init__(self, home: str) -> None:
        places = [[os.path.join(home, path) for path in paths] for paths in PLACES]
        self.patches, self.service_packs, self.plugins = next((p for p in places if os.path.isdir(p[2])), places[0])
        self.metadata = os.path.join(self.patches, ".metadata")
        self.applied = os.path.join(self.metadata, "prePatchedDir.txt")
        self.applied_jars = os.path.join(self.metadata, "prePatchedJARs.txt")
        self.log_file = os.path.join(home, LOG)
        self.superseded: set[str] = set()
        self.messages: list[str] = []

    def start(self) -> list[str]:
        """Do what a start does, and return what it logs. Only a home that cannot be written raises."""
        os.makedirs(self.metadata, exist_ok=True)
        try:
            changed = self.directories_changed()
            latest = self.latest_jars()
            changed = changed or self.jars_changed(latest)
            if changed:
                self.log("INFO", "Patch changes detected")
                self.apply()
            self.verify(latest, changed)
        except IO_ERRORS as error:  # an IOException there
            self.log("SEVERE", f"Error occurred while applying patches: {error}")
        except (LookupError, ValueError, AttributeError) as error:
            self.log("SEVERE", f"Error occurred while verifying md5 checksum of patched jars: {error!r}")
        self.write_log()
        return self.messages

    def log(self, level: str, message: str) -> None:
        self.messages.append(f"{level} {message}")

    def write_log(self) -> None:
        os.makedirs(os.path.dirname(self.log_file), exist_ok=True)
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        with open(self.log_file, "a", encoding="utf-8") as file:
            for message in self.messages:
                level, text = message.split(" ", 1)
                file.write(f"[{now}] {level} {{{_LOGGER}}} - {text}\n")

    def latest_service_pack(self) -> str | None:
        """Return the last name of all, if that is a directory."""
        names = selected(self.service_packs)
        last = names[-1] if names else None
        return last if last and os.path.isdir(os.path.join(self.service_packs, last)) else None

    def patch_directories(self) -> list[str]:
        """Return the patches that are not superseded, patch0000 among them."""
        directories = (name for name in selected(self.patches) if os.path.isdir(os.path.join(self.patches, name)))
        return [name for name in directories if name not in self.superseded]

    def order(self) -> list[str]:
        """Return the directories that count now, and learn which patches the service pack supersedes."""
        self.superseded = set()
        pack = self.latest_service_pack()
        if pack is None:
            return self.patch_directories()
        listed = os.path.join(self.service_packs, pack, SUPERSEDED)
        if SUPERSEDED not in os.listdir(os.path.join(self.service_packs, pack)):
            raise AttributeError(f"no {SUPERSEDED} in {pack}")  # a null pointer there
        self.superseded = set(read_lines(listed))
        return [pack, *self.patch_directories()]

    def directories_changed(self) -> bool:
        order = self.order()
        if not os.path.exists(self.applied):
            with open(self.applied, "w", encoding="utf-8"):
                pass
            return any(name != BASELINE for name in order)
        applied = read_lines(self.applied)
        if applied and applied[0].startswith("s") and not order:
            raise IndexError("no first directory")  # what the server's code runs into
        return order != applied

    def latest_jars(self) -> dict[str, Jar]:
        """Return what plugins/ should get, by the name that it gets there: the last directory wins."""
        latest: dict[str, Jar] = {}
        pack = self.latest_service_pack()
        if pack is not None:
            library = os.path.join(self.service_packs, pack, "lib")
            if not os.path.exists(library):
                raise AttributeError(f"no lib in {pack}")  # a null pointer there
            self.collect(library, "lib", latest)
        for name in self.patch_directories():
            if name != BASELINE:
                self.collect(os.path.join(self.patches, name), name, latest)
        return latest

    def collect(self, directory: str, patch: str, latest: dict[str, Jar]) -> None:
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            latest[bundle_file_name(path)] = Jar(path, patch)

    def jars_changed(self, latest: dict[str, Jar]) -> bool:
        if not os.path.exists(self.applied_jars):
            return False
        known = {}
        for line in read_lines(self.applied_jars):
            name, md5 = line[: line.index(":")], line[line.index(":") + 1 :]
            known[name] = md5
        return any(name not in known or md5_of(jar.path) != known[name] for name, jar in latest.items())

    def apply(self) -> None:
        baseline = os.path.join(self.patches, BASELINE)
        fresh = not os.path.exists(baseline)
        if fresh:
            copy_directory(self.plugins, baseline)
            self.log("INFO", f"Backed up plugins to {BASELINE}")
        with open(self.applied, "w", encoding="utf-8") as applied:
            if not fresh:
                copy_directory(baseline, self.plugins)
            pack = self.latest_service_pack()
            if pack is not None:
                self.apply_service_pack(pack)
                applied.write(pack + "\n")
            for name in self.patch_directories():
                if name != BASELINE:
                    self.apply_patch(os.path.join(self.patches, name))
                applied.write(name + "\n")

    def apply_service_pack(self, pack: str) -> None:
        library = os.path.join(self.service_packs, pack, "lib")
        for name in sorted(os.listdir(library)):
            path = os.path.join(library, name)
            try:
                target = os.path.join(self.plugins, bundle_file_name(path))
                if os.path.isdir(path):
                    copy_directory(path, target)
                elif os.path.isfile(path):
                    copy_file(path, target)
            except IO_ERRORS:
                self.log("SEVERE", f"Error occurred while applying servicepack {pack}")

    def apply_patch(self, directory: str) -> None:
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            copy_file(path, os.path.join(self.plugins, bundle_file_name(path)))

    def verify(self, latest: dict[str, Jar], changed: bool) -> None:
        """Compare plugins/ with the newest jars, and write down their MD5."""
        if changed:
            self.log("INFO", "Patch verification started")
        problems = []
        there = set(os.listdir(self.plugins))
        with open(self.applied_jars, "w", encoding="utf-8") as file:
            for name, jar in latest.items():
                md5 = md5_of(jar.path)
                file.write(f"{name}:{md5}\n")
                if name not in there or md5_of(os.path.join(self.plugins, name)) != md5:
                    problems.append((name, md5, jar.patch))
        for name, md5, patch in problems:
            self.log("WARNING", f"{name}(MD5: {md5}) has been patched with {patch}, but not applied")
        if problems:
            self.log("WARNING", f"Patch verification completed with warnings. Please see {self.log_file}")
        elif changed:
            self.log("INFO", "Patch verification successfully completed")


def selected(directory: str) -> list[str]:
    """Return what counts as a patch or service pack by its name, in the order of the names as text."""
    if not os.path.isdir(directory):
        return []
    return sorted(name for name in os.listdir(directory) if name.startswith(("patch", "servicepack")))


def bundle_file_name(path: str) -> str:
    """Given a file of a patch, return the name that it gets in plugins/: a jar's comes from its manifest."""
    name = os.path.basename(path)
    if not name.endswith(".jar"):
        return name
    bundle, version = bundle_identity(path)
    return name if bundle is None or version is None else "{}_{}.jar".format(bundle.split(";")[0], version)


def bundle_identity(path: str) -> tuple[str | None, str | None]:
    """Return symbolic name and version of a jar. Raise AttributeError, a null pointer there, without manifest."""
    with zipfile.ZipFile(path) as jar:
        found = [name for name in jar.namelist() if name.upper() == "META-INF/MANIFEST.MF"]
        if not found:
            raise AttributeError(f"no manifest in {path}")
        text = jar.read(found[0]).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    main = text.split("\n\n")[0].replace("\n ", "")
    headers = {name.lower(): value for name, value in re.findall(r"(?m)^([^:\n]+): ([^\n]*)", main)}
    return headers.get("bundle-symbolicname"), headers.get("bundle-version")


def copy_file(source: str, target: str) -> None:
    with open(source, "rb") as read, open(target, "wb") as write:
        shutil.copyfileobj(read, write)


def copy_directory(source: str, target: str) -> None:
    os.makedirs(target, exist_ok=True)
    for name in os.listdir(source):
        here, there = os.path.join(source, name), os.path.join(target, name)
        if os.path.isdir(here):
            copy_directory(here, there)
        else:
            copy_file(here, there)


def read_lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file]


def md5_of(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.md5(file.read()).hexdigest()  # noqa: S324 (the server's own choice)


if __name__ == "__main__":
    print("\n".join(CarbonPatches(sys.argv[1]).start()))
