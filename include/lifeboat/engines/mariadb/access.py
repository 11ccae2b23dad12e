"""Reaching a MariaDB server: by PyMySQL for questions, by options and environment for its tools."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pymysql
from pymysql.charset import charset_by_name
from pymysql.cursors import DictCursor

from lifeboat.errors import (
    AccessError,
    CaptureError,
    CaptureInterruptedError,
    ConfigurationError,
    LifeboatError,
    PreflightError,
    UnreachableError,
)

#: Pinned in every session, so that a value's text is the same at capture and in a drill. An idle session that holds
#: a snapshot must not be ended.
_SESSION = {
    "sql_mode": "''",
    "time_zone": "'+00:00'",
    "sql_quote_show_create": "1",
    "max_statement_time": "0",
    "wait_timeout": "604800",
    "idle_transaction_timeout": "0",
    "idle_readonly_transaction_timeout": "0",
    "idle_write_transaction_timeout": "0",
    "net_write_timeout": "3600",
    "net_read_timeout": "3600",
    "lock_wait_timeout": "30",
}

#: Oldest supported release series: BACKUP STAGE came with 10.4, comments on databases with 10.5.
OLDEST_SERIES = (10, 5)

# Numbers of the server's and the driver's errors, as MariaDB documents them.
_NO_LOGIN = {1045, 1698}
_NO_RIGHT = {1044, 1142, 1143, 1227, 1370}
_NO_DATABASE = 1049
_NO_ENTRY = 1044
#: Another session keeps what a capture needs, has changed or dropped it just now, or has ended ours.
_IN_THE_WAY = {1205, 1213, 1412, 1146, 1932, 1317}
_LOST = {2006, 2013, 2003, 2002, 1053, 1927}

Row = tuple[Any, ...]


class Session:
    """One session on a server, in autocommit, for one thread at a time. Errors name the server by `name`."""

    def __init__(self, connection: "pymysql.connections.Connection[Any]", name: str) -> None:
        self.name = name
        self._connection = connection
        self._holds_snapshot = False

    def hold_snapshot(self) -> None:
        """See the present moment from now on. What a statement reads is let go of after it: a table that is held
        would keep whoever wants to alter it waiting, and everybody else, mariadb-dump too, behind them."""
        self.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        self._holds_snapshot = True

    def rows(self, statement: str, parameters: Any = None) -> list[Row]:
        """Given a statement and its parameters, marked by %s, return its rows."""
        with self._connection.cursor() as cursor:
            if self._holds_snapshot:
                cursor.execute("SAVEPOINT lifeboat")
            cursor.execute(statement, parameters or None)
            rows = list(cursor.fetchall())
            if self._holds_snapshot:
                cursor.execute("ROLLBACK TO SAVEPOINT lifeboat")
            return rows

    def dictionaries(self, statement: str) -> list[dict[str, object]]:
        """Given a statement, return its rows by the names of their columns."""
        with self._connection.cursor(DictCursor) as cursor:
            cursor.execute(statement)
            return [dict(row) for row in cursor.fetchall()]

    def run(self, statement: str, parameters: Any = None) -> None:
        """Run a statement of which no rows are wanted."""
        self.rows(statement, parameters)

    def run_in(self, charset: str, collation: str, statement: str) -> None:
        """Run a statement as a client with another character set does: the server keeps it with what is made."""
        encoding = self._connection.encoding
        self.run("SET SESSION character_set_client = %s, collation_connection = %s", (charset, collation))
        self._connection.encoding = _codec(charset)
        try:
            self.run(statement)
        finally:
            self._connection.encoding = encoding
            self.run("SET NAMES utf8mb4")

    def one(self, statement: str, parameters: Any = None) -> Row:
        """Given a statement that returns one row, return it."""
        (row,) = self.rows(statement, parameters)
        return row

    @property
    def version(self) -> str:
        """What the server says of its version, such as 10.11.19-MariaDB-0+deb12u1."""
        return str(self.one("SELECT VERSION()")[0])

    def close(self) -> None:
        """End the session."""
        if self._connection.open:
            self._connection.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _codec(charset: str) -> str:
    """Given the server's name of a character set, return Python's."""
    found = charset_by_name("utf8" if charset == "utf8mb3" else charset)
    return str(found.encoding)


@dataclass(frozen=True)
class Access:
    """Address and account of one MariaDB server; `name` is what messages call it. A host that starts with / is the
    path of a Unix socket."""

    name: str
    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    #: Airflow's `ssl` extra: paths of `ca`, `cert` and `key` on this worker.
    ssl: Mapping[str, str] = field(default_factory=dict)

    def connect(self, database: str | None = None) -> Session:
        """Return a session on the server, in a database if one is named, with its settings pinned.

        Raise AccessError, ConfigurationError or UnreachableError, naming server and database.
        """
        where = {"unix_socket": self.host} if self.host.startswith("/") else {"host": self.host, "port": self.port}
        try:
            connection = pymysql.connect(
                **where,
                user=self.user,
                password=self.password,
                database=database,
                charset="utf8mb4",
                ssl=dict(self.ssl) or None,
                ssl_disabled=self.host.startswith("/"),
                connect_timeout=15,
                autocommit=True,
                max_allowed_packet=1 << 30,
                program_name="lifeboat",
            )
        except pymysql.err.MySQLError as error:
            raise self._explain(database, error) from None
        session = Session(connection, self.name)
        _pin(session)
        return session

    def options(self) -> list[str]:
        """Return the options by which MariaDB's tools reach the server; they hold no secret."""
        where = (
            [f"--socket={self.host}"]
            if self.host.startswith("/")
            else [f"--host={self.host}", f"--port={self.port}", "--protocol=tcp"]
        )
        secured = [f"--ssl-{name}={self.ssl[name]}" for name in ("ca", "cert", "key") if self.ssl.get(name)]
        return ["--no-defaults", *where, f"--user={self.user}", *secured, "--default-character-set=utf8mb4"]

    def environment(self) -> dict[str, str]:
        """Return the environment by which a runbook's client reaches the server."""
        if self.host.startswith("/"):
            return {"MYSQL_UNIX_PORT": self.host, "MYSQL_USER": self.user}
        return {"MYSQL_HOST": self.host, "MYSQL_TCP_PORT": str(self.port), "MYSQL_USER": self.user}

    def secrets(self) -> dict[str, str]:
        """Return the secret environment of those tools."""
        return {"MYSQL_PWD": self.password} if self.password else {}

    def _explain(self, database: str | None, error: pymysql.err.MySQLError) -> LifeboatError:
        number, text = number_of(error), text_of(error).replace(self.password or "\0", "***")
        if number in _NO_LOGIN:
            return AccessError(
                f"{self.name} refused the login of '{self.user}': {text}",
                next_step="Correct login and password of its connection, and the account's host on the server.",
            )
        if number == _NO_ENTRY:
            return AccessError(
                f"{self.name}: database '{database}' does not let '{self.user}' in, or is not there: {text}",
                next_step=f"Check the name, which is case-sensitive, or run on the server: GRANT SELECT, SHOW VIEW, "
                f"TRIGGER, EVENT ON `{database}`.* TO '{self.user}'@'…';",
            )
        if number == _NO_DATABASE:
            return ConfigurationError(
                f"{self.name}: database '{database}' does not exist on the server.",
                next_step="Correct the names under `databases`; they are case-sensitive.",
            )
        return UnreachableError(
            f"{self.name} cannot be reached at {self.host}:{self.port}: {text}",
            next_step="Check that the server runs and that this worker reaches its address.",
        )


