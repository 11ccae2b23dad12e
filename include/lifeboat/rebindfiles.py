"""Replaces addresses in the configuration below a directory, on the host that holds it, and finds those that must not
be left in it.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only.
It reads one JSON payload from standard input:
  root      the directory
  skipped   names of directories that hold no configuration, at any depth
  suffixes  of the files that may be configuration
  rules     a list of [old, new]: an address that is replaced by another
  foreign   addresses that must not be left

An address is found as a whole only: neither as a part of a longer name or number, nor after a longer path. What is
there already as some `new` is left alone. A colon may have a backslash before it. Bytes around an address stay as they
are; a file keeps its mode and owner.

It prints {"changes": [path, line, old, new], "left": [path, line, address]}, each a list of such.
"""

import json
import os
import re
import shutil
import sys
from typing import Any, Iterator

#: By which a file says that it is UTF-16.
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PART_OF_A_NAME = rb"[A-Za-z0-9_-]"


def pattern_of(address: str) -> bytes:
    parts = address.encode("utf-8", "surrogateescape").split(b":")
    text = rb"\\?:".join(re.escape(part) for part in parts)  # properties files escape colons
    if address.startswith("/"):
        return rb"(?-i:(?<![A-Za-z0-9_./~-])%s(?![A-Za-z0-9_-]|\.[A-Za-z0-9_]))" % text
    return rb"(?<![A-Za-z0-9_.-])%s(?!%s|\.[A-Za-z0-9])" % (text, _PART_OF_A_NAME)


def any_of(addresses: Any) -> Any:
    longest_first = sorted(set(addresses), key=lambda each: (-len(each), each))
    return re.compile(b"|".join(b"(?:%s)" % pattern_of(each) for each in longest_first) or b"(?!)", re.IGNORECASE)


def files_below(root: str, skipped: Any, suffixes: Any) -> Iterator[str]:
    for directory, directories, names in os.walk(root):
        directories[:] = sorted(name for name in directories if name not in skipped)
        for name in sorted(names):
            path = os.path.join(directory, name)
            if name.endswith(tuple(suffixes)) and os.path.isfile(path) and not os.path.islink(path):
                yield path


def write(path: str, content: bytes) -> None:
    status, unfinished = os.stat(path), path + ".lifeboat-unfinished"
    with open(unfinished, "wb") as file:
        file.write(content)
    shutil.copystat(path, unfinished)
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(unfinished, status.st_uid, status.st_gid)
    os.replace(unfinished, path)


def rebound(content: bytes, rules: Any, told: Any) -> bytes:
    wanted = {old.lower().encode(): new.encode() for old, new in rules}
    searched = any_of([*(old for old, _ in rules), *(new for _, new in rules)])
    lines = content.split(b"\n")
    for number, line in enumerate(lines):

        def replaced(match: Any, number: int = number) -> bytes:
            found: bytes = match.group(0)
            plain = found.replace(b"\\:", b":")
            new: bytes = wanted.get(plain.lower(), plain)
            if new != plain:
                told.append((number + 1, plain.decode(), new.decode()))
            return new if plain == found else new.replace(b":", b"\\:")

        lines[number] = searched.sub(replaced, line)
    result: bytes = b"\n".join(lines)
    return result


def places(name: str, content: bytes, pattern: Any) -> Any:
    found = []
    for number, line in enumerate(content.split(b"\n")):
        addresses = [match.group(0).replace(b"\\:", b":").decode() for match in pattern.finditer(line)]
        found += [(name, number + 1, each) for each in addresses]
    return found


def main() -> None:
    payload = json.load(sys.stdin)
    root = payload["root"]
    foreign, searched = any_of(payload["foreign"]), any_of(old for old, _ in payload["rules"])
    changes: Any = []
    left: Any = []
    for path in files_below(root, payload["skipped"], payload["suffixes"]):
        with open(path, "rb") as file:
            content = file.read()
        name = os.path.relpath(path, root)
        if content.startswith(UTF_16):  # searched, and left as it is: whoever wrote it must change it
            text = content.decode("utf-16", "replace").encode()
            left += places(name, text, searched) + places(name, text, foreign)
            continue
        if b"\0" in content:
            continue
        if searched.search(content):
            told: Any = []
            content = rebound(content, payload["rules"], told)
            if told:
                write(path, content)
                changes += [(name, *each) for each in told]
        if foreign.search(content):
            left += places(name, content, foreign)
    json.dump({"changes": changes, "left": left}, sys.stdout)


if __name__ == "__main__":
    main()
