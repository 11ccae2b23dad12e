"""The vault: one site's encrypted, deduplicated store, a restic repository.

Works with restic 0.14 (Debian 12) and newer. Each restic process costs about a second of key derivation,
so callers use few. `lifeboat.restic_errors` tells what its failures mean.
A snapshot is found by its tags and tree, because copying it to another vault changes its id.
"""

import contextlib
import copy
import fcntl
import getpass
import json
import logging
import os
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, TypeVar

from lifeboat.errors import (
    CaptureError,
    CommandError,
    LifeboatError,
    VaultBusyError,
    VaultLockedError,
    VaultMissingError,
    VaultPasswordError,
)
from lifeboat.host import Command, Completed, Host, LocalHost
from lifeboat.processes import Process
from lifeboat.restic_arguments import address_without_login, decode_tags, encode_tags, restic_path, restic_pattern
from lifeboat.restic_errors import classify, essence
from lifeboat.restic_messages import file_errors, read_summary

log = logging.getLogger(__name__)
T = TypeVar("T")

#: How long restic may take to end once it no longer reads its input.
_END_SECONDS = 30.0
#: So many snapshots are copied by one process.
_COPIED_AT_ONCE = 200


@dataclass(frozen=True)
class Snapshot:
    """One snapshot as the vault lists it."""

    id: str
    tree: str
    time: datetime
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Stored:
    """What one backup stored: its snapshot, the bytes read, and the bytes added (after compression, if known)."""

    snapshot: str
    size_bytes: int
    added_bytes: int
    packed_bytes: int | None


