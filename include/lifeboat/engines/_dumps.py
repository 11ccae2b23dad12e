"""What all engines of database servers share: dumps into the vault and out of it, and the WSO2 checks at capture."""

import contextlib
import errno
import hashlib
import logging
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import humanize

from lifeboat.deployment import Unit
from lifeboat.engines.base import Capture, Facts, Part, Restored, Returned, fidelity
from lifeboat.errors import CaptureError, CommandError, LifeboatError, SpaceError, VaultDamagedError
from lifeboat.host import Command, Completed, LocalHost
from lifeboat.manifest import MemberSnapshot
from lifeboat.places import require_space
from lifeboat.processes import Process, pump
from lifeboat.together import TogetherPool
from lifeboat.vault import Stored, Vault
from lifeboat.wso2.check_across import tell, told_facts
from lifeboat.wso2.check_rules import SEEDS
from lifeboat.wso2.checks import CheckedDatabase, CheckResult, Status, run_checks

log = logging.getLogger(__name__)

#: The checks that tell the right database from an empty or another one.
SEED_CHECKS = {seed.name for seed in SEEDS}
SPACE_STEP = "Free space there, or set sites.….scratch to a larger file system."

#: What in a loader's message says that this worker cannot hold the data, whether or not the dump is sound: a
#: pattern, the error, and the next step.
Unfit = tuple[str, type[LifeboatError], str]


@dataclass(frozen=True)
class StoredDump:
    """One dump in the vault: what was stored, and the digest of the stream that went in."""

    stored: Stored
    sha256: str


# -- capture --------------------------------------------------------------------------------------------------


def store_dump(
    capture: Capture,
    member: str,
    path: str,
    command: Command,
    pool: TogetherPool,
    start: Callable[[], AbstractContextManager[Process]] | None = None,
    head: bytes = b"",
) -> StoredDump:
    """Stream what a command prints into the vault; its failure, or that of another dump, ends the backup before
    its input ends.

    `start` starts the command, where it is more than starting it here and now; `head` is what has been read of
    its output before.
    """
    digest = hashlib.sha256()

    def observe(chunk: bytes) -> None:
        pool.refuse_after_failure()
        digest.update(chunk)

    def feed(sink: IO[bytes]) -> None:
        nonlocal digest
        digest = hashlib.sha256()
        with start() if start else LocalHost().start(command) as process:
            observe(head)
            sink.write(head)
            pump(process.stdout, sink, observe, lambda total: _progress(member, total))
            status = process.wait()
            if status != 0:
                raise failed(member, command, process, status)

    stored = capture.vault.backup_stream(feed, path, capture.tags(member))
    log.info("%s: %s stored", member, humanize.naturalsize(stored.size_bytes))
    return StoredDump(stored, digest.hexdigest())


def check_databases(unit: Unit, databases: Mapping[str, CheckedDatabase]) -> tuple[list[CheckResult], Facts]:
    """Run the WSO2 checks on the databases of a unit, by member name, as they were at the captured instant. Return
    their results, and as facts what the databases tell for relations with those of other units.

    Raise CaptureError for a database that lacks the tables of its role: it is the wrong one, or empty.
    """
    results = run_checks(databases)
    for result in results:
        if result.name in SEED_CHECKS and result.status is Status.SKIPPED:
            raise CaptureError(
                f"{unit}: {', '.join(result.databases)} is not what its role says: {result.reason}.",
                next_step="Correct the database's name or role in the deployment file.",
            )
    return results, told_facts(tell(databases))


def dump_path(database: str, suffix: str = "dump") -> str:
    """Given a database's name, return the path of its dump inside its snapshot."""
    name = re.sub(r"[/%\x00-\x1f]", lambda found: f"%{ord(found[0]):02X}", database)
    return f"/{name}.{suffix}"


def failed(member: str, command: Command, process: Process, status: int) -> LifeboatError:
    """Given a member's dump that ended with a status, return the error that says so, with the member's name."""
    error = LocalHost().failure(command, Completed(status, b"", process.stderr()))
    if not isinstance(error, CommandError):
        return error
    return CommandError(
        f"{member}: {error.message}", exit_status=error.exit_status, stderr=error.stderr, next_step=error.next_step
    )


def results(futures: Mapping[str, Future[Any]]) -> dict[str, Any]:
    """Given futures by name, return what they gave."""
    return {name: future.result() for name, future in futures.items()}


