#!/usr/bin/env python3
"""Stands in for `wum`, the update manager of before 2021: its commands and directories as WSO2's documents that still
can be had tell them. It asks for a password on a terminal, keeps its login and its packs in ~/.wum3, and makes a new
zip of each update, `<name>-<version>+<milliseconds>.<channel>.zip`; `describe` prints the newest one's Product Path.
Nobody wrote down its messages and exit statuses; here they are 0, and 1 for every failure.

~/.wum3/sample-wum.json says what happens: `latest` timestamp, `password_sha256`, and `fail`, one of half, hang,
other_version, corrupt_jar, silent (it fails with status 0 and makes nothing). ~/.wum3/calls gets each command line.
"""

import argparse
import getpass
import hashlib
import io
import json
import re
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, NoReturn

STATE = Path.home() / ".wum3"
BEHAVIOUR, LOGIN, PRODUCTS = STATE / "sample-wum.json", STATE / "config.yaml", STATE / "products"
PACK = re.compile(r"(?P<name>[0-9a-z-]+)-(?P<version>[0-9]+\.[0-9]+\.[0-9]+)(?:\+(?P<timestamp>[0-9]{13})\..*)?")


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)


def init(options: argparse.Namespace, behaviour: dict[str, Any]) -> None:
    name = options.username or input("Username: ")
    password = options.password or getpass.getpass(f"Password for '{name}': ")
    wanted = behaviour.get("password_sha256")
    if wanted and hashlib.sha256(password.encode()).hexdigest() != wanted:
        fail("Invalid credentials. Please enter valid WSO2 credentials to continue")
    LOGIN.write_text(f"username: {name}\n")
    print("Welcome to WSO2 Update Manager")


def packs(product: str, channel: str = "full") -> list[Path]:
    """Return the packs of a product, the newest one last: that it was added with, then the updated ones."""
    match = PACK.fullmatch(product)
    if match is None:
        fail(f"'{product}' is no product: write <name>-<version>")
    directory = PRODUCTS / match["name"] / match["version"]
    found = [*directory.glob("*.zip"), *sorted((directory / channel).glob("*.zip"))]
    if not found:
        fail(f"'{product}' is not available in your local repository. Add it with 'wum add {product}'")
    return found


def add(options: argparse.Namespace) -> None:
    if not options.file:
        fail("Give --file: there is no server to download from")
    pack = Path(options.file)
    match = PACK.fullmatch(pack.stem)
    if match is None or not pack.is_absolute():
        fail("Give the absolute path of a <name>-<version>.zip")
    target = PRODUCTS / match["name"] / match["version"] / pack.name
    target.parent.mkdir(parents=True)
    target.write_bytes(pack.read_bytes())


def describe(options: argparse.Namespace) -> None:
    newest = packs(options.product, options.channel)[-1]
    print(f"Product Name:    {options.product}\nChannel:         {options.channel}\nProduct Path:    {newest}")


def rebuilt(jar: bytes, timestamp: int) -> bytes:
    """Return a bundle as an update makes it."""
    made = io.BytesIO(jar)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo(f"wum-{timestamp}.txt", (2020, 10, 7, 0, 0, 0)), str(timestamp))
    return made.getvalue()


def changed(name: str, content: bytes, timestamp: int, behaviour: dict[str, Any]) -> bytes:
    """Return what becomes of a file of the pack: bundles get another content."""
    if behaviour.get("fail") == "other_version" and name.endswith(("bin/version.txt", "updates/product.txt")):
        return re.sub(rb"[0-9]+\.[0-9]+\.[0-9]+", b"9.9.9", content)
    if "/plugins/" not in name or not name.endswith(".jar"):
        return content
    return content[:-30] if behaviour.get("fail") == "corrupt_jar" else rebuilt(content, timestamp)


def update(options: argparse.Namespace, behaviour: dict[str, Any]) -> None:
    if not LOGIN.exists():
        fail("WUM is not initialized. Run 'wum init'")
    newest = packs(options.product, options.channel)[-1]
    match, timestamp = PACK.fullmatch(newest.name), int(behaviour.get("latest", 1602089309903))
    if int((match and match["timestamp"]) or 0) >= timestamp:
        print(f"'{options.product}' is up to date")
        return
    if behaviour.get("fail") == "silent":
        print("An error occurred while downloading the updates")
        return
    top = f"{options.product}+{timestamp}.{options.channel}"
    base = PRODUCTS.joinpath(*re.split(r"-(?=[0-9]+\.)", options.product))
    target = base / options.channel / f"{top}.zip"
    target.parent.mkdir(exist_ok=True)
    part = base / "updating"
    with zipfile.ZipFile(newest) as old, zipfile.ZipFile(part, "w") as new:
        for number, entry in enumerate(old.infolist()):
            if number > 5 and behaviour.get("fail") in ("half", "hang"):
                if behaviour["fail"] == "hang":
                    time.sleep(600)
                fail("An error occurred while updating: no space left on device")
            content = changed(entry.filename, old.read(entry), timestamp, behaviour)
            entry.filename = f"{top}/{entry.filename.partition('/')[2]}"
            new.writestr(entry, content)
        new.writestr(f"{top}/updates/summary/update-summary-{top}.txt", "What is new\n")
    part.rename(target)
    print(f"Updated product: {target}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="wum", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    init_options = commands.add_parser("init")
    init_options.add_argument("-u", "--username")
    init_options.add_argument("-p", "--password")
    add_options = commands.add_parser("add")
    add_options.add_argument("-y", action="store_true")
    add_options.add_argument("--file")
    for name in ("update", "describe"):
        options = commands.add_parser(name)
        options.add_argument("product")
        options.add_argument("channel", nargs="?", default="full")
    commands.add_parser("version")
    STATE.mkdir(exist_ok=True)
    given, behaviour = parser.parse_args(), read(BEHAVIOUR)
    with (STATE / "calls").open("a") as file:
        print(*sys.argv[1:], file=file)
    if given.command == "init":
        init(given, behaviour)
    elif given.command == "add":
        add(given)
    elif given.command == "describe":
        describe(given)
    elif given.command == "update":
        update(given, behaviour)
    else:
        print("WUM 3.0.6")


if __name__ == "__main__":
    main()
