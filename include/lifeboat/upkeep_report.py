"""Tables for people about what stays and what goes, and what housekeeping did."""

import humanize
from rich.console import Console
from rich.text import Text

from lifeboat.catalog.states import last_instant
from lifeboat.report import add_row, new_console, new_table, styled
from lifeboat.retention_run import Verdict
from lifeboat.times import in_utc
from lifeboat.upkeep_documents import UpkeepRecord


def print_retention(verdict: Verdict, console: Console | None = None) -> None:
    """Print every point, newest first, and why it stays or goes; and why nothing goes now, if so."""
    console = console or new_console()
    table = new_table("Retention", "Restore point", "Kind", "Of", ">Size", "Verdict", "", "Why")
    for each in verdict.decisions:
        manifest = each.point.manifest
        add_row(
            table,
            manifest.id,
            manifest.kind,
            in_utc(last_instant(manifest)),
            humanize.naturalsize(manifest.size_bytes, binary=True),
            each.point.verdict,
            "stays" if each.stays else "goes",
            "; ".join(each.reasons) or "no rule keeps it",
        )
    console.print(table)
    for reason in verdict.held_back:
        console.print(Text("Nothing is deleted now: ", style="bold yellow") + Text(reason))


def print_upkeep(record: UpkeepRecord, console: Console | None = None) -> None:
    """Print what a run of housekeeping removed and verified, and what failed."""
    console = console or new_console()
    table = new_table("Removed", "What", "Name", ">Snapshots", "Why")
    for each in record.removed:
        add_row(table, each.kind.replace("_", " "), each.name, str(each.snapshots or ""), each.why)
    console.print(table if record.removed else "Nothing was removed.")
    for reason in record.held_back:
        console.print(Text("No restore point was deleted: ", style="bold yellow") + Text(reason))
    for note in record.left:
        console.print(Text("Left ", style="yellow") + Text(note))
    if record.pruned_bytes is not None:
        console.print(f"Freed in the storage: {_size(record.pruned_bytes)}", highlight=False)
    if record.size_before is not None and record.size_after is not None:
        sizes = f"{_size(record.size_before)}, now {_size(record.size_after)}"
        console.print(f"Data of restore points: before {sizes}", highlight=False)
    _print_vaults(record, console)
    for error in record.errors:
        console.print(Text("Failed ", style="bold red") + Text(error))
    console.print(Text("Housekeeping ") + _verdict(record.passed))


def _print_vaults(record: UpkeepRecord, console: Console) -> None:
    """Print what was verified, repaired and locked."""
    for check in record.checks:
        found = Text(f": {check.detail}" if check.detail else "")
        of_site = f" of site {check.site}" if check.site not in ("", record.site) else ""
        console.print(Text(f"Part {check.part} of {check.of} of the vault{of_site} ") + _verdict(check.passed) + found)
    for repair in record.repairs:
        console.print(Text("Repaired ", style="bold yellow") + Text(repair.sentence()))
    for kept in record.retained:
        told = f"Site {kept.site}: {kept.objects} objects cannot be destroyed until {in_utc(kept.until)} ({kept.mode})"
        console.print(Text(told))
        for finding in kept.findings:
            console.print(Text("Found ", style="bold red") + Text(finding))
    for back in record.brought_back:
        told = f"Site {back.site}: {back.objects} files are again as of {in_utc(back.as_of)}, {len(back.hidden)} hidden"
        console.print(Text(told))
        for point in back.points:
            console.print(Text(f"{point} ") + _verdict(True))


def _verdict(passed: bool) -> Text:
    return styled("passed" if passed else "failed")


def _size(count: int) -> str:
    return humanize.naturalsize(count, binary=True)