def _pin(session: Session) -> None:
    """Pin the settings of a session; an older server does not know all of them."""
    known = {row[0] for row in session.rows("SHOW SESSION VARIABLES")}
    values = [f"{name} = {value}" for name, value in _SESSION.items() if name in known]
    session.run(f"SET SESSION {', '.join(values)}")
    session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what a lost session or a refused statement raises into an error that names server and database."""
    try:
        yield
    except pymysql.err.MySQLError as error:
        raise explain(name, error) from None


def explain(name: str, error: pymysql.err.MySQLError) -> LifeboatError:
    """Given what a statement raised and what it was about, return the error that describes it."""
    number, text = number_of(error), text_of(error)
    if number in _LOST or isinstance(error, pymysql.err.InterfaceError):
        return UnreachableError(
            f"{name}: the session with the server was lost: {text}",
            next_step="Look into the server's log; nothing was sealed, and the next try starts from the beginning.",
        )
    if number in _IN_THE_WAY:
        return CaptureInterruptedError(
            f"{name}: another session is in the way: {text}",
            next_step="Another session alters, truncates or drops tables (SHOW FULL PROCESSLIST tells which); "
            "the next try starts from the beginning.",
        )
    if number in _NO_RIGHT:
        return AccessError(
            f"{name}: the account of the connection may not do this: {text}",
            next_step="Grant it the right that the message names, then start a new run.",
        )
    return CaptureError(
        f"{name}: a statement failed: {text}",
        next_step="Repair what the message names, or look whether the schema changed meanwhile; then start a new run.",
    )


def number_of(error: pymysql.err.MySQLError) -> int:
    """Return the server's or driver's number of an error, 0 if it has none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def text_of(error: pymysql.err.MySQLError) -> str:
    """Return an error's message."""
    return str(error.args[-1] if error.args else error)


def server_series(session: Session) -> tuple[int, int]:
    """Given a session, return the server's release series, such as (10, 11). Raise PreflightError for a server that
    is not a MariaDB, or too old."""
    version = session.version
    found = re.match(r"(\d+)\.(\d+)\.", version)
    if found is None or "mariadb" not in version.lower():
        raise PreflightError(
            f"The server calls itself {version}: it is no MariaDB. MySQL's own tools and servers have not "
            "passed the tests of this engine.",
            next_step="Back it up by other means, or move the databases to MariaDB "
            f"{'.'.join(map(str, OLDEST_SERIES))} or newer.",
        )
    series = int(found[1]), int(found[2])
    if series < OLDEST_SERIES:
        raise PreflightError(
            f"The server is MariaDB {version}; Lifeboat supports {'.'.join(map(str, OLDEST_SERIES))} and newer.",
            next_step="Upgrade the server; its own community support for that version has ended.",
        )
    return series


def quoted(*names: str) -> str:
    """Given the parts of a name, return it quoted, such as `shared_db`.`REG_PATH`."""
    return ".".join(f"`{name.replace('`', '``')}`" for name in names)
