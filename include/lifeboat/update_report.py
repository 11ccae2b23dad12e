"""Tables for people about updates: what a plan would do, how each server ended, and all of them."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from lifeboat.evidence import Evidence
from lifeboat.patches import ServerPatches, mixed_levels
from lifeboat.report import add_row, duration, new_console, new_table
from lifeboat.update_documents import PlannedPack, UpdateEvidence, UpdateJournal, UpdatePlan

_WORDS = {"updated": "updated", "rolled_back": "rolled back", "failed": "failed, state unknown"}


def print_update_plan(plan: UpdatePlan, console: Console | None = None) -> None:
    """Print what an update would do: servers in their order, levels, and what to think of."""
    console = console or new_console()
    request = plan.request
    title = f"Update {plan.id} of {plan.deployment} to {request.target} by {request.method}"
    table = new_table(title, "", "Server", "Type", "Is now", "Patches that go")
    for number, each in enumerate(plan.servers):
        first = "canary" if number == 0 else str(number + 1)
        add_row(table, first, each.server, each.type, each.level, ", ".join(each.patches) or "none")
    console.print(table)
    for pack in plan.packs:
        console.print(f"Pack {_planned(pack)}", highlight=False, soft_wrap=True)
    for name in plan.left_alone:
        console.print(f"Server {name} is at that level already and is left alone.", highlight=False)
    for note in [note for each in plan.servers for note in each.notes]:
        console.print(Text("Note ", style="yellow") + Text(note))
    for warning in plan.warnings:
        console.print(Text("Warning ", style="bold yellow") + Text(warning))


def update_plan_as_markdown(plan: UpdatePlan) -> str:
    """Given a plan, return it as Markdown for an approval's form."""
    rows = [f"| {each.server} | {each.type} | {each.level} | {', '.join(each.patches)} |" for each in plan.servers]
    notes = [f"- Pack {_planned(pack)}" for pack in plan.packs]
    notes += [f"- {note}" for each in plan.servers for note in each.notes]
    return "\n".join(
        [
            f"**To {plan.request.target}** by `{plan.request.method}`, one server at a time, the first one the canary",
            "",
            "| server | type | is now | patches that go |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            *notes,
            *(f"- **Warning:** {warning}" for warning in plan.warnings),
            f"\nReason: {plan.request.reason or '(none given)'}",
        ]
    )


def _planned(pack: PlannedPack) -> str:
    return (
        f"{pack.product}: made ready once on host {pack.host}, from {pack.source}; then brought to every host that "
        "needs it"
    )


def print_updates(documents: Sequence[Evidence], console: Console | None = None) -> None:
    """Print updates, oldest first: each server's attempts and how they ended."""
    console = console or new_console()
    table = new_table(
        "Updates", "Id", "When", "Server", "Level before", "and after", "Asked by", ">Took", "How it ended"
    )
    ended = {each.attempt for each in documents if isinstance(each, UpdateEvidence)}
    for each in documents:
        when = f"{each.finished_at:%Y-%m-%d %H:%M} UTC"
        if isinstance(each, UpdateEvidence):
            took = duration(sum(each.seconds.values()))
            levels = each.level_before, each.level_after
            add_row(table, each.update, when, each.server, *levels, each.requested_by, took, _WORDS[each.outcome])
        elif isinstance(each, UpdateJournal) and each.attempt not in ended:
            add_row(table, each.update, when, each.server, "", "", each.requested_by, "", "begun, not ended")
    console.print(table)
    for each in documents:
        if isinstance(each, UpdateEvidence) and each.error:
            console.print(Text(f"{each.server} {_WORDS[each.outcome]}: {each.error}"), soft_wrap=True)
        if isinstance(each, UpdateEvidence) and each.pack and each.outcome == "updated":
            console.print(Text(f"{each.server} got the pack {each.pack}"), soft_wrap=True)


def print_levels(servers: Sequence[ServerPatches], console: Console | None = None) -> None:
    """Print the level of every server, and which products are at several."""
    console = console or new_console()
    table = new_table("Levels now", "Server", "Type", "Level")
    for each in servers:
        add_row(table, each.server, each.type, each.row()["update"])
    console.print(table)
    for mixed in mixed_levels(servers):
        console.print(Text("Mixed levels ", style="bold yellow") + Text(f"{mixed.between}: {mixed.detail}"))
