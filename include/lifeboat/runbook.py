"""Runbooks of a restore point: for each member the script that restores it with standard tools alone.

A person reads or prints them before the day on which nothing else is left; a drill executes one member's in turn, so
that they cannot rot.
"""

from pathlib import Path

from lifeboat.by_hand import ByHand, Runbook, render
from lifeboat.capture import engine_for
from lifeboat.deployment import Unit
from lifeboat.engines.base import Facts, load_facts
from lifeboat.errors import PointError
from lifeboat.manifest import Manifest, MemberSnapshot, UnitSnapshot
from lifeboat.runtime import Runtime
from lifeboat.vault import Vault

#: What a script's name for the copy ends with, unless its reader chooses another one.
SUFFIX = "restored"


def find_member(manifest: Manifest, member: str) -> tuple[UnitSnapshot, MemberSnapshot]:
    """Given a manifest and the name of a member, return its unit's snapshot and its own. Raise PointError, naming
    those that there are, for another."""
    for unit in manifest.units:
        for each in unit.members:
            if each.member == member:
                return unit, each
    names = ", ".join(each.member for each in manifest.members())
    raise PointError(f"Restore point '{manifest.id}' has no member '{member}'.", next_step=f"It has {names}.")


def scripts(runtime: Runtime, manifest: Manifest, site: str, member: str | None = None) -> dict[str, str]:
    """Given a manifest and the site whose vault it lies in, return the script of one member, or of each."""
    vault = runtime.vault(site)
    units = manifest.units if member is None else [find_member(manifest, member)[0]]
    found = {}
    for unit in units:
        facts = load_facts(vault, unit)
        for each in unit.members:
            if member in (None, each.member):
                found[each.member] = script(runtime, manifest, unit, each, facts, vault)[1]
    return found


def script(
    runtime: Runtime, manifest: Manifest, unit: UnitSnapshot, member: MemberSnapshot, facts: Facts, vault: Vault
) -> tuple[Runbook, str]:
    """Given a member and the facts of its unit, return its runbook, also as the script."""
    runbook = engine_for(runtime, unit.unit, connected=False).runbook(member, facts[member.member], SUFFIX)
    title = (
        f"Restore {member.member} of deployment '{manifest.deployment}' as it was at "
        f"{unit.instant:%Y-%m-%d %H:%M:%S} UTC (restore point {manifest.id}), by hand."
    )
    return runbook, render(runbook, title, vault.repository)


def by_hand(
    runtime: Runtime,
    manifest: Manifest,
    unit: UnitSnapshot,
    member: MemberSnapshot,
    facts: Facts,
    vault: Vault,
    directory: Path,
) -> ByHand:
    """Given a member and a directory that is not there yet, return its runbook ready to be executed there."""
    runbook, text = script(runtime, manifest, unit, member, facts, vault)
    return ByHand(runbook, text, vault, directory)


def whose_turn(manifest: Manifest, drills: int) -> str:
    """Given a manifest and the number of drills before this one, return the member whose runbook this one executes:
    each in turn, and a database at least every second time."""
    databases = [m.member for unit in manifest.units for m in unit.members if m.member.startswith("database/")]
    others = [member.member for member in manifest.members() if member.member not in databases]
    if not databases or (others and drills % 2 == 1):
        return others[(drills // 2 if databases else drills) % len(others)]
    return databases[(drills // 2 if others else drills) % len(databases)]


def runbook_turns(manifest: Manifest, drills: int) -> dict[Unit, str]:
    """Given a manifest and the number of drills before this one, return its units, each with the member whose
    runbook is executed in its drill: an empty text for all units but one."""
    turn = whose_turn(manifest, drills)
    return {unit.unit: turn if turn in [member.member for member in unit.members] else "" for unit in manifest.units}


def as_document(manifest: Manifest, found: dict[str, str]) -> str:
    """Given a restore point's scripts, return them one after the other, with a table of contents before them."""
    lines = [
        f"# Runbook of restore point {manifest.id} of deployment '{manifest.deployment}'.",
        f"# Sealed {manifest.sealed_at:%Y-%m-%d %H:%M:%S} UTC; {len(found)} members. Each part is a script of its own:",
        "# save it to a file and run it with sh, the roles before the databases.",
        "#",
        *(f"#   {file_name(member):<44} {member}" for member in in_order(found)),
    ]
    parts = (f"\n{'#' * 100}\n# File {file_name(member)}\n{found[member]}" for member in in_order(found))
    return "\n".join(lines) + "\n" + "".join(parts)


def in_order(members: dict[str, str]) -> list[str]:
    """Given members, return them in the order of their restores: roles own databases."""
    return sorted(members, key=lambda member: not member.startswith("roles/"))


def file_name(member: str) -> str:
    """Given a member's name, return the name of its script's file."""
    plain = "".join(each if each.isalnum() or each in "._-" else "-" for each in member)
    return f"{plain}.sh"