class Vault:
    """One site's vault, as the holder of one of its passwords sees it.

    Retries: waiting for a lock is done here (`lock_wait` seconds); everything else is the caller's. A backup
    that fails leaves no snapshot of its own attempt, or one that no manifest refers to.
    """

    def __init__(
        self,
        repository: str,
        password: str,
        backend_secrets: Mapping[str, str] | None = None,
        *,
        host: Host | None = None,
        lock_wait: float = 600.0,
        name: str | None = None,
    ) -> None:
        self.repository = repository
        shown = address_without_login(repository)
        self.name = f"'{name or shown}'"
        self._secrets = {**(backend_secrets or {}), "RESTIC_PASSWORD": password}
        self._environment = {"RESTIC_PROGRESS_FPS": "0.1"}
        # A path is no secret, and messages that hide it help nobody; a URL with a password is one.
        (self._environment if shown == repository else self._secrets)["RESTIC_REPOSITORY"] = repository
        self._backend_secrets = dict(backend_secrets or {})
        self._password = password
        self._host = host or LocalHost()
        self._lock_wait = lock_wait
        self._limits: tuple[str, ...] = ()

    # -- set-up ---------------------------------------------------------------------------------------------

    def initialise(self, like: "Vault | None" = None) -> None:
        """Create the repository if there is none. Raise VaultPasswordError if there is one of another password.

        `like` is the vault whose snapshots will be copied here: files are cut into the same chunks then, so that
        what is copied and what is captured here are stored once.
        """
        try:
            self.check_access()
        except VaultMissingError:
            if like is None:
                self._run(["init"])
            else:
                self._from(like)._run(["init", "--copy-chunker-params"])

    def admit(self, other: "Vault") -> None:
        """Give the password of `other`, the same vault in another role, access to this vault."""
        try:
            other.check_access()
        except VaultPasswordError:
            with tempfile.NamedTemporaryFile(prefix="lifeboat-key-", mode="w") as file:  # made with mode 0600
                file.write(other._password)
                file.flush()
                self._run(["key", "add", "--new-password-file", file.name])

    def environment(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the environment, plain and secret, by which restic opens this vault."""
        return dict(self._environment), dict(self._secrets)

    def check_access(self) -> None:
        """Open the repository and return. Raise the VaultError that says why it cannot be opened."""
        self._run(["cat", "config", "--no-lock"])

    @contextlib.contextmanager
    def on(self, host: Host, run_as: str | None = None) -> Iterator["Vault"]:
        """Given a host and the account there that restic will run under, yield this vault with restic running
        there; docs/decisions/0003 tells how.

        On a remote host restic reaches the vault through a tunnel to this worker, append-only, so that neither
        a network path nor the storage's account has to exist there. So does another account of this worker a
        vault on disk, which only ours may enter.
        """
        own = run_as is None or run_as == getpass.getuser()
        if host.is_local and (own or not self.repository.startswith("/")):
            yield self._moved(host, self.repository, self._backend_secrets)
            return
        from lifeboat.vault_tunnel import serve

        with serve(self.repository, self._backend_secrets) as served, host.expose(served.port) as port:
            yield self._moved(host, served.url(port), {})

    def _moved(self, host: Host, repository: str, secrets: Mapping[str, str]) -> "Vault":
        return Vault(
            repository,
            self._password,
            secrets,
            host=host,
            lock_wait=self._lock_wait,
            name=self.name.strip("'"),
        )

    # -- in -------------------------------------------------------------------------------------------------

    def backup_stream(
        self,
        feed: Callable[[IO[bytes]], None],
        path: str,
        tags: Mapping[str, str],
        *,
        compression: str = "auto",
    ) -> Stored:
        """Store what `feed` writes to the stream it is given as the file `path`, and return what was stored.

        restic would store whatever arrived when a producer dies. So `feed` must raise if its producer failed;
        then restic is ended before its input ends, and there is no snapshot. `feed` runs again after a lock.
        The stream comes from this worker: with a broken connection, a restic elsewhere would see its end.
        """
        assert self._host.is_local, "streams are stored from this worker"
        arguments = ["backup", "--json", "--quiet", "--stdin", "--stdin-filename", path]
        arguments += ["--compression", compression, *self._tagged(tags, path)]

        def once() -> Stored:
            with self._start_fed(arguments) as process:
                try:
                    feed(process.stdin)
                    process.stdin.close()
                except Exception as error:
                    if process.ends_within(_END_SECONDS if isinstance(error, BrokenPipeError) else 0):
                        self._summary(process)  # if restic failed first, that is what to tell
                    elif not process.stdin.closed:
                        _wait_until_read(process)
                    raise
                return self._summary(process)

        return self._retry_locked(once)

    def backup_bytes(self, content: bytes, path: str, tags: Mapping[str, str]) -> Stored:
        """Store a document as the file `path`."""

        def feed(sink: IO[bytes]) -> None:
            sink.write(content)

        return self.backup_stream(feed, path, tags)

    def backup_directory(
        self,
        directory: str,
        tags: Mapping[str, str],
        *,
        exclude: Sequence[str] = (),
        run_as: str | None = None,
        compression: str = "auto",
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> Stored:
        """Store the content of a directory of this vault's host as the root of a snapshot.

        `exclude` are globs relative to the directory. Files that vanish meanwhile are not in the snapshot; the
        caller looks for them. Raise CaptureError, naming the files, when some could not be read: such a
        snapshot is not whole.
        """
        # restic excludes whole paths, which it builds on PWD: without it, links in `directory` would be resolved.
        root = os.path.normpath(directory)
        arguments = ["backup", "--json", ".", "--compression", compression, *self._tagged(tags, directory)]
        for glob in exclude:
            arguments += ["--exclude", restic_pattern(root, glob)]

        def once() -> Stored:
            command = self._command(arguments, run_as, root)
            with self._host.start(command) as process:
                return self._summary(process, progress)

        return self._retry_locked(once)

    # -- from another vault ---------------------------------------------------------------------------------

    def limited(self, upload: int | None, download: int | None) -> "Vault":
        """Return this vault so that each process of restic sends and reads at most so many bytes in a second."""
        rates = {"--limit-upload": upload, "--limit-download": download}
        limited = copy.copy(self)
        limited._limits = tuple(f"{flag}={max(rate >> 10, 1)}" for flag, rate in rates.items() if rate is not None)
        return limited

    def copy_from(self, source: "Vault", snapshots: Sequence[str]) -> None:
        """Given another vault and ids of snapshots there, copy them here. Ids change, trees and tags do not.

        What is here already is not sent again, neither snapshots nor parts of them; so a copy that was killed is
        finished by the next one. restic passes over a snapshot that it cannot find and still ends well: look
        for what was copied.
        """
        for first in range(0, len(snapshots), _COPIED_AT_ONCE):
            self._from(source)._run(["copy", *snapshots[first : first + _COPIED_AT_ONCE]])

    def _from(self, source: "Vault") -> "Vault":
        """Return this vault with another one beside it, which restic opens as well."""
        from lifeboat.vault_source import source_environment

        both = copy.copy(self)
        both.name = f"{self.name}, or {source.name} from which it is filled,"
        plain, secret = source_environment(source, self)
        both._environment, both._secrets = {**self._environment, **plain}, {**self._secrets, **secret}
        return both

    # -- out ------------------------------------------------------------------------------------------------

    def snapshots(self, tags: Mapping[str, str]) -> list[Snapshot]:
        """Given tags, return the snapshots that carry all of them, oldest first."""
        done = self._list(tags)
        for line in not_loaded(done):
            log.warning("Vault %s holds a damaged snapshot, which is passed over: %s", self.name, line)
        return parse_snapshots(done)

    def _list(self, tags: Mapping[str, str]) -> Completed:
        arguments = ["snapshots", "--json", "--no-lock"]
        return self._run([*arguments, "--tag", encode_tags(tags)] if tags else arguments)

    def read(self, snapshot: str, path: str) -> bytes:
        """Return the content of a file of a snapshot: for documents, which fit into memory."""
        return self._run(["dump", "--no-cache", snapshot, path]).stdout

    def pour(self, snapshot: str, path: str, drain: Callable[[IO[bytes]], T]) -> T:
        """Give `drain` the stream of a file of a snapshot, and return what it returns, after restic ended well."""

        def once() -> T:
            with self._start(["dump", "--no-cache", snapshot, path]) as process:
                result = drain(process.stdout)
                self._check(process, b"")
                return result

        return self._retry_locked(once)

    def restore_directory(
        self, snapshot: str, target: str, *, only: Sequence[str] = (), run_as: str | None = None
    ) -> None:
        """Restore a snapshot of a directory, or only what is at some paths in it, to `target` on this vault's host;
        nothing is read from a cache, so that what comes back has come from the vault."""
        chosen = [word for path in only for word in ("--include", restic_path(path))]
        self._run(["restore", snapshot, "--no-cache", *chosen, "--target", target], run_as=run_as)

    # -- restic ---------------------------------------------------------------------------------------------

    def _tagged(self, tags: Mapping[str, str], parent: str) -> list[str]:
        # restic compares a backup with the last one of the same host and path to skip unchanged files.
        return ["--host", f"lifeboat:{tags.get('member', parent)}", "--tag", encode_tags(tags)]

    def _command(self, arguments: Sequence[str], run_as: str | None = None, directory: str | None = None) -> Command:
        return Command(
            ["restic", *self._limits, *arguments],
            environment=self._environment | ({"PWD": directory} if directory else {}),
            secrets=self._secrets,
            run_as=run_as,
            working_directory=directory,
        )

    def _start(
        self, arguments: Sequence[str], *, stdin: int = subprocess.DEVNULL, run_as: str | None = None
    ) -> Process:
        return self._host.start(self._command(arguments, run_as), stdin=stdin)

    def _start_fed(self, arguments: Sequence[str]) -> Process:
        """Start restic to be fed, and without status messages: nobody reads them meanwhile, and after an hour they
        would fill their pipe and stop it. `--quiet` alone does not keep it from them when a rate is set."""
        command = self._command(arguments)
        silent = {**command.environment, "RESTIC_PROGRESS_FPS": "0"}
        return self._host.start(replace(command, environment=silent), stdin=subprocess.PIPE)

    def _run(self, arguments: Sequence[str], *, run_as: str | None = None) -> Completed:
        def once() -> Completed:
            with self._start(arguments, run_as=run_as) as process:
                stdout = process.stdout.read()
                return self._check(process, stdout)

        return self._retry_locked(once)

    def _check(self, process: Process, stdout: bytes, accept: Sequence[int] = (0,)) -> Completed:
        completed = Completed(process.wait(), stdout, process.stderr())
        if completed.exit_status in accept:
            return completed
        raise self._failure(completed)

    def _failure(self, completed: Completed) -> LifeboatError:
        """Given how restic failed, return the error: the host's, a known one of restic's, or one that may pass."""
        command, told = self._command(["…"]), "\n".join(essence(completed.stderr))
        failure = self._host.failure(command, Completed(completed.exit_status, b"", told))
        if not isinstance(failure, CommandError):
            return failure
        known = classify(self.name, completed.exit_status, completed.stderr)
        return known or VaultBusyError(
            f"Work on vault {self.name} failed: {failure.message}",
            next_step="Read the message above; the next try starts from the beginning.",
        )

    def _retry_locked(self, once: Callable[[], T]) -> T:
        deadline, pause = time.monotonic() + self._lock_wait, 1.0
        while True:
            try:
                return once()
            except VaultLockedError as error:
                if time.monotonic() + pause > deadline:
                    raise
                log.info("%s Trying again in %.0f s.", error.message, pause)
                time.sleep(pause)
                pause = min(pause * 2, 30.0)

    def _summary(self, process: Process, progress: Callable[[float], None] = lambda fraction: None) -> Stored:
        """Read what a backup tells to its end and return its summary; unread files make it a failure."""
        summary = read_summary(process.stdout, progress)
        completed = self._check(process, b"", accept=(0, 3))
        errors = file_errors(completed.stderr)
        unread = [error for error in errors if not error.vanished]
        if unread or (completed.exit_status == 3 and not errors):
            listing = "\n".join(f"  {item}" for item in unread[:20]) or completed.stderr
            raise CaptureError(
                f"{max(len(unread), 1)} files could not be read:\n{listing}",
                next_step="Give the account of the capture the right to read them (run_as), or exclude them.",
            )
        if summary is None:
            raise VaultBusyError(
                f"restic ended well but told no summary for vault {self.name}.",
                next_step="Start a new run; if this comes again, look whether `restic` is restic on that host.",
            )
        return Stored(
            snapshot=summary["snapshot_id"],
            size_bytes=summary["total_bytes_processed"],
            added_bytes=summary["data_added"],
            packed_bytes=summary.get("data_added_packed"),
        )


def parse_snapshots(done: Completed) -> list[Snapshot]:
    """Given what a listing printed, return the snapshots, oldest first."""
    found = [
        Snapshot(
            id=item["id"],
            tree=item["tree"],
            time=datetime.fromisoformat(item["time"]),
            tags=decode_tags(item.get("tags") or ()),
        )
        for item in json.loads(done.stdout or b"[]") or ()
    ]
    return sorted(found, key=lambda snapshot: snapshot.time)


def not_loaded(done: Completed) -> list[str]:
    """Given what a listing printed, return what it says of snapshots that are damaged."""
    return [line for line in essence(done.stderr) if "could not load snapshot" in line]


def _wait_until_read(process: Process) -> None:
    """Return when restic has read what was written to it, at least a byte, or ended. It takes its lock before it
    reads; ended in the middle of that, it would leave the lock behind."""
    deadline = time.monotonic() + _END_SECONDS
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(b"\0")
        process.stdin.flush()
        while _unread_bytes(process.stdin) and process.running and time.monotonic() < deadline:
            time.sleep(0.02)


def _unread_bytes(pipe: IO[bytes]) -> int:
    """Given the end of a pipe that is written to, return how many bytes wait in it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
