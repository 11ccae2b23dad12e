"""The words of the WSO2 checks: what a check is given and what it answers."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

#: Run one SQL statement with its `%s` parameters on one database and return all its rows. All statements on a
#: database must run in one transaction that sees one instant (REPEATABLE READ).
Query = Callable[[str, Sequence[object]], list[tuple[object, ...]]]

#: So many violations of one check are looked at; beyond them only the count is exact.
FETCH_LIMIT = 10_000

#: So many violation keys are kept in a result.
KEPT_KEYS = 200

#: A key is at most this long.
KEY_LENGTH = 200


class Role(StrEnum):
    """What a database is to the WSO2 products; `shared` is registry and user management in one."""

    SHARED = "shared"
    APIM = "apim"
    IDENTITY = "identity"
    REGISTRY = "registry"
    USER = "user"
    OTHER = "other"


class Severity(StrEnum):
    """How bad a violation is. Only an error can make a drill red."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class CheckResult(BaseModel):
    """One check's answer about one database, or about several that belong together.

    `name` is never renamed: results of years ago are compared by it. `violation_digest` is the SHA-256 over
    all sorted keys (of the first 10,000 violations), of which `violation_keys` holds the first 200.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    databases: list[str]
    severity: Severity
    status: Status
    violation_count: int = 0
    violation_digest: str = ""
    violation_keys: list[str] = []
    reason: str = ""


class Findings:
    """The violations that one check found: their count, and the keys of at most the first 10,000."""

    def __init__(self) -> None:
        self.count = 0
        self.keys: list[str] = []

    def add(self, key: str) -> None:
        """Given the stable identity of a violation, count it and keep it while there is room."""
        self.count += 1
        if len(self.keys) < FETCH_LIMIT:
            self.keys.append(key[:KEY_LENGTH])

    @property
    def digest(self) -> str:
        """The SHA-256 over the sorted keys, in hexadecimal."""
        return hashlib.sha256("\n".join(sorted(self.keys)).encode()).hexdigest()


@dataclass(frozen=True)
class GenericCheck:
    """A check that needs no table of WSO2 and is run on every database of a vendor."""

    name: str
    title: str
    find: Callable[[Query], Findings]


@dataclass(frozen=True)
class Dialect:
    """What differs between database vendors.

    `columns` is a statement that returns (table, column) for every table that the session can name without
    its schema.
    """

    columns: str
    generic_checks: tuple[GenericCheck, ...]


@dataclass(frozen=True)
class Tables:
    """The tables and columns of a database, asked for by their names in lower case."""

    names: Mapping[str, str]  #: lower case → as the server knows it
    columns: Mapping[str, Collection[str]]  #: both in lower case

    def missing(self, required: Mapping[str, Collection[str]]) -> str:
        """Given the tables and columns that a check needs, say which is not there, or return ''."""
        for table, columns in required.items():
            if table not in self.columns:
                return f"table {table} is missing"
            absent = sorted(set(columns) - set(self.columns[table]))
            if absent:
                return f"table {table} has no column {absent[0]}"
        return ""


@dataclass(frozen=True)
class Database:
    """One checked database with its tables read."""

    name: str
    role: Role
    query: Query
    tables: Tables = field(repr=False)

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Given a statement with `{table}` for names and `%s` for parameters, return its rows."""
        return self.query(sql.format_map(self.tables.names), parameters)


def key_of(labels: Sequence[str], values: Sequence[object]) -> str:
    """Given labels and as many values, return a violation's key: `tenant -1234 path 17`."""
    return " ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True))


def integer(value: object) -> int:
    """Given a number as any database driver returns it, return it as an int."""
    return int(str(value))
