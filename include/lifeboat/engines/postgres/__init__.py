"""PostgreSQL: all databases of one server at one instant, by pg_dump, proven by a restore into a scratch server."""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.engines._comparison import sequences_around
from lifeboat.engines._dumps import (
    StoredDump,
    check_databases,
    dump_path,
    load,
    results,
    spool_member,
    spool_name,
    store_dump,
)
from lifeboat.engines.base import (
    Capture,
    Facts,
    Restored,
    member_snapshot,
    proof,
)
from lifeboat.engines.postgres import facts as proofs
from lifeboat.engines.postgres.access import Access, explained, server_major, session_lasts
from lifeboat.engines.postgres.comparison import compare_database, compare_roles
from lifeboat.engines.postgres.partial import drop_database
from lifeboat.engines.postgres.privileges import refuse_unreadable
from lifeboat.engines.postgres.recovery import PostgresRecovery, major_of, version_of
from lifeboat.engines.postgres.restored import (
    MAINTENANCE,
    UNFIT,
    RestoredServer,
    checked_database,
    roles_command,
)
from lifeboat.engines.postgres.scratch import make_tablespaces, scratch_server
from lifeboat.engines.postgres.snapshots import Holder, Instant, lock_tables, one_instant
from lifeboat.engines.postgres.statements import role_facts
from lifeboat.engines.postgres.tools import tool_version, tools_directory
from lifeboat.engines.tree import restic_version
from lifeboat.host import Command, LocalHost
from lifeboat.manifest import Check, MemberSnapshot, UnitSnapshot
from lifeboat.together import TogetherPool
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckResult

log = logging.getLogger(__name__)

ROLES_PATH = "/roles.sql"
_DUMP_TOOLS = ("pg_dump", "pg_dumpall")
_DRILL_TOOLS = ("initdb", "postgres", "pg_restore", "psql", *_DUMP_TOOLS)


