"""Waiting for the cloud: look again for as long as it takes, say how far it is, and end at once when it has failed.

`look` is all there is to it; `wait` calls it from a worker, and a trigger of Airflow's from its own loop.
"""

import logging
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from lifeboat.aws.clock import spoken
from lifeboat.aws.cloud import Cloud
from lifeboat.aws.kinds import KINDS
from lifeboat.errors import CloudBusyError, CloudError, CloudMissingError, LifeboatError

log = logging.getLogger(__name__)

_SHORTEST_PAUSE = 2.0


@dataclass(frozen=True)
class Target:
    """What is waited for: a thing of a kind in `kinds`, until it is ready, or gone, or settled: neither being made nor
    changed, whether it has become ready or has failed."""

    kind: str
    id: str
    region: str
    wanted: Literal["ready", "gone", "settled"] = "ready"

    def __str__(self) -> str:
        return f"{KINDS[self.kind].noun} {self.id.rpartition('|')[0] or self.id} in {self.region}"

    def document(self) -> dict[str, Any]:
        """Return it as JSON, for a trigger."""
        return asdict(self)


@dataclass(frozen=True)
class Progress:
    """What a look has found: whether it is done, the state in words, and how much is done if AWS tells that."""

    done: bool
    text: str
    percent: int | None = None

    def __str__(self) -> str:
        return self.text if self.percent is None else f"{self.text}, {self.percent} %"


@dataclass(frozen=True)
class Limits:
    """How long to wait: in all, between two looks at most, and until what was just made must be seen."""

    longest: timedelta = timedelta(hours=12)
    pause: timedelta = timedelta(seconds=30)
    settling: timedelta = timedelta(minutes=5)


def look(cloud: Cloud, target: Target) -> Progress:
    """Look once. Raise CloudMissingError when there is no such thing and it is to be ready; CloudError with the reason
    that AWS gives when it will never be."""
    kind = KINDS[target.kind]
    found = kind.find(cloud.service(kind.service, target.region), target.id)
    if found is None:
        if target.wanted != "ready":
            return Progress(True, "gone")
        raise CloudMissingError(f"There is no {target}.", next_step="Look for it in the console, by that name.")
    state, percent = kind.state(found), kind.percent(found)
    if target.wanted == "gone":
        return Progress(state in kind.gone, state)
    if target.wanted == "settled":
        return Progress(state in kind.good | kind.failing, state, percent)
    if state in kind.failing:
        reason = kind.reason(found) or "AWS gives no reason"
        raise CloudError(
            f"{target} is {state} and will not become {' or '.join(sorted(kind.good))}: {reason}.",
            next_step="Read its events in the console; remove what is in the way, and the failed thing, then repeat.",
        )
    if state not in kind.good:
        reason = kind.reason(found)
        return Progress(False, f"{state} ({reason})" if reason else state, percent)
    held_up = kind.held_up(found)
    return Progress(not held_up, f"{state}, but {held_up}" if held_up else state, None)


class Watch:
    """The looks at one target, one after the other, with the clock that they share."""

    def __init__(self, cloud: Cloud, target: Target, limits: Limits) -> None:
        self.cloud, self.target, self.limits = cloud, target, limits
        self._began = cloud.clock.seconds()
        self._said = ""
        self._seen = False

    def look(self) -> bool:
        """Look once more, and return whether it is done. Raise CloudError when it has failed; CloudBusyError when the
        limit is over."""
        elapsed = self.cloud.clock.seconds() - self._began
        try:
            progress = look(self.cloud, self.target)
        except CloudMissingError:
            if self._seen or elapsed >= self.limits.settling.total_seconds():
                raise
            progress = Progress(False, "not seen yet")
        except LifeboatError as error:
            if error.permanent:
                raise
            progress = Progress(False, f"cannot be asked: {error.message}")
        else:
            self._seen = True
        self._say(progress, elapsed)
        if not progress.done and elapsed >= self.limits.longest.total_seconds():
            raise CloudBusyError(
                f"{self.target} is still {progress} after {spoken(elapsed)}.",
                next_step="Look at it in the console. Repeat the task to go on waiting, or raise the limit.",
            )
        return progress.done

    def pause(self) -> float:
        """Return the seconds until the next look: what has just begun may be done soon, what takes hours may not."""
        elapsed = self.cloud.clock.seconds() - self._began
        return min(self.limits.pause.total_seconds(), max(_SHORTEST_PAUSE, elapsed / 10))

    def _say(self, progress: Progress, elapsed: float) -> None:
        if str(progress) != self._said:
            log.info("%s: %s, after %s", self.target, progress, spoken(elapsed))
            self._said = str(progress)


def wait(cloud: Cloud, target: Target, limits: Limits) -> None:
    """Wait until a target is ready or gone. Raise CloudError when it has failed, CloudBusyError when it takes longer
    than the limit."""
    watch = Watch(cloud, target, limits)
    while not watch.look():
        cloud.clock.sleep(watch.pause())
