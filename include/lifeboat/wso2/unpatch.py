"""Takes Carbon's patches away from a home whose server is down: plugins become exactly what patch0000 holds.

This file is sent to the host as it is (`Host.run_python`), so it needs Python 3.6 and its standard library only. It
reads one JSON payload from standard input: home, and patches, servicepacks and plugins, relative to it. It may be run
again: patch0000 goes last.
"""

import json
import os
import shutil
import sys


def empty(directory: str, but: str = "") -> None:
    for name in os.listdir(directory) if os.path.isdir(directory) else ():
        path = os.path.join(directory, name)
        if name != but:
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def main() -> None:
    payload = json.load(sys.stdin)
    patches, packs, plugins = (
        os.path.join(payload["home"], payload[n]) for n in ("patches", "servicepacks", "plugins")
    )
    baseline = os.path.join(patches, "patch0000")
    if os.path.isdir(baseline):
        empty(plugins)
        for name in os.listdir(baseline):
            source, target = os.path.join(baseline, name), os.path.join(plugins, name)
            if os.path.isdir(source) and not os.path.islink(source):
                shutil.copytree(source, target, symlinks=True)
            else:
                shutil.copy2(source, target, follow_symlinks=False)
    empty(packs)
    empty(patches, but="patch0000")
    empty(patches)
    status = os.stat(plugins)
    if os.geteuid() == 0:
        for directory, names, files in os.walk(plugins):
            for name in [*names, *files]:
                os.chown(os.path.join(directory, name), status.st_uid, status.st_gid, follow_symlinks=False)
    json.dump({"bundles": len(os.listdir(plugins))}, sys.stdout)


if __name__ == "__main__":
    main()