class PostgresEngine(PostgresRecovery):
    """Captures the databases of one PostgreSQL server."""

    name: ClassVar[str] = "postgres"
    connection_type: ClassVar[str | None] = "postgres"
    #: The spooled dump and the restored tables with their indexes.
    scratch_factor: ClassVar[float] = 2.5

    def live_schema(self) -> dict[str, dict[str, str]]:
        with explained(str(self.unit)), self.access() as access:
            with access.connect(next(iter(self.server.databases))) as session:
                tools = tools_directory(server_major(session), *_DUMP_TOOLS)
            return {self.member(name): proofs.schema_facts(tools, access, name) for name in self.server.databases}

    # -- capture --------------------------------------------------------------------------------------------

    def preflight(self) -> dict[str, str]:
        with explained(str(self.unit)), self.access() as access:
            return self._preflight(access)

    def drill_preflight(self) -> None:
        with explained(str(self.unit)), self.access() as access, access.connect(next(iter(self.server.databases))) as s:
            tools_directory(server_major(s), *_DRILL_TOOLS)

    def _preflight(self, access: Access) -> dict[str, str]:
        for database in self.server.databases:
            with access.connect(database) as session:
                major = server_major(session)
                server_version = str(session.info.parameter_status("server_version"))
                refuse_unreadable(session, self.member(database))
        _, version = tool_version(f"{tools_directory(major, *_DUMP_TOOLS)}/pg_dump")
        return {"postgres": server_version, "pg_dump": version, "restic": restic_version(LocalHost())}

    def capture(self, capture: Capture) -> UnitSnapshot:
        with explained(str(self.unit)), self.access() as access:
            versions = self._preflight(access)
            with one_instant(access, list(self.server.databases)) as instant:
                return self._capture(capture, access, instant, versions)

    def _capture(self, capture: Capture, access: Access, instant: Instant, versions: dict[str, str]) -> UnitSnapshot:
        major = server_major(instant.holders[0].connection)
        tools = tools_directory(major, *_DUMP_TOOLS)
        for holder in instant.holders:
            lock_tables(holder)
        sequences = {h.database: proofs.sequence_values(h.connection) for h in instant.holders}
        with TogetherPool(self.server.jobs) as pool:
            dumps = {h.database: pool.submit(self._dump, capture, tools, access, h, pool) for h in instant.holders}
            roles = pool.submit(self._dump_roles, capture, tools, access)
            proven = {h.database: pool.submit(self._prove, h, pool) for h in instant.holders}
            checks, told = pool.run(self._check, instant)
            wait(dumps.values())
            dumped_at = time.monotonic()
        dumped, facts_of = results(dumps), results(proven)
        roles_dump, roles_text, passwords = roles.result()
        for holder in instant.holders:
            after = proofs.sequence_values(holder.connection)
            facts_of[holder.database]["schema"] = dumped[holder.database][1]
            facts_of[holder.database]["sequences"] = sequences_around(sequences[holder.database], after)
        facts: Facts = {**told, **{self.member(database): value for database, value in facts_of.items()}}
        facts[self.roles_member] = {"roles": role_facts(roles_text)}
        where, digest = capture.store_facts(facts)
        proven_at = time.monotonic()
        members = [self._database_member(h, dumped[h.database][0], facts, major) for h in instant.holders]
        members.append(self._roles_member(roles_dump, facts[self.roles_member], major))
        without = (f"{self.unit}: the account may not read role passwords; they are not captured",)
        return UnitSnapshot(
            unit=self.unit,
            site=capture.site,
            attempt=capture.attempt,
            host_name=LocalHost().host_name(),
            instant=instant.time,
            skew_ms=instant.skew_ms,
            started_at=capture.started_at,
            finished_at=datetime.now(UTC),
            proof_seconds=proven_at - dumped_at,
            tools=versions,
            facts=where,
            facts_sha256=digest,
            members=tuple(members),
            checks=tuple(checks),
            warnings=() if passwords else without,
        )

    def _dump(
        self, capture: Capture, tools: str, access: Access, holder: Holder, pool: TogetherPool
    ) -> tuple[StoredDump, dict[str, str]]:
        schema = proofs.schema_facts(tools, access, holder.database, holder.snapshot)
        argv = [f"{tools}/pg_dump", "--format=custom", "--compress=0", "--no-password", proofs.LOCK_TIMEOUT]
        command = Command(
            [*argv, f"--snapshot={holder.snapshot}"],
            environment=access.environment(holder.database),
            secrets=access.secrets(),
        )
        member, path = self.member(holder.database), dump_path(holder.database)
        return store_dump(capture, member, path, command, pool), schema

    def _dump_roles(self, capture: Capture, tools: str, access: Access) -> tuple[StoredDump, str, bool]:
        """Store the roles of the server: with their password verifiers if the account may read them."""
        database = next(iter(self.server.databases))
        with access.connect(database) as session:
            row = session.execute("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')").fetchone()
        passwords = bool(row and row[0])
        command = roles_command(tools, access, database, passwords=passwords)
        text = LocalHost().run(command).stdout
        stored = capture.vault.backup_bytes(text, ROLES_PATH, capture.tags(self.roles_member))
        return StoredDump(stored, hashlib.sha256(text).hexdigest()), text.decode(), passwords

    def _prove(self, holder: Holder, pool: TogetherPool) -> dict[str, Any]:
        """Compute the facts of a database in the very transaction that holds its snapshot and its locks."""
        return {
            "tables": proofs.table_facts(holder.connection, pool.refuse_after_failure),
            "large_objects": proofs.large_object_facts(holder.connection),
        }

    def _check(self, instant: Instant) -> tuple[list[CheckResult], Facts]:
        """Run the WSO2 checks at the captured instant, in the very transactions that hold it."""
        return check_databases(
            self.unit,
            {
                self.member(holder.database): checked_database(
                    holder.database, self.role_of(holder.database), holder.connection
                )
                for holder in instant.holders
            },
        )

    def _database_member(self, holder: Holder, dumped: StoredDump, facts: Facts, major: int) -> MemberSnapshot:
        name = self.member(holder.database)
        found = facts[name]
        summary: dict[str, int | str] = {
            "tables": len(found["tables"]),
            "rows": sum(table[0] for table in found["tables"].values()),
            "sequences": len(found["sequences"]),
            "large_objects": found["large_objects"][0],
        }
        return member_snapshot(
            name,
            self.name,
            dumped.stored,
            dump_path(holder.database),
            proof(proofs.algorithm(major), found, summary),
            stream_sha256=dumped.sha256,
            details={"database": holder.database, "tablespaces": proofs.tablespaces(holder.connection)},
        )

    def _roles_member(self, dumped: StoredDump, facts: dict[str, Any], major: int) -> MemberSnapshot:
        member_proof = proof(proofs.algorithm(major), facts, {"roles": len(facts["roles"])})
        return member_snapshot(
            self.roles_member, self.name, dumped.stored, ROLES_PATH, member_proof, stream_sha256=dumped.sha256
        )

    # -- drill ----------------------------------------------------------------------------------------------

    @contextmanager
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> Iterator[Restored]:
        major = major_of(snapshot)
        tools = tools_directory(major, *_DRILL_TOOLS)
        with session_lasts(f"{self.unit} in its scratch place"), scratch_server(tools, scratch / "pg") as access:
            restored = RestoredServer(
                access=access,
                tools=tools,
                roles_member=self.roles_member,
                jobs=self.server.jobs,
                version=version_of(snapshot),
            )
            databases = [member for member in snapshot.members if member.member != self.roles_member]
            _make_room(access, scratch / "pg", databases)
            for member in snapshot.members:
                if member.member == self.roles_member:
                    self._restore_roles(restored, vault, member, scratch)
            with ThreadPoolExecutor(max_workers=self.server.jobs) as pool:
                for future in [pool.submit(self._restore_one, restored, vault, m, scratch) for m in databases]:
                    future.result()
            yield restored

    def _restore_roles(self, restored: RestoredServer, vault: Vault, member: MemberSnapshot, scratch: Path) -> None:
        if self._done_by_hand(restored, member, {"ROLES": str(scratch / "roles-by-hand.sql")}):
            return
        spool = scratch / "roles.sql"
        if spool_member(restored, vault, member, spool):
            argv = [f"{restored.tools}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(spool)]
            load(restored, member.member, Command(argv, environment=restored.access.environment(MAINTENANCE)), UNFIT)
        spool.unlink(missing_ok=True)

    def _restore_one(self, restored: RestoredServer, vault: Vault, member: MemberSnapshot, scratch: Path) -> None:
        """Spool a dump, for pg_restore works in parallel on a file only, load it, and let the spool go."""
        database = member.details["database"]
        if self._done_by_hand(restored, member, {"DATABASE": database}):
            restored.restored[member.member] = (database, self.role_of(database))
            return
        spool = scratch / spool_name(database)
        if spool_member(restored, vault, member, spool):
            argv = [f"{restored.tools}/pg_restore", "--create", f"--dbname={MAINTENANCE}", "--jobs=2"]
            environment = restored.access.environment(MAINTENANCE)
            if load(restored, member.member, Command([*argv, str(spool)], environment=environment), UNFIT):
                restored.restored[member.member] = (database, self.role_of(database))
        spool.unlink(missing_ok=True)

    def _done_by_hand(self, restored: RestoredServer, member: MemberSnapshot, where: dict[str, str]) -> bool:
        """Restore a member by its runbook, if it is the one whose turn it is, and say whether it is there now."""
        if self.by_hand is None or self.by_hand.runbook.member != member.member:
            return False
        environment = {**restored.access.environment(MAINTENANCE), **where}
        if self.by_hand.run(member.member, environment, search=[restored.tools]):
            restored.restored_bytes += member.size_bytes
            return True
        if "DATABASE" in where:
            drop_database(restored.access, where["DATABASE"])
        return False

    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        if member == self.roles_member:
            yield from compare_roles(member, captured["roles"], restored["roles"])
        else:
            yield from compare_database(member, captured, restored)


def _make_room(access: Access, directory: Path, databases: Sequence[MemberSnapshot]) -> None:
    """Make what the databases need before they are restored: their names free, their tablespaces there."""
    with access.connect(MAINTENANCE) as session:
        session.execute("DROP DATABASE postgres")
    make_tablespaces(access, directory, sorted({name for each in databases for name in each.details["tablespaces"]}))


ENGINE = PostgresEngine
