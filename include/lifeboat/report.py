"""Tables for people: restore points and drills, with sizes and durations in human units."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import humanize
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lifeboat.catalog import PointState
from lifeboat.deployment import Objectives, format_duration
from lifeboat.manifest import Check, DrillEvidence, Manifest, MemberSnapshot, UnitSnapshot
from lifeboat.patches import Difference, ServerPatches, drift, mixed_levels
from lifeboat.restore import Result
from lifeboat.sites_report import print_sites, site_cells
from lifeboat.text import printable
from lifeboat.times import in_utc

__all__ = [
    "PointState",
    "print_drill",
    "print_hold",
    "print_patches",
    "print_point",
    "print_points",
    "print_restored",
    "print_since",
]

#: Where nobody looks at a terminal's width, lines are this long: a pipe or file may need whole names.
_WIDTH = 160

_STYLES = {
    "passed": "green",
    "good": "green",
    "failed": "bold red",
    "skipped": "yellow",
    "unproven": "yellow",
    "whole": "yellow",
    "damaged": "bold red",
    "incomplete": "yellow",
    "agree": "green",
    "ok": "green",
    "warning": "yellow",
    "unknown": "yellow",
    "breached": "bold red",
    "differ": "yellow",
    "poison": "bold red",
    "fail": "bold red",
}


def print_point(manifest: Manifest, console: Console | None = None) -> None:
    """Print a restore point's members: size, what it added to the vault, seconds and proof."""
    console = console or new_console()
    table = new_table(
        f"Restore point {manifest.id} ({manifest.kind})", "Member", ">Size", ">Stored", ">Seconds", "Proof"
    )
    for unit in manifest.units:
        for number, member in enumerate(unit.members):
            seconds = f"{unit.seconds:.1f}" if number == 0 else ""
            add_row(table, member.member, size(member.size_bytes), _stored(member), seconds, _proof(member))
    table.add_section()
    total, stored = manifest.size_bytes, sum(_stored_bytes(member) for member in manifest.members())
    table.add_row("all", size(total), size(stored), f"skew {manifest.skew_seconds:.1f}", "", style="bold")
    console.print(table)
    labels = {**({"reason": manifest.reason} if manifest.reason else {}), **manifest.labels}
    for name, label in labels.items():
        console.print(Text(f"{name.replace('_', ' ').capitalize()}: {label}"))
    for unit in manifest.units:
        _print_capture_notes(unit, console)


def print_hold(state: PointState, console: Console | None = None) -> None:
    """Print who put a restore point on hold and why; nothing if nobody did."""
    if hold := state.hold:
        console = console or new_console()
        held = f"{in_utc(hold.finished_at)} by {hold.by}: {hold.reason}"
        console.print(Text("On hold ", style="yellow") + Text(f"since {held}"))


def print_drill(evidence: DrillEvidence, objectives: Objectives, console: Console | None = None) -> None:
    """Print a drill's checks, one row for each name and outcome, every failed one by itself, and RTO and RPO."""
    console = console or new_console()
    found = [check for unit in evidence.units for check in unit.checks]
    print_checks(f"Drill of restore point {evidence.point}", found, console)
    verdict = "passed" if evidence.passed else "failed" if evidence.conclusive else "incomplete"
    missing = ", ".join(map(str, evidence.missing_units))
    console.print(
        Text("Drill ")
        + styled(verdict)
        + Text(f": fidelity {evidence.fidelity}, health {evidence.health}")
        + Text(f"; without a result: {missing}" if missing else "")
    )
    console.print(f"RTO {duration(evidence.rto_seconds)} (objective {format_duration(objectives.rto)})")
    if evidence.rpo_seconds is not None:
        console.print(f"RPO {duration(evidence.rpo_seconds)} (objective {format_duration(objectives.rpo)})")


def print_checks(title: str, found: Sequence[Check], console: Console) -> None:
    """Print checks, one row for each name and outcome, every failed one by itself."""
    table = new_table(title, "Check", "Verdict", "Outcome", "Of", "What was found")
    for verdict in ("fidelity", "health"):
        for checks in _grouped(found, verdict):
            of = checks[0].member if len(checks) == 1 else f"{len(checks)} members"
            add_row(table, checks[0].name, verdict, checks[0].outcome, of, _short(checks[0]))
        table.add_section()
    console.print(table)


def _grouped(found: Sequence[Check], verdict: str) -> list[list[Check]]:
    """Return the checks of a verdict in groups of the same name and outcome; failed ones stay by themselves."""
    groups: dict[tuple[str, ...], list[Check]] = {}
    for check in found:
        if check.verdict == verdict:
            alone = (check.member, check.detail) if check.outcome == "failed" else ()
            groups.setdefault((check.name, check.outcome, *alone), []).append(check)
    return list(groups.values())


