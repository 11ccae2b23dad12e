"""MariaDB: all databases of one server at one instant, by mariadb-dump, proven by a restore into a scratch server."""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.engines._comparison import compare_roles
from lifeboat.engines._dumps import StoredDump, dump_path, spool_member, spool_name
from lifeboat.engines.base import Capture, Facts, Restored, member_snapshot, proof
from lifeboat.engines.mariadb import stream, tools
from lifeboat.engines.mariadb.access import Access, Session, explained, quoted, server_series
from lifeboat.engines.mariadb.accounts import account_facts, script, statements_of
from lifeboat.engines.mariadb.capturing import Captured, Source, capture_databases
from lifeboat.engines.mariadb.comparison import compare_database
from lifeboat.engines.mariadb.facts import algorithm
from lifeboat.engines.mariadb.instant import CommitsForbiddenError, Instant
from lifeboat.engines.mariadb.privileges import (
    Rights,
    read_rights,
    refuse_hidden_routines,
    refuse_lagging,
    refuse_missing,
    refuse_unreadable,
)
from lifeboat.engines.mariadb.recovery import MariaDBRecovery, proven_by_dump, series_of
from lifeboat.engines.mariadb.restored import RestoredServer
from lifeboat.engines.mariadb.scratch import install_plugins, scratch_server
from lifeboat.engines.tree import restic_version
from lifeboat.host import LocalHost
from lifeboat.manifest import Check, MemberSnapshot, UnitSnapshot
from lifeboat.vault import Vault

log = logging.getLogger(__name__)

ROLES_PATH = "/roles.sql"


