"""What the checks need to know of MariaDB and MySQL: their catalogue, their counters and their foreign keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lifeboat.wso2.check_model import FETCH_LIMIT, Dialect, Findings, GenericCheck, Query, integer

_COLUMNS = "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"

_COUNTED_COLUMNS = """
    SELECT t.TABLE_NAME, c.COLUMN_NAME, t.AUTO_INCREMENT FROM information_schema.TABLES t
    JOIN information_schema.COLUMNS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
    WHERE t.TABLE_SCHEMA = DATABASE() AND t.AUTO_INCREMENT IS NOT NULL
    AND LOCATE('auto_increment', c.EXTRA) > 0 ORDER BY 1, 2"""

_FOREIGN_KEYS = """
    SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
    FROM information_schema.KEY_COLUMN_USAGE
    WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = TABLE_SCHEMA
    ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"""


@dataclass
class _ForeignKey:
    table: str
    name: str
    referenced: str
    columns: list[tuple[str, str]] = field(default_factory=list)


def counters_not_behind(query: Query) -> Findings:
    """Given a database, find every column that its AUTO_INCREMENT counter would give a value again.

    A counter is not transactional: on a live database it is read after, and so never behind, the maximum that the
    transaction sees.
    """
    findings = Findings()
    for table, column, following in query(_COUNTED_COLUMNS, ()):
        rows = query(f"SELECT MAX({_quoted(column)}) FROM {_quoted(table)}", ())
        if rows[0][0] is not None and integer(following) <= integer(rows[0][0]):
            findings.add(f"counter of table {table} column {column}")
    return findings


def foreign_keys_hold(query: Query) -> Findings:
    """Given a database, find every row that refers by a foreign key to no row of the same database.

    The server enforces foreign keys, but not while a dump is loaded, nor for whoever switches that off.
    """
    findings = Findings()
    for key in _foreign_keys(query):
        rows = query(_orphans(key, f"SELECT DISTINCT {_child_columns(key)}", f" LIMIT {FETCH_LIMIT}"), ())
        for row in rows:
            values = ", ".join(_shown(value) for value in row)
            findings.add(f"table {key.table} foreign key {key.name} value {values}")
    return findings


def _foreign_keys(query: Query) -> Iterator[_ForeignKey]:
    keys: dict[tuple[str, str], _ForeignKey] = {}
    for row in query(_FOREIGN_KEYS, ()):
        table, name, column, referenced, referenced_column = map(str, row)
        key = keys.setdefault((table, name), _ForeignKey(table, name, referenced))
        key.columns.append((column, referenced_column))
    yield from keys.values()


def _orphans(key: _ForeignKey, select: str, limit: str) -> str:
    joined = " AND ".join(f"p.{_quoted(parent)} = c.{_quoted(child)}" for child, parent in key.columns)
    filled = " AND ".join(f"c.{_quoted(child)} IS NOT NULL" for child, _ in key.columns)
    return (
        f"{select} FROM {_quoted(key.table)} c LEFT JOIN {_quoted(key.referenced)} p ON {joined} "
        f"WHERE {filled} AND p.{_quoted(key.columns[0][1])} IS NULL{limit}"
    )


def _child_columns(key: _ForeignKey) -> str:
    return ", ".join(f"c.{_quoted(child)}" for child, _ in key.columns)


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


def _quoted(name: object) -> str:
    return f"`{str(name).replace('`', '``')}`"


MARIADB = Dialect(
    columns=_COLUMNS,
    generic_checks=(
        GenericCheck(
            name="sequences-not-behind",
            title="No sequence is behind the column that it feeds.",
            find=counters_not_behind,
        ),
        GenericCheck(
            name="foreign-keys-hold",
            title="Every row that refers to another one by a foreign key has it.",
            find=foreign_keys_hold,
        ),
    ),
)
