"""Why a run of Puppet failed or did not take place, by what it printed and reported."""

import re

from lifeboat.errors import AccessError, LifeboatError, PuppetBusyError, PuppetError, UnreachableError
from lifeboat.host import Completed
from lifeboat.puppet_report import PuppetReport
from lifeboat.text import shown

_ALSO_CHANGED = 6
#: What Facter says when it may not look somewhere; the run goes on.
_NOISE = re.compile(r"Facter: ")

_DISABLED = re.compile(r"administratively disabled \(Reason: '(.*?)'\)", re.DOTALL)
_BUSY = re.compile(r"already in progress")
_UNSIGNED = re.compile(r"need to sign this agent's certificate")
_CERTIFICATE = re.compile(r"certificate", re.IGNORECASE)
_NO_SERVER = re.compile(
    r"Failed to open TCP connection|getaddrinfo|No more routes to|Connection refused|timed? ?out", re.IGNORECASE
)
_DOES_NOT_COMPILE = re.compile(
    r"Evaluation Error|Syntax error|Server Error|Could not parse|Duplicate declaration|\bline: \d+"
)


def disabled_error(host: str, reason: str) -> PuppetError:
    """Return the error for an agent that is disabled on a host."""
    return PuppetError(
        f"The agent of Puppet on host '{host}' is disabled: {reason}",
        next_step="Ask who disabled it and why; then `puppet agent --enable` there.",
    )


def run_failed(done: Completed, host: str, report: PuppetReport | None) -> PuppetError:
    """Given a run in which resources failed, and its report if there is one, return the error that names them."""
    detail = f" ({report}): {shown(report.failures)}" if report else ", and wrote no report"
    changed = " What it changed besides stays." if done.exit_status == _ALSO_CHANGED else ""
    return PuppetError(
        f"Puppet failed on host '{host}'{detail}.{changed}",
        failed=report.failed_resources if report else (),
        next_step="Correct what these resources need, or their manifest, and run it again; the log above has all "
        "messages.",
    )


def no_run(done: Completed, host: str, *, agent: bool, by_hand: str) -> LifeboatError:
    """Given a run that did not take place, on a host, of the agent or of a manifest, and the command that a person can
    try by hand, return the error that says why."""
    said = "\n".join(_messages(done)) or "it printed nothing"
    everything = f"{done.stdout.decode(errors='replace')}\n{done.stderr}"
    if disabled := _DISABLED.search(everything):
        return disabled_error(host, disabled[1])
    if _BUSY.search(everything):
        return PuppetBusyError(
            f"A run of Puppet is in progress on host '{host}'.", next_step="Try again when it has ended."
        )
    if _DOES_NOT_COMPILE.search(said):
        return PuppetError(
            f"The catalog of Puppet for host '{host}' does not compile, so nothing was changed: {said}",
            next_step="Correct the manifest, module or Hiera data that it names; `--noop` shows whether it compiles.",
        )
    if agent and _NO_SERVER.search(said):
        return UnreachableError(
            f"The Puppet server of host '{host}' does not answer: {said}",
            next_step="Check `puppet config print server` there, and that the Puppet server runs; or name a "
            "puppet.manifest for `puppet apply`, which needs no server.",
        )
    if agent and (_UNSIGNED.search(everything) or _CERTIFICATE.search(said)):
        return AccessError(
            f"The Puppet server and host '{host}' do not trust each other: {said}",
            next_step="Sign the host's certificate on the Puppet server, `puppetserver ca sign --certname NAME`, or "
            "clean an old one of that name.",
        )
    return PuppetError(f"Puppet did not run on host '{host}': {said}", next_step=f"Run it there by hand: {by_hand}")


def _messages(done: Completed) -> list[str]:
    """Return what a run said was wrong, each line once, without Facter's remarks."""
    lines = (line.strip().removeprefix("Error: ") for line in done.stderr.splitlines())
    return [line for line in dict.fromkeys(lines) if line and not _NOISE.match(line)]
