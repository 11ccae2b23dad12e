"""Tables for people about recoveries: what a plan would do, how an attempt ended, and all of them."""

from collections.abc import Sequence

import humanize
from rich.console import Console
from rich.text import Text

from lifeboat.evidence import Evidence
from lifeboat.recovery_documents import Exchange, RecoveryEvidence, RecoveryJournal, RecoveryPlan, Replacement
from lifeboat.report import add_row, duration, new_console, new_table, print_checks, styled
from lifeboat.times import in_utc


def print_plan(plan: RecoveryPlan, console: Console | None = None) -> None:
    """Print what a recovery would do: what is replaced by what, room, time, servers, and what to think of."""
    console = console or new_console()
    title = f"Recovery {plan.id} of {plan.deployment}"
    table = new_table(title, "Member", "Comes back as", "Live now", ">Needs", ">Free", ">Restore")
    for replacement in plan.replacements:
        for number, exchange in enumerate(replacement.exchanges):
            first = number == 0
            add_row(
                table,
                exchange.member,
                exchange.live,
                _now(exchange),
                _size(replacement.needed_bytes) if first else "",
                _free(replacement) if first else "",
                _expected(replacement) if first else "",
            )
    console.print(table)
    console.print(
        Text(f"Restore point {plan.point}, {plan.chosen}: ") + styled(plan.verdict) + Text(f", of {_when(plan)}")
    )
    console.print(f"Stopped meanwhile: {', '.join(plan.servers) or 'no server'}", highlight=False)
    console.print(f"What is live now is kept beside it, named after {plan.id}", highlight=False)
    for each in plan.rebindings:
        console.print(f"Rebound in configuration: {each.old} → {each.new} (binding {each.binding})", highlight=False)
    for note in [note for each in plan.replacements for note in each.notes]:
        console.print(Text("Note ", style="yellow") + Text(note))
    for warning in plan.warnings:
        console.print(Text("Warning ", style="bold yellow") + Text(warning))


def plan_as_markdown(plan: RecoveryPlan) -> str:
    """Given a plan, return it as Markdown for an approval's form."""
    rows = [
        f"| `{exchange.member}` | `{exchange.live}` | {_now(exchange)} |"
        for replacement in plan.replacements
        for exchange in replacement.exchanges
    ]
    total = sum(each.expected_seconds or 0.0 for each in plan.replacements)
    return "\n".join(
        [
            f"**Restore point `{plan.point}`** ({plan.chosen}), {plan.verdict}, of {_when(plan)}",
            f"\n**Reason:** {plan.request.reason or '(none given)'}\n",
            *(f"- **Warning:** {warning}" for warning in plan.warnings),
            *(f"- **Rebound** in configuration: `{each.old}` → `{each.new}`" for each in plan.rebindings),
            "",
            "| member | comes back as | live now |",
            "| --- | --- | --- |",
            *rows,
            "",
            f"**Approve:** everything is restored beside what is live, and proven, in about {duration(total)}; only "
            f"then these servers stop: {', '.join(plan.servers) or 'none'}. What is live now is kept, and "
            f"`lifeboat undo {plan.deployment} {plan.id}` brings it back.",
            "\n**Reject:** nothing happens.",
        ]
    )


def print_recovery(evidence: RecoveryEvidence, console: Console | None = None, option: str = "") -> None:
    """Print how an attempt ended: its checks, seconds by phase, servers, what is live now, and, with the option that
    names the site if it was another, the command that puts it back."""
    console = console or new_console()
    if evidence.checks:
        print_checks(f"Recovery {evidence.recovery}", list(evidence.checks), console)
    if evidence.seconds:
        table = new_table("", "Phase", ">Took")
        for phase, seconds in evidence.seconds.items():
            add_row(table, phase, duration(seconds))
        console.print(table)
    for server, told in evidence.servers.items():
        console.print(f"Server {server}: {told}", highlight=False)
    if evidence.safety_point:
        console.print(f"What was live is also restore point {evidence.safety_point}", highlight=False)
    what = "Recovery" if evidence.action == "recover" else "Undoing"
    state = "passed" if evidence.succeeded else "failed"
    said = f" ({evidence.error})" if evidence.error else ""
    live = {
        "new": "what was restored is live",
        "old": "what was live before is live",
        "mixed": "half of it is exchanged",
    }
    console.print(Text(f"{what} {evidence.recovery} ") + styled(state) + Text(f": {live[evidence.live]}{said}"))
    if evidence.action == "recover" and evidence.live != "old":
        which = f"{evidence.deployment} {evidence.recovery}{option}"
        console.print(f"To put back what was live before: lifeboat undo {which}")


def print_recoveries(documents: Sequence[Evidence], console: Console | None = None) -> None:
    """Print the recoveries of a deployment, oldest first: who asked for which, who approved, how it ended."""
    console = console or new_console()
    table = new_table("Recoveries", "Id", "When", "What", "Point", "Asked by", "Approved by", "Live", "How it ended")
    for document in documents:
        if isinstance(document, RecoveryEvidence | RecoveryJournal):
            add_row(table, *_row(document))
    console.print(table)


def _row(document: RecoveryEvidence | RecoveryJournal) -> tuple[str, ...]:
    shared = document.recovery, f"{document.finished_at:%Y-%m-%d %H:%M} UTC"
    people = document.requested_by, ", ".join(document.approved_by)
    if isinstance(document, RecoveryJournal):
        return (*shared, "begun", document.point, *people, "", "")
    return (*shared, document.action, document.point, *people, document.live, document.error or "passed")


def _when(plan: RecoveryPlan) -> str:
    return in_utc(plan.point_instant)


def _now(exchange: Exchange) -> str:
    return "is kept" if exchange.kept else "is gone"


def _size(count: int) -> str:
    return humanize.naturalsize(count, binary=True)


def _free(replacement: Replacement) -> str:
    return "unknown" if replacement.free_bytes is None else _size(replacement.free_bytes)


def _expected(replacement: Replacement) -> str:
    return "unknown" if replacement.expected_seconds is None else duration(replacement.expected_seconds)
