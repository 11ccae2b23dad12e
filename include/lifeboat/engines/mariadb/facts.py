"""The facts of a MariaDB database's tables: rows, content, and the values of what counts up.

Content is hashed in the server: each row becomes one string of bytes in which no value can be taken for another,
and the sums of its checksums over the table make a multiset, in which order does not count and duplicates do. With
CRC32 and CRC32C (10.8) a narrow table takes a third of what MD5 takes; the product of both is summed, since the sum
of a checksum alone would not see all values that rows have exchanged. Older servers take MD5. The result is
comparable within one release series only, which the name of the algorithm says.

FLOAT is hashed with the digits that a dump keeps: the server writes six of them, and that is all that any dump has.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pymysql

from lifeboat.engines.mariadb.access import Session, explain, quoted

#: Types whose text is the value, holds no comma, and is never long.
_PLAIN = {
    *("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year"),
    *("date", "time", "datetime", "timestamp"),
}
_APPROXIMATE = {"float", "double"}
#: Types of at most 64 kB, whose bytes are taken as they are.
_SHORT = {
    *("char", "varchar", "binary", "varbinary", "tinytext", "text", "tinyblob", "blob"),
    *("enum", "set", "uuid", "inet4", "inet6"),
}
_CRC_SERIES = (10, 8)

_TABLES = """
    SELECT TABLE_NAME, TABLE_TYPE, ENGINE, AUTO_INCREMENT FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = %s AND TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW') ORDER BY TABLE_NAME
"""
_COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, IS_NULLABLE = 'YES', GENERATION_EXPRESSION
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME, ORDINAL_POSITION
"""
_SAFE_ENGINES = "SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'"


@dataclass(frozen=True)
class Column:
    """One column, as far as its values and a proof of them need it."""

    name: str
    type: str
    nullable: bool
    generation: str


@dataclass(frozen=True)
class Table:
    """One table, or a sequence, which is a table to the server."""

    database: str
    name: str
    type: str
    engine: str
    auto_increment: int | None
    columns: tuple[Column, ...]

    @property
    def is_sequence(self) -> bool:
        return self.type == "SEQUENCE"

    @property
    def is_versioned(self) -> bool:
        """Whether old versions of its rows are kept."""
        return self.type == "SYSTEM VERSIONED"

    @property
    def sql_name(self) -> str:
        return quoted(self.database, self.name)


def algorithm(series: tuple[int, int], kind: str = "") -> str:
    """Given a server's release series, return the name of how its facts are computed."""
    return f"mariadb-{kind or _kind(series)}/1/mariadb{series[0]}.{series[1]}"


def series_in(name: str) -> tuple[int, int]:
    """Given the name of how facts were computed, return the release series that they are of."""
    major, minor = name.rpartition("/mariadb")[2].split(".")
    return int(major), int(minor)


def _kind(series: tuple[int, int]) -> str:
    return "row-crc" if series >= _CRC_SERIES else "row-md5"


def read_tables(session: Session, database: str) -> list[Table]:
    """Given a database, return its tables and sequences."""
    columns: dict[str, list[Column]] = {}
    for table, name, kind, nullable, generation in session.rows(_COLUMNS, (database,)):
        columns.setdefault(table, []).append(Column(name, kind, bool(nullable), generation or ""))
    return [
        Table(database, name, kind, engine or "", counter, tuple(columns.get(name, ())))
        for name, kind, engine, counter in session.rows(_TABLES, (database,))
    ]


def unsafe_tables(session: Session, tables: Iterable[Table]) -> list[Table]:
    """Given tables, return those of an engine without transactions: no snapshot holds them still."""
    safe = {row[0] for row in session.rows(_SAFE_ENGINES)}
    return [table for table in tables if not table.is_sequence and table.engine not in safe]


def table_facts(
    session: Session, tables: Iterable[Table], series: tuple[int, int], before_each: Callable[[], None] = lambda: None
) -> dict[str, list[Any]]:
    """Given tables, return for each its row count and two sums of its rows' checksums.

    `before_each` runs before each table, and may end it all by raising.
    """
    facts = {}
    for table in tables:
        if not table.is_sequence:
            before_each()
            facts[table.name] = _digest(session, table, series)
    return facts


def _digest(session: Session, table: Table, series: tuple[int, int]) -> list[Any]:
    what = f"{session.name}: table '{table.name}' of database '{table.database}'"
    period = " FOR SYSTEM_TIME ALL" if table.is_versioned else ""
    try:
        rows, first, read, second, hashed = session.one(f"SELECT {_sums(table, series)} FROM {table.sql_name}{period}")
        if first != read:
            rows, first, second, hashed = session.one(_without_variable(table, series, period))
    except pymysql.err.MySQLError as error:
        raise explain(what, error) from None
    if hashed != rows:  # a row longer than max_allowed_packet is NULL, with a warning that nobody sees
        raise explain(what, pymysql.err.OperationalError(0, "a row is longer than max_allowed_packet allows"))
    return [int(rows), str(first or 0), str(second or 0)]


