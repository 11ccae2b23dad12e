"""The facts of an H2 database, from the SQL script that H2 itself writes of it.

One Java process on this worker opens a copy of the file, for reading only, with the product's own H2. The password
reaches it on standard input: Java reads its arguments from there.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifeboat.errors import CommandError
from lifeboat.host import Command, LocalHost

#: The java that runs H2; any since 9 can read its arguments from a file.
JAVA = "java"
_SECONDS = 3600.0
_NAME = r'(?:"(?:[^"]|"")*"|[\w$]+)'
_QUALIFIED = rf"(?P<name>{_NAME}(?:\.{_NAME})?)"
_INSERT = re.compile(rf"INSERT INTO {_QUALIFIED}")
_CREATE = re.compile(
    r"CREATE (?:OR REPLACE |FORCE |CACHED |MEMORY |UNIQUE |SPATIAL |LOCAL |GLOBAL |TEMPORARY )*"
    rf"(?P<kind>[A-Z]+) (?:IF NOT EXISTS )?{_QUALIFIED}"
)
_CONSTRAINT = re.compile(rf"ALTER TABLE .*? ADD (?P<kind>CONSTRAINT) (?:IF NOT EXISTS )?{_QUALIFIED}")
_NEXT_VALUE = re.compile(r" (?:RESTART|START) WITH (-?\d+)")
_LOB_PART = re.compile(r"INSERT INTO SYSTEM_LOB_STREAM VALUES\((\d+), \d+, ")
_LOB = re.compile(r"SYSTEM_COMBINE_[BC]LOB\((\d+)\)")
#: What the script makes to carry large objects, and removes again.
_HELPERS = re.compile(r"(?:CREATE|ALTER|DROP) .*?\bSYSTEM_(?:LOB_STREAM|COMBINE_[BC]LOB)\b")


@dataclass
class _Facts:
    tables: dict[str, list[Any]] = field(default_factory=dict)
    schema: dict[str, str] = field(default_factory=dict)
    sequences: dict[str, str] = field(default_factory=dict)
    lobs: dict[str, "hashlib._Hash"] = field(default_factory=dict)


def prove(database: Path, jar: Path, user: str, password: str) -> dict[str, Any]:
    """Given a copy of a data file, its jar and an administrator of the database, return its facts.

    Raise CommandError with what H2 says when it cannot be opened.
    """
    script = database.with_name("script.sql")
    try:
        run_tool("Script", database, jar, user, password, "-script", str(script), "-options", "simple")
        with script.open(encoding="utf-8", errors="surrogateescape") as lines:
            return facts_of(lines)
    finally:
        script.unlink(missing_ok=True)


def run_tool(tool: str, database: Path, jar: Path, user: str, password: str, *arguments: str) -> None:
    """Let one of H2's own tools read a copy of a data file. Raise CommandError with what H2 says."""
    # H2 splits a URL at semicolons; ours are its settings, and a scratch path has none.
    url = f"jdbc:h2:{database.with_suffix('').with_suffix('')};IFEXISTS=TRUE;ACCESS_MODE_DATA=r"
    argv = [
        "-XX:+UseSerialGC",
        "-cp",
        str(jar),
        f"org.h2.tools.{tool}",
        "-url",
        url,
        "-user",
        user,
        "-password",
        password,
        *arguments,
    ]
    command = Command([JAVA, "@/dev/stdin"], secrets={"LIFEBOAT_H2_PASSWORD": password}, working_directory="/")
    LocalHost().run(command, input="\n".join(map(_quoted, argv)).encode(), timeout=_SECONDS)


def _quoted(argument: str) -> str:
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def problem(error: CommandError) -> str:
    """Given what Java left, return what H2 says."""
    lines = error.stderr.splitlines() or [error.message]
    said = next((line for line in lines if "Exception" in line), lines[0])
    return re.sub(r'^Exception in thread "main" ', "", said)


def facts_of(lines: Iterator[str] | Any) -> dict[str, Any]:
    """Given the lines of a script with one INSERT for each row, return the facts."""
    facts = _Facts()
    for statement in _statements(lines):
        if part := _LOB_PART.match(statement):
            digest = facts.lobs.setdefault(part[1], hashlib.sha256())
            digest.update(statement[part.end() :].encode(errors="surrogateescape"))
        elif row := _INSERT.match(statement):
            _add_row(facts, _plain(row["name"]), statement[row.end() :])
        elif not _HELPERS.match(statement):
            _add_object(facts, statement)
    return {"tables": facts.tables, "schema": facts.schema, "sequences": facts.sequences}


def _statements(lines: Iterator[str]) -> Iterator[str]:
    """Yield the statements of a script. H2 writes no line break inside a text, and ends each statement with a
    semicolon at the end of a line."""
    collected: list[str] = []
    for line in lines:
        text = line.rstrip()
        if not collected and (text.startswith("--") or text in ("", ";")):
            continue
        collected.append(text)
        if text.endswith(";"):
            yield "\n".join(collected)[:-1]
            collected = []
    if collected:
        yield "\n".join(collected)


def _add_row(facts: _Facts, table: str, values: str) -> None:
    """Count a row; digests are summed, so that their order does not matter and duplicates do."""

    def content(found: re.Match[str]) -> str:
        digest = facts.lobs.get(found[1])
        return f"lob {digest.hexdigest()}" if digest else found[0]

    text = _LOB.sub(content, values)
    row = int.from_bytes(hashlib.sha256(text.encode(errors="surrogateescape")).digest(), "big")
    fact = facts.tables.setdefault(table, [0, f"{0:064x}"])
    fact[0] += 1
    fact[1] = f"{(int(fact[1], 16) + row) % (1 << 256):064x}"


def _add_object(facts: _Facts, statement: str) -> None:
    found = _CREATE.match(statement) or _CONSTRAINT.match(statement)
    kind, name = (found["kind"], _plain(found["name"])) if found else ("", statement.split("\n")[0][:60])
    if kind == "TABLE":
        facts.tables.setdefault(name, [0, f"{0:064x}"])
    if kind in ("TABLE", "SEQUENCE"):  # an identity column has a sequence of its own
        values = _NEXT_VALUE.findall(statement)
        if values:
            facts.sequences[name] = ", ".join(values)
        statement = _NEXT_VALUE.sub("", statement)
    key = f"{kind} {name}".strip()
    text = facts.schema.get(key, "") + statement
    facts.schema[key] = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _plain(name: str) -> str:
    """Given a name as SQL writes it, return it without its quotes."""
    return ".".join(part[1:-1].replace('""', '"') if part[0] == '"' else part for part in re.findall(_NAME, name))
