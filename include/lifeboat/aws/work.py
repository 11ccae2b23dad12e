"""Work that takes long: generators that yield what to wait for.

Every step finds what an earlier try has made, and what is done already is ready when it is looked at. So work can be
run again from its beginning at any time: after it was killed, and by an operator that waits without a worker between
two steps.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.waiting import Limits, Target, look, wait
from lifeboat.errors import CloudMissingError

T = TypeVar("T")

#: Yields what must be ready before it goes on, and returns what it has made.
Work = Generator[Target, None, T]


@dataclass(frozen=True)
class Done(Generic[T]):
    """Work that has ended, with what it has made."""

    result: T


def finish(cloud: Cloud, work: Work[T], limits: Limits = Limits()) -> T:  # noqa: B008 (it is frozen)
    """Do the work and wait between its steps; return what it has made."""
    while True:
        try:
            target = next(work)
        except StopIteration as ended:
            result: T = ended.value
            return result
        wait(cloud, target, limits)


def advance(cloud: Cloud, work: Work[T]) -> Target | Done[T]:
    """Do the work as far as it goes without waiting: return what it waits for, or that it has ended."""
    while True:
        try:
            target = next(work)
        except StopIteration as ended:
            return Done(ended.value)
        try:
            ready = look(cloud, target).done
        except CloudMissingError:
            ready = False  # made a moment ago; whoever waits knows for how long that may be so
        if not ready:
            work.close()
            return target
