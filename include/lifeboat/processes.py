"""Child processes: started in this process's own group, drained, counted, and never left behind.

Airflow ends a killed task's process group; a child in a session of its own would live on. So nothing here
starts a new session, and `end_all` ends what is still running when a task is killed.
"""

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import IO, Self

from lifeboat.process_tree import Relative, descendants, is_running

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
STDERR_TAIL_BYTES = 64 * 1024
MASK = "***"
_POLL_SECONDS = 0.01
#: Between SIGINT, SIGTERM and SIGKILL in a killed task: Airflow kills its whole process group after 5 s.
KILLED_GRACE_SECONDS = 1.5

_running: set["Process"] = set()
_before_the_end: list[Callable[[], None]] = []
_running_lock = threading.RLock()  # a signal handler that ends all may interrupt its holder


def mask(text: str, secrets: Iterable[str]) -> str:
    """Given a text and secret values, return the text with every secret of three or more characters hidden."""
    for secret in sorted((value for value in secrets if len(value) >= 3), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class Process:
    """One running child. Its standard error is drained into a bounded tail with the secrets masked.

    Messages call it `name`, or by the first of `argv`. `account_prefix` is the argv that runs a command under
    the child's account, where that account is not ours and only it may signal the child.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str = "",
        account_prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        working_directory: str | None = None,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
    ) -> None:
        self.argv = tuple(argv)
        self.name = name or self.argv[0]
        self._account_prefix = tuple(account_prefix)
        self._secrets = tuple(secrets)
        self._popen = subprocess.Popen(
            self.argv,
            env=dict(environment) if environment is not None else None,
            cwd=working_directory,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        self._tail = bytearray()
        self._drain = threading.Thread(target=self._drain_stderr, daemon=True)
        self._drain.start()
        with _running_lock:
            _running.add(self)

    @property
    def stdin(self) -> IO[bytes]:
        assert self._popen.stdin is not None, "started without a pipe to its standard input"
        return self._popen.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._popen.stdout is not None, "started without a pipe from its standard output"
        return self._popen.stdout

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        # /proc, since poll() cannot tell while another thread is in wait()
        return self._popen.poll() is None and is_running(self.pid)

    def stderr(self) -> str:
        """Return the end of what the child wrote to standard error, secrets masked."""
        return mask(self._tail.decode(errors="replace"), self._secrets).strip()

    def feed(self, data: bytes) -> None:
        """Write all of `data` to the child and close its standard input, while the caller reads its output."""

        def write() -> None:
            # ValueError: the child ended and its pipes were closed before all was written.
            with contextlib.suppress(BrokenPipeError, ValueError), self.stdin as pipe:
                pipe.write(data)

        threading.Thread(target=write, daemon=True).start()

    @contextlib.contextmanager
    def time_limit(self, seconds: float | None) -> Iterator[None]:
        """End the child when the block has not finished within `seconds`, and raise TimeoutError then."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._stop()

        timer = threading.Timer(seconds, expire) if seconds is not None else None
        if timer:
            timer.start()
        try:
            yield
        finally:
            if timer:
                timer.cancel()
            if expired.is_set():
                raise TimeoutError(f"'{self.name}' did not finish within {seconds:g} seconds and was ended")

    def wait(self) -> int:
        """Wait for the child's end and return its exit status."""
        status = self._popen.wait()
        self._drain.join(timeout=5)
        self._forget()
        return status

    def ends_within(self, seconds: float) -> bool:
        """Return whether the child has ended, or does so within `seconds`."""
        deadline = time.monotonic() + seconds
        while self.running:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def end(self, grace: float = 5.0) -> None:
        """End the child and return when it is gone: SIGINT first, on which restic clears its lock; then
        SIGTERM and SIGKILL, `grace` seconds apart. Children that it leaves behind then are killed."""
        self._stop(grace)
        self._close_pipes()
        self._forget()

    def _stop(self, grace: float = 5.0) -> None:
        family: dict[int, Relative] = {}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if not self.running:
                break
            family.update((relative.pid, relative) for relative in descendants(self.pid))
            self._signal(number, family.values())
            self.ends_within(grace)
        for relative in family.values():
            if relative.living:
                self._kill_orphan(relative.pid)

    def _signal(self, number: signal.Signals, family: Iterable[Relative]) -> None:
        try:
            self._popen.send_signal(number)
        except PermissionError:  # it is sudo, which runs as root
            self._signal_as_account(number, [relative.pid for relative in family])

    def _kill_orphan(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            log.debug("Process %d ended by itself", pid)
        except PermissionError:
            self._signal_as_account(signal.SIGKILL, [pid])

    def _signal_as_account(self, number: signal.Signals, pids: Sequence[int]) -> None:
        argv = [*self._account_prefix, "kill", "-s", number.name.removeprefix("SIG"), *map(str, pids)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            log.debug("%s: %s", shlex.join(argv), done.stderr.decode(errors="replace").strip())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _close_pipes(self) -> None:
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _forget(self) -> None:
        with _running_lock:
            _running.discard(self)

    def _drain_stderr(self) -> None:
        pipe = self._popen.stderr
        assert pipe is not None
        with pipe:
            while chunk := pipe.read1(65536):  # type: ignore[attr-defined]
                self._tail += chunk
                del self._tail[:-STDERR_TAIL_BYTES]


@contextlib.contextmanager
def when_ending(act: Callable[[], None]) -> Iterator[None]:
    """While the context lasts, let `end_all` call this before it ends the children; for work elsewhere that no child's
    end would end. It has about a second."""
    with _running_lock:
        _before_the_end.append(act)
    try:
        yield
    finally:
        with _running_lock:
            _before_the_end.remove(act)


def end_all() -> None:
    """End every child that is still running, all at a time; for a task that is being killed.

    Their pipes stay open for those who read and write them. Call it from a thread of its own rather than in a
    signal handler: the code that the signal has interrupted may hold a lock that this needs.
    """
    with _running_lock:
        acts = [threading.Thread(target=act, daemon=True) for act in _before_the_end]
    for act in acts:
        act.start()
    for act in acts:
        act.join(KILLED_GRACE_SECONDS)
    with _running_lock:
        running = list(_running)
    enders = [threading.Thread(target=process._stop, args=(KILLED_GRACE_SECONDS,)) for process in running]
    for process, ender in zip(running, enders, strict=True):
        log.warning("Ending %s (process %d)", process.name, process.pid)
        ender.start()
    for ender in enders:
        ender.join()


def pump(
    source: IO[bytes],
    sink: IO[bytes],
    observe: Callable[[bytes], object] = lambda chunk: None,
    progress: Callable[[int], None] = lambda total: None,
    every_seconds: float = 30.0,
) -> int:
    """Copy a stream once, from source to sink, and return its length in bytes.

    Each chunk is shown to `observe` (a hash, say); `progress` hears the bytes so far about every
    `every_seconds`. Raise BrokenPipeError when the sink's reader died: its exit status tells why.
    """
    total, reported = 0, time.monotonic()
    while chunk := source.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
        observe(chunk)
        sink.write(chunk)
        total += len(chunk)
        if time.monotonic() - reported >= every_seconds:
            reported = time.monotonic()
            progress(total)
    sink.flush()
    return total
