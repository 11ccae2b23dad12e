"""Reads every jar below some directories of a home, and prints the paths of those that are not whole, as JSON.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only. It
reads one JSON payload from standard input: home, and directories relative to it.
"""

import json
import os
import sys
import zipfile
import zlib


def is_whole(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as jar:
            return jar.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        return False


def main() -> None:
    payload = json.load(sys.stdin)
    broken = []
    for name in payload["directories"]:
        for directory, _, files in os.walk(os.path.join(payload["home"], name)):
            jars = [os.path.join(directory, file) for file in files if file.endswith(".jar")]
            broken += [os.path.relpath(jar, payload["home"]) for jar in jars if not is_whole(jar)]
    json.dump(sorted(broken), sys.stdout)


if __name__ == "__main__":
    main()
