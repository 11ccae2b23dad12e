"""What an account may not read of a MariaDB server, told before anything is locked or dumped."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pymysql

from lifeboat.engines.mariadb.access import Session, number_of, quoted
from lifeboat.engines.mariadb.accounts import matches
from lifeboat.errors import AccessError, ConfigurationError, PreflightError

#: Without SELECT a table is not even listed, without TRIGGER no trigger is; both would be missing unseen.
_NEEDED = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")
_GRANT = re.compile(r"^GRANT (?P<rights>.+?) ON (?P<database>\*|`(?:[^`]|``)*`)\.\* TO ", re.S)
_NO_RIGHT = {1227, 1044, 1045}


@dataclass
class Rights:
    """What an account may do: everywhere, and by pattern of a database's name."""

    everywhere: set[str] = field(default_factory=set)
    patterns: list[tuple[str, set[str]]] = field(default_factory=list)
    #: Whether the table that holds the routines may be read.
    reads_routines: bool = False

    def on(self, database: str) -> set[str]:
        """Given a database, return what the account may do there."""
        found = set(self.everywhere)
        for pattern, rights in self.patterns:
            if matches(pattern, database):
                found |= rights
        return found

    def may(self, right: str, database: str = "") -> bool:
        """Whether the account has a right, on a database or everywhere."""
        rights = self.on(database) if database else self.everywhere
        return right in rights or "ALL PRIVILEGES" in rights

    @property
    def may_hold_up_commits(self) -> bool:
        return self.may("RELOAD")


def read_rights(session: Session) -> Rights:
    """Return what the account of a session may do, by itself and by its default role."""
    rights = Rights()
    for (statement,) in session.rows("SHOW GRANTS"):
        if str(statement).startswith("GRANT SELECT ON `mysql`.`proc` "):
            rights.reads_routines = True
        found = _GRANT.match(str(statement))
        if found is None or "(" in found["rights"]:
            continue
        given = {right.strip() for right in found["rights"].split(",")}
        if found["database"] == "*":
            rights.everywhere |= given
        else:
            rights.patterns.append((found["database"][1:-1].replace("``", "`"), given))
    return rights


def refuse_missing(session: Session, rights: Rights, databases: Iterable[str], name: str) -> None:
    """Raise ConfigurationError for a database that the account would see if it were there."""
    there = {row[0] for row in session.rows("SHOW DATABASES")}
    for database in databases:
        if database not in there and rights.may("SELECT", database):
            raise ConfigurationError(
                f"{name}: database '{database}' does not exist on the server.",
                next_step="Correct the names under `databases`; they are case-sensitive.",
            )


def refuse_unreadable(session: Session, rights: Rights, member: str, database: str) -> None:
    """Raise AccessError, naming what to grant, if the account of a session cannot read all of a database.

    A right on single tables is not enough: the server does not tell which other ones there are.
    """
    missing = [right for right in _NEEDED if not rights.may(right, database)]
    if missing:
        account = account_of(session)
        raise AccessError(
            f"{member}: account '{account}' lacks {', '.join(missing)} on the whole database; tables and "
            "triggers that it may not see would be missing unseen.",
            next_step=f"Run on the server: GRANT {', '.join(missing)} ON {quoted(database)}.* TO {account};",
        )


def refuse_hidden_routines(session: Session, rights: Rights, name: str) -> None:
    """Raise AccessError if the account of a session may not see all routines: the others are not even listed."""
    if not (rights.may("SELECT", "mysql") or rights.reads_routines or rights.may("SHOW CREATE ROUTINE")):
        account = account_of(session)
        raise AccessError(
            f"{name}: account '{account}' sees routines of its own only; others would be missing unseen.",
            next_step=f"Run on the server: GRANT SELECT ON mysql.* TO {account}; or, for routines alone, "
            f"GRANT SELECT ON mysql.proc TO {account};",
        )


def refuse_lagging(session: Session, name: str, most_seconds: float) -> None:
    """Raise PreflightError when the server is a replica that stands still or lies too far behind its primary."""
    try:
        with_columns = session.dictionaries("SHOW ALL SLAVES STATUS")
    except pymysql.err.MySQLError as error:
        if number_of(error) in _NO_RIGHT:
            return
        raise
    for status in with_columns:
        if problem := lag_problem(status, most_seconds):
            raise PreflightError(
                f"{name} is a replica of {status.get('Master_Host') or 'another server'} and {problem}: what it holds "
                "is of the past.",
                next_step="Mend the replication (SHOW ALL SLAVES STATUS), or back up the primary.",
            )


def lag_problem(status: dict[str, object], most_seconds: float) -> str:
    """Given a row of SHOW ALL SLAVES STATUS, say what is wrong with the replication, or return an empty text."""
    for thread in ("Slave_IO_Running", "Slave_SQL_Running"):
        if status.get(thread) != "Yes":
            detail = status.get("Last_IO_Error") or status.get("Last_SQL_Error") or status.get(thread)
            return f"does not follow it ({thread}: {detail})"
    lag = status.get("Seconds_Behind_Master")
    if lag is not None and float(str(lag)) > most_seconds:
        return f"lies {lag} s behind, more than the {most_seconds:.0f} s of max_skew"
    return ""


def account_of(session: Session) -> str:
    """Return the account of a session as the server knows it, quoted."""
    user, _, host = str(session.one("SELECT CURRENT_USER()")[0]).rpartition("@")
    return f"{quoted(user)}@{quoted(host)}"
