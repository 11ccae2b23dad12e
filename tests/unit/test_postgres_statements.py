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
    assert split_objects(_object("FUNCTION", "f()", first)) != split_objects(_object("FUNCTION", "f()", again))


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
