"""Tables for people about recoveries of a site: what a plan would do, how an attempt ended, and all of them."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from lifeboat.evidence import Evidence
from lifeboat.report import add_row, duration, new_console, new_table, print_checks, styled
from lifeboat.site_recovery_documents import SiteRecoveryEvidence, SiteRecoveryJournal, SiteRecoveryPlan
from lifeboat.times import in_utc

_CONTENTS = {"snapshot": "with its databases", "vault": "its databases come from the vault"}


def print_plan(plan: SiteRecoveryPlan, console: Console | None = None) -> None:
    """Print what a recovery of a site would do: what is made of what, what comes from the vault, time and cost."""
    console = console or new_console()
    table = new_table(f"{_what(plan)} {plan.id} of {plan.deployment} at {plan.site}", "Step", "What", "Of", ">An hour")
    for row in _rows(plan):
        add_row(table, *row)
    console.print(table)
    console.print(
        Text(f"Restore point {plan.point}, {plan.chosen}: ")
        + styled(plan.verdict)
        + Text(f", of {in_utc(plan.point_instant)}")
    )
    console.print(f"Expected to take {expected(plan)}", highlight=False)
    console.print(f"What is made costs {cost(plan)}", highlight=False)
    for left in plan.left:
        console.print(f"Does not come from the vault: {left}", highlight=False)
    for warning in plan.warnings:
        console.print(Text("Warning ", style="bold yellow") + Text(warning))


def plan_as_markdown(plan: SiteRecoveryPlan) -> str:
    """Given a plan, return it as Markdown for an approval's form."""
    return "\n".join(
        [
            f"**Restore point `{plan.point}`** ({plan.chosen}), {plan.verdict}, of {in_utc(plan.point_instant)}",
            f"\n**Reason:** {plan.request.reason or '(none given)'}\n",
            *(f"- **Warning:** {warning}" for warning in plan.warnings),
            *(f"- Does not come from the vault: {left}" for left in plan.left),
            "",
            "| step | what | of |",
            "| --- | --- | --- |",
            *(f"| {step} | `{what}` | {of} |" for step, what, of, _ in _rows(plan)),
            "",
            f"**Approve:** site {plan.site} takes over, expected within {expected(plan)}; what is made costs "
            f"{cost(plan)}.",
            "\n**Reject:** nothing happens.",
        ]
    )


def expected(plan: SiteRecoveryPlan) -> str:
    """Return in words how long it is expected to take, and by what that is known."""
    if not plan.expected_seconds:
        return "a time that is not known: nothing was rehearsed or drilled at the site"
    return f"{duration(sum(plan.expected_seconds.values()))}, by {plan.expected_by}"


def cost(plan: SiteRecoveryPlan) -> str:
    """Return in words what all that is made costs an hour."""
    if not (plan.databases or plan.machines):
        return "nothing: nothing is made in AWS"
    if plan.hourly_cost is None:
        return "what the deployment file does not say: hourly_cost of each would tell"
    return f"{plan.hourly_cost:.2f} {plan.currency} an hour, by the deployment file"


def print_site_recovery(evidence: SiteRecoveryEvidence, console: Console | None = None) -> None:
    """Print how an attempt ended: checks, seconds of each phase, servers, what stands, what was switched."""
    console = console or new_console()
    if evidence.checks:
        print_checks(f"Site recovery {evidence.recovery}", list(evidence.checks), console)
    if evidence.seconds:
        table = new_table("", "Phase", ">Took")
        for phase, seconds in evidence.seconds.items():
            add_row(table, phase, duration(seconds))
        add_row(table, "all of it", duration(sum(evidence.seconds.values())))
        console.print(table)
    for server, told in evidence.servers.items():
        console.print(f"Server {server}: {told}", highlight=False)
    for name, made in evidence.stands.items():
        console.print(f"Stands in AWS: {name}, {made}", highlight=False)
    for removed in evidence.removed:
        console.print(f"Taken down: {removed}", highlight=False)
    for switched in evidence.switched:
        console.print(f"Switched: {switched}", highlight=False)
    state = "passed" if evidence.succeeded else "failed"
    said = f" ({evidence.error})" if evidence.error else ""
    console.print(Text(f"{evidence.action} {evidence.recovery} of site {evidence.site} ") + styled(state) + Text(said))


def print_site_recoveries(documents: Sequence[Evidence], console: Console | None = None) -> None:
    """Print the recoveries of a deployment's sites, oldest first."""
    console = console or new_console()
    table = new_table(
        "Site recoveries", "Id", "When", "Site", "What", "Point", "Asked by", "Approved by", "How it ended"
    )
    for each in documents:
        if isinstance(each, SiteRecoveryJournal | SiteRecoveryEvidence):
            what = "begun" if isinstance(each, SiteRecoveryJournal) else each.action
            ended = "" if isinstance(each, SiteRecoveryJournal) else each.error or "passed"
            people = (each.requested_by, ", ".join(each.approved_by))
            when = f"{each.finished_at:%Y-%m-%d %H:%M} UTC"
            add_row(table, each.recovery, when, each.site, what, each.point, *people, ended)
    console.print(table)


def _what(plan: SiteRecoveryPlan) -> str:
    return "Rehearsal" if plan.rehearsal else "Site recovery"


def _rows(plan: SiteRecoveryPlan) -> Iterator[tuple[str, str, str, str]]:
    for database in plan.databases:
        size = f"{database.snapshot}, {database.gib} GiB, {_CONTENTS[database.contents]}"
        yield f"{database.instance_class} database", database.identifier, size, _cost(database.hourly_cost)
    for machine in plan.machines:
        image = machine.image or "the launch template's image"
        yield f"{machine.instance_type} machine", machine.machine, image, _cost(machine.hourly_cost)
    for server in plan.servers:
        yield "Puppet", server, "", ""
    for unit in plan.units:
        yield "restore, prove, exchange", unit, f"vault of {plan.site}", ""
    for switch in plan.switches:
        yield "switch over", switch, "", ""
    if plan.rehearsal:
        yield "take down", "all that was made", "", ""


def _cost(hourly: float | None) -> str:
    return "" if hourly is None else f"{hourly:.2f}"
