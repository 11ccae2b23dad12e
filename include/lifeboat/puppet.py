"""Puppet on a host: runs it, and knows whether it changed or failed anything.

`puppet apply` heeds neither that the agent is disabled nor that a run is in progress, and a run that does not take
place leaves the report of the one before; so Lifeboat looks at the lock files itself, and believes a report only if it
is new. By `--detailed-exitcodes`, 0 is: nothing to do; 2: changes; 4: failures; 6: both; 1, or 255 for a run that was
broken off: there was no run. With `--noop` there are no changes: 0 or 4.
"""

import json
import logging
import time
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from lifeboat.deployment import Puppet
from lifeboat.errors import CommandError, PreflightError, PuppetBusyError, PuppetError, ToolError
from lifeboat.host import Command, Completed, Host
from lifeboat.puppet_errors import disabled_error, no_run, run_failed
from lifeboat.puppet_report import PuppetReport, read_report

log = logging.getLogger(__name__)

#: Where Puppet's own packages have it, which is on the PATH of login shells alone.
_VENDORS_PROGRAM = "/opt/puppetlabs/bin/puppet"
_RAN = (0, 2, 4, 6)
_FAILURES = (4, 6)
_DID_NOT_RUN = (1, 255)
#: What --test means, but for the differences of files, which it shows even with --no-show_diff.
_ONE_RUN = ("--onetime", "--no-daemonize", "--verbose", "--no-usecacheonfailure", "--no-splay")
_PATHS = ("agent_disabled_lockfile", "agent_catalog_run_lockfile", "lastrunreport")
_MOMENT_SECONDS = 120.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class PuppetRun:
    """A run that failed nothing: its exit status, and its report unless Puppet is set to write none."""

    exit_status: int
    report: PuppetReport | None

    @property
    def changed(self) -> bool:
        """Whether anything was changed."""
        return self.exit_status == 2

    def __str__(self) -> str:
        outcome = "changed the host" if self.changed else "changed nothing"
        return f"{outcome} ({self.report or 'no report'})"


