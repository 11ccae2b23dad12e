"""What became of objectives: a table for people, and the line that Nagios and Icinga read."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import humanize
from rich.console import Console

from lifeboat.objectives import Finding, State, span, worst
from lifeboat.report import add_row, new_console, new_table
from lifeboat.times import in_utc

#: The exit status of a plugin, and the word that goes with it.
PLUGIN_STATUS: Mapping[State, int] = {"ok": 0, "warning": 1, "breached": 2, "unknown": 3}
_WORDS: Mapping[State, str] = {"ok": "OK", "warning": "WARNING", "breached": "CRITICAL", "unknown": "UNKNOWN"}


def worst_of(found: Mapping[str, Sequence[Finding]], errors: Sequence[str]) -> State:
    """Given the findings of deployments, and what kept from finding or telling more, return the state of all."""
    state = worst([finding for findings in found.values() for finding in findings])
    return "unknown" if state == "ok" and errors else state


def plugin_line(found: Mapping[str, Sequence[Finding]], errors: Sequence[str], state: State) -> str:
    """Given the findings of deployments, what kept from finding more, and the state of all, return the first line of
    a plugin's output."""
    told = [
        f"{name}: {finding.name} {finding.state} ({finding.sentence.rstrip('.')})"
        for name, findings in found.items()
        for finding in findings
        if finding.state == state and state != "ok"
    ]
    told += [error.splitlines()[0] for error in errors]
    text = "; ".join(told) or f"all objectives of {', '.join(found)} are kept"
    return f"LIFEBOAT {_WORDS[state]} - {text.replace('|', '/')} | {' '.join(_performance(found))}".rstrip(" |")


def print_findings(deployment: str, findings: Sequence[Finding], console: Console | None = None) -> None:
    """Print what became of a deployment's objectives, and what to do about those that are not kept."""
    console = console or new_console()
    columns = ("Objective", "State", "Now", "Allowed", "Last success", "What it means")
    table = new_table(f"Objectives of {deployment}", *columns)
    for column in table.columns[:4]:
        column.no_wrap = True
    for finding in findings:
        add_row(
            table,
            finding.name,
            finding.state,
            _amount(finding, finding.value),
            _amount(finding, finding.objective),
            in_utc(finding.last_success) if finding.last_success else "",
            f"{finding.sentence} {finding.next_step}".strip(),
        )
    console.print(table)


def _amount(finding: Finding, amount: float | None) -> str:
    if amount is None:
        return ""
    return span(timedelta(seconds=amount)) if finding.unit == "seconds" else humanize.naturalsize(amount, binary=True)


def _performance(found: Mapping[str, Sequence[Finding]]) -> Iterator[str]:
    units = {"seconds": "s", "bytes": "B"}
    for name, findings in found.items():
        for finding in findings:
            if finding.value is not None and finding.objective is not None:
                yield f"{name}_{finding.name}={finding.value:.0f}{units[finding.unit]};;{finding.objective:.0f};0"
