"""What pg_dump and pg_dumpall write about a database and its roles, taken apart into objects with digests."""

import re

from lifeboat.manifest import sha256

STATEMENT = re.compile(r"""(?:--[^\n]*\n|'(?:[^']|'')*'|"(?:[^"]|"")*"|[^;'"])+;""")
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*\n|\\[^\n]*\n)*")
_OF_ROLE = re.compile(r'(?:CREATE|ALTER|GRANT|COMMENT ON) (?:ROLE )?("(?:[^"]|"")*"|[^\s;]+)')

_OBJECT = re.compile(r"^-- (?:Data for )?Name: (?P<name>.*?); Type: (?P<type>[^;]*); Schema: (?P<schema>[^;]*);", re.M)
#: What is for psql alone.
_COMMANDS = re.compile(r"^\\(?:restrict|unrestrict|connect) .*$", re.M)
#: pg_dump sets these before an object when they differ from the object before it; its heading tells the tablespace.
_PLACE = re.compile(r"^SET (?:default_tablespace|default_table_access_method) = .*;\n?", re.M)
#: A server writes an expression again, with other casts and parentheses, when it was loaded from what it wrote
#: first: (ARRAY['a'::character varying])::text[] comes back as ARRAY[('a'::character varying)::text].
_REWRITTEN = re.compile(r"::(?:character varying|text|bpchar)(?:\[\])?|[()]")
_VERBATIM_TYPES = {"FUNCTION", "PROCEDURE"}


def without_comments(statement: str) -> str:
    """Given a statement, return it without the comments and psql commands before it."""
    return _LEADING_COMMENTS.sub("", statement, count=1)


def of_role(statement: str) -> str:
    """Given a statement about a role, return the role's name as it is written, or an empty text."""
    match = _OF_ROLE.match(statement)
    return match[1] if match else ""


def role_facts(text: str) -> dict[str, str]:
    """Given what pg_dumpall says of the roles, return each role's statements as a digest."""
    statements: dict[str, list[str]] = {}
    for found in STATEMENT.findall(text):
        statement = without_comments(found)
        if match := _OF_ROLE.match(statement):
            statements.setdefault(match[0], []).append(statement)
    return {name: sha256("\n".join(sorted(found)).encode()) for name, found in statements.items()}


def split_objects(text: str) -> dict[str, str]:
    """Given the text of a schema dump, return its objects by type, schema and name, each with a digest."""
    text = _COMMANDS.sub("", text)
    matches = list(_OBJECT.finditer(text))
    objects: dict[str, list[str]] = {}
    for match, end in zip(matches, [*(each.start() for each in matches[1:]), len(text)], strict=False):
        body = text[match.start() : end].split("\n-- PostgreSQL database dump complete")[0]
        key = f"{match['type']} {match['schema']}.{match['name']}"
        objects.setdefault(key, []).append(_canonical(match["type"], body))
    return {name: sha256("\n".join(sorted(bodies)).encode()) for name, bodies in objects.items()}


def _canonical(kind: str, body: str) -> str:
    """Given an object's text, return what does not depend on its neighbours or on how often it was restored."""
    body = _PLACE.sub("", body).rstrip("- \n")
    if kind in {"ACL", "DEFAULT ACL"}:  # in the order in which the privileges were granted
        return "\n".join(sorted(body.splitlines()))
    return body if kind in _VERBATIM_TYPES else _REWRITTEN.sub("", body)