def print_points(
    states: list[PointState],
    good: PointState | None,
    console: Console | None = None,
    *,
    as_of: datetime | None = None,
    sites: Sequence[str] = (),
    rpo: timedelta | None = None,
) -> None:
    """Print restore points, newest first, and say which is the last known good, perhaps as of a time; with `sites`
    also what is known of them there, and whether that keeps the objective."""
    console = console or new_console()
    table = new_table("Restore points", "Id", "Kind", "Sealed", "Age", "Size", "Verdict", "Drilled", "RTO", *sites)
    for column in table.columns:
        column.no_wrap = column.header in ("Id", "Verdict")  # there to be copied, and to be seen
    now = datetime.now(UTC)
    for state in states:
        manifest, drill = state.manifest, state.drill
        add_row(
            table,
            manifest.id,
            manifest.kind,
            in_utc(manifest.sealed_at),
            humanize.naturaldelta(now - manifest.sealed_at),
            size(manifest.size_bytes),
            state.verdict,
            f"{drill.finished_at:%Y-%m-%d %H:%M} UTC" if drill else "never",
            duration(drill.rto_seconds) if drill else "",
            *site_cells(state, sites),
        )
    console.print(table)
    for state in states:
        if state.hold:
            held = f"{state.manifest.id}: {state.hold.reason} ({state.hold.by})"
            console.print(Text("On hold ", style="yellow") + Text(held))
    when = f" as of {in_utc(as_of)}" if as_of else ""
    console.print(f"Last known good{when}: {good.manifest.id if good else 'none; run a drill'}", highlight=False)
    print_sites(states, sites, rpo, now, console)


def print_restored(result: Result, console: Console | None = None) -> None:
    """Print what was restored, where it is and how it was proven, and every check that is red."""
    console = console or new_console()
    table = new_table("Restored", "What", "Where", ">Size", ">Seconds", "Proof")
    red = [check for check in result.checks if check.outcome == "failed"]
    names = ", ".join(dict.fromkeys(check.name for check in result.checks))
    proof = f"as captured: {names}" if result.proven else f"NOT as captured: {len(red)} red"
    add_row(table, result.what, result.where, size(result.size_bytes), f"{result.seconds:.1f}", proof)
    console.print(table)
    for check in result.checks:
        style = _STYLES.get(check.outcome, "")
        console.print(Text(f"{check.outcome} ", style=style) + Text(f"{check.name}: {check.detail}"))


def print_patches(servers: Sequence[ServerPatches], title: str, console: Console | None = None) -> None:
    """Print servers side by side with their patches, those of one type together, then their drift and every trap
    with its next step."""
    console = console or new_console()
    ordered = sorted(servers, key=lambda server: (server.type, server.server))
    table = new_table(title, "", *(server.server for server in ordered))
    rows = [server.row() for server in ordered]
    for name in dict.fromkeys(name for row in rows for name in row):
        add_row(table, name, *(row.get(name, "") for row in rows))
    console.print(table)
    _print_differences("Drift between servers of one type", drift(servers), console)
    _print_differences("Servers of one product at different update levels", mixed_levels(servers), console)
    traps = new_table("Traps", "Server", "Trap", "What it means", "Next step")
    for server in ordered:
        for warning in server.warnings():
            add_row(traps, server.server, warning.trap, printable(warning.message), printable(warning.next_step))
    console.print(traps if traps.row_count else "No known trap.")


def print_since(differences: Sequence[Difference], point: str, console: Console | None = None) -> None:
    """Print what of the patches changed since a restore point."""
    console = console or new_console()
    if not _print_differences(f"Changed since {point}", differences, console, "How it differs (then; now)"):
        console.print(f"Nothing changed since {point}.", highlight=False)


def _print_differences(
    title: str, differences: Sequence[Difference], console: Console, order: str = "How it differs (first; second)"
) -> bool:
    table = new_table(title, "Where", "What", order)
    for each in differences:
        add_row(table, each.between, each.what, printable(each.detail))
    if differences:
        console.print(table)
    return bool(differences)


def new_console() -> Console:
    """Return a console on standard output: as wide as the terminal, or wide enough for whole names."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def new_table(title: str, *columns: str) -> Table:
    """Return a table whose cells are folded, never cut; a column named with > is set to the right."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row of plain text: what looks like markup in it is part of a name."""
    table.add_row(*(styled(cell) for cell in cells))


def styled(text: str) -> Text:
    """Given a word of an outcome, return it in its colour; another text is plain."""
    return Text(text, style=_STYLES.get(text, ""))


def _print_capture_notes(unit: UnitSnapshot, console: Console) -> None:
    for warning in unit.warnings:
        console.print(Text("Note ", style="yellow") + Text(warning))
    for check in unit.checks:
        if check.status == "failed":
            keys = ", ".join(check.violation_keys[:3])
            known = Text(f"{check.name}: {check.violation_count} ({keys})")
            console.print(Text("Known violation ", style="yellow") + known)


def size(count: int) -> str:
    """Given a number of bytes, return it for people."""
    return humanize.naturalsize(count, binary=True)


def _stored_bytes(member: MemberSnapshot) -> int:
    return member.packed_bytes if member.packed_bytes is not None else member.added_bytes


def _stored(member: MemberSnapshot) -> str:
    # restic 0.14 tells only what was new before it was compressed: an upper bound of what is stored.
    return size(_stored_bytes(member)) if member.packed_bytes is not None else f"≤ {size(member.added_bytes)}"


def _proof(member: MemberSnapshot) -> str:
    summary = ", ".join(f"{value} {name}" if isinstance(value, int) else value for name, value in _named(member))
    return f"{summary} ({member.proof.digest[:12]})"


def _named(member: MemberSnapshot) -> list[tuple[str, int | str]]:
    return [(name.replace("_", " "), value) for name, value in member.proof.summary.items() if value != 0]


def _short(check: Check) -> str:
    return check.detail if len(check.detail) <= 160 else f"{check.detail[:157]}…"


def duration(seconds: float) -> str:
    """Given seconds, return them for people."""
    return f"{seconds:.1f} s" if seconds < 120 else humanize.precisedelta(int(seconds), minimum_unit="seconds")
