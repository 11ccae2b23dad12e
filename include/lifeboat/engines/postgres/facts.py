"""The facts that prove a PostgreSQL database: rows, content, schema objects, sequences, large objects.

Content is hashed in the server: `hash_record_extended` over each row, summed over the table, so that the
order of rows and duplicates in tables without a key are right. It calls some different values equal and
refuses some types; columns of any type not listed as safe are hashed as text. The result is comparable
within one major version only, which the name of the algorithm says.

What a materialized view holds is no fact: a dump has its query, and a restore runs that again.
"""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from lifeboat.engines.postgres.access import Access, Row, identifier
from lifeboat.engines.postgres.statements import VERSION, Renamed, split_objects
from lifeboat.errors import CaptureError
from lifeboat.host import Command, LocalHost

#: Types whose hash is equal exactly when the values are the same, and depends on no object id.
_SAFE_TYPES = [
    *("int2", "int4", "int8", "oid", "bool", "text", "varchar", "name", "char", "bytea", "uuid"),
    *("date", "time", "timestamp", "timestamptz", "inet", "cidr", "macaddr"),
]

#: How long pg_dump waits, in milliseconds, for a table that another session wants for itself.
LOCK_TIMEOUT = "--lock-wait-timeout=10000"

USER_RELATIONS = """
    n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(temp|toast)'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                    AND d.deptype = 'e')
"""

#: A table's name as SQL writes it, which is unlike any other table's.
_NAME = "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"

_TABLES = f"""
    SELECT {_NAME}, n.nspname, c.relname,
           array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL),
           array_agg(t.typnamespace = 'pg_catalog'::regnamespace AND t.typname = ANY(%s)
                     AND coalesce(o.collisdeterministic, true) ORDER BY a.attnum)
               FILTER (WHERE a.attname IS NOT NULL)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation o ON o.oid = a.attcollation
    WHERE c.relkind = 'r' AND {USER_RELATIONS}
    GROUP BY 1, 2, 3 ORDER BY 1
"""

_SEQUENCES = f"""
    SELECT {_NAME}, n.nspname, c.relname, s.seqincrement, s.seqcycle
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {USER_RELATIONS} ORDER BY 1
"""

#: A dump of the schema does not show large objects, so owner, privileges and comment are told here.
_LARGE_OBJECTS = """
    SELECT count(*), coalesce(sum(hashtextextended(text, 0)), 0)::text
    FROM (SELECT concat_ws(':', oid, encode(sha256(lo_get(oid)), 'hex'), pg_get_userbyid(lomowner),
                           obj_description(oid, 'pg_largeobject'),
                           (SELECT string_agg(item::text, ',' ORDER BY item::text)
                            FROM unnest(coalesce(lomacl, acldefault('L', lomowner))) AS item)) AS text
          FROM pg_largeobject_metadata) AS described
"""

#: Tablespaces of a database and of what is in it, other than the default one.
_TABLESPACES = """
    SELECT DISTINCT spcname FROM pg_tablespace WHERE spcname !~ '^pg_'
    AND (oid IN (SELECT reltablespace FROM pg_class)
         OR oid = (SELECT dattablespace FROM pg_database WHERE datname = current_database()))
    ORDER BY 1
"""


def algorithm(major: int) -> str:
    """Given a server's major version, return the name of how its facts are computed."""
    return f"postgres-hash-record/{VERSION}/pg{major}"


def version_in(name: str) -> int:
    """Given the name of how facts were computed, return its version, by which they are to be computed again."""
    return int(name.split("/")[1])


def table_facts(
    session: psycopg.Connection[Row], before_each: Callable[[], None] = lambda: None
) -> dict[str, list[Any]]:
    """Given a session, return for every table `schema.table` its row count and two sums of its rows' hashes.

    `before_each` runs before each table, and may end it all by raising.
    """
    facts = {}
    for name, schema, table, columns, safe in session.execute(_TABLES, (_SAFE_TYPES,)).fetchall():
        before_each()
        facts[name] = _digest(session, schema, table, columns, safe)
    return facts


def one_table_facts(session: psycopg.Connection[Row], schema: str, table: str) -> list[Any]:
    """Given a session and a table, return its row count and the two sums of its rows' hashes."""
    for _, found_schema, name, columns, safe in session.execute(_TABLES, (_SAFE_TYPES,)).fetchall():
        if (found_schema, name) == (schema, table):
            return _digest(session, schema, table, columns, safe)
    raise CaptureError(f"There is no table {schema}.{table} in database '{session.info.dbname}'.")


def _digest(
    session: psycopg.Connection[Row],
    schema: str,
    table: str,
    columns: list[str] | None,
    safe: list[bool] | None,
) -> list[Any]:
    fields = [
        sql.SQL("t.{}" if plain else 't.{}::text COLLATE "C"').format(sql.Identifier(column))
        for column, plain in zip(columns or (), safe or (), strict=True)
    ]
    query = sql.SQL(
        "SELECT count(*), coalesce(sum(h), 0)::text, coalesce(sum(hashint8extended(h, 1)), 0)::text "
        "FROM (SELECT hash_record_extended(ROW({fields}), 0) AS h FROM ONLY {table} AS t) AS hashed"
    ).format(fields=sql.SQL(", ").join(fields), table=identifier(schema, table))
    try:
        row = session.execute(query).fetchone()
    except psycopg.OperationalError:  # the session is lost, not the table
        raise
    except psycopg.Error as error:
        raise CaptureError(
            f"Table {schema}.{table} of database '{session.info.dbname}' cannot be read: {error.diag.message_primary}",
            next_step="Grant the account of the connection the right to read it (pg_read_all_data), "
            "or repair the table, then start a new run.",
        ) from None
    assert row is not None
    return list(row)


def sequence_values(session: psycopg.Connection[Row]) -> dict[str, dict[str, Any]]:
    """Given a session, return every sequence with its value now; sequences obey no transaction."""
    values = {}
    for name, schema, sequence, increment, cycles in session.execute(_SEQUENCES).fetchall():
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(identifier(schema, sequence))
        row = session.execute(query).fetchone()
        assert row is not None
        values[name] = {
            "value": [row[0], int(row[1])],
            "increment": increment,
            "cycles": cycles,
        }
    return values


def large_object_facts(session: psycopg.Connection[Row]) -> list[Any]:
    """Given a session, return the number of large objects and the sum of their hashes."""
    row = session.execute(_LARGE_OBJECTS).fetchone()
    assert row is not None
    return list(row)


def tablespaces(session: psycopg.Connection[Row]) -> list[str]:
    """Given a session, return the names of the tablespaces that a restore of its database needs."""
    return [row[0] for row in session.execute(_TABLESPACES).fetchall()]


def schema_facts(
    tools: str,
    access: Access,
    database: str,
    snapshot: str | None = None,
    renamed: Renamed | None = None,
    version: int = VERSION,
) -> dict[str, str]:
    """Given the tools' directory and a database, return every object of its schema with a digest of its text.

    pg_dump writes the text, so owner, privileges, comments, settings, extensions and policies count. `renamed`
    tells the name that it was captured under, if it has another now; `version` is that of the facts to compare with.
    """
    argv = [f"{tools}/pg_dump", "--schema-only", "--create", "--no-password", LOCK_TIMEOUT]
    command = Command(
        [*argv, f"--snapshot={snapshot}"] if snapshot else argv,
        environment=access.environment(database),
        secrets=access.secrets(),
    )
    text = LocalHost().run(command, timeout=None).stdout.decode()
    return split_objects(text, renamed, version)
