"""Parts of a home, built beside it, proven and exchanged by renaming: how patches come back.

The parts are those of a patch plan (`lifeboat.wso2.patch_restore`): directories that have to become exactly what the
restore point has, web archives, and exploded copies that go. They lie next to the home under their paths in it, so
that neither Carbon nor a backup takes them for a part of the home.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lifeboat.deployment import Unit
from lifeboat.engines._walks import ROOT, Entries, walk
from lifeboat.engines.base import Facts, Restored, difference, fidelity
from lifeboat.errors import AccessError, CommandError, PreflightError, RecoveryError, SwapError
from lifeboat.host import Command, Host
from lifeboat.manifest import Check, canonical_json, sha256
from lifeboat.recovery_documents import Exchange, Replacement
from lifeboat.swap import State, Step
from lifeboat.vault import Vault
from lifeboat.wso2.patch_restore import PatchPlan, plugins_of
from lifeboat.wso2.patches import PatchInventory, inventory, next_start, read_patches

#: Where the vault's files lie before parts are made of them, as `lifeboat.partswap` has it.
_RESTORED = ".point"


def planned_parts(plan: PatchPlan, captured: Entries) -> list[dict[str, Any]]:
    """Given a patch plan and the files of the restore point, return its parts without what is live of them."""
    moved = [(each.path, each.source, each.without) for each in plan.directories]
    moved += [(path, path, ()) for path in plan.files]
    parts = [
        {"path": path, "source": source, "without": list(without), "now": True, "then": source in captured}
        for path, source, without in moved
    ]
    gone = [path for path in plan.removed if path != "wso2carbon.pid"]  # a start removes that one itself
    return parts + [{"path": path, "source": "", "without": [], "now": True, "then": False} for path in gone]


def plan_exchange(
    host: Host, unit: Unit, root: str, parts: Sequence[Mapping[str, Any]], recovery: str, run_as: str | None
) -> tuple[str, list[dict[str, Any]], tuple[Exchange, ...], dict[str, Any]]:
    """Given a home and its parts, return its real path, the parts as they are, their exchanges, and the room beside
    it. Raise AccessError or PreflightError when they cannot be renamed."""
    found = _ask(host, "look", root, "", parts, run_as)
    real, parent = found["real"], str(PurePosixPath(found["real"]).parent)
    if found["devices"] != 1:
        raise PreflightError(
            f"{unit}: parts of '{real}' on host '{host.name}' are on other file systems than '{parent}', so they "
            "cannot be exchanged by renaming.",
            next_step="Unmount them and copy them into the home, or restore the whole home.",
        )
    if found["not_writable"]:
        raise AccessError(
            f"{unit}: '{run_as or 'this account'}' may not rename in {', '.join(found['not_writable'])} on host "
            f"'{host.name}'.",
            next_step="Let the account write there, or set run_as to one that may.",
        )
    there = [{**part, "now": now} for part, now in zip(parts, found["live"], strict=True)]
    there = [part for part in there if part["now"] or part["then"]]
    exchanges = tuple(
        Exchange(
            member=f"{unit}/{part['path']}",
            live=f"{real}/{part['path']}",
            beside=f"{_beside(real, recovery)}/{part['path']}" if part["then"] else "",
            kept=f"{_kept(real, recovery)}/{part['path']}" if part["now"] else "",
        )
        for part in there
    )
    room = {"where": parent, "file_system": f"{host.name}:{found['device']}", "free_bytes": found["free_bytes"]}
    return real, there, exchanges, room


def _beside(root: str, recovery: str) -> str:
    return f"{root}.restored-{recovery}"


def _kept(root: str, recovery: str) -> str:
    return f"{root}.before-{recovery}"


def _ask(
    host: Host,
    action: str,
    root: str,
    recovery: str,
    parts: Sequence[Mapping[str, Any]],
    run_as: str | None,
    **more: Any,
) -> Any:
    names = {"root": root, "beside": _beside(root, recovery), "kept": _kept(root, recovery)}
    payload = {"action": action, **names, "parts": list(parts), **more}
    try:
        return host.run_python("lifeboat.partswap", payload, run_as=run_as)
    except CommandError as error:
        raise SwapError(
            f"Parts of '{root}' on host '{host.name}' could not be exchanged ({action}): "
            f"{error.stderr.strip() or error.message}",
            next_step="Correct what the message says; then run the same command again, or undo the recovery.",
        ) from None


class PartsStep(Step):
    """The exchange of parts of a home, each by renaming; all of them are one step."""

    def __init__(self, host: Host, replacement: Replacement, run_as: str | None) -> None:
        super().__init__(replacement.exchanges)
        self.host = host
        self.run_as = run_as
        self.root: str = replacement.details["root"]
        self.recovery: str = replacement.details["recovery"]
        self.parts: list[dict[str, Any]] = replacement.details["parts"]

    def state(self) -> State:
        return self._state(self._do("look"))

    def forward(self) -> None:
        self.state()
        missing = self._do("forward")["states"].count("between")
        if missing:
            raise SwapError(
                f"{self}: {missing} of the parts are not beside the home, so there is nothing to exchange them for.",
                next_step="Undo the recovery, or run its restore step once more.",
            )

    def back(self) -> None:
        self.state()
        self._do("back")

    def discard(self) -> None:
        self._do("discard")

    def _do(self, action: str) -> Any:
        return _ask(self.host, action, self.root, self.recovery, self.parts, self.run_as)

    def _state(self, found: Any) -> State:
        states = set(found["states"])
        if "odd" in states:
            odd = [part["path"] for part, state in zip(self.parts, found["states"], strict=True) if state == "odd"]
            raise SwapError(
                f"Beside '{self.root}' on host '{self.host.name}' lies what no exchange of recovery '{self.recovery}' "
                f"leaves: {', '.join(odd)}.",
                next_step="Look who made it; leave one live path and the one that was kept, then run again.",
            )
        return State(states.pop()) if len(states) == 1 else State.BETWEEN


@dataclass
class RestoredParts(Restored):
    """The parts of a home, beside it; `prove` compares them with the facts of the restore point."""

    host: Host | None = None
    run_as: str | None = None
    directory: str = ""
    unit: Unit | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    captured: Mapping[str, Any] = field(default_factory=dict)
    same_home: bool = True

    @contextmanager
    def databases(self) -> Iterator[dict[str, Any]]:
        yield {}

    def prove(self) -> Facts:
        assert self.host is not None
        found = walk(self.host, self.directory, [], digest=True, run_as=self.run_as).entries
        self.restored_bytes = sum(entry[5] for entry in found.values())
        self._compare(self._expected(), {path: entry for path, entry in found.items() if self._is_in_a_part(path)})
        facts, _ = read_patches(self.host, self.directory, run_as=self.run_as)
        self._compare_bundles(inventory(facts))
        return {}

    def _expected(self) -> Entries:
        """Return the entries that the parts must have, by their paths in the home."""
        entries, skew = self.captured["entries"], set(self.captured["skew"])
        expected: Entries = {}
        for part in self.parts:
            source, leave = part["source"], [f"{part['source']}/{name}" for name in part["without"]]
            for path, entry in entries.items():
                below = path == source or path.startswith(f"{source}/")
                left = any(path == name or path.startswith(f"{name}/") for name in leave)
                if part["then"] and below and not left and path not in skew:
                    expected[part["path"] + path[len(source) :]] = entry
        return expected

    def _is_in_a_part(self, path: str) -> bool:
        return path != ROOT and any(path == p["path"] or path.startswith(f"{p['path']}/") for p in self.parts)

    def _compare(self, expected: Entries, found: Entries) -> None:
        columns = (0, 2, 5, 6) + (
            (3, 4) if self.same_home and self.captured["owners"] and self._may_give_away() else ()
        )
        before, after = ({p: [e[c] for c in columns] for p, e in each.items()} for each in (expected, found))
        differs = difference(before, after)
        told = differs or f"{len(before)} paths have the content and modes of the restore point"
        self.checks.append(fidelity("patch-files", str(self.unit), not differs, told))

    def _may_give_away(self) -> bool:
        assert self.host is not None
        return self.host.run(Command(["id", "-u"], run_as=self.run_as)).stdout.strip() == b"0"

    def _compare_bundles(self, found: PatchInventory | None) -> None:
        """What the next start will run, told from what lies beside, must be what the restore point's server ran."""
        if self.captured["patches"]["links"]:
            told = "some of it are links, which lead elsewhere from here; looked at after the start"
            self.checks.append(
                Check(name="patch-inventory", verdict="fidelity", outcome="skipped", member=str(self.unit), detail=told)
            )
            return
        captured = inventory(self.captured["patches"])
        wanted = plugins_of(captured) if captured else {}
        will = dict(next_start(found).plugins or {}) if found else {}
        differs = difference(wanted, will)
        told = differs or f"the next start will run the {len(will)} bundles of the restore point"
        self.checks.append(fidelity("patch-inventory", str(self.unit), not differs, told))


@contextmanager
def restored_parts(
    host: Host, run_as: str | None, replacement: Replacement, vault: Vault, snapshot: str, captured: Mapping[str, Any]
) -> Iterator[RestoredParts]:
    """Given a home's replacement and the restore point's snapshot and facts, build the parts beside the home, and yield
    them to be proven."""
    details = replacement.details
    if details["entries"] != sha256(canonical_json(captured)):
        raise RecoveryError(
            f"The facts of {replacement.source or replacement.unit} are not those that the plan was made of.",
            next_step="Start a new recovery.",
        )
    root, parts = details["root"], details["parts"]
    beside = _beside(root, details["recovery"])
    with vault.on(host, run_as) as here:
        _ask(host, "clear", root, details["recovery"], parts, run_as)
        sources = [part["source"] for part in parts if part["then"]]
        here.restore_directory(snapshot, f"{beside}/{_RESTORED}", only=sources, run_as=run_as)
    same_home = replacement.source in (None, replacement.unit)
    _ask(host, "assemble", root, details["recovery"], parts, run_as, owner=not same_home)
    yield RestoredParts(
        host=host,
        run_as=run_as,
        directory=beside,
        unit=replacement.unit,
        parts=parts,
        captured=captured,
        same_home=same_home,
    )