class PuppetOnHost:
    """Puppet on one host, as the deployment file describes it for a server there."""

    def __init__(self, host: Host, settings: Puppet) -> None:
        self.host = host
        self.settings = settings

    @cached_property
    def program(self) -> str | None:
        """The path of Puppet on the host, or None if there is none."""
        there = self.host.find_tool("puppet")
        return there or (_VENDORS_PROGRAM if self.host.exists(_VENDORS_PROGRAM) else None)

    @cached_property
    def paths(self) -> dict[str, str]:
        """The paths of the files that tell what Puppet does and did, as Puppet itself names them."""
        said = self.ask("say where it keeps its state", "config", "print", "--section", "agent", *_PATHS)
        pairs = (line.partition("=") for line in said.splitlines())
        return {name.strip(): value.strip() for name, _, value in pairs}

    def preflight(self) -> None:
        """Check, and change nothing, that Puppet and its manifest are there. Raise what is wrong."""
        log.debug("Puppet keeps its state in %s", self.paths["lastrunreport"])
        manifest = self.settings.manifest
        if manifest is not None and not self.host.exists(manifest, run_as=self.settings.run_as):
            raise PreflightError(
                f"There is no manifest of Puppet at '{manifest}' on host '{self.host.name}'.",
                next_step="Correct puppet.manifest in the deployment file; it is a path on the server's host.",
            )

    def disabled_because(self) -> str | None:
        """Return the reason for which the agent is disabled, or None if it is not."""
        text = self._read(self.paths["agent_disabled_lockfile"])
        if text is None:
            return None
        try:
            return str(json.loads(text)["disabled_message"])
        except (ValueError, KeyError, TypeError):  # somebody made the file by hand
            return text.decode(errors="replace").strip() or "no reason is given"

    def refuse_disabled(self) -> None:
        """Raise PuppetError if the agent is disabled."""
        reason = self.disabled_because()
        if reason is not None:
            raise disabled_error(self.host.name, reason)

    def running_process(self) -> int | None:
        """Return the process of the run that is in progress on the host, if there is one. A lock that a dead run left,
        or whose process is something else by now, is none."""
        text = (self._read(self.paths["agent_catalog_run_lockfile"]) or b"").strip()
        if not text.isdigit():
            return None
        command = Command(["cat", "--", f"/proc/{int(text)}/cmdline"], run_as=self.settings.run_as)
        return int(text) if b"puppet" in self.host.run(command, accept=(0, 1)).stdout else None

    def wait_until_idle(self) -> None:
        """Wait until no run of Puppet is in progress. Raise PuppetBusyError if that takes longer than a run may."""
        limit = self.settings.timeout.total_seconds()
        deadline, told = time.monotonic() + limit, False
        while (process := self.running_process()) is not None:
            if time.monotonic() >= deadline:
                raise PuppetBusyError(
                    f"A run of Puppet is in progress on host '{self.host.name}', process {process}, and did not end "
                    f"within {limit:g} seconds.",
                    next_step="Look there what it waits for; try again when it has ended, or end it by hand.",
                )
            if not told:
                log.info("Waiting for the run of Puppet on host %s, process %d, to end", self.host.name, process)
                told = True
            time.sleep(_POLL_SECONDS)

    def command(self, *arguments: str) -> Command:
        """Given a subcommand of Puppet with its arguments, return what runs it. Raise ToolError if there is none."""
        if self.program is None:
            raise ToolError(
                f"'puppet' is not installed on host '{self.host.name}'.",
                next_step="Install it there (Debian: puppet-agent), or take `puppet` out of the deployment file.",
            )
        facts = {f"FACTER_{name}": value for name, value in self.settings.facts.items()}
        settings = [_option(name, value) for name, value in self.settings.settings.items()]
        argv = [self.program, *arguments, "--color=false", *settings]
        return Command(argv, environment=facts, run_as=self.settings.run_as)

    def ask(self, what: str, *arguments: str) -> str:
        """Run a subcommand that takes a moment, and return what it printed. Raise PuppetError that names `what` it was
        for."""
        try:
            done = self.host.run(self.command(*arguments), timeout=_MOMENT_SECONDS)
        except CommandError as error:
            raise PuppetError(
                f"Puppet on host '{self.host.name}' could not {what}: {error.stderr or error.message}",
                next_step=error.next_step,
            ) from None
        except TimeoutError as error:
            raise PuppetError(
                f"Puppet on host '{self.host.name}' could not {what}: {error}.",
                next_step=f"Run it there by hand: {self.command(*arguments)}",
            ) from None
        return done.stdout.decode(errors="replace")

    def run(self, *, noop: bool = False) -> PuppetRun:
        """Run Puppet once and return what it did; with `noop`, what it would do, and change nothing.

        Raise PuppetError if the agent is disabled, or with the names of the resources that failed, or with why there
        was no run; PuppetBusyError if another run does not end; UnreachableError if the Puppet server does not answer.
        """
        self.refuse_disabled()
        self.wait_until_idle()
        before = self._stamp()
        seconds = self.settings.timeout.total_seconds()
        try:
            done = self.host.run(self._run_command(noop), timeout=seconds, accept=(*_RAN, *_DID_NOT_RUN))
        except TimeoutError:
            raise PuppetError(
                f"Puppet did not end within {seconds:g} seconds on host '{self.host.name}', so it was ended. What it "
                "had changed until then stays.",
                next_step=f"Run it there by hand to see what it waits for: {self._run_command(False)}; or raise "
                "puppet.timeout in the deployment file.",
            ) from None
        _log_output(done)
        after = self._stamp()
        report = self._report() if after and after != before else None
        if done.exit_status in _DID_NOT_RUN:
            raise no_run(
                done, self.host.name, agent=self.settings.manifest is None, by_hand=str(self._run_command(True))
            )
        if done.exit_status in _FAILURES:
            raise run_failed(done, self.host.name, report)
        run = PuppetRun(done.exit_status, report)
        log.info("Puppet on host %s %s", self.host.name, run)
        return run

    def _run_command(self, noop: bool) -> Command:
        settings = self.settings
        # A difference may be one of secrets.
        options = ["--detailed-exitcodes", "--no-show_diff", *(["--noop"] if noop else [])]
        if settings.environment:
            options += ["--environment", settings.environment]
        if settings.manifest is None:
            return self.command("agent", *_ONE_RUN, *options)
        if settings.modulepath:
            options += ["--modulepath", ":".join(settings.modulepath)]
        return self.command("apply", *options, settings.manifest)

    def _stamp(self) -> str:
        """Return what is another text once there is another report."""
        command = ["stat", "-c", "%i %y", "--", self.paths["lastrunreport"]]
        return self.host.run(Command(command, run_as=self.settings.run_as), accept=(0, 1)).stdout.decode().strip()

    def _read(self, path: str) -> bytes | None:
        return self.host.read_file(path, run_as=self.settings.run_as)

    def _report(self) -> PuppetReport | None:
        text = self._read(self.paths["lastrunreport"])
        return read_report(text) if text is not None else None


def _option(name: str, value: bool | str) -> str:
    """Return a setting as an option; Puppet refuses a value for one that is true or false."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={value}"


def _log_output(done: Completed) -> None:
    lines = chain(done.stdout.decode(errors="replace").splitlines(), done.stderr.splitlines())
    for line in dict.fromkeys(lines):
        log.info("puppet: %s", line)
