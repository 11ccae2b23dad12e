"""The accounts that the databases need: users, roles and grants, as statements that make them again."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import pymysql

from lifeboat.engines.mariadb.access import Session, number_of
from lifeboat.manifest import sha256

#: The server's own.
_RESERVED = {("mariadb.sys", "localhost")}
_FORBIDDEN = {1142, 1044, 1227, 1143}

_USERS = "SELECT User, Host, is_role = 'Y' FROM mysql.user ORDER BY is_role DESC, User, Host"
_DEFINERS = """
    SELECT DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA IN ({0})
    UNION SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA IN ({0})
    UNION SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN ({0})
    UNION SELECT DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN ({0})
"""
_SCOPE = re.compile(
    r"^GRANT .+? ON (?:PROCEDURE |FUNCTION |PACKAGE |PACKAGE BODY )?(\*|`(?:[^`]|``)*`)\.(\S+) TO ", re.S
)


_NAME = r"`(?:[^`]|``)*`"


@dataclass(frozen=True)
class Account:
    """A user, or a role, with the statement that makes it and those that give it what it may do."""

    user: str
    host: str
    is_role: bool
    create: str
    grants: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"ROLE {self.user}" if self.is_role else f"USER {self.user}@{self.host}"

    @property
    def statements(self) -> tuple[str, ...]:
        return (self.create, *self.grants)


def read_accounts(session: Session, databases: Collection[str], passed_over: Collection[str] = ()) -> list[Account]:
    """Given databases, return the accounts with a right on them or everywhere, or that something in them runs as,
    and all roles; of their grants those on these databases or everywhere. Users in `passed_over` are left out.

    Return nothing when the account of the session may not read accounts: there is at least itself otherwise.
    """
    try:
        users = session.rows(_USERS)
    except pymysql.err.MySQLError as error:
        if number_of(error) in _FORBIDDEN:
            return []
        raise
    marks = ", ".join(["%s"] * len(databases))
    definers = {row[0] for row in session.rows(_DEFINERS.format(marks), [*databases] * 4)}
    found = []
    for user, host, is_role in users:
        if (user, host) in _RESERVED or user in passed_over:
            continue
        account = _read(session, user, host, bool(is_role), databases)
        if account.is_role or account.grants or f"{user}@{host}" in definers:
            found.append(account)
    return found


def _read(session: Session, user: str, host: str, is_role: bool, databases: Collection[str]) -> Account:
    name = _quote(user) if is_role else f"{_quote(user)}@{_quote(host)}"
    shown = [str(row[0]) for row in session.rows(f"SHOW GRANTS FOR {name}")]
    grants = tuple(line for line in shown if _is_wanted(line, databases))
    if is_role:
        return Account(user, "", True, f"CREATE ROLE IF NOT EXISTS {name}", grants)
    created = str(session.one(f"SHOW CREATE USER {name}")[0])
    create = created.replace("CREATE USER ", "CREATE USER IF NOT EXISTS ", 1)
    return Account(user, host, False, create, grants)


def _is_wanted(statement: str, databases: Collection[str]) -> bool:
    """Whether a grant speaks of one of the databases, of everything, or of roles; `GRANT USAGE` says nothing."""
    if statement.startswith("GRANT USAGE ON *.*") and "GRANT OPTION" not in statement:
        return False
    scope = _SCOPE.match(statement)
    if scope is None:  # a role, a default role
        return not statement.startswith("GRANT PROXY ")
    database, thing = scope[1], scope[2]
    if database == "*":
        return True
    name = database[1:-1].replace("``", "`")
    if thing == "*":
        return any(matches(name, each) for each in databases)
    return name in databases


def matches(pattern: str, database: str) -> bool:
    """Whether a database is meant by a grant's pattern, in which % and _ are wildcards unless escaped."""
    parts = re.split(r"(\\.|%|_)", pattern)
    expression = "".join(
        ".*" if part == "%" else "." if part == "_" else re.escape(part[1:] if part.startswith("\\") else part)
        for part in parts
    )
    return re.fullmatch(expression, database, re.S) is not None


def account_in(statement: str) -> str:
    """Given a statement about an account, return the account's name as it stands there, without what else it says."""
    found = re.search(rf"(?: TO | FOR |(?:USER|ROLE) IF NOT EXISTS )({_NAME}(?:@{_NAME})?)", statement)
    return found[1] if found else "an account"


def _quote(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def script(accounts: Collection[Account]) -> str:
    """Given accounts, return the statements that make them, all accounts before any grant."""
    lines = [f"{each.create};" for each in accounts]
    lines += [f"{grant};" for each in accounts for grant in each.grants]
    return "".join(f"{line}\n" for line in ["-- Users, roles and grants of the databases", *lines])


def statements_of(text: str) -> list[str]:
    """Given a script of accounts, return its statements."""
    return [line.removesuffix(";") for line in text.splitlines() if line and not line.startswith("-- ")]


def account_facts(accounts: Collection[Account]) -> dict[str, str]:
    """Given accounts, return each with a digest of its statements."""
    return {each.name: sha256("\n".join(sorted(each.statements)).encode()) for each in accounts}
