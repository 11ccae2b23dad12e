"""What pg_dump and pg_dumpall write about a database and its roles, taken apart into objects with digests."""

import re
from dataclasses import dataclass

from lifeboat.manifest import sha256

_STATEMENT = re.compile(r"""(?:--[^\n]*\n|'(?:[^']|'')*'|"(?:[^"]|"")*"|[^;'"])+;""")
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*\n|\\[^\n]*\n)*")
_OF_ROLE = re.compile(r'(?:CREATE|ALTER|GRANT|COMMENT ON) (?:ROLE )?("(?:[^"]|"")*"|[^\s;]+)')

_OBJECT = re.compile(r"^-- (?:Data for )?Name: (?P<name>.*?); Type: (?P<type>[^;]*); Schema: (?P<schema>[^;]*);", re.M)
_RESTRICT = re.compile(r"^\\(?:un)?restrict .*$", re.M)
#: pg_dump sets these before an object when they differ from the object before it; its heading tells the tablespace.
_PLACE = re.compile(r"^SET (?:default_tablespace|default_table_access_method) = .*;\n?", re.M)
#: A server writes an expression again, with other casts and parentheses, when it was loaded from what it wrote
#: first: (ARRAY['a'::character varying])::text[] comes back as ARRAY[('a'::character varying)::text].
_REWRITTEN = re.compile(r"::(?:character varying|text|bpchar)(?:\[\])?|[()]")
_DATABASE_TYPES = {"DATABASE", "DATABASE PROPERTIES"}
_VERBATIM_TYPES = {"FUNCTION", "PROCEDURE"}


@dataclass(frozen=True)
class Renamed:
    """The name that a database was restored under, and the other one that it was captured under, each also as SQL
    writes it: headings tell the one form of a database itself, and the other form of what is about it."""

    name: str
    name_quoted: str
    other: str
    other_quoted: str


def role_facts(text: str) -> dict[str, str]:
    """Given what pg_dumpall says of the roles, return each role's statements as a digest."""
    statements: dict[str, list[str]] = {}
    for found in _STATEMENT.findall(text):
        statement = _LEADING_COMMENTS.sub("", found, count=1)
        if match := _OF_ROLE.match(statement):
            statements.setdefault(match[0], []).append(statement)
    return {name: sha256("\n".join(sorted(found)).encode()) for name, found in statements.items()}


def split_objects(text: str, renamed: Renamed | None = None) -> dict[str, str]:
    """Given the text of a schema dump, return its objects by type, schema and name, each with a digest. With
    `renamed`, what is about the database is told under its other name."""
    text = _RESTRICT.sub("", text)
    matches = list(_OBJECT.finditer(text))
    objects: dict[str, list[str]] = {}
    for match, end in zip(matches, [*(each.start() for each in matches[1:]), len(text)], strict=False):
        body = text[match.start() : end].split("\n-- PostgreSQL database dump complete")[0]
        key = f"{match['type']} {match['schema']}.{match['name']}"
        if renamed and _about_database(match, renamed):
            key, body = _in_heading(key, renamed), _under_other_name(body, renamed)
        objects.setdefault(key, []).append(_canonical(match["type"], body))
    return {name: sha256("\n".join(sorted(bodies)).encode()) for name, bodies in objects.items()}


def _about_database(match: re.Match[str], renamed: Renamed) -> bool:
    return match["type"] in _DATABASE_TYPES or match["name"] == f"DATABASE {renamed.name_quoted}"


def _under_other_name(text: str, renamed: Renamed) -> str:
    """Given a text about a database, return what it would be under its other name: as it is in comments, and as
    SQL writes it in statements."""
    name = re.compile(rf"(?<![\w.\"]){re.escape(renamed.name_quoted)}(?![\w\"])")

    def of(line: str) -> str:
        if line.startswith("\\connect "):
            return _connect(renamed)
        if line.startswith("--"):
            return _in_heading(line, renamed)
        return name.sub(lambda _: renamed.other_quoted, line)

    return "\n".join(of(line) for line in text.split("\n") if not line.startswith("\\encoding "))


def _in_heading(text: str, renamed: Renamed) -> str:
    """Given a heading or what is made of one, return it with the other name, in the form that it tells."""
    if f"DATABASE {renamed.name_quoted}" in text:
        return text.replace(f"DATABASE {renamed.name_quoted}", f"DATABASE {renamed.other_quoted}")
    return text.replace(renamed.name, renamed.other)


def _connect(renamed: Renamed) -> str:
    """Return the lines by which a dump connects to a database of the other name, as pg_dump writes them."""
    if re.fullmatch(r"[A-Za-z0-9_.]+", renamed.other):
        return f"\\connect {renamed.other_quoted}"
    escaped = re.sub(r"(['\\])", r"\\\1", renamed.other).replace('"', '""')
    return f"\\encoding SQL_ASCII\n\\connect -reuse-previous=on \"dbname='{escaped}'\""


def _canonical(kind: str, body: str) -> str:
    """Given an object's text, return what does not depend on its neighbours or on how often it was restored."""
    body = _PLACE.sub("", body).rstrip("- \n")
    if kind in {"ACL", "DEFAULT ACL"}:  # in the order in which the privileges were granted
        return "\n".join(sorted(body.splitlines()))
    return body if kind in _VERBATIM_TYPES else _REWRITTEN.sub("", body)
