"""Deterministic file contents: incompressible bytes, plausible text by file type, and real OSGi bundles."""

import hashlib
import io
import random
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

_WORDS = (
    "gateway",
    "tenant",
    "registry",
    "policy",
    "mediation",
    "publisher",
    "sequence",
    "endpoint",
    "token",
)

# What a text file of a type starts with, what its lines look like, and what it ends with.
_TEXT_FORMS: dict[str, tuple[str, str, str]] = {
    ".xml": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<configuration file="{path}">\n',
        '    <property name="{a}.{b}">{c}-{n}</property>\n',
        "</configuration>\n",
    ),
    ".html": ("<!DOCTYPE html>\n<title>{path}</title>\n", "<p>{a} {b} {c} {n}</p>\n", ""),
    ".json": ('{{\n  "name": "{path}",\n', '  "{a}.{b}.{c}.{n}": "{c}",\n', '  "end": true\n}}\n'),
    ".properties": ("# {path}\n", "{a}.{b}.{n}={c}\n", ""),
    ".sql": ("-- {path}\n", "-- {a} {b} {c} {n}\n", ""),
    ".sh": ("#!/bin/sh\n# {path}\n", "# {a} {b} {c} {n}\n", 'exec true "$@"\n'),
    ".css": ("/* {path} */\n", ".{a}-{b} {{ order: {n}; }}\n", ""),
}
_TEXT_FORMS[".xsd"] = _TEXT_FORMS[".rxt"] = _TEXT_FORMS[".xml"]
_PLAIN_TEXT = ("# {path}\n", "# {a} {b} {c} {n}\n", "")

ARCHIVE_SUFFIXES = frozenset({".jar", ".war", ".mar", ".aar"})
BINARY_SUFFIXES = frozenset({".png", ".gif"})


def random_bytes(key: str, size: int) -> bytes:
    """Given a key and a size in bytes, return that many incompressible bytes, the same for the same key."""
    return hashlib.shake_128(key.encode()).digest(size)


def text(path: str, size: int, seed: int) -> bytes:
    """Given a path and a size in bytes, return about that much plausible text for the file type."""
    head, line, tail = _TEXT_FORMS.get(PurePosixPath(path).suffix, _PLAIN_TEXT)
    choose = random.Random(f"{seed}:{path}")
    parts = [head.format(path=path)]
    length = len(parts[0]) + len(tail)
    while length < size:
        first, second, third = choose.choices(_WORDS, k=3)
        parts.append(line.format(a=first, b=second, c=third, n=choose.randrange(100_000)))
        length += len(parts[-1])
    return "".join([*parts, tail.format()]).encode()


def archive(entries: Mapping[str, bytes]) -> bytes:
    """Given file names and contents, return a zip archive of them, stored and with fixed times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, content in entries.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def bundle(symbolic_name: str, version: str, payload: bytes) -> bytes:
    """Given an OSGi symbolic name, a version and a payload, return the bundle as the bytes of a jar.

    As in the product, bundles of the console are singletons, so their symbolic name has a directive.
    """
    directive = ";singleton:=true" if symbolic_name.endswith(".ui") else ""
    headers = {
        "Manifest-Version": "1.0",
        "Bundle-ManifestVersion": "2",
        "Bundle-SymbolicName": symbolic_name + directive,
        "Bundle-Version": version,
        "Bundle-Vendor": "WSO2 Inc",
    }
    manifest = "".join(_manifest_line(f"{name}: {value}") for name, value in headers.items()) + "\r\n"
    return archive({"META-INF/MANIFEST.MF": manifest.encode(), "classes.bin": payload})


def split_bundle_name(file_name: str) -> tuple[str, str]:
    """Given `<symbolic name>_<version>.jar`, return the symbolic name and the version."""
    symbolic_name, _, version = file_name.removesuffix(".jar").rpartition("_")
    return symbolic_name, version


def file_content(path: str, size: int, seed: int) -> bytes:
    """Given a path in a home and a size in bytes, return content of that size that fits the type."""
    pure = PurePosixPath(path)
    if pure.suffix in ARCHIVE_SUFFIXES:
        payload = random_bytes(f"{seed}:{path}", max(size - 600, 0))
        symbolic_name, version = split_bundle_name(pure.name)
        if pure.suffix == ".jar" and symbolic_name:
            return bundle(symbolic_name, version, payload)
        return archive({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n\r\n", "classes.bin": payload})
    if pure.suffix in BINARY_SUFFIXES:
        return random_bytes(f"{seed}:{path}", size)
    return text(path, size, seed)


def _manifest_line(line: str) -> str:
    """A manifest line holds at most 72 bytes; the rest follows on lines that start with a space."""
    first, rest = line[:72], line[72:]
    pieces = [rest[start : start + 71] for start in range(0, len(rest), 71)]
    return "\r\n ".join([first, *pieces]) + "\r\n"
