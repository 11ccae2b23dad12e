"""Work side by side that succeeds or fails together."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from lifeboat.errors import CaptureError

P = ParamSpec("P")
T = TypeVar("T")


class TogetherPool:
    """Threads whose first failure cancels what has not begun, and ends what asks `refuse_after_failure`.

    Leaving the context waits for all of it and raises the first failure, the cause, not what it led to.
    """

    def __init__(self, jobs: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=jobs)
        self._lock = threading.Lock()
        self._first: BaseException | None = None

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let `work` be done in a thread."""
        return self._pool.submit(lambda: self.run(work, *args, **kwargs))

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
                f"Ended, because another part of the same capture failed: {cause}",
                next_step="See the error of that part.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # such as Ctrl-C: what still runs ends too
            self._fail(error)
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        if self._first is not None and error is not self._first:
            raise self._first

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._first = self._first or error
