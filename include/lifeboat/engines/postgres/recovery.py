"""Recovery of databases: restored and proven beside the live ones on their server, then renamed in one transaction."""

import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lifeboat.engines._dumps import load, spool_member, spool_name
from lifeboat.engines.base import Facts, Restored
from lifeboat.engines.postgres.access import explained, maintenance, server_major
from lifeboat.engines.postgres.beside import (
    create_beside,
    create_missing_roles,
    database_exchange,
    database_statements,
    live_bytes,
    loaded,
    needed_bytes,
    refuse_airflows_own,
    refuse_unable,
    server_room,
)
from lifeboat.engines.postgres.exchange import DatabasesStep, refuse_bound
from lifeboat.engines.postgres.facts import version_in
from lifeboat.engines.postgres.restored import UNFIT, RestoredServer, checked_database, database_facts
from lifeboat.engines.postgres.tools import tools_directory
from lifeboat.engines.postgres.unit import PostgresUnit
from lifeboat.errors import PreflightError
from lifeboat.host import Command
from lifeboat.manifest import MemberSnapshot, UnitSnapshot
from lifeboat.recovery_documents import Exchange, Replacement
from lifeboat.swap import Step
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckedDatabase

log = logging.getLogger(__name__)


@dataclass
class RestoredBeside(RestoredServer):
    """Databases restored beside the live ones; their facts are told as of the live names."""

    exchanges: dict[str, Exchange] = field(default_factory=dict)

    def prove(self) -> Facts:
        with ThreadPoolExecutor(max_workers=self.jobs) as pool:
            futures = {
                member: pool.submit(
                    database_facts,
                    self.tools,
                    self.access,
                    name,
                    known_as=self.exchanges[member].live,
                    version=self.version,
                )
                for member, (name, _) in self.restored.items()
            }
            return {member: future.result() for member, future in futures.items()}

    @contextmanager
    def databases(self) -> Iterator[Mapping[str, CheckedDatabase]]:
        with ExitStack() as stack:
            yield {
                member: checked_database(
                    self.exchanges[member].live, role, stack.enter_context(self.access.connect(name))
                )
                for member, (name, role) in self.restored.items()
            }


class PostgresRecovery(PostgresUnit):
    """The part of the engine that brings databases back on their own server."""

    def plan_replacement(self, snapshot: UnitSnapshot, members: Sequence[str], recovery: str) -> Replacement:
        chosen = self._databases(snapshot, members)
        names = [member.details["database"] for member in chosen]
        with (
            explained(str(self.unit)),
            self.access(admin=True) as access,
            maintenance(access, names) as session,
        ):
            self._refuse_other_major(snapshot, server_major(session))
            refuse_unable(session, str(self.unit), names)
            refuse_bound(session, str(self.unit), names)
            there = live_bytes(session, names)
            refuse_airflows_own(access, names=[name for name in names if name in there])
            room = server_room(self.host, session)
        return Replacement(
            unit=self.unit,
            host=self.host.name,
            exchanges=tuple(
                database_exchange(member.member, name, name in there, recovery)
                for member, name in zip(chosen, names, strict=True)
            ),
            needed_bytes=sum(
                needed_bytes(member.size_bytes, there.get(name)) for member, name in zip(chosen, names, strict=True)
            ),
            capturable=len(there) == len(names),
            **room,
        )

    def _databases(self, snapshot: UnitSnapshot, members: Sequence[str]) -> list[MemberSnapshot]:
        return [each for each in snapshot.members if each.member in members and each.member != self.roles_member]

    def _refuse_other_major(self, snapshot: UnitSnapshot, major: int) -> None:
        captured = major_of(snapshot)
        if captured != major:
            raise PreflightError(
                f"{self.unit} is PostgreSQL {major}, the restore point is of {captured}; what is restored could not be "
                "proven, for digests are comparable within one major version only.",
                next_step=f"Recover on a server of PostgreSQL {captured}, or use `lifeboat runbook` and check by hand.",
            )

    @contextmanager
    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> Iterator[Restored]:
        exchanges = {exchange.member: exchange for exchange in replacement.exchanges}
        tools = tools_directory(major_of(snapshot), "pg_restore", "psql", "pg_dump")
        with explained(str(self.unit)), self.access(admin=True) as access:
            restored = RestoredBeside(
                access=access, tools=tools, jobs=self.server.jobs, exchanges=exchanges, version=version_of(snapshot)
            )
            self._make_roles(restored, snapshot, vault)
            with ThreadPoolExecutor(max_workers=self.server.jobs) as pool:
                databases = self._databases(snapshot, list(exchanges))
                for future in [pool.submit(self._restore_beside, restored, vault, m, scratch) for m in databases]:
                    future.result()
            yield restored

    def _make_roles(self, restored: RestoredBeside, snapshot: UnitSnapshot, vault: Vault) -> None:
        for member in snapshot.members:
            if member.member == self.roles_member:
                text = vault.read(member.address.snapshot, member.address.path).decode()
                with maintenance(restored.access, [each.live for each in restored.exchanges.values()]) as session:
                    created = create_missing_roles(session, text)
                found = f"created roles {', '.join(created)}" if created else "all roles are there"
                log.info("%s: %s", self.unit, found)

    def _restore_beside(self, restored: RestoredBeside, vault: Vault, member: MemberSnapshot, scratch: Path) -> None:
        exchange = restored.exchanges[member.member]
        spool = scratch / spool_name(exchange.live)
        if spool_member(restored, vault, member, spool):
            statements = database_statements(restored.tools, spool)
            with maintenance(restored.access, [exchange.live]) as session:
                later = create_beside(session, statements, exchange.live, exchange.beside)
            argv = [
                f"{restored.tools}/pg_restore",
                f"--dbname={exchange.beside}",
                "--jobs=2",
                "--no-password",
                str(spool),
            ]
            environment = restored.access.environment(exchange.beside)
            command = Command(argv, environment=environment, secrets=restored.access.secrets())
            if load(restored, member.member, command, UNFIT):
                loaded(restored.access, exchange.beside, later)
                restored.restored[member.member] = (exchange.beside, self.role_of(exchange.live))
        spool.unlink(missing_ok=True)

    def step(self, replacement: Replacement) -> Step:
        return DatabasesStep(str(self.unit), functools.partial(self.access, admin=True), replacement.exchanges)

    @contextmanager
    def live_databases(self) -> Iterator[Mapping[str, CheckedDatabase]]:
        with explained(str(self.unit)), self.access() as access, ExitStack() as stack:
            yield {
                self.member(name): checked_database(name, self.role_of(name), stack.enter_context(access.connect(name)))
                for name in self.server.databases
            }


def major_of(snapshot: UnitSnapshot) -> int:
    """Given the snapshot of a server, return the major version that it was captured from."""
    return int(snapshot.members[0].proof.algorithm.rpartition("pg")[2])


def version_of(snapshot: UnitSnapshot) -> int:
    """Given the snapshot of a server, return the version of its facts."""
    return version_in(snapshot.members[0].proof.algorithm)
