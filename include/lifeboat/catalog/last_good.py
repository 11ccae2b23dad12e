"""The rule for the last known good, the default target of every recovery, and what to say when there is none."""

from collections.abc import Sequence
from datetime import datetime

from lifeboat.catalog.states import PointState, last_instant
from lifeboat.errors import PointError
from lifeboat.times import in_utc

#: A safety point is not among them: it holds what was live before a recovery, maybe broken and maybe in part.
_KINDS = ("system_backup", "pre_upgrade")
#: So many points are named in an error; `lifeboat points` lists all.
_NAMED = 5


def newest_good(states: Sequence[PointState], as_of: datetime | None = None) -> PointState | None:
    """Given points of one deployment, return the one of a backup or before an upgrade that passed its newest
    drill, shows nothing later than `as_of`, and is the newest of such; or None."""
    good = [state for state in candidates(states, as_of) if state.verdict == "good"]
    return good[0] if good else None


def as_at(states: Sequence[PointState], site: str) -> list[PointState]:
    """Given points, return those that are whole at a site, as they are there."""
    return [state.at(site) for state in states if state.whole_at(site)]


def newest_whole(states: Sequence[PointState], site: str) -> PointState | None:
    """Given points, return the newest of a backup or before an upgrade that is whole at a site, as it is there."""
    whole = candidates(as_at(states, site))
    return whole[0] if whole else None


def good_at(states: Sequence[PointState], site: str) -> PointState | None:
    """Given points, return the last known good by the drills of a site, in its vault."""
    return newest_good(as_at(states, site))


def candidates(states: Sequence[PointState], as_of: datetime | None = None) -> list[PointState]:
    """Given points, return those that a recovery may fall back to at a time, drilled or not, newest first."""
    kept = [state for state in states if state.manifest.kind in _KINDS]
    if as_of is not None:
        kept = [state for state in kept if last_instant(state.manifest) <= as_of]
    return sorted(kept, key=lambda state: (last_instant(state.manifest), state.manifest.sealed_at), reverse=True)


def none_good(
    deployment: str, states: Sequence[PointState], as_of: datetime | None = None, site: str = ""
) -> PointError:
    """Given a deployment whose points, perhaps those at another site, hold no last known good, return the error that
    says what there is instead."""
    usable, all_times = candidates(states, as_of), candidates(states)
    when = (f" at site '{site}'" if site else "") + (f" at or before {in_utc(as_of)}" if as_of else "")
    there = f" --site {site}" if site else ""
    if usable:
        return PointError(
            f"Deployment '{deployment}' has no good restore point{when}; there are: {_list(usable)}.",
            next_step=f"Prove one with `lifeboat drill {deployment} POINT{there}`, or choose one by its id, "
            "knowing that nothing proves it.",
        )
    if all_times:
        first = all_times[-1]
        return PointError(
            f"Deployment '{deployment}' has no restore point{when}: its first is {described(first)}.",
            next_step=f"Choose a time at or after that one; `lifeboat points {deployment}` lists all points.",
        )
    safety = f" but {len(states)} safety points, which are never a default: {_list(states)}" if states else ""
    return PointError(
        f"Deployment '{deployment}' has no restore point{when}{safety}.",
        next_step=f"If its vault holds some, `lifeboat catalog rebuild {deployment}{there}` reads them.",
    )


def described(state: PointState) -> str:
    """Given a point, return its id, the time that it shows, and its verdict, for a message."""
    return f"{state.manifest.id} ({state.verdict}, of {in_utc(last_instant(state.manifest))})"


def _list(states: Sequence[PointState]) -> str:
    more = f" and {len(states) - _NAMED} older" if len(states) > _NAMED else ""
    return ", ".join(described(state) for state in states[:_NAMED]) + more
