"""Recovery of a tree, a home, or a database that is one file: restored beside the live one on the same file system,
exchanged by renaming.

What no snapshot holds is carried over from the live directory just before: logs, embedded databases, and what the
deployment file excludes.
"""

from collections.abc import Mapping
from typing import Any

from lifeboat.engines._walks import walk
from lifeboat.errors import AccessError, CommandError, PreflightError, SwapError
from lifeboat.globs import translate
from lifeboat.host import Host
from lifeboat.manifest import MemberSnapshot
from lifeboat.recovery_documents import Exchange
from lifeboat.swap import State, Step


def plan_directory(
    host: Host, member: str, path: str, recovery: str, run_as: str | None
) -> tuple[Exchange, dict[str, Any]]:
    """Given a live directory or file, or one that is gone, return its exchange and what a Replacement tells of its
    place: `capturable`, `where`, the `file_system` and its `free_bytes`.

    Raise AccessError or PreflightError when it cannot be renamed: it is a mount point, or the account may not.
    """
    found = _ask(host, "look", Exchange(member=member, live=path, beside="", kept=""), run_as)
    real, parent = found["real"], found["real"].rpartition("/")[0] or "/"
    if found["mount_point"]:
        raise PreflightError(
            f"{member}: '{real}' on host '{host.name}' is a mount point and cannot be exchanged by renaming.",
            next_step="Restore into a directory with `lifeboat restore … --into` and copy it; or mount it higher.",
        )
    if not found["parent_writable"]:
        raise AccessError(
            f"{member}: '{run_as or 'this account'}' may not rename directories in '{parent}' on host '{host.name}'.",
            next_step=f"Let the account write to '{parent}', or set run_as to one that may.",
        )
    kept = f"{real}.before-{recovery}" if found["live"] else ""
    exchange = Exchange(member=member, live=real, beside=f"{real}.restored-{recovery}", kept=kept)
    room = {
        "capturable": not found["empty"],
        "where": parent,
        "file_system": f"{host.name}:{found['device']}",
        "free_bytes": found["free_bytes"],
    }
    return exchange, room


def _ask(host: Host, action: str, exchange: Exchange, run_as: str | None, **more: Any) -> dict[str, Any]:
    names = {"live": exchange.live, "beside": exchange.beside, "kept": exchange.kept}
    payload = {"action": action, "sides": [], **names, **more}
    try:
        answer: dict[str, Any] = host.run_python("lifeboat.treeswap", payload, run_as=run_as)
    except CommandError as error:
        raise SwapError(
            f"{exchange.member}: '{exchange.live}' on host '{host.name}' could not be exchanged ({action}): "
            f"{error.stderr.strip() or error.message}",
            next_step="Correct what the message says; then run the same command again, or undo the recovery.",
        ) from None
    return answer


class DirectoryStep(Step):
    """The exchange of one directory, or of one file, on its host.

    `details` may name globs of what is in no snapshot (`excluded`), those among them that are dropped instead of
    carried over (`dropped`), and directories that must be there afterwards (`directories`); of a file, the suffixes
    of the files that belong to it (`sides`).
    """

    def __init__(self, host: Host, exchange: Exchange, run_as: str | None, details: Mapping[str, Any]) -> None:
        super().__init__([exchange])
        self.host = host
        self.exchange = exchange
        self.run_as = run_as
        self.details = details

    def state(self) -> State:
        return self._state(self._do("look"))

    def _state(self, found: dict[str, Any]) -> State:
        live, beside, kept = found["live"], found["beside"], found["kept"]
        if found["split"]:
            return State.BETWEEN
        if self.exchange.kept:
            if live and not kept:
                return State.OLD
            if kept and not live:
                return State.BETWEEN
            if kept and not beside:
                return State.NEW
        elif live != beside:
            return State.NEW if live else State.OLD
        elif not live:
            return State.OLD
        raise SwapError(
            f"{self.exchange.member}: on host '{self.host.name}' lie "
            f"{', '.join(repr(path) for path in self._there(found)) or 'none of its directories'}; no exchange of "
            "this recovery leaves that.",
            next_step="Look who made them; leave one live directory and the one that was kept, then run again.",
        )

    def _there(self, found: dict[str, Any]) -> list[str]:
        names = {"live": self.exchange.live, "beside": self.exchange.beside, "kept": self.exchange.kept}
        return [path for name, path in names.items() if found[name]]

    def forward(self) -> None:
        found = self._do("look")
        if self._state(found) is not State.NEW and not (found["beside"] or found["split"]):
            raise SwapError(
                f"{self.exchange.member}: there is nothing at '{self.exchange.beside}' to exchange it for.",
                next_step="Restore it again: run the recovery's restore step once more.",
            )
        carried = self._carried() if found["live"] and found["beside"] else []
        self._do("forward", carried=carried, directories=self.details.get("directories", []))

    def back(self) -> None:
        self.state()
        self._do("back")

    def discard(self) -> None:
        self._do("discard")

    def _do(self, action: str, **more: Any) -> dict[str, Any]:
        sides = self.details.get("sides", [])
        return _ask(self.host, action, self.exchange, self.run_as, sides=sides, **more)

    def _carried(self) -> list[str]:
        """Return what lies in the live directory and in no snapshot of it."""
        rules = [("excluded", glob) for glob in self.details.get("excluded", [])]
        if not rules:
            return []
        excluded = walk(self.host, self.exchange.live, rules, digest=False, run_as=self.run_as).excluded
        dropped = [translate(glob) for glob in self.details.get("dropped", [])]
        return [path for path in excluded if not any(pattern.fullmatch(path) for pattern in dropped)]


def directory_bytes(member: MemberSnapshot) -> int:
    """Given a captured directory, return the room that it needs beside the live one: its bytes and its entries."""
    return member.size_bytes + 4096 * int(member.proof.summary.get("entries", 0))
