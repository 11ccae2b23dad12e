"""Loading rows by COPY, and setting sequences after it."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection, sql

_SEQUENCE_COLUMNS = """
SELECT table_name, column_name, substring(column_default FROM 'nextval\\(''([^'']+)''')
FROM information_schema.columns
WHERE table_schema = 'public' AND column_default LIKE 'nextval(%'
ORDER BY 1, 2
"""


def copy_rows(connection: Connection[Any], table: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Given a table, its columns as names separated by spaces, and rows, load the rows into the table."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns.split()))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def advance_sequences(connection: Connection[Any]) -> None:
    """Set every sequence that gives a column its default to at least the highest value in that column."""
    for table, column, sequence in connection.execute(_SEQUENCE_COLUMNS).fetchall():
        statement = sql.SQL(
            "SELECT setval({name}, greatest(max({column}), (SELECT last_value FROM {sequence})))"
            " FROM {table} HAVING max({column}) IS NOT NULL"
        )
        connection.execute(
            statement.format(
                name=sql.Literal(sequence),
                sequence=sql.Identifier(sequence),
                column=sql.Identifier(column),
                table=sql.Identifier(table),
            )
        )
