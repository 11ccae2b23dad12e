"""One capture of a MariaDB server: dumps, proof and WSO2 checks of all its databases at one instant."""

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from lifeboat.deployment import Unit
from lifeboat.engines import _dumps
from lifeboat.engines._comparison import sequences_around
from lifeboat.engines._dumps import StoredDump, check_databases, dump_path, results, store_dump
from lifeboat.engines.base import Capture, Facts
from lifeboat.engines.mariadb.access import Access, Session
from lifeboat.engines.mariadb.accounts import Account, read_accounts
from lifeboat.engines.mariadb.dumping import RunningDump, dump_command, start_dump
from lifeboat.engines.mariadb.facts import (
    Table,
    read_tables,
    sequence_values,
    shortened_floats,
    table_facts,
    unsafe_tables,
)
from lifeboat.engines.mariadb.instant import Instant, one_instant
from lifeboat.engines.mariadb.restored import checked_database
from lifeboat.engines.mariadb.schema import schema_facts
from lifeboat.engines.mariadb.scratch import CARRIED
from lifeboat.engines.mariadb.stream import SplitDump
from lifeboat.engines.mariadb.tools import Tool
from lifeboat.errors import CaptureInterruptedError, ToolError
from lifeboat.together import TogetherPool
from lifeboat.wso2.checks import CheckResult, Role

log = logging.getLogger(__name__)

_HISTORY_SERIES = (10, 11)
_PLUGINS = """
    SELECT DISTINCT PLUGIN_LIBRARY FROM information_schema.PLUGINS
    WHERE PLUGIN_STATUS = 'ACTIVE' AND PLUGIN_LIBRARY IS NOT NULL
    AND PLUGIN_TYPE IN ('AUTHENTICATION', 'STORAGE ENGINE', 'DATA TYPE', 'FUNCTION') ORDER BY 1
"""


@dataclass
class Captured:
    """What a capture gave: dumps and facts by database, and what to say about them."""

    dumps: dict[str, StoredDump] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    plugins: list[str] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    told: Facts = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    dumped_at: float = 0.0


@dataclass(frozen=True)
class Source:
    """The server that is captured, with what was found out about it before."""

    unit: Unit
    access: Access
    series: tuple[int, int]
    tool: Tool
    roles: Mapping[str, Role]
    jobs: int

    def member(self, database: str) -> str:
        """Given a database's name, return the name of its member."""
        return f"{self.unit}/{database}"

    def start(self, databases: Sequence[str], rows: bool, *, history: bool) -> RunningDump:
        """Start a dump as `instant.StartDump` wants; `history` says whether there are system-versioned tables. Raise
        ToolError when tool or server are too old for the history
        of system-versioned tables."""
        if history and min(self.tool.series, self.series) < _HISTORY_SERIES:
            raise ToolError(
                f"{self.unit} has system-versioned tables; a dump keeps their history from MariaDB 10.11 on.",
                next_step="Upgrade server and tools, or drop the system versioning of these tables.",
            )
        name = str(self.unit) if rows else self.member(databases[0])
        return start_dump(name, dump_command(self.tool, self.access, databases, history=history, rows=rows))


def capture_databases(capture: Capture, source: Source, *, locked: bool) -> tuple[Instant, Captured]:
    """Store the dumps of all databases, prove them, and check them, all at one instant; `locked` says whether commits
    may be held up for that.

    Raise CaptureInterruptedError when an object of a schema changed meanwhile: these obey no transaction.
    """
    captured = Captured()
    with source.access.connect() as watcher:
        captured.settings, captured.plugins = _settings(watcher), _plugins(watcher)
        before = {name: _Moving.read(watcher, name, source.series) for name in source.roles}
        history = any(table.is_versioned for each in before.values() for table in each.tables)
        start = partial(source.start, history=history)
        with one_instant(source.access, list(source.roles), start, locked=locked) as instant:
            _store_and_prove(capture, source, instant, before, captured)
            for holder in instant.holders:
                name, member = holder.database, source.member(holder.database)
                _add_moving(watcher, source, name, before[name], captured)
                captured.warnings += _float_warnings(holder.proof, before[name].tables, member)
        captured.accounts = read_accounts(watcher, list(source.roles))
    return instant, captured


@dataclass(frozen=True)
class _Moving:
    """What no snapshot holds still, as it was before: the schema, counters, tables without transactions."""

    tables: list[Table]
    schema: dict[str, str]
    counters: dict[str, Any]
    unsafe: list[Table]
    content: dict[str, Any]

    @classmethod
    def read(cls, session: Session, database: str, series: tuple[int, int]) -> "_Moving":
        tables = read_tables(session, database)
        unsafe = unsafe_tables(session, tables)
        content = table_facts(session, unsafe, series)
        return cls(tables, schema_facts(session, database), sequence_values(session, database), unsafe, content)


