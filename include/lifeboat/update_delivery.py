"""Packs on their way: each is brought once to every host, or account, that has a home which it shall replace.

A copy lies beside the first of these homes, where its account can write and nobody else, and counts when its digest,
computed there, is that of the pack as it was proven.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE
from typing import Any

import humanize

from lifeboat.engines._tree_beside import plan_directory
from lifeboat.errors import LifeboatError, SpaceError, UpdateError
from lifeboat.host import Command, Completed, Host
from lifeboat.processes import pump
from lifeboat.recovery_documents import Exchange
from lifeboat.runtime import Runtime
from lifeboat.update_documents import UpdatePlan
from lifeboat.update_packs import Packs, ReadyPack, remove_entries

log = logging.getLogger(__name__)

_COPY = "lifeboat-pack"
#: The new home with what it takes over from the old one, in packs; a copy of the pack comes on top.
_PACKS = 2


@dataclass(frozen=True)
class Delivered:
    """A pack as a server finds it: its path on the server's host."""

    path: str
    pack: ReadyPack


class Deliveries:
    """The copies of an update's packs."""

    def __init__(self, packs: Packs) -> None:
        self.packs, self.runtime = packs, packs.runtime

    def deliver(self, server: str) -> Delivered:
        """Bring the pack of a server to where it can be read for it, once per host and account; return where that is.
        Raise UpdateError when it does not arrive as it was proven, SpaceError when its home would not fit."""
        pack = self.packs.ready(next(each.product for each in self.packs.servers if each.server == server))
        host, run_as = self._where(server)
        if (host.name, run_as) == (self.packs.host.name, self.packs.settings.pack_run_as):
            if self._digest(host, run_as, pack.file) != pack.sha256:
                raise UpdateError(
                    f"The pack '{pack.file}' on host '{host.name}' was changed after it was proven.",
                    next_step="Look who does that; then update anew.",
                )
            self._require_space(server, _PACKS * pack.size_bytes)
            return Delivered(pack.file, pack)
        path = self._copy_for(server)
        is_there = self._digest(host, run_as, path) == pack.sha256
        self._require_space(server, (_PACKS if is_there else _PACKS + 1) * pack.size_bytes)
        if not is_there:
            self._stream(pack, host, run_as, path)
        return Delivered(path, pack)

    def remove(self) -> None:
        """Remove the copies of this update."""
        self._remove(self.packs.update)

    def remove_older(self) -> None:
        """Remove the copies that other updates left for the same servers."""
        self._remove("*", besides=f"*.{_COPY}-{self.packs.update}.zip*")

    def _where(self, server: str) -> tuple[Host, str | None]:
        settings = self.runtime.deployment.servers[server]
        return self.runtime.host(settings.host), settings.run_as

    def _copy_for(self, server: str) -> str:
        """Return the path of the copy for a server: beside the first home of its product, host and account."""
        settings, products = self.runtime.deployment.servers, {each.server: each.product for each in self.packs.servers}
        key = (settings[server].host, settings[server].run_as, products[server])
        first = next(name for name in products if (settings[name].host, settings[name].run_as, products[name]) == key)
        return f"{self._real_home(first)}.{_COPY}-{self.packs.update}.zip"

    def _real_home(self, server: str) -> str:
        return self._exchange(server)[0].live

    def _exchange(self, server: str) -> tuple[Exchange, dict[str, Any]]:
        host, run_as = self._where(server)
        home = self.runtime.deployment.servers[server].home
        return plan_directory(host, f"home/{server}", home, _COPY, run_as)

    def _require_space(self, server: str, needed: int) -> None:
        _, room = self._exchange(server)
        if room["free_bytes"] < needed:
            raise SpaceError(
                f"The new home of server '{server}' takes about {humanize.naturalsize(needed)} in '{room['where']}' on "
                f"host '{self._where(server)[0].name}'; less is free. The server was not touched.",
                next_step="Free space there: homes of before earlier updates may be left.",
            )

    def _stream(self, pack: ReadyPack, host: Host, run_as: str | None, path: str) -> None:
        log.info("Bringing %s to host %s as %s", pack.file, host.name, path)
        reading = Command(["cat", "--", pack.file], run_as=self.packs.settings.pack_run_as)
        writing = Command(["sh", "-c", 'umask 077 && cat > "$1"', "sh", f"{path}.part"], run_as=run_as)
        with self.packs.host.start(reading) as source, host.start(writing, stdin=PIPE, stdout=DEVNULL) as sink:
            with suppress(BrokenPipeError):  # the status of who went away tells why
                pump(source.stdout, sink.stdin)
                sink.stdin.close()
            for at, command, process in ((host, writing, sink), (self.packs.host, reading, source)):
                if status := process.wait():
                    raise at.failure(command, Completed(status, b"", process.stderr()))
        if (arrived := self._digest(host, run_as, f"{path}.part")) != pack.sha256:
            raise UpdateError(
                f"The pack '{pack.file}' did not arrive on host '{host.name}' as it was sent: SHA-256 {arrived}. No "
                "server was touched by it.",
                next_step="Try again; see whether the disk there is full.",
            )
        host.run(Command(["mv", "-f", "--", f"{path}.part", path], run_as=run_as))

    def _digest(self, host: Host, run_as: str | None, path: str) -> str:
        """Return the SHA-256 of a file, empty if there is none."""
        if not host.exists(path, run_as=run_as):
            return ""
        done = host.run(Command(["sha256sum", "--", path], run_as=run_as), timeout=None)
        return done.stdout.decode().removeprefix("\\").split()[0]

    def _remove(self, update: str, besides: str = "") -> None:
        for each in self.packs.servers:
            host, run_as = self._where(each.server)
            parent, _, name = self._real_home(each.server).rpartition("/")
            remove_entries(host, run_as, parent or "/", f"{_quoted(name)}.{_COPY}-{update}.zip*", besides)


def delivered(runtime: Runtime, plan: UpdatePlan, server: str) -> Delivered | None:
    """Given a plan and a server, see to it that its pack is there; None if the method needs none."""
    packs = Packs.of(runtime, plan)
    return Deliveries(packs).deliver(server) if packs is not None else None


def remove_packs(runtime: Runtime, plan: UpdatePlan) -> None:
    """Remove the packs of an update that has succeeded; what cannot be removed fails nothing."""
    packs = Packs.of(runtime, plan)
    if packs is not None:
        try:
            packs.remove()
            Deliveries(packs).remove()
        except LifeboatError as error:
            log.warning("The packs of update %s are left: %s", plan.id, error)


def _quoted(name: str) -> str:
    """Return a name as a pattern of `find` that means it alone."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in name)
