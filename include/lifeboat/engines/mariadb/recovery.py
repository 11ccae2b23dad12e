"""Recovery of databases: restored and proven beside the live ones on their server, then exchanged table by table."""

import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lifeboat.engines._dumps import spool_member, spool_name
from lifeboat.engines.base import Facts, Restored
from lifeboat.engines.mariadb import beside, stream, tools
from lifeboat.engines.mariadb.access import explained, quoted, server_series
from lifeboat.engines.mariadb.exchange import DatabasesStep
from lifeboat.engines.mariadb.facts import series_in
from lifeboat.engines.mariadb.restored import RestoredServer, checked_database, database_facts
from lifeboat.engines.mariadb.unit import MariaDBUnit
from lifeboat.errors import PreflightError
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
            futures = {member: pool.submit(self._told, member, name) for member, (name, _) in self.restored.items()}
            return {member: future.result() for member, future in futures.items()}

    def _told(self, member: str, name: str) -> dict[str, Any]:
        spelled = functools.partial(beside.as_live, beside=name, live=self.exchanges[member].live)
        return database_facts(self.access, name, self.series, self.dump, spelled)


class MariaDBRecovery(MariaDBUnit):
    """The part of the engine that brings databases back on their own server."""

    def plan_replacement(self, snapshot: UnitSnapshot, members: Sequence[str], recovery: str) -> Replacement:
        chosen = self._databases(snapshot, members)
        names = [member.details["database"] for member in chosen]
        with explained(str(self.unit)), self.access(admin=True) as access, access.connect() as session:
            self._refuse_other_series(snapshot, server_series(session))
            beside.refuse_unable(session, str(self.unit))
            beside.refuse_bound(session, str(self.unit), names)
            there = beside.live_bytes(session, names)
            (where,) = session.one("SELECT @@datadir")
        return Replacement(
            unit=self.unit,
            host=self.host.name,
            where=str(where),
            exchanges=tuple(
                beside.database_exchange(member.member, name, name in there, recovery)
                for member, name in zip(chosen, names, strict=True)
            ),
            needed_bytes=sum(
                beside.needed_bytes(member.size_bytes, there.get(name))
                for member, name in zip(chosen, names, strict=True)
            ),
            capturable=len(there) == len(names),
            notes=(f"{self.unit}: the free space of the server cannot be seen from here",),
        )

    def _databases(self, snapshot: UnitSnapshot, members: Sequence[str]) -> list[MemberSnapshot]:
        return [each for each in snapshot.members if each.member in members and each.member != self.roles_member]

    def _refuse_other_series(self, snapshot: UnitSnapshot, series: tuple[int, int]) -> None:
        captured = series_of(snapshot)
        if captured != series:
            now, then = (".".join(map(str, each)) for each in (series, captured))
            raise PreflightError(
                f"{self.unit} is MariaDB {now}, the restore point is of {then}; what is restored could not be proven, "
                "for digests are comparable within one release series only.",
                next_step=f"Recover on a server of MariaDB {then}, or use `lifeboat runbook` and check by hand.",
            )

    @contextmanager
    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> Iterator[Restored]:
        exchanges = {exchange.member: exchange for exchange in replacement.exchanges}
        series = series_of(snapshot)
        with explained(str(self.unit)), self.access(admin=True) as access:
            restored = RestoredBeside(
                access=access,
                client=tools.client(series),
                series=series,
                dump=tools.dump_tool(series) if proven_by_dump(snapshot) else None,
                jobs=self.server.jobs,
                exchanges=exchanges,
            )
            self._make_accounts(restored, snapshot, vault)
            with ThreadPoolExecutor(max_workers=self.server.jobs) as pool:
                databases = self._databases(snapshot, list(exchanges))
                for future in [pool.submit(self._restore_beside, restored, vault, m, scratch) for m in databases]:
                    future.result()
            yield restored

    def _make_accounts(self, restored: RestoredBeside, snapshot: UnitSnapshot, vault: Vault) -> None:
        for member in snapshot.members:
            if member.member == self.roles_member:
                text = vault.read(member.address.snapshot, member.address.path).decode()
                with restored.access.connect() as session:
                    created = beside.create_missing_accounts(session, text)
                found = f"created accounts {', '.join(created)}" if created else "all accounts are there"
                log.info("%s: %s", self.unit, found)

    def _restore_beside(self, restored: RestoredBeside, vault: Vault, member: MemberSnapshot, scratch: Path) -> None:
        exchange = restored.exchanges[member.member]
        spool = scratch / spool_name(exchange.live)
        if spool_member(restored, vault, member, spool) and restored.is_whole(member.member, spool):
            with restored.access.connect() as session:
                session.run(f"DROP DATABASE IF EXISTS {quoted(exchange.beside)}")
            feed = functools.partial(_feed, spool, exchange)
            if restored.load_from(member.member, feed):
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


def _feed(spool: Path, exchange: Exchange, sink: IO[bytes]) -> None:
    with spool.open("rb") as file:
        for line in file:
            sink.write(beside.as_beside(line, exchange.live, exchange.beside))


def series_of(snapshot: UnitSnapshot) -> tuple[int, int]:
    """Given the snapshot of a server, return the release series that it was captured from."""
    return series_in(snapshot.members[0].proof.algorithm)


def proven_by_dump(snapshot: UnitSnapshot) -> bool:
    """Given the snapshot of a server, return whether the proof of its rows was taken from the dump."""
    return any(f"-{stream.KIND}/" in member.proof.algorithm for member in snapshot.members)
