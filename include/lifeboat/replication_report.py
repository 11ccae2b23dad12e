"""Tables of replication for people."""

from rich.console import Console
from rich.text import Text

from lifeboat.replication import SiteResult
from lifeboat.report import add_row, duration, new_console, new_table, size


def print_replication(result: SiteResult, console: Console | None = None) -> None:
    """Print what was copied to a site and read there, and what went wrong."""
    console = console or new_console()
    if result.replicas:
        table = new_table(
            f"Replication to site {result.site}", "Point", "Outcome", ">Copied", ">Read", ">Time", "Verified"
        )
        for each in result.replicas:
            outcome = "passed" if each.passed else "failed"
            copied = f"{each.copied} snapshots"
            add_row(table, each.point, outcome, copied, size(each.size_bytes), duration(each.seconds), each.verified)
        console.print(table)
    console.print(
        f"Site {result.site}: {result.whole} restore points are whole; {result.evidence_sent} pieces of evidence sent, "
        f"{result.evidence_brought} brought.",
        highlight=False,
    )
    for failure in (*result.failures, *([result.error] if result.error else [])):
        console.print(Text("failed ", style="bold red") + Text(failure))
