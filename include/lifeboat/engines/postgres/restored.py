"""A PostgreSQL server's databases, restored into a scratch server: loading them and proving them again."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from lifeboat.engines._dumps import SPACE_STEP, Unfit
from lifeboat.engines.base import Facts, Restored
from lifeboat.engines.postgres import facts as proofs
from lifeboat.engines.postgres.access import Access, Row
from lifeboat.engines.postgres.scratch import SUPERUSER
from lifeboat.engines.postgres.statements import VERSION, Renamed, role_facts
from lifeboat.errors import PreflightError, SpaceError, UnreachableError
from lifeboat.host import Command, LocalHost
from lifeboat.wso2.checks import CheckedDatabase, Role

#: Where tools connect to on a scratch server: restored databases may have any name but this.
MAINTENANCE = "template1"

#: What says that this worker cannot hold the data, whether or not the dump is sound.
UNFIT: tuple[Unfit, ...] = (
    (r"No space left on device", SpaceError, SPACE_STEP),
    (
        r"extension \"[^\"]*\" is not available|could not (open extension control|access) file",
        PreflightError,
        "Install that extension on this worker, where drills restore to.",
    ),
    (
        r"invalid (LC_\w+ )?locale name|locale \"[^\"]*\"",
        PreflightError,
        "Generate that locale on this worker (Debian: the package locales-all), where drills restore to.",
    ),
    (
        r"server closed the connection unexpectedly|connection to server .* failed|terminating connection",
        UnreachableError,
        "The scratch PostgreSQL ended; look for a lack of memory, then run the drill again.",
    ),
)


@dataclass
class RestoredServer(Restored):
    """The databases of a unit, restored into a scratch server."""

    access: Access = field(default_factory=lambda: Access("scratch", "", 0, ""))
    tools: str = ""
    roles_member: str = ""
    #: member name to database name and role, of what could be restored
    restored: dict[str, tuple[str, Role]] = field(default_factory=dict)
    jobs: int = 2
    #: The version of the facts that were captured.
    version: int = VERSION

    def prove(self) -> Facts:
        with ThreadPoolExecutor(max_workers=self.jobs) as pool:
            futures = {
                member: pool.submit(database_facts, self.tools, self.access, name, version=self.version)
                for member, (name, _) in self.restored.items()
            }
            text = LocalHost().run(roles_command(self.tools, self.access, MAINTENANCE, passwords=True)).stdout.decode()
            # A membership that somebody gave who is gone: here the superuser gave it.
            text = text.replace(f" GRANTED BY {SUPERUSER};", ";")
            return {
                **{member: future.result() for member, future in futures.items()},
                self.roles_member: {"roles": role_facts(text)},
            }

    @contextmanager
    def databases(self) -> Iterator[Mapping[str, CheckedDatabase]]:
        with ExitStack() as stack:
            yield {
                member: checked_database(name, role, stack.enter_context(self.access.connect(name)))
                for member, (name, role) in self.restored.items()
            }


def roles_command(tools: str, access: Access, database: str, *, passwords: bool) -> Command:
    argv = [f"{tools}/pg_dumpall", "--roles-only", "--no-password", f"--database={database}"]
    return Command(
        argv if passwords else [*argv, "--no-role-passwords"],
        environment=access.environment(database),
        secrets=access.secrets(),
    )


def database_facts(
    tools: str, access: Access, database: str, *, known_as: str | None = None, version: int = VERSION
) -> dict[str, Any]:
    """Return the facts of a restored database; `known_as` is the name it was captured under, if it has another, and
    `version` that of the facts that were captured."""
    with access.connect(database) as session:
        renamed = _renamed(session, known_as)
        return {
            "tables": proofs.table_facts(session),
            "large_objects": proofs.large_object_facts(session),
            "schema": proofs.schema_facts(tools, access, database, renamed=renamed, version=version),
            "sequences": proofs.sequence_values(session),
        }


def _renamed(session: psycopg.Connection[Row], other: str | None) -> Renamed | None:
    if other is None:
        return None
    name = session.info.dbname
    (quoted,) = session.execute("SELECT quote_ident(%s), quote_ident(%s)", (name, other)).fetchall()
    return Renamed(name, quoted[0], other, quoted[1])


def checked_database(name: str, role: Role, session: psycopg.Connection[Row]) -> CheckedDatabase:
    def query(statement: str, parameters: Any) -> list[Row]:
        return session.execute(statement, parameters or None).fetchall()

    return CheckedDatabase(name=name, role=role, query=query)
