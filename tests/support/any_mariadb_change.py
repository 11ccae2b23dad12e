"""Any one change of a MariaDB database, chosen from what its own catalogue says is there.

A statement that the server refuses is no change: another one is taken.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pymysql

from lifeboat.engines.mariadb.access import Session, quoted
from lifeboat.engines.mariadb.accounts import read_accounts
from lifeboat.engines.mariadb.code import make_code, read_code
from lifeboat.engines.mariadb.facts import Column, Table, read_tables, unsafe_tables
from lifeboat.engines.mariadb.scratch import SUPERUSER

#: A statement that makes a change, and what undoes it.
Change = tuple[str, Callable[[Session], None]]

_LONG = {"longblob", "longtext"}
_VALUES = (
    "NULL",
    "{c} + 1",
    "'1'",
    "''",
    "INSERT({c}, {at}, 1, '7')",
    "INSERT({c}, {at}, 0, ' ')",
    "INSERT({c}, {at}, 1, '')",
    "CONCAT({c}, 'a')",
    "UPPER({c})",
)


class RowChanges:
    """Changes of the rows of a database, each of them made within a transaction of a session."""

    def __init__(self, session: Session, database: str, chance: random.Random) -> None:
        self._session = session
        self._chance = chance
        session.run("SET SESSION foreign_key_checks = 0")
        tables = read_tables(session, database)
        unsafe = unsafe_tables(session, tables)
        self._tables = [each for each in tables if not each.is_sequence and each not in unsafe and self._content(each)]

    def make(self) -> tuple[str, str]:
        """Begin a transaction, make one change that is one, and return the table and the statement."""
        way = self._chance.choice((self._another_value, self._another_value, self._row_removed, self._row_doubled))
        while True:
            table = self._chance.choice(self._tables)
            before = self._content(table)
            self._session.run("START TRANSACTION")
            statement = way(table)
            try:
                self._session.run(statement)
            except pymysql.err.MySQLError as refusal:  # a value that a check refuses, a second one with the same key
                if isinstance(refusal, pymysql.err.InterfaceError):
                    raise
            else:
                if self._content(table) != before:
                    return table.name, statement
            self.undo()

    def undo(self) -> None:
        """Undo the change."""
        self._session.run("ROLLBACK")

    def _content(self, table: Table) -> "Counter[tuple[object, ...]]":
        """Return the rows as the server gives them out, with history, in no order."""
        columns = (f"MD5({quoted(c.name)})" if c.type in _LONG else quoted(c.name) for c in table.columns)
        period = " FOR SYSTEM_TIME ALL" if table.is_versioned else ""
        return Counter(self._session.rows(f"SELECT {', '.join(columns)} FROM {table.sql_name}{period}"))

    def _one(self) -> str:
        return f"ORDER BY RAND({self._chance.randrange(1000)}) LIMIT 1"

    def _another_value(self, table: Table) -> str:
        column = quoted(self._chance.choice(_written(table)).name)
        value = self._chance.choice(_VALUES).format(c=column, at=self._chance.randrange(1, 9))
        return f"UPDATE {table.sql_name} SET {column} = {value} {self._one()}"

    def _row_removed(self, table: Table) -> str:
        return f"DELETE FROM {table.sql_name} {self._one()}"

    def _row_doubled(self, table: Table) -> str:
        columns = ", ".join(quoted(column.name) for column in _written(table))
        return f"INSERT INTO {table.sql_name} ({columns}) SELECT {columns} FROM {table.sql_name} {self._one()}"


def _written(table: Table) -> list[Column]:
    return [column for column in table.columns if not column.generation]


def object_changes(session: Session, database: str) -> Mapping[str, list[Change]]:
    """Given a database, return for each kind of change all that can be made, each with what undoes it."""
    things = read_code(session, database)

    def again(at: Session) -> None:
        make_code(at, database, things, live=True)

    kinds: dict[str, list[Change]] = {name: [] for name in ("dropped", "commented", "secured", "altered")}
    for thing in things:
        if thing.kind in ("GRANT", "DATABASE"):
            continue
        name = f"{thing.kind} {quoted(thing.name)}"
        kinds["dropped"].append((f"DROP {name}", again))
        if thing.kind in ("FUNCTION", "PROCEDURE"):
            kinds["commented"].append((f"ALTER {name} COMMENT 'x'", again))
            other = "INVOKER" if "SQL SECURITY INVOKER" not in thing.statement else "DEFINER"
            kinds["secured"].append((f"ALTER {name} SQL SECURITY {other}", again))
        body = thing.statement.replace("CREATE ", "CREATE OR REPLACE ", 1)
        for old, new in ((" 1", " 7"), ("'", "'o"), ("no_rows", "no_key"), ("SET ", "SET @y = 2, ")):
            at = body.rfind(old)
            if at > 0:
                kinds["altered"].append((body[:at] + new + body[at + len(old) :], again))
    for kind, statement, undo in (*_tables(session, database), *_rights(session, database)):
        kinds.setdefault(kind, []).append((statement, _runs(undo)))
    return kinds


def _runs(statement: str) -> Callable[[Session], None]:
    return lambda session: session.run(statement)


def _tables(session: Session, database: str) -> Iterator[tuple[str, str, str]]:
    """Yield changes of tables; one with a unique index USING HASH is never again what it was before an ALTER."""

    def ask(query: str) -> list[tuple[str, ...]]:
        return session.rows(query, (database,))

    for name, kind, comment in ask(
        "SELECT TABLE_NAME, TABLE_TYPE, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
    ):
        table = quoted(name)
        if kind == "SEQUENCE":
            (cache,) = session.one(f"SELECT cache_size FROM {quoted(database, name)}")
            yield "sequence", f"ALTER SEQUENCE {table} CACHE 7", f"ALTER SEQUENCE {table} CACHE {cache}"
        elif kind != "VIEW" and name != "indexed":
            text = pymysql.converters.escape_string(comment)
            yield "table commented", f"ALTER TABLE {table} COMMENT 'x'", f"ALTER TABLE {table} COMMENT '{text}'"
            yield "table renamed", f"RENAME TABLE {table} TO other", f"RENAME TABLE other TO {table}"
            yield "table made", f"CREATE TABLE other LIKE {table}", "DROP TABLE other"
            yield "column added", f"ALTER TABLE {table} ADD COLUMN other int", f"ALTER TABLE {table} DROP COLUMN other"
    for name, column, default in ask(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_DEFAULT FROM information_schema.COLUMNS JOIN information_schema.TABLES "
        "USING (TABLE_SCHEMA, TABLE_NAME) WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE' "
        "AND TABLE_NAME <> 'indexed' AND GENERATION_EXPRESSION IS NULL AND DATA_TYPE NOT IN ('point', 'geometry')"
    ):
        table, one = quoted(name), quoted(column)
        yield (
            "column renamed",
            f"ALTER TABLE {table} RENAME COLUMN {one} TO other",
            f"ALTER TABLE {table} RENAME COLUMN other TO {one}",
        )
        yield "index added", f"ALTER TABLE {table} ADD INDEX other ({one})", f"ALTER TABLE {table} DROP INDEX other"
        if default is not None:
            yield (
                "default",
                f"ALTER TABLE {table} ALTER {one} SET DEFAULT '1'",
                f"ALTER TABLE {table} ALTER {one} SET DEFAULT {default}",
            )
    for name, index, ignored in ask(
        "SELECT DISTINCT TABLE_NAME, INDEX_NAME, IGNORED FROM information_schema.STATISTICS "
        "WHERE TABLE_SCHEMA = %s AND INDEX_NAME <> 'PRIMARY' AND TABLE_NAME <> 'indexed'"
    ):
        table, one = quoted(name), quoted(index)
        yield (
            "index renamed",
            f"ALTER TABLE {table} RENAME INDEX {one} TO other",
            f"ALTER TABLE {table} RENAME INDEX other TO {one}",
        )
        states = ("IGNORED", "NOT IGNORED") if ignored == "NO" else ("NOT IGNORED", "IGNORED")
        do, undo = (f"ALTER TABLE {table} ALTER INDEX {one} {state}" for state in states)
        yield "index ignored", do, undo


def _rights(session: Session, database: str) -> Iterator[tuple[str, str, str]]:
    for account in read_accounts(session, [database], [SUPERUSER]):
        name = quoted(account.user) if account.is_role else f"{quoted(account.user)}@{quoted(account.host)}"
        for table in read_tables(session, database):
            right = f"DELETE ON {table.sql_name}"
            yield "right granted", f"GRANT {right} TO {name}", f"REVOKE {right} FROM {name}"
        for grant in account.grants:
            if not grant.startswith("GRANT "):
                continue
            taken = grant.replace("GRANT ", "REVOKE ", 1).replace(" TO ", " FROM ", 1)
            for more in (" WITH GRANT OPTION", " WITH ADMIN OPTION"):
                taken = taken.removesuffix(more)
            yield "right revoked", taken, grant
        if not account.is_role:
            do, undo = (f"ALTER USER {name} WITH MAX_USER_CONNECTIONS {most}" for most in (7, 0))
            yield "account", do, undo


def changed_one(session: Session, changes: list[Change]) -> Change:
    """Make the first of the changes that the server accepts, and return it."""
    for statement, undo in changes:
        session.run(f"SET sql_mode = '{'ORACLE' if 'PACKAGE' in statement else ''}'")
        try:
            session.run(statement)
        except pymysql.err.MySQLError as refusal:
            if isinstance(refusal, pymysql.err.InterfaceError):
                raise
        else:
            return statement, undo
        finally:
            session.run("SET sql_mode = ''")
    raise AssertionError("nothing could be changed")
