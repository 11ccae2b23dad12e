"""Restoring into a place: one member, or a part of it, beside what is live. Nothing is stopped, nothing swapped.

What comes back is compared with what was captured, wherever that can be: a whole member, a sub-tree or a file with
the facts of its paths, a table with its row count and content.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from lifeboat.capture import engine_for
from lifeboat.catalog import Catalog, PointState
from lifeboat.documents import manifest_there
from lifeboat.engines.base import Engine, Part, Returned, load_facts
from lifeboat.errors import ConfigurationError, VaultDamagedError
from lifeboat.manifest import Check, Manifest, MemberSnapshot, canonical_json, sha256
from lifeboat.places import require_new
from lifeboat.runbook import by_hand, find_member
from lifeboat.runtime import Runtime
from lifeboat.scratch import scratch_place
from lifeboat.vault import Vault


@dataclass(frozen=True)
class Wanted:
    """What is to come back and where: into a directory, a database or a table."""

    member: str
    into: Path | None = None
    path: str | None = None
    into_database: str | None = None
    table: str | None = None
    into_table: str | None = None

    def __post_init__(self) -> None:
        places = [each for each in (self.into, self.into_database, self.into_table) if each is not None]
        if len(places) != 1:
            raise ConfigurationError(
                "Say one place to restore into.",
                next_step="Give one of --into, --into-database and --into-table.",
            )
        if self.path is not None and self.into is None:
            raise ConfigurationError("A path can only be restored into a directory.", next_step="Give --into DIR.")
        if (self.table is None) != (self.into_table is None):
            raise ConfigurationError(
                "A table is restored into another table of the live database.",
                next_step="Give --table NAME and --into-table NAME together.",
            )

    def __str__(self) -> str:
        part = self.path or self.table
        return f"{self.member}: {part}" if part else self.member


@dataclass(frozen=True)
class Result:
    """What came back: where it is, its size, the seconds it took, and the checks that prove it."""

    what: str
    where: str
    size_bytes: int
    seconds: float
    checks: tuple[Check, ...]

    @property
    def proven(self) -> bool:
        outcomes = {check.outcome for check in self.checks}
        return "passed" in outcomes and "failed" not in outcomes


def choose_point(catalog: Catalog, deployment: str, point: str | None) -> PointState:
    """Given a point's id or its beginning, return that point, whatever its verdict; without one, the last known good.

    Raise PointError when there is none that is good: a point that is not must be named.
    """
    return catalog.point(deployment, point) if point else catalog.require_last_known_good(deployment)


def restore(runtime: Runtime, point: str, wanted: Wanted, site: str | None = None) -> Result:
    """Given a restore point's id, bring back what is wanted.

    Whatever is wrong with the place, the tools or the space is raised before any work. A red check is no error: what
    was restored is there to be looked at, and is not what was captured.
    """
    site = site or runtime.deployment.home_site()
    vault = runtime.vault(site)
    if wanted.path is not None:
        inside(wanted.path)
    if wanted.into:
        require_new(wanted.into.absolute())
    manifest = manifest_there(vault, runtime.verifier(), runtime.deployment.name, point)
    return restore_from(runtime, vault, manifest, wanted, site)


def restore_from(runtime: Runtime, vault: Vault, manifest: Manifest, wanted: Wanted, site: str) -> Result:
    """Given a manifest that was read from a vault, bring back what is wanted, as `restore` does."""
    path = inside(wanted.path) if wanted.path is not None else None
    target = wanted.into.absolute() if wanted.into else None
    if target:
        require_new(target)
    unit, member = find_member(manifest, wanted.member)
    facts = load_facts(vault, unit)
    _refuse_other_facts(manifest, member, facts.get(member.member))
    engine = engine_for(runtime, unit.unit, connected=target is None)
    with scratch_place(Path(runtime.deployment.sites[site].scratch)) as place:
        script = by_hand(runtime, manifest, unit, member, facts, vault, place / "by-hand")
        part = Part(member, facts[member.member], vault, place, script)
        started = time.monotonic()
        returned = _bring_back(engine, part, wanted, target, path)
        seconds = time.monotonic() - started
    return Result(str(wanted), returned.where, returned.size_bytes, seconds, returned.checks)


def _bring_back(engine: Engine, part: Part, wanted: Wanted, target: Path | None, path: str | None) -> Returned:
    if target is not None:
        return engine.restore_files(part, target, path)
    if wanted.into_database is not None:
        return engine.restore_database(part, wanted.into_database)
    return engine.restore_table(part, str(wanted.table), str(wanted.into_table))


def inside(path: str) -> str:
    """Given a path below a member's root, return it in one way of writing. Raise ConfigurationError when it is
    absolute or leads out of the root."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or not parts or "\0" in path:
        raise ConfigurationError(
            f"'{path}' is not a path inside of a member.",
            next_step="Write it relative to the member's root and without .., such as repository/tenants/1.",
        )
    return "/".join(parts)


def _refuse_other_facts(manifest: Manifest, member: MemberSnapshot, facts: object) -> None:
    if sha256(canonical_json(facts)) != member.proof.digest:
        raise VaultDamagedError(
            f"The facts of {member.member} in restore point '{manifest.id}' are not those that were sealed.",
            next_step="Use another restore point; run `restic check --read-data` on the vault.",
        )
