"""Runbooks: how one member is brought back with standard tools alone, as a POSIX script that people can read.

An engine says what its member needs (`Runbook`), `render` makes a script of it, and `ByHand` executes one as a drill
does: with the named tools on the PATH and nothing else, in an empty home, with secrets in the environment alone.
"""

import logging
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifeboat.errors import CaptureError, LifeboatError, VaultDamagedError
from lifeboat.host import Command, LocalHost
from lifeboat.manifest import Check
from lifeboat.restic_arguments import address_without_login
from lifeboat.restic_errors import classify
from lifeboat.vault import Vault

log = logging.getLogger(__name__)

#: What every script runs, besides the tools of its engine.
COMMON_TOOLS = ("sh", "restic")
#: Programs that restic itself runs to reach a vault of some kinds.
_TRANSPORTS = {"sftp:": ("ssh",), "rclone:": ("rclone",)}
#: What of a worker's own environment leads restic to a storage, without being in the vault's connection.
_CARRIED = ("AWS_", "RCLONE_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_")
RESTIC = "restic --no-cache --no-lock"


@dataclass(frozen=True)
class Runbook:
    """How one member is restored beside what is live. `place` is the variable that says where to, `default` its
    value unless it is set; `needs` are further lines on what must be in the environment; `steps` is POSIX sh
    that fails unless all is well; `in_place` tells people how to put the result in the place of the live one."""

    member: str
    tools: tuple[str, ...]
    place: str
    default: str
    size_bytes: int
    steps: str
    in_place: str
    needs: tuple[str, ...] = ()

    def all_tools(self, repository: str) -> list[str]:
        """Given the vault's address, return every program that the script runs."""
        transports = (tools for prefix, tools in _TRANSPORTS.items() if repository.startswith(prefix))
        return sorted({*COMMON_TOOLS, *self.tools, *(tool for tools in transports for tool in tools)})


_FRAME = """\
#!/bin/sh
#
# {title}
#
# It overwrites nothing: it brings back a copy, compares it with what was captured, and ends with the line "OK".
# It runs these programs and no others: {tools}.
# Start it where there is room for its work; everything that it needs is in the environment:
#   stty -echo; read -r RESTIC_PASSWORD; stty echo; export RESTIC_PASSWORD     # the password of the vault
{needs}#   export {place}=…     # where to, unless this will do: {shown}
#
# {end}
set -eu
umask 077
export LC_ALL=C
: "${{RESTIC_PASSWORD:?the password of the vault}}"
{repository}
default={default}
{place}="${{{place}:-$default}}"

fail() {{ printf 'FAILED: %s\\n' "$*" >&2; exit 1; }}
same() {{ [ "$2" = "$3" ] || fail "$1: captured $2, restored $3"; printf 'as captured: %s: %s\\n' "$1" "$2"; }}
room() {{
    free=$(df -Pk -- "$1" | awk 'NR == 2 {{ print $4 }}')
    [ "$free" -ge "$2" ] || fail "$1 has $free KiB free; $2 are needed"
}}

{steps}
echo OK

{in_place}"""


def render(runbook: Runbook, title: str, repository: str) -> str:
    """Given a member's runbook, what it is in one line and the vault's address, return the script."""
    shown = address_without_login(repository)
    known = shown == repository
    set_repository = f'export RESTIC_REPOSITORY="${{RESTIC_REPOSITORY:-{_inside_quotes(repository)}}}"'
    needs = [*runbook.needs, *_storage_needs(repository)]
    if not known:
        needs.insert(0, f"export RESTIC_REPOSITORY=…     # the vault's address, with its login: {shown}")
    return _FRAME.format(
        title=_line(title),
        tools=", ".join(runbook.all_tools(repository)),
        needs="".join(f"#   {_line(need)}\n" for need in needs),
        place=runbook.place,
        shown=_line(runbook.default),
        end="How to put the result in its place is written at the end.",
        repository=set_repository if known else ': "${RESTIC_REPOSITORY:?the address of the vault}"',
        default=shlex.quote(runbook.default),
        steps=runbook.steps.strip() + "\n",
        in_place="".join(f"# {_line(line)}".rstrip() + "\n" for line in runbook.in_place.strip().splitlines()),
    )


def _storage_needs(repository: str) -> list[str]:
    if repository.startswith("s3:"):
        return ["export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…     # the account of the vault's storage"]
    if repository.startswith("rest:"):
        return ["export RESTIC_REST_USERNAME=… RESTIC_REST_PASSWORD=…     # the account of the vault's storage"]
    return []


