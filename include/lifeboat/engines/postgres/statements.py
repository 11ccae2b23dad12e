"""What pg_dump and pg_dumpall write about a database and its roles, taken apart into objects with digests."""

import re
from dataclasses import dataclass

from lifeboat.manifest import sha256

STATEMENT = re.compile(r"""(?:--[^\n]*\n|'(?:[^']|'')*'|"(?:[^"]|"")*"|[^;'"])+;""")
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*\n|\\[^\n]*\n)*")
_OF_ROLE = re.compile(r'(?:CREATE|ALTER|GRANT|COMMENT ON) (?:ROLE )?("(?:[^"]|"")*"|[^\s;]+)')

_OBJECT = re.compile(r"^-- (?:Data for )?Name: (?P<name>.*?); Type: (?P<type>[^;]*); Schema: (?P<schema>[^;]*);", re.M)
#: What is for psql alone.
_COMMANDS = re.compile(r"^\\(?:restrict|unrestrict|connect|encoding) .*$\n?", re.M)
#: pg_dump sets these before an object when they differ from the object before it; its heading tells the tablespace.
_PLACE = re.compile(r"^SET (?:default_tablespace|default_table_access_method) = .*;\n?", re.M)
#: What expressions are made of, as far as casts matter: headings and quoted parts hold none.
_PART = re.compile(
    r"""^--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<cast>::(?:character\ varying|text|bpchar)\b(?:\[\])?(?!\())"""
    r"""|[()]|[^-'":()]+|.""",
    re.M | re.S,
)
#: What stands before the parenthesis of a call.
_CALLED = re.compile(r'[\w"$]$')
#: Until version 2 no parenthesis counted, not even in a text.
_REWRITTEN_1 = re.compile(r"::(?:character varying|text|bpchar)(?:\[\])?|[()]")
_DATABASE_TYPES = {"DATABASE", "DATABASE PROPERTIES"}
_ROUTINES = {"FUNCTION", "PROCEDURE"}
_QUOTED_BODY = "\n    AS "
#: The version of how a schema's text is made comparable.
VERSION = 2


@dataclass(frozen=True)
class Renamed:
    """The name that a database was restored under, and the other one that it was captured under, each also as SQL
    writes it: headings tell the one form of a database itself, and the other form of what is about it."""

    name: str
    name_quoted: str
    other: str
    other_quoted: str


def without_comments(statement: str) -> str:
    """Given a statement, return it without the comments and psql commands before it."""
    return _LEADING_COMMENTS.sub("", statement, count=1)


def of_role(statement: str) -> str:
    """Given a statement about a role, return the role's name as it is written, or an empty text."""
    match = _OF_ROLE.match(statement)
    return match[1] if match else ""


def for_database(statement: str, live: str, beside: str) -> str:
    """Given a statement about a database, both names quoted, return it about the other one. The name comes first
    behind the word DATABASE, before any text that could hold it too."""
    return re.sub(rf"(\bDATABASE ){re.escape(live)}(?=[\s;]|$)", lambda found: found[1] + beside, statement, count=1)


def role_facts(text: str) -> dict[str, str]:
    """Given what pg_dumpall says of the roles, return each role's statements as a digest."""
    statements: dict[str, list[str]] = {}
    for found in STATEMENT.findall(text):
        statement = without_comments(found)
        if match := _OF_ROLE.match(statement):
            statements.setdefault(match[0], []).append(statement)
    return {name: sha256("\n".join(sorted(found)).encode()) for name, found in statements.items()}


def split_objects(text: str, renamed: Renamed | None = None, version: int = VERSION) -> dict[str, str]:
    """Given the text of a schema dump, return its objects by type, schema and name, each with a digest. With
    `renamed`, what is about the database is told under its other name. `version` is the one to compare with."""
    text = _COMMANDS.sub("", text)
    matches = list(_OBJECT.finditer(text))
    objects: dict[str, list[str]] = {}
    for match, end in zip(matches, [*(each.start() for each in matches[1:]), len(text)], strict=False):
        body = text[match.start() : end].split("\n-- PostgreSQL database dump complete")[0]
        name = match["name"]
        if renamed and _about_database(match, renamed):
            name = renamed.other if name == renamed.name else f"DATABASE {renamed.other_quoted}"
            body = _under_other_name(body, match["name"], name, renamed)
        key = f"{match['type']} {match['schema']}.{name}"
        objects.setdefault(key, []).append(_canonical(match["type"], body, version))
    return {name: sha256("\n".join(sorted(bodies)).encode()) for name, bodies in objects.items()}


def _about_database(match: re.Match[str], renamed: Renamed) -> bool:
    return match["type"] in _DATABASE_TYPES or match["name"] == f"DATABASE {renamed.name_quoted}"


def _under_other_name(text: str, heading: str, other_heading: str, renamed: Renamed) -> str:
    """Given a text about a database and both names as headings tell them, return what the text would be under the
    other name. Nothing else in it is changed: an owner or a comment may hold the same word."""

    def of(line: str) -> str:
        if line.startswith("-- Name: "):
            return line.replace(f"Name: {heading};", f"Name: {other_heading};", 1)
        return for_database(line, renamed.name_quoted, renamed.other_quoted)

    return "\n".join(of(line) for line in text.split("\n"))


def _canonical(kind: str, body: str, version: int) -> str:
    """Given an object's text, return what does not depend on its neighbours or on how often it was restored."""
    body = _PLACE.sub("", body).rstrip("- \n")
    if kind in {"ACL", "DEFAULT ACL"}:  # in the order in which the privileges were granted
        return "\n".join(sorted(body.splitlines()))
    if version == 1:
        return body if kind in _ROUTINES else _REWRITTEN_1.sub("", body)
    if kind in _ROUTINES:  # a quoted body is kept as it is, one that is parsed is not, nor are defaults
        parsed, quoted, verbatim = body.partition(_QUOTED_BODY)
        return without_casts(parsed) + quoted + verbatim
    return without_casts(body)


def without_casts(text: str) -> str:
    """Given an object's text, return it without casts to text and the parentheses around what they cast, and without
    doubled parentheses.

    A server writes an expression again, with other casts, when it was loaded from what it wrote first:
    (ARRAY['a'::character varying])::text[] comes back as ARRAY[('a'::character varying)::text].
    """
    parts: list[str] = []
    opened: list[int] = []
    closed: tuple[int, int] | None = None  # the parentheses that end just here
    for found in _PART.finditer(text):
        part, ended = found[0], closed
        closed = None
        if found["cast"]:
            if ended and not (ended[0] and _CALLED.search(parts[ended[0] - 1])):
                parts[ended[0]] = parts[ended[1]] = ""
            continue
        if part == "(":
            opened.append(len(parts))
        elif part == ")" and opened:
            closed = opened.pop(), len(parts)
            if ended == (closed[0] + 1, closed[1] - 1):
                parts[ended[0]] = parts[ended[1]] = ""
        parts.append(part)
    return "".join(parts)