def _sums(table: Table, series: tuple[int, int]) -> str:
    """Return the select list that counts rows and sums their checksums.

    The variable saves building each row again for each sum. It counts on an order of evaluation that servers keep
    but do not promise, so the sum that sets it is compared with the same sum of what is read of it.
    """
    first, second = _digests(series)
    parts = [first.format(f"@row := {_row(table, series)}"), first.format("@row"), second.format("@row")]
    return f"COUNT(*), {', '.join(parts)}, COUNT(@row)"


def _without_variable(table: Table, series: tuple[int, int], period: str) -> str:
    sums = ", ".join(each.format("r") for each in _digests(series))
    return (
        f"SELECT COUNT(*), {sums}, COUNT(r) FROM (SELECT {_row(table, series)} AS r FROM {table.sql_name}{period}) AS h"
    )


def _row(table: Table, series: tuple[int, int]) -> str:
    return row_expression(table) if _kind(series) == "row-crc" else f"MD5({row_expression(table)})"


def _digests(series: tuple[int, int]) -> tuple[str, str]:
    """Return the two sums that make a table's digest, with a place for the row."""
    if _kind(series) == "row-crc":
        return "SUM(CRC32({0}))", "SUM(CRC32({0}) * CRC32C({0}))"
    half = "SUM(CAST(CONV({side}({{0}}, 16), 16, 10) AS UNSIGNED))"
    return half.format(side="LEFT"), half.format(side="RIGHT")


def row_expression(table: Table) -> str:
    """Given a table, return the expression that makes a string of bytes of each of its rows. Numbers end with a
    comma, bytes follow their length, and N is NULL."""
    columns = list(table.columns)
    if table.is_versioned and not any(column.generation == "ROW START" for column in columns):
        columns += [Column(name, "timestamp", False, "") for name in ("row_start", "row_end")]
    return f"CONCAT({', '.join(_field(column) for column in columns)}, _binary'')"


def _field(column: Column) -> str:
    name = quoted(column.name)
    if column.type in _PLAIN:
        value = name
    elif column.type in _APPROXIMATE:  # a dump writes -0, which is loaded as 0
        value = f"IF({name} = 0, '0', {name})"
    elif column.type == "bit":
        value = f"{name} + 0"
    elif column.type in _SHORT:
        value = f"CONCAT(LENGTH({name}), _binary':', {name})"
    else:  # of the connection's character set, which does not mix with a text of another one
        value = f"CAST(MD5({name}) AS BINARY)"
    return f"IFNULL({value}, 'N'), ','" if column.nullable else f"{value}, ','"


def shortened_floats(session: Session, tables: Iterable[Table]) -> dict[str, int]:
    """Given tables, return for each column `table.column` of type FLOAT how many values have more digits than a
    dump keeps, where there are any."""
    found: dict[str, int] = {}
    for table in tables:
        for column in table.columns:
            if column.type == "float":
                name = quoted(column.name)
                differs = f"{name} <> CAST(CAST({name} AS CHAR) AS FLOAT)"
                (count,) = session.one(f"SELECT COUNT(*) FROM {table.sql_name} WHERE {differs}")
                if count:
                    found[f"{table.name}.{column.name}"] = int(count)
    return found


def sequence_values(session: Session, database: str) -> dict[str, Any]:
    """Given a database, return what counts up in it, with its value now: sequences, and the next AUTO_INCREMENT of
    each table; they obey no transaction."""
    values = {}
    for table in read_counters(session, database):
        if table.is_sequence:
            query = f"SELECT next_not_cached_value, increment, cycle_option FROM {table.sql_name}"
            value, increment, cycles = session.one(query)
            values[table.name] = _counter(value, increment or 1, bool(cycles))
        elif table.auto_increment is not None:
            values[f"{table.name} AUTO_INCREMENT"] = _counter(table.auto_increment, 1, False)
    return values


def read_counters(session: Session, database: str) -> list[Table]:
    """Given a database, return its tables without their columns."""
    return [
        Table(database, name, kind, engine or "", counter, ())
        for name, kind, engine, counter in session.rows(_TABLES, (database,))
    ]


def _counter(value: int, increment: int, cycles: bool) -> Mapping[str, Any]:
    return {"value": [int(value), 0], "increment": int(increment), "cycles": cycles}
