"""Work side by side: the first failure wins, and what it makes useless ends."""

import signal
import threading
import time

import pytest

from lifeboat.errors import CaptureError
from lifeboat.together import TogetherPool


class NoLuckError(Exception):
    pass


def _fail(error: BaseException | None = None, after: threading.Event | None = None) -> None:
    if after:
        after.wait(10)
    raise error or NoLuckError("the cause")


def _pump(pool: TogetherPool, started: threading.Event) -> None:
    """Work for ever, and ask now and then whether that is of any use."""
    started.set()
    while True:
        pool.refuse_after_failure()
        time.sleep(0.01)


def test_results_come_back() -> None:
    with TogetherPool(2) as pool:
        futures = [pool.submit(pow, number, 2) for number in range(10)]
        assert pool.run(pow, 2, 10) == 1024
    assert [future.result() for future in futures] == [number**2 for number in range(10)]


def test_work_is_done_side_by_side() -> None:
    barrier = threading.Barrier(3, timeout=10)
    with TogetherPool(2) as pool:
        for _ in range(2):
            pool.submit(barrier.wait)
        pool.run(barrier.wait)


def test_the_cause_is_raised_and_not_what_it_led_to() -> None:
    started = threading.Event()
    with pytest.raises(NoLuckError, match="the cause"), TogetherPool(3) as pool:
        pump = pool.submit(_pump, pool, started)
        pool.submit(_fail, None, started)
        pool.submit(_fail, ValueError("later"), threading.Event())
    with pytest.raises(CaptureError, match=r"another part .* failed: NoLuckError\('the cause'\)"):
        pump.result()


def test_ctrl_c_ends_what_runs_before_it_is_raised() -> None:
    started = threading.Event()
    with pytest.raises(KeyboardInterrupt), TogetherPool(2) as pool:
        pump = pool.submit(_pump, pool, started)
        later = pool.submit(_interrupt, started)
    assert (pump.done(), later.done()) == (True, True)


def _interrupt(started: threading.Event) -> None:
    started.wait(10)
    time.sleep(0.2)  # so that it is waited for
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_a_failure_ends_a_pause() -> None:
    slept: list[float] = []
    pool = TogetherPool(2)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            pool.run(_fail)

    with pytest.raises(NoLuckError):
        pool.pausing(sleep)(60)
    assert slept == [1, 1, 1]
    with pytest.raises(CaptureError):
        pool.pausing(slept.append)(2.5)
    assert slept[3:] == [1]
    TogetherPool(1).pausing(slept.append)(2.5)
    assert slept[4:] == [1, 1, 0.5]


def test_what_has_not_begun_never_does() -> None:
    done = []
    with pytest.raises(NoLuckError), TogetherPool(1) as pool:
        pool.submit(_fail)
        for number in range(5):
            pool.submit(done.append, number)
    assert done == []


@pytest.mark.parametrize("error", [NoLuckError("here"), KeyboardInterrupt()])
def test_a_failure_of_the_block_itself_ends_the_threads(error: BaseException) -> None:
    started = threading.Event()
    done: list[int] = []
    with pytest.raises(type(error)), TogetherPool(1) as pool:
        pump = pool.submit(_pump, pool, started)
        pool.submit(done.append, 1)
        started.wait(10)
        raise error
    assert isinstance(pump.exception(), CaptureError)
    assert done == []


def test_a_failure_of_work_done_here_ends_the_threads() -> None:
    started = threading.Event()
    with pytest.raises(NoLuckError), TogetherPool(2) as pool:
        pump = pool.submit(_pump, pool, started)
        started.wait(10)
        pool.run(_fail)
    assert isinstance(pump.exception(), CaptureError)


def test_the_cause_of_the_end_is_told_in_its_own_words() -> None:
    with pytest.raises(CaptureError), TogetherPool(1) as pool:
        first = pool.submit(_fail, CaptureError("The disk is full.", next_step="Free space."))
        second = pool.submit(time.sleep, 0)
    assert str(first.exception()) == "The disk is full.\n  Next: Free space."
    assert str(second.exception()).startswith(
        "Ended, because another part of the same work failed: The disk is full.\n"
    )
