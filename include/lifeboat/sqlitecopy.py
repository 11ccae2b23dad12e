"""Copies a live SQLite database by its online backup, and computes what proves a copy.

This file is sent to the host as it is (`Host.start_python`, `Host.run_python`), so it needs its standard library only,
and Python 3.7, the first with SQLite's backup. It reads one JSON payload from standard input:
  action   look, users, copy or prove
  path     the database: of `look` and `copy` a live one, of `prove` one that nobody has open
  wait     seconds to wait for a writer

`look` opens nothing and prints {"python", "sqlite"}. `users` prints the processes that have the database open, as far
as this account may see. `copy` prints one line of JSON and then the copy's bytes; `prove`
prints such a line only: {"problems", "facts", "size", "mode", "uid", "gid"}. `problems` are SQLite's own, from its
integrity check.

A row's digest is taken over each value with its type, and a table's is the sum of them: duplicate rows count, their
order does not.
"""

import contextlib
import glob
import hashlib
import json
import os
import platform
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import quote

# Copies lie here for the moment of a capture, unless the account's TMPDIR says otherwise; /tmp may be memory.
PLACE = os.environ.get("TMPDIR") or "/var/tmp"
SETTINGS = ("application_id", "auto_vacuum", "encoding", "journal_mode", "page_size", "user_version")
MOST_PROBLEMS = 20
# SQLITE_BUSY and SQLITE_LOCKED.
BUSY = (5, 6)


class Text(bytes):
    """A text as its bytes, which need not be UTF-8, told from a blob."""


def refuse(message: str, status: int = 3) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(status)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def opened(path: str, options: str, wait: float = 0.0) -> Iterator[sqlite3.Connection]:
    session = sqlite3.connect(f"file:{quote(path)}?{options}", uri=True, timeout=wait, isolation_level=None)
    try:
        yield session
    finally:
        session.close()


def encoded(value: Any) -> bytes:
    """Given one value, return its type and bytes, so that no two different ones are equal."""
    if value is None:
        return b"n"
    if isinstance(value, int):
        content, kind = str(value).encode(), b"i"
    elif isinstance(value, float):
        content, kind = value.hex().encode(), b"r"
    else:
        content, kind = bytes(value), b"t" if isinstance(value, Text) else b"b"
    return kind + str(len(content)).encode() + b":" + content


def table_fact(session: sqlite3.Connection, table: str) -> List[Any]:
    rows, total = 0, 0
    for row in session.execute(f"SELECT * FROM {quoted(table)}"):
        digest = hashlib.sha256(b"".join(map(encoded, row))).digest()
        total += int.from_bytes(digest, "big")
        rows += 1
    return [rows, f"{total % (1 << 256):064x}"]


def facts_of(session: sqlite3.Connection) -> Dict[str, Any]:
    """Return the facts of a database: its objects, settings, sequences, and the content of its tables. A virtual
    table is proven by the tables behind it."""
    session.text_factory = str
    objects = session.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    settings = {name: str(session.execute(f"PRAGMA {name}").fetchone()[0]) for name in SETTINGS}
    counted = any(name == "sqlite_sequence" for _, name, _ in objects)
    sequences = dict(session.execute("SELECT name, seq FROM sqlite_sequence")) if counted else {}
    tables = [
        name
        for kind, name, text in objects
        if kind == "table" and name != "sqlite_sequence" and not text.upper().startswith("CREATE VIRTUAL")
    ]
    schema = {f"{kind.upper()} {name}": hashlib.sha256(text.encode()).hexdigest() for kind, name, text in objects}
    schema.update((f"SETTING {name}", value) for name, value in settings.items())
    session.text_factory = Text
    return {"tables": {name: table_fact(session, name) for name in tables}, "schema": schema, "sequences": sequences}


def proven(path: str) -> Dict[str, Any]:
    """Return what proves a copy that nobody has open; nothing is written, not even beside it."""
    status = os.stat(path)
    with opened(path, "mode=ro&immutable=1") as session:
        found = session.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})").fetchall()
        problems = [line for (line,) in found if line != "ok"]
        facts = {} if problems else facts_of(session)
    return {
        "problems": problems,
        "facts": facts,
        "size": status.st_size,
        "mode": status.st_mode & 0o7777,
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


def patience(wait: float) -> Callable[[int, int, int], None]:
    """Return what a backup calls after each attempt: it ends one that only waits for a writer."""
    deadline = time.monotonic() + wait

    def progress(status: int, remaining: int, total: int) -> None:
        if status in BUSY and time.monotonic() > deadline:
            refuse(f"another process has kept it locked for {wait:g} seconds", status=4)

    return progress


def copy(path: str, wait: float) -> None:
    """Copy a live database in one read transaction, prove the copy, and print both."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-sqlite-", dir=PLACE) as directory:
        target = os.path.join(directory, "copy")
        with opened(path, "mode=rw", wait) as source, contextlib.closing(sqlite3.connect(target)) as sink:
            source.backup(sink, pages=-1, progress=patience(wait), sleep=0.1)
        live = os.stat(path)
        found = {**proven(target), "mode": live.st_mode & 0o7777, "uid": live.st_uid, "gid": live.st_gid}
        sys.stdout.buffer.write(json.dumps(found).encode() + b"\n")
        with open(target, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
        sys.stdout.buffer.flush()


def users(path: str) -> List[str]:
    """Return the processes that have a file open, as far as this account may see."""
    wanted, found = os.path.realpath(path), {}
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == wanted:
                pid = link.split("/")[2]
                with open(f"/proc/{pid}/comm") as file:
                    found[pid] = f"{file.read().strip()} ({pid})"
    return sorted(found.values())


def look(path: str) -> Dict[str, Any]:
    with open(path, "rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            refuse("it is no SQLite database, or an empty one")
    if not os.access(path, os.W_OK):
        refuse("this account may not write to it, which SQLite needs for its locks")
    needed, free = os.path.getsize(path), shutil.disk_usage(PLACE).free
    if free < needed:
        refuse(f"a copy needs {needed} bytes in {PLACE}; {free} are free")
    return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}


def main() -> None:
    payload = json.load(sys.stdin)
    action, path = payload["action"], payload["path"]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that the copy goes as well
    if not hasattr(sqlite3.Connection, "backup"):
        refuse(f"python3 there is {platform.python_version()}; the online backup of SQLite needs 3.7 or newer")
    if action == "users":
        json.dump(users(path), sys.stdout)
        return
    if not os.path.isfile(path):
        refuse("there is no such file")
    try:
        if action == "copy":
            copy(path, payload["wait"])
        else:
            json.dump(look(path) if action == "look" else proven(path), sys.stdout)
    except (sqlite3.Error, OSError) as error:
        refuse(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