class MariaDBEngine(MariaDBRecovery):
    """Captures the databases of one MariaDB server."""

    name: ClassVar[str] = "mariadb"
    connection_type: ClassVar[str | None] = "mysql"
    #: The spooled dump, the restored tables with their indexes, and what a new server takes.
    scratch_factor: ClassVar[float] = 3.0

    # -- capture --------------------------------------------------------------------------------------------

    def preflight(self) -> dict[str, str]:
        with explained(str(self.unit)), self.access() as access:
            return self._preflight(access)[0]

    def drill_preflight(self) -> None:
        with explained(str(self.unit)), self.access() as access, access.connect() as session:
            series = server_series(session)
        tools.installer(tools.server(series))
        tools.client(series)
        tools.dump_tool(series)

    def _preflight(self, access: Access) -> tuple[dict[str, str], Source, Rights]:
        with access.connect() as session:
            series, rights = server_series(session), read_rights(session)
            version = session.version
            self._refuse_unready(session, rights)
        tool = tools.dump_tool(series)
        roles = {name: self.role_of(name) for name in self.server.databases}
        versions = {"mariadb": version, "mariadb-dump": tool.version, "restic": restic_version(LocalHost())}
        return versions, Source(self.unit, access, series, tool, roles, self.server.jobs), rights

    def _refuse_unready(self, session: Session, rights: Rights) -> None:
        databases = list(self.server.databases)
        refuse_missing(session, rights, databases, str(self.unit))
        for database in databases:
            refuse_unreadable(session, rights, self.member(database), database)
        refuse_hidden_routines(session, rights, str(self.unit))
        refuse_lagging(session, str(self.unit), self.runtime.deployment.max_skew.total_seconds())

    def capture(self, capture: Capture) -> UnitSnapshot:
        with explained(str(self.unit)), self.access() as access:
            versions, source, rights = self._preflight(access)
            if rights.may_hold_up_commits:
                try:
                    return self._capture(capture, source, versions, locked=True)
                except CommitsForbiddenError as error:
                    log.warning("%s: %s", self.unit, error)
            return self._capture(capture, source, versions, locked=False)

    def _capture(self, capture: Capture, source: Source, versions: dict[str, str], *, locked: bool) -> UnitSnapshot:
        instant, captured = capture_databases(capture, source, locked=locked)
        facts: Facts = {**captured.told, **{self.member(name): found for name, found in captured.facts.items()}}
        facts[self.roles_member] = {"roles": account_facts(captured.accounts)}
        roles = self._store_roles(capture, captured)
        where, digest = capture.store_facts(facts)
        proven_at = time.monotonic()
        kind = "" if locked else stream.KIND
        members = [
            self._database_member(name, captured, facts[self.member(name)], source, instant, kind)
            for name in source.roles
        ]
        members.append(self._roles_member(roles, facts[self.roles_member], source))
        return UnitSnapshot(
            unit=self.unit,
            site=capture.site,
            attempt=capture.attempt,
            host_name=LocalHost().host_name(),
            instant=instant.time,
            skew_ms=instant.skew_ms,
            started_at=capture.started_at,
            finished_at=datetime.now(UTC),
            proof_seconds=proven_at - captured.dumped_at,
            tools=versions,
            facts=where,
            facts_sha256=digest,
            members=tuple(members),
            checks=tuple(captured.checks),
            warnings=(*captured.warnings, *self._warnings(captured, locked)),
        )

    def _warnings(self, captured: Captured, locked: bool) -> Iterator[str]:
        if not captured.accounts:
            yield f"{self.unit}: the account may not read the accounts of the server; they are not captured"
        if not locked:
            yield (
                f"{self.unit}: the account may not hold up commits (RELOAD), so that the proof of the rows is taken "
                "from the dump, not from the live tables"
            )

    def _store_roles(self, capture: Capture, captured: Captured) -> StoredDump:
        text = script(captured.accounts).encode()
        stored = capture.vault.backup_bytes(text, ROLES_PATH, capture.tags(self.roles_member))
        return StoredDump(stored, hashlib.sha256(text).hexdigest())

    def _database_member(
        self, database: str, captured: Captured, found: dict[str, Any], source: Source, instant: Instant, kind: str
    ) -> MemberSnapshot:
        dump = captured.dumps[database]
        summary: dict[str, int | str] = {
            "tables": len(found["tables"]),
            "rows": sum(table[0] for table in found["tables"].values()),
            "objects": len(found["schema"]),
        }
        return member_snapshot(
            self.member(database),
            self.name,
            dump.stored,
            dump_path(database, "sql"),
            proof(algorithm(source.series, kind), found, summary),
            stream_sha256=dump.sha256,
            details={
                "database": database,
                "locked_ms": round(instant.locked_ms, 1),
                "settings": captured.settings,
                "plugins": captured.plugins,
            },
        )

    def _roles_member(self, dump: StoredDump, facts: dict[str, Any], source: Source) -> MemberSnapshot:
        member_proof = proof(algorithm(source.series), facts, {"roles": len(facts["roles"])})
        return member_snapshot(
            self.roles_member, self.name, dump.stored, ROLES_PATH, member_proof, stream_sha256=dump.sha256
        )

    # -- drill ----------------------------------------------------------------------------------------------

    @contextmanager
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> Iterator[Restored]:
        series = series_of(snapshot)
        databases = [member for member in snapshot.members if member.member != self.roles_member]
        settings, where = databases[0].details["settings"], f"{self.unit} in its scratch place"
        with explained(where), scratch_server(series, scratch / "my", settings) as access:
            restored = RestoredServer(
                access=access,
                client=tools.client(series),
                series=series,
                dump=tools.dump_tool(series) if proven_by_dump(snapshot) else None,
                roles_member=self.roles_member,
                accounts_of=tuple(member.details["database"] for member in databases),
                jobs=self.server.jobs,
            )
            install_plugins(access, databases[0].details["plugins"])
            self._restore_all(restored, databases, snapshot, vault, scratch)
            yield restored

    def _restore_all(
        self,
        restored: RestoredServer,
        databases: Sequence[MemberSnapshot],
        snapshot: UnitSnapshot,
        vault: Vault,
        scratch: Path,
    ) -> None:
        """Load the accounts, then the databases, then the rights that need their tables."""
        roles = [member for member in snapshot.members if member.member == self.roles_member]
        later: dict[str, dict[str, str]] = {}
        by_hand: set[str] = set()
        for member in roles:
            done, spool = scratch / "roles-by-hand.sql", scratch / "roles.sql"
            if self._done_by_hand(restored, member, {"ROLES": str(done)}):
                by_hand.add(member.member)
                later[member.member] = dict.fromkeys(statements_of(done.read_text()), "")
            elif spool_member(restored, vault, member, spool):
                later[member.member] = restored.load_accounts(statements_of(spool.read_text()))
            spool.unlink(missing_ok=True)
        with ThreadPoolExecutor(max_workers=self.server.jobs) as pool:
            for future in [pool.submit(self._restore_one, restored, vault, each, scratch) for each in databases]:
                future.result()
        for name, failed in later.items():
            left = restored.load_accounts(list(failed))
            if name not in by_hand:  # else what is missing shows in the proof
                restored.add_accounts_check(name, left)

    def _done_by_hand(self, restored: RestoredServer, member: MemberSnapshot, where: dict[str, str]) -> bool:
        """Restore a member by its runbook, if it is the one whose turn it is, and say whether it is there now."""
        if self.by_hand is None or self.by_hand.runbook.member != member.member:
            return False
        environment = {**restored.access.environment(), **where}
        if self.by_hand.run(member.member, environment, search=[str(Path(restored.client.path).parent)]):
            restored.restored_bytes += member.size_bytes
            return True
        if "DATABASE" in where:
            with restored.access.connect() as session:
                session.run(f"DROP DATABASE IF EXISTS {quoted(where['DATABASE'])}")
        return False

    def _restore_one(self, restored: RestoredServer, vault: Vault, member: MemberSnapshot, scratch: Path) -> None:
        database = member.details["database"]
        if self._done_by_hand(restored, member, {"DATABASE": database}):
            restored.restored[member.member] = (database, self.role_of(database))
            return
        spool = scratch / spool_name(database)
        if (
            spool_member(restored, vault, member, spool)
            and restored.is_whole(member.member, spool)
            and restored.load(member.member, spool)
        ):
            restored.restored[member.member] = (database, self.role_of(database))
        spool.unlink(missing_ok=True)

    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        if member == self.roles_member:
            yield from compare_roles(member, captured["roles"], restored["roles"])
        else:
            yield from compare_database(member, captured, restored)


ENGINE = MariaDBEngine
