#!/usr/bin/env python3
"""Stands in for bin/wso2update_linux of WSO2 Updates 2.0 in a sample home: its options, files and exit codes as WSO2
documents them: 0 updated, 1 failed, 2 the tool replaced itself, 3 conflicts, 4 reverted.

bin/sample-updates.json says what happens: `latest` level, `self_update` (once), `conflicts` (paths that the
installation changed), `password_sha256`, `pause_seconds` in the middle, and `fail`, one of half, hang (for
`hang_seconds`), wrong_level, corrupt_jar, broken_server, unhealthy, stray_patch.
"""

import argparse
import getpass
import hashlib
import json
import os
import re
import shutil
import sys
import time
import uuid
import zipfile
import zlib
from pathlib import Path
from typing import Any, NoReturn

HOME = Path(os.path.abspath(__file__)).parent.parent
PLUGINS = HOME / "repository/components/plugins"
CONFIG, BEHAVIOUR = HOME / "updates/config.json", HOME / "bin/sample-updates.json"
PENDING = HOME / "updates/.conflicts.json"


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def fail(message: str, status: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(status)


def product() -> tuple[str, str]:
    match = re.fullmatch(
        r"([0-9a-zA-Z-]+)-([0-9]+\.[0-9]+\.[0-9]+)", (HOME / "updates/product.txt").read_text().strip()
    )
    if match is None:
        fail("Unable to identify the product")
    return match[1], match[2]


def log_in(options: argparse.Namespace, behaviour: dict[str, Any]) -> None:
    name = options.username or os.environ.get("UPDATE_TOOL_USERNAME") or input("Username: ")
    password = options.password or os.environ.get("UPDATE_TOOL_PASSWORD") or getpass.getpass()
    wanted = behaviour.get("password_sha256")
    if not name or (wanted and hashlib.sha256(password.encode()).hexdigest() != wanted):
        fail("Authentication failed: the username or password is not correct")


def digest(directory: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(directory)} {path.stat().st_size}".encode())
    return found.hexdigest()


def back_up(directory: Path) -> None:
    """Copy the whole product, and remember how the copy looks."""
    if HOME in (directory, *directory.parents):
        fail("The backup directory must not be inside the product")
    pattern = product()[0]
    target = directory / f"{pattern}-{uuid.uuid4()}"
    shutil.copytree(HOME, target, symlinks=True)
    config = read(CONFIG)
    config["backup-dir"] = str(directory)
    config.setdefault("product", {})["backup"] = str(target)
    config["product"]["backup-digest"] = digest(target)
    write(CONFIG, config)


def back_up_unless_told(options: argparse.Namespace, behaviour: dict[str, Any]) -> None:
    """Back up, unless --no-backup is given, which `fail`: leaves_backup does not heed."""
    if not options.no_backup or behaviour.get("fail") == "leaves_backup":
        back_up(Path(options.backup))


def note_run(behaviour: dict[str, Any]) -> None:
    """Add a line to the file `log` of the behaviour."""
    if behaviour.get("log"):
        with Path(behaviour["log"]).open("a") as file:
            print(HOME, *sys.argv[1:], file=file)


def revert() -> None:
    config = read(CONFIG)
    backup = Path(config.get("product", {}).get("backup") or "/nowhere")
    if not backup.is_dir():
        fail("Unable to revert as backups could not be found")
    if digest(backup) != config["product"]["backup-digest"]:
        fail("Cannot revert because the backup directory has been modified")
    for path in HOME.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.copytree(backup, HOME, symlinks=True, dirs_exist_ok=True)
    print("Reverted")
    sys.exit(4)


def update_jars(level: int, behaviour: dict[str, Any]) -> None:
    """Give a third of the bundles a new content, which depends on the level alone."""
    jars = [path for path in sorted(PLUGINS.glob("*.jar")) if zlib.crc32(path.name.encode()) % 3 == level % 3]
    jars = jars or sorted(PLUGINS.glob("*.jar"))[:2]
    for number, path in enumerate(jars):
        if number == len(jars) // 2:
            time.sleep(behaviour.get("pause_seconds", 0))
        if number and number >= len(jars) // 2 and behaviour.get("fail") in ("half", "hang"):
            if behaviour["fail"] == "hang":
                time.sleep(behaviour.get("hang_seconds", 600))
            fail("An error occurred while updating: no space left on device")
        with zipfile.ZipFile(path) as jar:
            entries = {name: jar.read(name) for name in jar.namelist() if name != "update-level.txt"}
        with zipfile.ZipFile(path, "w") as jar:
            for name, content in [*entries.items(), ("update-level.txt", str(level).encode())]:
                jar.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    if behaviour.get("fail") == "corrupt_jar":
        jars[0].write_bytes(jars[0].read_bytes()[:-30])


def meet_conflicts(level: int, behaviour: dict[str, Any]) -> None:
    conflicts = behaviour.get("conflicts", [])
    for name in conflicts:
        path = HOME / name
        Path(f"{path}.original").write_text("as the product was released\n")
        Path(f"{path}.new").write_text(f"as level {level} has it\n")
    if conflicts:
        write(PENDING, {"level": level, "files": conflicts})
        print("Conflicts:", *conflicts, sep="\n  ")
        fail("Resolve the conflicts: write <file>.final for each and run again with --continue, or --revert.", 3)


def resolve() -> int:
    pending = read(PENDING)
    if not pending:
        fail("There is nothing to continue")
    missing = [name for name in pending["files"] if not Path(f"{HOME / name}.final").exists()]
    if missing:
        print("Conflicts:", *missing, sep="\n  ")
        fail("Not resolved", 3)
    for name in pending["files"]:
        os.replace(f"{HOME / name}.final", HOME / name)
        for suffix in ("original", "new"):
            Path(f"{HOME / name}.{suffix}").unlink()
    PENDING.unlink()
    return int(pending["level"])


def finish(level: int, behaviour: dict[str, Any]) -> None:
    update_jars(level, behaviour)
    before = max(int(read(CONFIG).get("update-level", 0)), 0)
    name, version = product()
    config = {**read(CONFIG), "channel": "full", "hotfixes": None}
    config["update-level"] = str(before if behaviour.get("fail") == "wrong_level" else level)
    config["product"] = {**config.get("product", {}), "pattern": name, "name": name, "version": version}
    write(CONFIG, config)
    (HOME / f"updates/changelog-{before:04}-{level:04}.md").write_text(f"Level {level}\n")
    if behaviour.get("fail") == "broken_server":
        (HOME / "repository/conf/deployment.toml").write_text("[server\n")
    if behaviour.get("fail") == "unhealthy":
        with (HOME / "repository/conf/deployment.toml").open("a") as file:
            file.write("\n[sample]\nhealthy = false\n")
    if behaviour.get("fail") == "stray_patch":
        patch = PLUGINS.parent / "patches/patch0001"
        patch.mkdir(parents=True)
        shutil.copy(min(PLUGINS.glob("*.jar")), patch)
    print(f"Updated to level {level}")


def revert_hotfix() -> None:
    config = read(CONFIG)
    if not config.get("hotfixes"):
        fail("There is no hotfix")
    config["hotfixes"] = config["hotfixes"][:-1] or None
    write(CONFIG, config)


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("command", nargs="?", default="", choices=["", "current-state", "check", "revert-hotfix"])
    parser.add_argument("-l", "--level")
    parser.add_argument("-b", "--backup", default=str(Path.home() / ".wso2-updates/backup"))
    parser.add_argument("--no-backup", action="store_true")
    parser.add_argument("-c", "--channel", default="full")
    parser.add_argument("-u", "--username")
    parser.add_argument("-p", "--password")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--continue", dest="resume", action="store_true")
    parser.add_argument("--revert", action="store_true")
    options, behaviour = parser.parse_args(), read(BEHAVIOUR)
    note_run(behaviour)
    if options.command == "current-state":
        print(json.dumps({"update-level": read(CONFIG).get("update-level"), "hotfixes": read(CONFIG).get("hotfixes")}))
        return
    if options.command == "revert-hotfix":
        revert_hotfix()
        return
    if options.revert:
        revert()
    log_in(options, behaviour)
    if behaviour.get("self_update"):
        write(BEHAVIOUR, {**behaviour, "self_update": False})
        fail("The update tool was updated. Run the same command again.", 2)
    if options.resume:
        finish(resolve(), behaviour)
        return
    if PENDING.exists():
        fail("Resolve the conflicts or revert; the update cannot proceed otherwise.", 3)
    if read(CONFIG).get("hotfixes"):
        fail("Revert the hotfixes before the next update")
    latest = int(behaviour.get("latest", 9))
    level = int((options.level or str(latest)).rpartition(".")[2])
    if level > latest:
        fail(f"Level {level} is not available; the latest one is {latest}")
    if int(read(CONFIG).get("update-level", 0)) >= level:
        print("The product is up to date")
        return
    back_up_unless_told(options, behaviour)
    meet_conflicts(level, behaviour)
    finish(level, behaviour)


if __name__ == "__main__":
    try:
        main()
    except EOFError:
        fail("No username was given")
