#!/usr/bin/env python3
"""Stands in for bin/update_linux, the in-place tool before WSO2 Updates 2.0, in a sample home: it asks for the password
on a terminal, backs the pack up, leaves .old, .updated and .diff files where the installation changed one, and goes on
with --continue when a .final file is there. Exit codes: 0 updated, 1 failed, 2 replaced itself, 3 conflicts.

bin/sample-updates.json says what happens: `timestamp` that it updates to, `conflicts`, `self_update`,
`password_sha256`.
"""

import argparse
import getpass
import hashlib
import json
import os
import shutil
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, NoReturn

HOME = Path(os.path.abspath(__file__)).parent.parent
PLUGINS = HOME / "repository/components/plugins"
BEHAVIOUR, STATE = HOME / "bin/sample-updates.json", HOME / "updates/config.yaml"
PENDING = HOME / "updates/.conflicts.json"


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def fail(message: str, status: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(status)


def log_in(options: argparse.Namespace, behaviour: dict[str, Any]) -> None:
    if not options.username:
        fail("Give a username")
    password = options.password or getpass.getpass(f"Password for {options.username}: ")
    wanted = behaviour.get("password_sha256")
    if wanted and hashlib.sha256(password.encode()).hexdigest() != wanted:
        fail("Invalid credentials")


def backups() -> Path:
    return Path.home() / ".wso2-updates/backup"


def back_up() -> None:
    target = backups() / f"{HOME.name}-{int(time.time() * 1000)}"
    shutil.copytree(HOME, target, symlinks=True)
    STATE.parent.mkdir(exist_ok=True)
    STATE.write_text(f"backup: {target}\n")


def revert() -> None:
    lines = STATE.read_text().splitlines() if STATE.exists() else []
    backup = next((Path(line.partition(": ")[2]) for line in lines if line.startswith("backup: ")), None)
    if backup is None or not backup.is_dir():
        fail("No backup was found")
    for path in HOME.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.copytree(backup, HOME, symlinks=True, dirs_exist_ok=True)
    print("Reverted")


def finish(behaviour: dict[str, Any]) -> None:
    for path in sorted(PLUGINS.glob("*.jar"))[:2]:
        with zipfile.ZipFile(path, "a") as jar:
            jar.writestr(zipfile.ZipInfo("in-place.txt", (2026, 1, 1, 0, 0, 0)), str(behaviour.get("timestamp", 1)))
    text = STATE.read_text() if STATE.exists() else ""
    STATE.write_text(f"{text}timestamp: {behaviour.get('timestamp', 1)}\n")
    print("Updated")


def meet_conflicts(behaviour: dict[str, Any]) -> None:
    conflicts = behaviour.get("conflicts", [])
    for name in conflicts:
        for suffix in ("old", "updated", "diff"):
            Path(f"{HOME / name}.{suffix}").write_text(f"{suffix}\n")
    if conflicts:
        PENDING.write_text(json.dumps(conflicts))
        fail("Conflicts: " + ", ".join(conflicts), 3)


def resolve() -> None:
    conflicts = json.loads(PENDING.read_text())
    missing = [name for name in conflicts if not Path(f"{HOME / name}.final").exists()]
    if missing:
        fail("Not resolved: " + ", ".join(missing), 3)
    for name in conflicts:
        os.replace(f"{HOME / name}.final", HOME / name)
        for suffix in ("old", "updated", "diff"):
            Path(f"{HOME / name}.{suffix}").unlink()
    PENDING.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--username")
    parser.add_argument("--password")
    parser.add_argument("--channel", default="full")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--continue", dest="resume", action="store_true")
    parser.add_argument("--revert", action="store_true")
    options, behaviour = parser.parse_args(), read(BEHAVIOUR)
    if options.revert:
        revert()
        return
    log_in(options, behaviour)
    if behaviour.get("self_update"):
        BEHAVIOUR.write_text(json.dumps({**behaviour, "self_update": False}))
        fail("The tool was updated. Run it again.", 2)
    if options.resume:
        resolve()
    else:
        back_up()
        meet_conflicts(behaviour)
    finish(behaviour)


if __name__ == "__main__":
    main()