def _progress(member: str, total: int) -> None:
    log.info("%s: %s so far", member, humanize.naturalsize(total))


# -- drill ----------------------------------------------------------------------------------------------------


def spool_name(database: str) -> str:
    """Given a database's name, which may hold anything, return the name of the file that its dump is spooled to."""
    return f"{hashlib.sha256(database.encode()).hexdigest()[:12]}.dump"


def spool_member(restored: Restored, vault: Vault, member: MemberSnapshot, spool: Path) -> bool:
    """Read a dump from the vault into a file and say whether it could be read; whether it is the stream that was
    captured is a check. Raise SpaceError when there is no room for it."""
    digest = hashlib.sha256()

    def drain(source: IO[bytes]) -> int:
        nonlocal digest
        digest = hashlib.sha256()
        spool.touch(mode=0o600)
        with spool.open("wb") as file:
            return pump(source, file, digest.update)

    try:
        size = vault.pour(member.address.snapshot, member.address.path, drain)
    except VaultDamagedError as error:
        restored.checks.append(fidelity("member-readable", member.member, False, error.message))
        return False
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise SpaceError(
            f"The dump of {member.member} does not fit into the scratch directory '{spool.parent}'.",
            next_step=SPACE_STEP,
        ) from None
    restored.restored_bytes += size
    detail = humanize.naturalsize(size)
    restored.checks.append(fidelity("member-readable", member.member, True, f"{detail} read from the vault"))
    same = digest.hexdigest() == member.stream_sha256
    detail = "the bytes of the capture" if same else "not the bytes of the capture"
    restored.checks.append(fidelity("stream-digest", member.member, same, detail))
    return True


def restore_into_file(part: Part, target: Path) -> Returned:
    """Given a place for a directory, put the member's dump there as a file, and say whether it is the captured one."""
    require_space(target.parent, part.member.size_bytes, part.member.member)
    holder, file = Restored(), target / part.member.address.path.lstrip("/")
    target.mkdir(mode=0o700, exist_ok=True)
    spool_member(holder, part.vault, part.member, file)
    return Returned(str(file), holder.restored_bytes, tuple(holder.checks))


def load(
    restored: Restored,
    member: str,
    command: Command,
    unfit: Sequence[Unfit],
    *,
    stdin: IO[bytes] | None = None,
    feed: Callable[[IO[bytes]], None] | None = None,
) -> bool:
    """Load a spooled dump, which the command names, reads from `stdin`, or is fed with; the loader's own exit status
    is one check, never the only one.

    Raise what kept the loader from its work and says nothing about the dump: what `unfit` knows, and a death by
    a signal.
    """
    try:
        _run(command, stdin, feed)
    except CommandError as error:
        _refuse_unfit(member, error, unfit)
        lines = "\n".join(error.stderr.splitlines()[:6])
        restored.checks.append(fidelity("restore-complete", member, False, lines))
        return False
    restored.checks.append(fidelity("restore-complete", member, True, "loaded without an error"))
    return True


def _run(command: Command, stdin: IO[bytes] | None, feed: Callable[[IO[bytes]], None] | None) -> None:
    host = LocalHost()
    if stdin is None and feed is None:
        host.run(command, timeout=None)
        return
    with (
        host.start(command, stdin=subprocess.PIPE if feed else stdin) as process,
        ThreadPoolExecutor(max_workers=1) as feeder,
    ):
        fed = feeder.submit(_feed, process, feed) if feed else None
        stdout = process.stdout.read()
        status = process.wait()
        if fed:
            fed.result()
    if status != 0:
        raise host.failure(command, Completed(status, stdout, process.stderr()))


def _feed(process: Process, feed: Callable[[IO[bytes]], None]) -> None:
    """Feed a loader; one that ends before it is fed tells by its status why."""
    with contextlib.suppress(BrokenPipeError), process.stdin as sink:
        feed(sink)


def _refuse_unfit(member: str, error: CommandError, unfit: Sequence[Unfit]) -> None:
    for line in error.stderr.splitlines():
        for pattern, kind, next_step in unfit:
            if re.search(pattern, line):
                raise kind(f"{member} cannot be restored on this worker: {line}", next_step=next_step) from None
    if error.exit_status < 0:  # killed
        raise error
