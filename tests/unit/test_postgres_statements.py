"""Dumps of a schema and of roles, taken apart: what is the same and what is not."""

import pytest

from lifeboat.engines.postgres.statements import Renamed, role_facts, split_objects

HEAD = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET lock_timeout = 0;\n\n"
TAIL = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n"


def _object(kind: str, name: str, text: str, more: str = "") -> str:
    return f"--\n-- Name: {name}; Type: {kind}; Schema: public; Owner: me{more}\n--\n\n{text}\n\n\n"


def _table(name: str, text: str = "a integer", more: str = "") -> str:
    return _object("TABLE", name, f"CREATE TABLE public.{name} (\n    {text}\n);", more)


def test_objects_are_named_by_type_schema_and_name() -> None:
    text = HEAD + _table("one") + _object("INDEX", "by a", 'CREATE INDEX "by a" ON public.one USING btree (a);') + TAIL
    assert split_objects(text).keys() == {"TABLE public.one", "INDEX public.by a"}
    assert split_objects("") == {}


def test_neither_the_order_nor_the_ends_of_a_dump_matter() -> None:
    """pg_dump sets the tablespace anew where it changes, so the lines move with the order."""
    space, usual = "SET default_tablespace = space;\n\n", "SET default_tablespace = '';\n\n"
    access = "SET default_table_access_method = heap;\n\n"
    placed, plain = _table("placed", more="; Tablespace: space"), _table("plain")
    one = split_objects(HEAD + usual + access + plain + space + placed + TAIL)
    assert one == split_objects(HEAD.replace("abc", "xyz") + space + access + placed + usual + plain + TAIL)
    assert one != split_objects(HEAD + usual + access + plain + _table("placed") + TAIL)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (
            "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
            "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))",
        ),
        ("CHECK ((a > 0) AND (b > 0))", "CHECK (((a > 0) AND (b > 0)))"),
    ],
)
def test_an_expression_that_the_server_writes_in_another_way_is_the_same(first: str, again: str) -> None:
    assert split_objects(_table("t", first)) == split_objects(_table("t", again))
    assert split_objects(_table("t", first)) != split_objects(_table("t", first.replace("b", "c")))
    one, other = (_object("FUNCTION", "f()", f"CREATE FUNCTION f()\n    RETURN {body};") for body in (first, again))
    assert split_objects(one) == split_objects(other)
    one, other = (_object("FUNCTION", "f()", f"CREATE FUNCTION f()\n    AS $${body}$$;") for body in (first, again))
    assert split_objects(one) != split_objects(other)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("a text DEFAULT 'x(y)'::text", "a text DEFAULT 'xy'::text"),
        ("a text DEFAULT '::text'::text", "a text DEFAULT ''::text"),
        ("CHECK ((a OR (b AND c)))", "CHECK (((a OR b) AND c))"),
        ("CHECK ((- (a - b)) < 1)", "CHECK ((- a - b) < 1)"),
        ('"a(b)" integer', '"ab" integer'),
        ("a character varying(20)", "a character varying(2)"),
        ("DEFAULT f((a)::text)", "DEFAULT f(a, b)"),
    ],
)
def test_expressions_that_mean_something_else_differ(first: str, other: str) -> None:
    assert split_objects(_table("t", first)) != split_objects(_table("t", other))


def test_a_quote_in_a_heading_does_not_hide_what_follows() -> None:
    first, again = "DEFAULT ('a'::text)::character varying", "DEFAULT 'a'::text"
    one, other = (_object("TABLE", "it's", f"CREATE TABLE t (a text {text});") for text in (first, again))
    assert split_objects(one) == split_objects(other)
    assert split_objects(one) != split_objects(other.replace("'a'", "'(a)'"))


def test_what_an_earlier_version_captured_is_still_compared_in_its_way() -> None:
    """These digests are in vaults."""
    text = _table("t", "a text DEFAULT '(x)'::text, CHECK (((a)::text <> 'y'::text))")
    assert split_objects(text, version=1) == {
        "TABLE public.t": "ab7ae08db955a4dd149488e07a2585cda77ed2820177d9bbcff897a0d5fb347e",
    }
    assert split_objects(text, version=2) == {
        "TABLE public.t": "3e5919e631ef8d71ab2a2ae734db83d76bd300d064c24f2bc85257d66af6389c",
    }


def test_privileges_are_the_same_in_any_order() -> None:
    grants = ["GRANT SELECT ON TABLE public.t TO one;", "GRANT ALL ON TABLE public.t TO two;"]
    first, other = (_object("ACL", "TABLE t", "\n".join(lines)) for lines in (grants, reversed(grants)))
    assert split_objects(first) == split_objects(other)
    assert split_objects(first) != split_objects(_object("ACL", "TABLE t", grants[0]))


ROLES = """--
-- PostgreSQL database cluster dump
--

\\restrict abc

SET default_transaction_read_only = off;

--
-- Roles
--

CREATE ROLE plain;
ALTER ROLE plain WITH NOSUPERUSER PASSWORD 'SCRAM-SHA-256$4096:x';
CREATE ROLE "od""d; -- 'role'";
ALTER ROLE "od""d; -- 'role'" WITH LOGIN;
COMMENT ON ROLE plain IS 'first line;
it''s the second
CREATE ROLE none;';

--
-- User Config "it's"
--

ALTER ROLE plain SET work_mem TO '5MB';

GRANT plain TO "od""d; -- 'role'" GRANTED BY postgres;

\\unrestrict abc
"""


def test_roles_are_told_by_their_statements() -> None:
    odd = '"od""d; -- \'role\'"'
    assert role_facts(ROLES).keys() == {
        "CREATE ROLE plain",
        "ALTER ROLE plain",
        "COMMENT ON ROLE plain",
        f"CREATE ROLE {odd}",
        f"ALTER ROLE {odd}",
        "GRANT plain",
    }


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("4096:x", "4096:y", "ALTER ROLE plain"),
        ("'5MB'", "'6MB'", "ALTER ROLE plain"),
        ("the second", "the third", "COMMENT ON ROLE plain"),
        ("GRANTED BY postgres", "WITH ADMIN OPTION", "GRANT plain"),
    ],
)
def test_every_part_of_a_statement_counts(old: str, new: str, name: str) -> None:
    before, after = role_facts(ROLES), role_facts(ROLES.replace(old, new))
    assert {each for each in before if before[each] != after[each]} == {name}


def test_a_database_under_another_name_is_told_as_of_its_own() -> None:
    """Only the name itself counts: the owner and the comment may hold the same word, and stay."""
    text = """--
-- Name: {plain}; Type: DATABASE; Schema: -; Owner: copy
--

CREATE DATABASE {quoted} WITH TEMPLATE = template0;
ALTER DATABASE {quoted} OWNER TO copy;

{connect}

SET row_security = off;

--
-- Name: DATABASE {quoted}; Type: COMMENT; Schema: -; Owner: copy
--

COMMENT ON DATABASE {quoted} IS 'a copy of DATABASE copy';
"""
    connect = "\\encoding SQL_ASCII\n\\connect -reuse-previous=on \"dbname='My Shop'\""
    captured = split_objects(text.format(plain="My Shop", quoted='"My Shop"', connect=connect))
    restored = text.format(plain="copy", quoted="copy", connect="\\connect copy")
    assert split_objects(restored, Renamed("copy", "copy", "My Shop", '"My Shop"')) == captured
    assert split_objects(restored) != captured