def _inside_quotes(text: str) -> str:
    """Given a text, return it as it is written inside of double quotes."""
    return "".join(f"\\{each}" if each in '\\"$`' else each for each in text)


def _line(text: str) -> str:
    """Given a text that may hold anything, such as a database's name, return it on one line of a comment."""
    return "".join(each if each.isprintable() else "?" for each in text)


@dataclass
class ByHand:
    """Executes the runbook of one member as a person without Lifeboat would, below an empty directory of its own.

    `check` says how it went: the check `runbook` of a drill, or None as long as it has not been asked for.
    """

    runbook: Runbook
    script: str
    vault: Vault
    directory: Path
    check: Check | None = None
    stdout: str = field(default="", repr=False)

    def run(
        self,
        member: str,
        variables: Mapping[str, str],
        secrets: Mapping[str, str] | None = None,
        search: Sequence[str] = (),
    ) -> bool:
        """Given a member, further environment and the directories that its tools are searched in before the PATH,
        execute the runbook if it is that member's, and say whether it brought the member back.

        Raise what kept the vault from being read and says nothing about the restore point.
        """
        if member != self.runbook.member:
            return False
        tools = self.runbook.all_tools(self.vault.repository)
        paths = {tool: shutil.which(tool, path=os.pathsep.join([*search, os.environ["PATH"]])) for tool in tools}
        missing = [tool for tool, path in paths.items() if path is None]
        if missing:
            return self._end(False, f"not on this worker: {', '.join(missing)}")
        return self._execute({tool: path for tool, path in paths.items() if path}, variables, secrets or {})

    def distrust(self, checks: Sequence[Check]) -> None:
        """Given the checks of what the runbook restored, let them be its own failures as well."""
        red = [c.name for c in checks if c.member == self.runbook.member and c.outcome == "failed"]
        if red and self.check is not None and self.check.outcome == "passed":
            self._end(False, f"what it restored is not what was captured: {', '.join(red)}")

    def _execute(self, tools: Mapping[str, str], variables: Mapping[str, str], secrets: Mapping[str, str]) -> bool:
        links, home = self.directory / "bin", self.directory / "home"
        for path in (self.directory, links, home):
            path.mkdir(mode=0o700)
        for tool, found in tools.items():
            (links / tool).symlink_to(found)
        script = home / "runbook.sh"
        script.write_text(self.script, encoding="utf-8", errors="surrogateescape")
        command = self._command(links, home, variables, secrets)
        done = LocalHost().run(command, timeout=None, accept=range(-64, 256))
        self.stdout = done.stdout.decode(errors="replace")
        for line in self.stdout.splitlines():
            log.info("%s: %s", self.runbook.member, line)
        if done.exit_status == 0 and self.stdout.splitlines()[-1:] == ["OK"]:
            return self._end(True, "brought back by the printed commands alone")
        known = classify(self.vault.name, done.exit_status, done.stderr)
        if known is not None and not isinstance(known, VaultDamagedError | CaptureError):
            raise known
        last = "\n".join(done.stderr.splitlines()[-6:])
        return self._end(False, f"the printed commands ended with status {done.exit_status}: {last}")

    def _command(
        self, links: Path, home: Path, variables: Mapping[str, str], more_secrets: Mapping[str, str]
    ) -> Command:
        """Return the script as a command whose environment holds what a person would set, and nothing else."""
        plain, of_vault = self.vault.environment()
        secrets = {**of_vault, **more_secrets}
        carried = {name: value for name, value in os.environ.items() if name.upper().startswith(_CARRIED)}
        environment = {**carried, **plain, "PATH": str(links), "HOME": str(home), **variables}
        foreign = [part for name in os.environ if name not in {*environment, *secrets} for part in ("-u", name)]
        env = shutil.which("env") or "/usr/bin/env"
        return Command(
            [env, *foreign, str(links / "sh"), str(home / "runbook.sh")],
            environment=environment,
            secrets=secrets,
            working_directory=str(home),
        )

    def _end(self, well: bool, detail: str) -> bool:
        self.check = Check(
            name="runbook",
            verdict="fidelity",
            outcome="passed" if well else "failed",
            member=self.runbook.member,
            detail=detail,
        )
        return well


def failure_of(by_hand: ByHand, what: str) -> LifeboatError:
    """Given a runbook that did not bring its member back, return the error; `what` is told first."""
    detail = by_hand.check.detail if by_hand.check else "its engine did not run it"
    return LifeboatError(f"{what}: {detail}", next_step="Read the message above; nothing that is live was touched.")
