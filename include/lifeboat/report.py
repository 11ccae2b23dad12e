"""Tables for people: restore points and drills, with sizes and durations in human units."""

from datetime import UTC, datetime

import humanize
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lifeboat.catalog import PointState
from lifeboat.catalog.states import in_utc
from lifeboat.deployment import Objectives, format_duration
from lifeboat.manifest import Check, DrillEvidence, Manifest, MemberSnapshot, UnitSnapshot

__all__ = ["PointState", "print_drill", "print_point", "print_points"]

#: Where nobody looks at a terminal's width, lines are this long: a pipe or file may need whole names.
_WIDTH = 160

_STYLES = {
    "passed": "green",
    "good": "green",
    "failed": "bold red",
    "skipped": "yellow",
    "unproven": "yellow",
    "incomplete": "yellow",
}


def print_point(manifest: Manifest, console: Console | None = None) -> None:
    """Print a restore point's members: size, what it added to the vault, seconds and proof."""
    console = console or _console()
    table = _table(f"Restore point {manifest.id} ({manifest.kind})", "Member", ">Size", ">Stored", ">Seconds", "Proof")
    for unit in manifest.units:
        for number, member in enumerate(unit.members):
            seconds = f"{unit.seconds:.1f}" if number == 0 else ""
            _add_row(table, member.member, _size(member.size_bytes), _stored(member), seconds, _proof(member))
    table.add_section()
    total, stored = manifest.size_bytes, sum(_stored_bytes(member) for member in manifest.members())
    table.add_row("all", _size(total), _size(stored), f"skew {manifest.skew_seconds:.1f}", "", style="bold")
    console.print(table)
    for unit in manifest.units:
        _print_capture_notes(unit, console)


def print_drill(evidence: DrillEvidence, objectives: Objectives, console: Console | None = None) -> None:
    """Print a drill's checks, one row for each name and outcome, every failed one by itself, and RTO and RPO."""
    console = console or _console()
    table = _table(f"Drill of restore point {evidence.point}", "Check", "Verdict", "Outcome", "Of", "What was found")
    for verdict in ("fidelity", "health"):
        for checks in _grouped(evidence, verdict):
            of = checks[0].member if len(checks) == 1 else f"{len(checks)} members"
            _add_row(table, checks[0].name, verdict, checks[0].outcome, of, _short(checks[0]))
        table.add_section()
    console.print(table)
    verdict = "passed" if evidence.passed else "failed" if evidence.conclusive else "incomplete"
    missing = ", ".join(map(str, evidence.missing_units))
    console.print(
        Text("Drill ")
        + _styled(verdict)
        + Text(f": fidelity {evidence.fidelity}, health {evidence.health}")
        + Text(f"; without a result: {missing}" if missing else "")
    )
    console.print(f"RTO {_duration(evidence.rto_seconds)} (objective {format_duration(objectives.rto)})")
    if evidence.rpo_seconds is not None:
        console.print(f"RPO {_duration(evidence.rpo_seconds)} (objective {format_duration(objectives.rpo)})")


def _grouped(evidence: DrillEvidence, verdict: str) -> list[list[Check]]:
    """Return the checks of a verdict in groups of the same name and outcome; failed ones stay by themselves."""
    groups: dict[tuple[str, ...], list[Check]] = {}
    for unit in evidence.units:
        for check in unit.checks:
            if check.verdict == verdict:
                alone = (check.member, check.detail) if check.outcome == "failed" else ()
                groups.setdefault((check.name, check.outcome, *alone), []).append(check)
    return list(groups.values())


def print_points(states: list[PointState], good: PointState | None, console: Console | None = None) -> None:
    """Print restore points, newest first, and say which is the last known good."""
    console = console or _console()
    table = _table("Restore points", "Id", "Kind", "Sealed", "Age", "Size", "Verdict", "Drilled", "RTO")
    for column in table.columns:
        column.no_wrap = column.header in ("Id", "Verdict")  # there to be copied, and to be seen
    now = datetime.now(UTC)
    for state in states:
        manifest, drill = state.manifest, state.drill
        _add_row(
            table,
            manifest.id,
            manifest.kind,
            in_utc(manifest.sealed_at),
            humanize.naturaldelta(now - manifest.sealed_at),
            _size(manifest.size_bytes),
            state.verdict,
            f"{drill.finished_at:%Y-%m-%d %H:%M} UTC" if drill else "never",
            _duration(drill.rto_seconds) if drill else "",
        )
    console.print(table)
    console.print(f"Last known good: {good.manifest.id if good else 'none; run a drill'}", highlight=False)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _table(title: str, *columns: str) -> Table:
    """Return a table whose cells are folded, never cut; a column named with > is set to the right."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    return table


def _add_row(table: Table, *cells: str) -> None:
    """Add a row of plain text: what looks like markup in it is part of a name."""
    table.add_row(*(_styled(cell) for cell in cells))


def _styled(text: str) -> Text:
    return Text(text, style=_STYLES.get(text, ""))


def _print_capture_notes(unit: UnitSnapshot, console: Console) -> None:
    for warning in unit.warnings:
        console.print(Text("Note ", style="yellow") + Text(warning))
    for check in unit.checks:
        if check.status == "failed":
            keys = ", ".join(check.violation_keys[:3])
            known = Text(f"{check.name}: {check.violation_count} ({keys})")
            console.print(Text("Known violation ", style="yellow") + known)


def _size(count: int) -> str:
    return humanize.naturalsize(count, binary=True)


def _stored_bytes(member: MemberSnapshot) -> int:
    return member.packed_bytes if member.packed_bytes is not None else member.added_bytes


def _stored(member: MemberSnapshot) -> str:
    # restic 0.14 tells only what was new before it was compressed: an upper bound of what is stored.
    return _size(_stored_bytes(member)) if member.packed_bytes is not None else f"≤ {_size(member.added_bytes)}"


def _proof(member: MemberSnapshot) -> str:
    summary = ", ".join(f"{value} {name}" if isinstance(value, int) else value for name, value in _named(member))
    return f"{summary} ({member.proof.digest[:12]})"


def _named(member: MemberSnapshot) -> list[tuple[str, int | str]]:
    return [(name.replace("_", " "), value) for name, value in member.proof.summary.items() if value != 0]


def _short(check: Check) -> str:
    return check.detail if len(check.detail) <= 160 else f"{check.detail[:157]}…"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else humanize.precisedelta(int(seconds), minimum_unit="seconds")
