"""Whether a deployment keeps its objectives now: each one as a state, with a sentence for people and the next step.

Everything comes from the catalog, so this works without Airflow and while Airflow's scheduler is dead. Ages count from
the last success, and for what never succeeded from the first time that anybody looked: so something new is `unknown`
until it is due, and `breached` from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import humanize

from lifeboat.catalog import Catalog, PointState, first_instant
from lifeboat.catalog.last_good import candidates, newest_good, newest_whole
from lifeboat.deployment import Deployment
from lifeboat.deployment_values import size_bytes
from lifeboat.manifest import Document, DrillEvidence
from lifeboat.vault_watch import VaultFacts, vault_facts

State = Literal["ok", "warning", "breached", "unknown"]
#: From the worst to the best: what the state of a whole deployment is taken from.
WORST_FIRST: tuple[State, ...] = ("breached", "warning", "unknown", "ok")


class Finding(Document):
    """What became of one objective. `value` and `objective` are in `unit`; `since` is when it was no longer kept."""

    name: str
    state: State
    sentence: str
    next_step: str = ""
    unit: Literal["seconds", "bytes", ""] = "seconds"
    value: float | None = None
    objective: float | None = None
    last_success: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """What the catalog tells about a deployment; None for what never happened."""

    watched_since: datetime
    states: Sequence[PointState]
    last_backup: datetime | None
    last_known_good: datetime | None
    last_passed_drill: datetime | None
    newest_drill: DrillEvidence | None
    newest_complete_drill: DrillEvidence | None
    vaults: VaultFacts


def gather(catalog: Catalog, deployment: Deployment, now: datetime) -> Facts:
    """Given a deployment, return what the catalog tells about it. A backup's time is its earliest instant: what came
    later may be missing from it. Restore points before an upgrade are backups too, safety points are not."""
    states = catalog.points(deployment.name)
    good = newest_good(states)
    backups = [first_instant(state.manifest) for state in candidates(states)]
    drills = sorted((state.drill for state in states if state.drill), key=lambda drill: drill.finished_at)
    complete = [drill for drill in drills if drill.complete]
    return Facts(
        watched_since=catalog.watched_since(deployment.name, now),
        states=states,
        last_backup=max(backups, default=None),
        last_known_good=first_instant(good.manifest) if good else None,
        last_passed_drill=max((drill.finished_at for drill in drills if drill.passed), default=None),
        newest_drill=drills[-1] if drills else None,
        newest_complete_drill=complete[-1] if complete else None,
        vaults=vault_facts(catalog.upkeep(deployment.name)),
    )


def evaluate(deployment: Deployment, facts: Facts, now: datetime) -> list[Finding]:
    """Given a deployment and what the catalog tells about it, return what became of each of its objectives."""
    return [
        _rpo(deployment, facts, now),
        _good_age(deployment, facts, now),
        _drill_age(deployment, facts, now),
        _drill_result(deployment, facts),
        _rto(deployment, facts),
        _check_age(deployment, facts, now),
        *_growth(deployment, facts),
        *(_rpo_at(deployment, facts, now, site) for site in deployment.other_sites()),
    ]


def worst(findings: Sequence[Finding]) -> State:
    """Given findings, return the state of all of them together."""
    return min((finding.state for finding in findings), key=WORST_FIRST.index, default="unknown")


def span(time: timedelta) -> str:
    """Given a length of time, return it for people, such as 1 day and 2 hours."""
    seconds = max(time.total_seconds(), 0)
    unit = "seconds" if seconds < 120 else "minutes" if seconds < 86400 else "hours"
    return humanize.precisedelta(timedelta(seconds=seconds), minimum_unit=unit, format="%.0f")


def _rpo(deployment: Deployment, facts: Facts, now: datetime) -> Finding:
    return _age(
        "rpo",
        "The newest restore point is of {age} ago: so much work would be lost now; the limit is {allowed}.",
        "There is no restore point",
        f"Look at the runs of {deployment.name}.system_backup, or make one: `lifeboat backup {deployment.name}`.",
        times=(facts.last_backup, facts.watched_since, now),
        allowed=deployment.objectives.rpo,
        # A daily backup that captures for a while is no breach: what it takes at most is bounded by max_skew.
        tolerance=deployment.max_skew,
    )


def _rpo_at(deployment: Deployment, facts: Facts, now: datetime, site: str) -> Finding:
    newest = newest_whole(facts.states, site)
    return _age(
        f"rpo_at_{site}",
        f"The newest restore point that is whole at site {site} is of {{age}} ago: so much work would be lost with the "
        "home site; the limit is {allowed}.",
        f"No restore point is whole at site {site}",
        f"Look at the runs of {deployment.name}.replication, or copy now: `lifeboat replicate {deployment.name}`.",
        times=(first_instant(newest.manifest) if newest else None, facts.watched_since, now),
        allowed=deployment.objectives.rpo_at_sites(),
        tolerance=deployment.max_skew,
    )


def _good_age(deployment: Deployment, facts: Facts, now: datetime) -> Finding:
    return _age(
        "good_age",
        "The last known good restore point is of {age} ago; the limit is {allowed}.",
        "There is no restore point that is known to be good",
        f"Prove the newest one with `lifeboat drill {deployment.name}`; `lifeboat points {deployment.name}` shows what "
        "the drills found.",
        times=(facts.last_known_good, facts.watched_since, now),
        allowed=deployment.objectives.longest_good_age(),
    )


def _drill_age(deployment: Deployment, facts: Facts, now: datetime) -> Finding:
    return _age(
        "drill_age",
        "The newest drill that passed was {age} ago; the limit is {allowed}.",
        "No drill has passed",
        f"Look at the runs of {deployment.name}.restore_drill, or do one: `lifeboat drill {deployment.name}`.",
        times=(facts.last_passed_drill, facts.watched_since, now),
        allowed=deployment.objectives.drill_age,
    )


def _age(
    name: str,
    sentence: str,
    never: str,
    next_step: str,
    *,
    times: tuple[datetime | None, datetime, datetime],
    allowed: timedelta,
    tolerance: timedelta = timedelta(0),
) -> Finding:
    """Given the last success, since when anybody looks, and now, return what became of an objective of an age."""
    last, watched_since, now = times
    due = (last or watched_since) + allowed
    late = now > due
    if last is None:
        state: State = "breached" if late else "unknown"
        told = f"{never}; it was due {span(now - due)} ago." if late else f"{never}; it is due in {span(due - now)}."
    else:
        state = "ok" if not late else "warning" if now <= due + tolerance else "breached"
        told = sentence.format(age=span(now - last), allowed=span(allowed))
    return Finding(
        name=name,
        state=state,
        sentence=told,
        next_step="" if state == "ok" else next_step,
        value=(now - last).total_seconds() if last else None,
        objective=allowed.total_seconds(),
        last_success=last,
        since=due if late else None,
    )


def _drill_result(deployment: Deployment, facts: Facts) -> Finding:
    drill, last = facts.newest_drill, facts.last_passed_drill
    if drill is None:
        return Finding(name="drill_result", state="unknown", unit="", sentence="No drill has said anything yet.")
    if drill.passed:
        told = f"The newest drill, of restore point {drill.point}, passed."
        return Finding(name="drill_result", state="ok", unit="", sentence=told, last_success=last)
    return Finding(
        name="drill_result",
        state="breached",
        unit="",
        sentence=f"The newest drill, of restore point {drill.point}, failed: fidelity {drill.fidelity}, "
        f"health {drill.health}.",
        next_step=f"`lifeboat show {deployment.name} {drill.point}` lists its checks.",
        last_success=last,
        since=drill.finished_at,
    )


def _rto(deployment: Deployment, facts: Facts) -> Finding:
    allowed, drill = deployment.objectives.rto, facts.newest_complete_drill
    if drill is None:
        told = "How long a recovery takes is not known: no drill has restored everything."
        return Finding(name="rto", state="unknown", sentence=told, objective=allowed.total_seconds())
    kept = drill.rto_seconds <= allowed.total_seconds()
    return Finding(
        name="rto",
        state="ok" if kept else "breached",
        sentence=f"A recovery takes {span(timedelta(seconds=drill.rto_seconds))} by the newest drill; "
        f"the limit is {span(allowed)}.",
        next_step=""
        if kept
        else f"The log of {deployment.name}.restore_drill tells what takes long: use faster storage, or raise "
        "objectives.rto.",
        value=drill.rto_seconds,
        objective=allowed.total_seconds(),
        since=None if kept else drill.finished_at,
    )


def _check_age(deployment: Deployment, facts: Facts, now: datetime) -> Finding:
    vaults = facts.vaults
    finding = _age(
        "check_age",
        "The vault's data was read and found whole {age} ago; the limit is {allowed}.",
        "No part of the vault's data was ever read and found whole",
        f"Look at the runs of {deployment.name}.housekeeping.",
        times=(vaults.last_check, facts.watched_since, now),
        allowed=deployment.objectives.check_age,
    )
    if not vaults.damage:
        return finding
    return finding.model_copy(
        update={
            "state": "breached",
            "sentence": f"The vault is damaged: {'; '.join(vaults.damage)}.",
            "next_step": "Make a new backup and drill the points that matter; docs/housekeeping.md says how to repair "
            "the vault.",
            "since": vaults.damaged_at,
        }
    )


def _growth(deployment: Deployment, facts: Facts) -> list[Finding]:
    setting, grown = deployment.objectives.growth_per_day, facts.vaults.growth_per_day
    if setting is None:
        return []
    allowed = size_bytes(setting)
    if grown is None:
        told = "How fast the vault grows is not known: housekeeping has not measured it for a day yet."
        return [Finding(name="growth_per_day", state="unknown", unit="bytes", sentence=told, objective=allowed)]
    kept = grown <= allowed
    return [
        Finding(
            name="growth_per_day",
            state="ok" if kept else "breached",
            unit="bytes",
            sentence=f"The vault grows by {humanize.naturalsize(grown, binary=True)} a day; "
            f"the limit is {humanize.naturalsize(allowed, binary=True)}.",
            next_step="" if kept else f"`lifeboat show {deployment.name} POINT` tells what each member added.",
            value=grown,
            objective=allowed,
            since=None if kept else facts.vaults.measured_at,
        )
    ]
