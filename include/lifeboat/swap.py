"""Swaps: what is live is exchanged for what was restored and proven beside it.

The journal of a swap is the list of its exchanges, written into the vault before anything is stopped. How far a
swap has come is read off the world, name by name, and never off a mark: a process that is killed between a
deed and its mark would leave a mark that lies. So a swap that was interrupted anywhere goes on from where it
is, forward or back, and ends all new or all old. Nothing is deleted: what was live keeps a dated name.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum

from lifeboat.errors import SwapError
from lifeboat.recovery_documents import Exchange

log = logging.getLogger(__name__)


class State(StrEnum):
    """How far an exchange has come."""

    OLD = "old"  #: what was live is live
    BETWEEN = "between"  #: interrupted: neither is live under its name
    NEW = "new"  #: what was restored is live


class Step(ABC):
    """The exchange of one unit's members. Each method may be called again at any time, after any interruption.

    `forward` and `back` start from any state, also from BETWEEN, and leave NEW or OLD. They raise SwapError
    when the names in the world fit no state, and touch nothing then.
    """

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self.exchanges = tuple(exchanges)

    def __str__(self) -> str:
        return ", ".join(exchange.member for exchange in self.exchanges)

    @abstractmethod
    def state(self) -> State:
        """Say how far the exchange has come, by what lies under which name."""

    @abstractmethod
    def forward(self) -> None:
        """Make what was restored live; what was live keeps the name `kept`."""

    @abstractmethod
    def back(self) -> None:
        """Make what was live before live again; what was restored gets the name `beside` again."""

    @abstractmethod
    def discard(self) -> None:
        """Remove for good what is not live of the two."""


def roll_forward(steps: Sequence[Step]) -> None:
    """Exchange everything. When a step fails, put back what was exchanged, and raise its error: all new or all old.

    A process that is killed on the way leaves some of it; calling this again, or `roll_back`, ends that.
    """
    try:
        for step in steps:
            _take(step, State.NEW)
    except Exception as error:  # whatever it is, all of it goes back
        log.error("The swap failed, and what was exchanged is put back: %s", error)
        roll_back(steps)
        raise


def roll_back(steps: Sequence[Step]) -> None:
    """Put back everything, the last exchange first. Every step is tried, and once more when others are done, for it
    may lie inside of one that was interrupted; raise the first error at the end."""
    failed = _put_back(list(reversed(steps)))
    if failed and (failed := _put_back(list(failed))):
        raise next(iter(failed.values()))


def _put_back(steps: Sequence[Step]) -> dict[Step, Exception]:
    failed: dict[Step, Exception] = {}
    for step in steps:
        try:
            _take(step, State.OLD)
        except Exception as error:  # the other steps are tried all the same
            log.error("%s could not be put back: %s", step, error)
            failed[step] = error
    return failed


def _take(step: Step, wanted: State) -> None:
    before = step.state()
    (step.forward if wanted is State.NEW else step.back)()
    if (after := step.state()) is not wanted:
        raise SwapError(
            f"After the exchange of {step} the {after} state is there, not the {wanted} one.",
            next_step="Look who else changes these names; then run the same command again.",
        )
    for exchange in step.exchanges:
        log.info("%s: %s (was %s): %s", exchange.member, wanted, before, exchange.live)


def outcome(states: Sequence[State]) -> str:
    """Given the states of all steps, say what is live: `new`, `old`, or `mixed`."""
    found = set(states)
    return "mixed" if len(found) > 1 or State.BETWEEN in found else str(found.pop()) if found else "old"