def _add_moving(session: Session, source: Source, database: str, before: _Moving, captured: Captured) -> None:
    """Add the facts of what no snapshot holds still, now that the dump is over. Raise CaptureInterruptedError when the
    schema is another one than before."""
    facts = captured.facts[database]
    after = _Moving.read(session, database, source.series)
    _refuse_changed(database, before.schema, after.schema)
    facts["schema"] = after.schema
    facts["sequences"] = sequences_around(before.counters, after.counters)
    facts["unsteady"] = sorted(each for each in after.content if after.content[each] != before.content[each])
    if after.unsafe:
        captured.warnings.append(_unsafe_warning(source.member(database), after.unsafe, facts["unsteady"]))


def _store_and_prove(
    capture: Capture, source: Source, instant: Instant, before: Mapping[str, _Moving], captured: Captured
) -> None:
    """All dumps flow from the beginning, whatever `jobs` is: the server ends one whose reader stands still."""
    with TogetherPool(len(instant.holders) + source.jobs) as pool:
        proven: dict[str, Future[Any]] = {}
        if instant.is_exact:
            dumps = _store_each(capture, source, instant, pool)
            for holder in instant.holders:
                proven[holder.database] = pool.submit(
                    table_facts, holder.proof, before[holder.database].tables, source.series, pool.refuse_after_failure
                )
        else:
            dumps, split = _store_split(capture, source, instant, pool)
        captured.checks, captured.told = pool.run(_check, source, instant)
        wait(dumps.values())
        captured.dumped_at = time.monotonic()
    captured.dumps = results(dumps)
    rows = results(proven) if instant.is_exact else {name: sums.facts() for name, sums in split.sums.items()}
    captured.facts = {name: {"tables": tables} for name, tables in rows.items()}


def _store_each(
    capture: Capture, source: Source, instant: Instant, pool: TogetherPool
) -> dict[str, Future[StoredDump]]:
    found = {}
    for holder, dump in zip(instant.holders, instant.dumps, strict=True):
        member, path = source.member(holder.database), dump_path(holder.database, "sql")
        found[holder.database] = pool.submit(
            store_dump, capture, member, path, dump.command, pool, dump.taken, dump.head
        )
    return found


def _store_split(
    capture: Capture, source: Source, instant: Instant, pool: TogetherPool
) -> tuple[dict[str, Future[StoredDump]], SplitDump]:
    split = SplitDump([holder.database for holder in instant.holders], pool.refuse_after_failure)
    (dump,) = instant.dumps
    pool.submit(_split, dump, split)
    stored = {name: pool.submit(_store_part, capture, source.member(name), name, split, dump) for name in split.sums}
    return stored, split


def _split(dump: RunningDump, split: SplitDump) -> None:
    with dump.taken() as process:
        split.split(dump.head, process)
        status = process.wait()
    if status != 0:
        raise _dumps.failed(dump.name, dump.command, process, status)
    split.end()


def _store_part(capture: Capture, member: str, database: str, split: SplitDump, dump: RunningDump) -> StoredDump:
    digest = hashlib.sha256()
    begun: list[str] = []

    def feed(sink: IO[bytes]) -> None:
        if begun:
            raise dump.not_twice()
        begun.append(database)
        split.pour(database, sink, digest.update)

    stored = capture.vault.backup_stream(feed, dump_path(database, "sql"), capture.tags(member))
    return StoredDump(stored, digest.hexdigest())


def _check(source: Source, instant: Instant) -> tuple[list[CheckResult], Facts]:
    return check_databases(
        source.unit,
        {
            source.member(holder.database): checked_database(
                holder.database, source.roles[holder.database], holder.checks
            )
            for holder in instant.holders
        },
    )


def _settings(session: Session) -> dict[str, str]:
    marks = ", ".join(["%s"] * len(CARRIED))
    return {
        name.lower(): value for name, value in session.rows(f"SHOW VARIABLES WHERE Variable_name IN ({marks})", CARRIED)
    }


def _plugins(session: Session) -> list[str]:
    """Return the libraries that accounts and tables of the server may need."""
    return [row[0] for row in session.rows(_PLUGINS)]


def _refuse_changed(database: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if changed:
        raise CaptureInterruptedError(
            f"Database '{database}': its schema changed during the capture: {', '.join(changed[:5])}.",
            next_step="The next try starts from the beginning; do not change a schema while it is backed up.",
        )


def _unsafe_warning(member: str, unsafe: Sequence[Table], unsteady: Sequence[str]) -> str:
    listing = ", ".join(f"{table.name} ({table.engine})" for table in unsafe)
    text = f"{member}: tables without transactions may be of another moment than the others: {listing}"
    return f"{text}; changed during the capture, and so not proven: {', '.join(unsteady)}" if unsteady else text


def _float_warnings(session: Session, tables: Sequence[Table], member: str) -> list[str]:
    return [
        f"{member}: {count} values of FLOAT column {column} have more than the 6 digits that the server gives out "
        "and any dump keeps"
        for column, count in shortened_floats(session, tables).items()
    ]
