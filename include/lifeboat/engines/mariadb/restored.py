"""A MariaDB server's databases, restored into a server: loading them and proving them again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pymysql

from lifeboat.engines._dumps import SPACE_STEP, Unfit, load
from lifeboat.engines.base import Facts, Restored, fidelity
from lifeboat.engines.mariadb import stream
from lifeboat.engines.mariadb.access import Access, Session, text_of
from lifeboat.engines.mariadb.accounts import account_facts, account_in, read_accounts
from lifeboat.engines.mariadb.facts import read_tables, sequence_values, table_facts
from lifeboat.engines.mariadb.schema import schema_facts
from lifeboat.engines.mariadb.scratch import SUPERUSER
from lifeboat.engines.mariadb.tools import Tool
from lifeboat.errors import PreflightError, SpaceError, UnreachableError
from lifeboat.host import Command
from lifeboat.wso2.check_mariadb import MARIADB
from lifeboat.wso2.checks import CheckedDatabase, Role

#: What says that this worker cannot hold the data, whether or not the dump is sound.
UNFIT: tuple[Unfit, ...] = (
    (r"No space left on device|[Dd]isk full|ERROR 1114 ", SpaceError, SPACE_STEP),
    (
        r"ERROR 1273 |Unknown collation|Unknown character set|ERROR 1115 ",
        PreflightError,
        "Install a server of the same release on this worker, where drills restore to.",
    ),
    (
        r"Unknown storage engine|ERROR 1286 ",
        PreflightError,
        "Install that plugin (Debian: mariadb-plugin-…) on this worker, where drills restore to.",
    ),
    (
        r"Lost connection|server has gone away|Can't connect to (local|MySQL|server)",
        UnreachableError,
        "The scratch MariaDB ended; look for a lack of memory, then run the drill again.",
    ),
)
_END = b"-- Dump completed"


@dataclass
class RestoredServer(Restored):
    """The databases of a unit, restored into a server."""

    access: Access = field(default_factory=lambda: Access("scratch", "", 0, ""))
    client: Tool = field(default_factory=lambda: Tool("mariadb", (0, 0), ""))
    series: tuple[int, int] = (0, 0)
    #: mariadb-dump, when the proof of the rows is one of a dump.
    dump: Tool | None = None
    roles_member: str = ""
    #: member name to database name and role, of what could be restored
    restored: dict[str, tuple[str, Role]] = field(default_factory=dict)
    accounts_of: tuple[str, ...] = ()
    jobs: int = 2

    def load(self, member: str, spool: Path) -> bool:
        """Load a spooled dump into the server."""
        with spool.open("rb") as file:
            return load(self, member, self._command(), UNFIT, stdin=file)

    def load_from(self, member: str, feed: Callable[[IO[bytes]], None]) -> bool:
        """Load what `feed` writes into the server."""
        return load(self, member, self._command(), UNFIT, feed=feed)

    def load_accounts(self, statements: Sequence[str]) -> dict[str, str]:
        """Run statements about accounts, and return those that failed with the reason, to be run again later: a right
        on a table needs the table, and a view needs its definer. They hold verifiers of passwords: tell none."""
        failed = {}
        with self.access.connect() as session:
            for statement in statements:
                try:
                    session.run(statement)
                except pymysql.err.MySQLError as error:
                    failed[statement] = f"{account_in(statement)}: {text_of(error)}"
        return failed

    def add_accounts_check(self, member: str, failed: Mapping[str, str]) -> None:
        """Given what still failed when all was loaded, add the check that says so."""
        detail = "; ".join(list(failed.values())[:5]) or "loaded without an error"
        self.checks.append(fidelity("restore-complete", member, not failed, detail))

    def _command(self) -> Command:
        """The client that loads dumps. It leaves comments in routines, and line ends, as they are, and tells no row in
        its messages."""
        argv = [self.client.path, *self.access.options(), "--binary-mode", "--comments", "--max-allowed-packet=1G"]
        return Command([*argv, "--batch", "--skip-print-query-on-error"], secrets=self.access.secrets())

    def is_whole(self, member: str, spool: Path) -> bool:
        """Check that a spooled dump has its end: one that was cut between statements loads without an error."""
        with spool.open("rb") as file:
            file.seek(max(spool.stat().st_size - 200, 0))
            whole = _END in file.read()
        if not whole:
            detail = "the dump has no end: it was cut"
            self.checks.append(fidelity("restore-complete", member, False, detail))
        return whole

    def prove(self) -> Facts:
        with ThreadPoolExecutor(max_workers=self.jobs) as pool:
            futures = {member: pool.submit(self._facts, name) for member, (name, _) in self.restored.items()}
            facts = {member: future.result() for member, future in futures.items()}
        if self.roles_member:
            with self.access.connect() as session:
                accounts = read_accounts(session, self.accounts_of, passed_over=[SUPERUSER])
            facts[self.roles_member] = {"roles": account_facts(accounts)}
        return facts

    def _facts(self, database: str) -> dict[str, Any]:
        return database_facts(self.access, database, self.series, self.dump)

    @contextmanager
    def databases(self) -> Iterator[Mapping[str, CheckedDatabase]]:
        """Yield the databases under the names that they had at capture, whatever they are called here."""
        with ExitStack() as stack:
            yield {
                member: checked_database(member.split("/", 2)[2], role, stack.enter_context(self.access.connect(name)))
                for member, (name, role) in self.restored.items()
            }


def database_facts(
    access: Access,
    database: str,
    series: tuple[int, int],
    dump: Tool | None,
    spelled: Callable[[str], str] = lambda text: text,
) -> dict[str, Any]:
    """Given a restored database, compute its facts: from a dump, where that is what was proven at capture.
    `spelled` gives its schema's text the name that the database had."""
    with access.connect(database) as session:
        tables = read_tables(session, database)
        if dump:
            history = any(table.is_versioned for table in tables)
            rows = stream.restored_rows(dump, access, database, history=history)
        else:
            rows = table_facts(session, tables, series)
        return {
            "tables": rows,
            "unsteady": [],
            "schema": schema_facts(session, database, spelled),
            "sequences": sequence_values(session, database),
        }


def checked_database(name: str, role: Role, session: Session) -> CheckedDatabase:
    """Return a database for the WSO2 checks, which run in the session's transaction."""
    return CheckedDatabase(name=name, role=role, query=session.rows, dialect=MARIADB)
