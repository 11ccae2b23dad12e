"""H2: the databases that a WSO2 server keeps inside of its own home.

The file of an open database is worth nothing, so a capture is cold: the server is down, nobody has the file open or
locked, and it is the same after it was copied. It is proven on this worker, by the H2 of the product itself, whose jar
goes into the vault beside it: the formats of H2 are not interchangeable. The WSO2 checks are not run on H2.
"""

import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from lifeboat.by_hand import Runbook
from lifeboat.engines._comparison import compare_objects, compare_tables
from lifeboat.engines._dumps import check_databases
from lifeboat.engines._file_runbook import file_runbook
from lifeboat.engines.base import (
    Capture,
    Facts,
    Part,
    Restored,
    Returned,
    difference,
    fidelity,
    member_snapshot,
    proof,
)
from lifeboat.engines.h2 import jars, script
from lifeboat.engines.h2.checked import checked_database
from lifeboat.engines.h2.recovery import H2Recovery
from lifeboat.engines.h2.restored import RestoredDatabases, RestoredOne
from lifeboat.engines.h2.source import Found
from lifeboat.engines.tree import restic_version
from lifeboat.errors import CaptureError, CommandError, ToolError, VaultDamagedError
from lifeboat.host import LocalHost
from lifeboat.manifest import Address, Check, MemberSnapshot, UnitSnapshot
from lifeboat.places import require_space
from lifeboat.scratch import scratch_place
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckResult
from lifeboat.wso2.server import ServerControl

ALGORITHM = "h2-script-sha256/1"
_IN_PLACE = """\
To put it in the place of the live database, with its server stopped and nobody else on it:
  1. Look into it by the H2 that was captured with it:
       java -cp {restored}/{jar} org.h2.tools.Shell -user {user} \\
         -url 'jdbc:h2:{plain};IFEXISTS=TRUE;ACCESS_MODE_DATA=r'
  2. mv {live} {live}.before     # if there is one
  3. cp {restored}/{file} {live}; chown {uid}:{gid} {live}; chmod {mode:o} {live}
  4. Remove a .lock.db beside it: nobody has it open. Start the server.
The server must still be of the H2 of that time: the formats of H2 are not interchangeable.
"""


