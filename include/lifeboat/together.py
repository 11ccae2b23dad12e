"""Work side by side that succeeds or fails together."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from lifeboat.errors import CaptureError

P = ParamSpec("P")
T = TypeVar("T")

_PIECE_SECONDS = 1.0


class TogetherPool:
    """Threads whose first failure cancels what has not begun, and ends what asks `refuse_after_failure`.

    Leaving the context waits for all of it and raises the first failure, the cause, not what it led to.
    """

    def __init__(self, jobs: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=jobs)
        self._futures: list[Future[Any]] = []
        self._lock = threading.Lock()
        self._first: BaseException | None = None

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let `work` be done in a thread."""
        future = self._pool.submit(lambda: self.run(work, *args, **kwargs))
        self._futures.append(future)
        return future

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do `work` here and now; its failure is a failure of all."""
        self.refuse_after_failure()
        try:
            return work(*args, **kwargs)
        except BaseException as error:
            self._fail(error)
            raise

    def refuse_after_failure(self) -> None:
        """Raise CaptureError when something else in the pool has failed: long work asks now and then."""
        if self._first is not None:
            cause = getattr(self._first, "message", repr(self._first))
            raise CaptureError(
                f"Ended, because another part of the same work failed: {cause}",
                next_step="See the error of that part.",
            )

    def pausing(self, sleep: Callable[[float], object]) -> Callable[[float], None]:
        """Given what sleeps, return what does so for work in the pool: a failure, or Ctrl-C, ends the pause."""

        def pause(seconds: float) -> None:
            while seconds > 0:
                sleep(min(seconds, _PIECE_SECONDS))
                seconds -= _PIECE_SECONDS
                self.refuse_after_failure()

        return pause

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # such as Ctrl-C: what still runs ends too
            self._fail(error)
        try:
            self._finish(cancel=error is not None)
        except BaseException as interrupt:  # Ctrl-C: what still runs must not go on behind the back of who ends it
            self._fail(interrupt)
            self._finish(cancel=True)
        if self._first is not None and error is not self._first:
            raise self._first

    def _finish(self, cancel: bool) -> None:
        # Not by joining the threads: Python takes one whose join was interrupted for one that has ended.
        self._pool.shutdown(wait=False, cancel_futures=cancel)
        wait(each for each in self._futures if not each.cancelled())

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._first = self._first or error