class H2Engine(H2Recovery):
    """Captures the embedded databases of one home."""

    name: ClassVar[str] = "h2"
    #: Its login and password are those of the databases; its extra `jar` may name another H2 than the product's.
    connection_type: ClassVar[str | None] = "generic"
    #: Whoever opens the file keeps everybody else out.
    checked_live: ClassVar[bool] = False
    #: The file, and the script that H2 writes of it.
    scratch_factor: ClassVar[float] = 4.0

    # -- capture --------------------------------------------------------------------------------------------

    def preflight(self) -> dict[str, str]:
        self.drill_preflight()
        found = self.find()
        versions = sorted({PurePosixPath(each.jar).name for each in found})
        return {"h2": ", ".join(versions), "restic": restic_version(LocalHost())}

    def drill_preflight(self) -> None:
        connection = self.runtime.connection(self.server.connection)
        connection.require("login")
        if LocalHost().find_tool(script.JAVA) is None:
            raise ToolError(
                f"{self.unit}: java is not installed on this worker; H2 databases are proven here.",
                next_step="Install a Java runtime, 11 or newer (Debian: default-jre-headless), on this worker.",
            )

    def capture(self, capture: Capture) -> UnitSnapshot:
        tools, found = self.preflight(), self.find()
        instant = datetime.now(UTC)
        hot = self._in_use(found)
        if hot and self.server.while_running == "refuse":
            raise CaptureError(
                f"{self.unit} is open, and a copy of an open H2 file is worth nothing: {'; '.join(hot)}.",
                next_step=f"Capture it while server '{self.server.server}' is down; or set while_running: skip; or "
                "list it under recreated_databases of the server; or move it to a database server, as WSO2 advises.",
            )
        warnings = [f"{self.unit}: not captured, since it is open: {'; '.join(hot)}"] if hot else []
        facts: Facts = {}
        members: list[MemberSnapshot] = []
        checks: list[CheckResult] = []
        seconds = 0.0
        if not hot:
            with scratch_place(Path(self.runtime.deployment.sites[capture.site].scratch)) as place:
                copies = self._copy(found, place)
                began = time.monotonic()
                facts = {one.member.member: self._prove(one) for one in copies}
                seconds = time.monotonic() - began
                checks, told = self._check(copies)
                members = [self._store(capture, one, facts) for one in copies]
                facts |= told
        where, digest = capture.store_facts(facts)
        return UnitSnapshot(
            unit=self.unit,
            site=capture.site,
            attempt=capture.attempt,
            host_name=self.host.host_name(),
            instant=instant,
            skew_ms=0.0,
            started_at=capture.started_at,
            finished_at=datetime.now(UTC),
            proof_seconds=seconds,
            tools=tools,
            facts=where,
            facts_sha256=digest,
            members=tuple(members),
            checks=tuple(checks),
            warnings=tuple(warnings),
        )

    def _in_use(self, found: Sequence[Found]) -> list[str]:
        """Return the reasons to think that a database is open."""
        assert self.server.server is not None
        state = ServerControl.of(self.runtime, self.server.server).state()
        running = [f"server {self.server.server} runs (process {state.pid})"] if state.running else []
        return running + [f"{each.path}: {why}" for each in found for why in each.facts["hot"]]

    def _copy(self, found: Sequence[Found], place: Path) -> list[RestoredOne]:
        """Copy every file with its jar to this worker, and return the copies. Raise CaptureInterruptedError when a
        file was touched meanwhile."""
        copies = []
        for number, each in enumerate(found):
            directory = place / str(number)
            directory.mkdir(mode=0o700)
            jar = PurePosixPath(each.jar).name
            sha256 = self.fetch(each.path, directory / each.file)
            details = {
                "database": each.database,
                "file": each.file,
                "path": each.path,
                "format": jars.format_of(each.facts["head"]),
                "bytes": each.facts["size"],
                "metadata": each.metadata,
                "jar": jar,
                "jar_sha256": self.fetch(each.jar, directory / jar),
            }
            copies.append(RestoredOne(_unstored(self.member(each.database), details, sha256), directory))
        self.refuse_touched(list(found))
        return copies

    def _prove(self, copy: RestoredOne) -> dict[str, Any]:
        connection = self.runtime.connection(self.server.connection)
        try:
            return script.prove(copy.file, copy.jar, connection.login, connection.password)
        except CommandError as error:
            raise CaptureError(
                f"{copy.member.member}: {copy.jar.name} cannot open it: {script.problem(error)}",
                next_step=f"Correct login and password of connection '{connection.id}', which must be an administrator "
                "of the database; if the file is damaged, recover the last good point, or let the server recreate it.",
            ) from None

    def _check(self, copies: Sequence[RestoredOne]) -> tuple[list[CheckResult], Facts]:
        connection = self.runtime.connection(self.server.connection)
        with ExitStack() as stack:
            databases = {}
            for one in copies:
                name = str(one.member.details["database"])
                opened = checked_database(one.file, one.jar, connection, name, self.role_of(name))
                databases[one.member.member] = stack.enter_context(opened)
            return check_databases(self.unit, databases)

    def _store(self, capture: Capture, copy: RestoredOne, facts: Facts) -> MemberSnapshot:
        member = copy.member
        stored = capture.vault.backup_directory(str(copy.place), capture.tags(member.member))
        found = facts[member.member]
        rows = sum(table[0] for table in found["tables"].values())
        return member_snapshot(
            member.member,
            self.name,
            stored,
            "/",
            proof(ALGORITHM, found, {"tables": len(found["tables"]), "rows": rows, "h2": copy.jar.name}),
            size_bytes=member.size_bytes,
            stream_sha256=member.stream_sha256,
            details=member.details,
        )

    # -- drill ----------------------------------------------------------------------------------------------

    @contextmanager
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> Iterator[Restored]:
        restored = RestoredDatabases(connection=self.runtime.connection(self.server.connection), role_of=self.role_of)
        for number, member in enumerate(snapshot.members):
            one = RestoredOne(member, scratch / str(number))
            if self.by_hand and self.by_hand.run(member.member, {"TARGET": str(one.place)}):
                restored.restored_bytes += member.size_bytes
                restored.found.append(replace(one, by_hand=True))
                continue
            shutil.rmtree(one.place, ignore_errors=True)
            try:
                vault.restore_directory(member.address.snapshot, str(one.place))
            except VaultDamagedError as error:
                restored.checks.append(fidelity("member-readable", member.member, False, error.message))
                continue
            one.place.chmod(0o700)
            restored.restored_bytes += one.file.stat().st_size
            restored.checks.append(fidelity("member-readable", member.member, True, "restored whole from the vault"))
            restored.checks.append(one.digest_check())
            restored.found.append(one)
        yield restored

    def restore_files(self, part: Part, target: Path, path: str | None) -> Returned:
        """Bring the data file back together with the jar that reads it; only a drill opens it."""
        if path is not None:
            raise self._cannot("has files without paths inside them")
        member = part.member
        require_space(target.parent, member.size_bytes, member.member)
        part.vault.restore_directory(member.address.snapshot, str(target))
        target.chmod(0o700)
        one = RestoredOne(member, target)
        return Returned(str(one.file), one.file.stat().st_size, (one.digest_check(),))

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        details, (mode, uid, gid) = member.details, member.details["metadata"]
        target = f"/var/tmp/{PurePosixPath(details['database']).name}.{suffix}"
        in_place = _IN_PLACE.format(
            restored=target,
            plain=f"{target}/{details['file'].rsplit('.', 2)[0]}",
            file=details["file"],
            jar=shlex.quote(details["jar"]),
            live=shlex.quote(details["path"]),
            user="WSO2CARBON",
            uid=uid,
            gid=gid,
            mode=mode,
        )
        digests = {details["file"]: str(member.stream_sha256), details["jar"]: details["jar_sha256"]}
        return file_runbook(member, digests, target, in_place)

    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        yield from compare_tables(member, captured["tables"], restored["tables"])
        yield from compare_objects(member, captured["schema"], restored["schema"])
        before, after = captured["sequences"], restored["sequences"]
        differs = difference(before, after)
        yield fidelity("sequences", member, not differs, differs or f"{len(before)} sequences")


def _unstored(name: str, details: dict[str, Any], sha256: str) -> MemberSnapshot:
    """Return a member that is copied, and not yet in the vault."""
    return MemberSnapshot(
        member=name,
        engine=H2Engine.name,
        address=Address(snapshot="", tree="", path="/"),
        size_bytes=details["bytes"],
        added_bytes=0,
        stream_sha256=sha256,
        proof=proof(ALGORITHM, {}, {}),
        details=details,
    )


ENGINE = H2Engine
