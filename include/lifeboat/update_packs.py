"""Packs that are made ready once for all servers of an update: made, proven, delivered to each host, and removed.

They lie in `update.pack_directory` of the host of packs, below the deployment and the update's id. A document beside
each, written last, says that it is ready: so a repeated task finds it, and the tool runs once. On every other host, or
for another account, a copy lies beside the first home that it is for.
"""

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from subprocess import DEVNULL, PIPE

import humanize

from lifeboat.engines._tree_beside import plan_directory
from lifeboat.errors import ConfigurationError, LifeboatError, PreflightError, SpaceError, UpdateError
from lifeboat.host import Command, Completed, Host
from lifeboat.manifest import Document
from lifeboat.patches import update_level
from lifeboat.processes import pump
from lifeboat.runtime import Runtime
from lifeboat.text import shown
from lifeboat.update_documents import PlannedPack, ServerUpdate, UpdatePlan, UpdateRequest
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.pack_source import PackSource, product_of
from lifeboat.wso2.update_method import Target
from lifeboat.wso2.update_methods import SOURCES

log = logging.getLogger(__name__)

_COPY = "lifeboat-pack"
#: Makes a directory that only its account can enter, and prints those of it and its parent that belong to another.
_MAKE_PRIVATE = (
    'umask 077 && mkdir -p -- "$2" && find "$1" "$2" -maxdepth 0 ! -uid 0 ! -uid "$(id -u)" && find "$2" -maxdepth 0 '
    "-perm /077"
)
_WRITE = 'umask 077 && cat > "$1.part" && mv -- "$1.part" "$1"'


class ReadyPack(Document):
    """A pack that was made ready: where it lies on the host of packs, its digest, and what it says of itself."""

    product: str
    file: str
    sha256: str
    size_bytes: int
    identity: ProductIdentity

    def __str__(self) -> str:
        size = humanize.naturalsize(self.size_bytes, binary=True)
        return f"{self.product}, {update_level(self.identity)}, {size}, SHA-256 {self.sha256}"


@dataclass(frozen=True)
class Delivered:
    """A pack as a server finds it: its path on the server's host."""

    path: str
    pack: ReadyPack


class Packs:
    """The packs of one update."""

    def __init__(self, runtime: Runtime, request: UpdateRequest, update: str, servers: Sequence[ServerUpdate]) -> None:
        self.runtime, self.request, self.update, self.servers = runtime, request, update, tuple(servers)
        self.settings = runtime.deployment.update
        self.host = runtime.host(self.settings.pack_host)
        self.parent = f"{self.settings.pack_directory}/{runtime.deployment.name}"
        self.place = f"{self.parent}/{update}"

    @classmethod
    def of(cls, runtime: Runtime, plan: UpdatePlan) -> "Packs | None":
        """Return the packs of a plan, or None if its method makes none ready."""
        return cls(runtime, plan.request, plan.id, plan.servers) if plan.request.method in SOURCES else None

    def plan(self) -> tuple[PlannedPack, ...]:
        """Say which packs would be made ready, and of what. Raise PreflightError or ConfigurationError, or SpaceError,
        for what stands in the way; nothing is changed."""
        hosts = self.runtime.deployment.hosts
        if self.settings.pack_host in hosts and hosts[self.settings.pack_host].queue:
            raise ConfigurationError(
                f"update.pack_host '{self.settings.pack_host}' is behind a queue, which an update does not reach.",
                next_step="Give that host an ssh connection in `hosts`, or name another one.",
            )
        products = sorted({each.product for each in self.servers})
        source = self._source().plan(products)
        if not self._exists(self.place):
            self._require_space()
        return tuple(PlannedPack(product=product, source=source, host=self.host.name) for product in products)

    def ready(self, product: str) -> ReadyPack:
        """Return the pack of a product; make and prove it, if that is not done. Raise UpdateError when that fails."""
        done = self._read(product)
        if done is not None:
            return done
        self._make_private()
        self._remove(self.place, f"{product}.*")
        work = f"{self.place}/{product}.{uuid.uuid4().hex[:8]}"  # of its own, whatever a killed try still does
        self._run(["mkdir", "-m", "0700", "--", work])
        log.info("Making the pack of %s ready on host %s in %s", product, self.host.name, work)
        try:
            made = self._prove(product, self._source().make(product, work))
        except UpdateError as error:
            raise UpdateError(
                f"No pack of {product} was made ready, and no server was touched: {error.message}",
                next_step=f"{error.next_step} Then update anew; what was made so far goes with that: '{work}'.",
            ) from error
        self._write(f"{self.place}/{product}.json", made.model_dump_json().encode())
        log.info("Ready: %s", made)
        return made

    def deliver(self, server: str) -> Delivered:
        """Bring the pack of a server to where it can be read for it, once per host and account; return where that is.
        Raise UpdateError when it does not arrive as it was proven."""
        pack = self.ready(next(each.product for each in self.servers if each.server == server))
        host, run_as = self._where(server)
        if (host.name, run_as) == (self.host.name, self.settings.pack_run_as):
            if self._digest(host, run_as, pack.file) != pack.sha256:
                raise UpdateError(
                    f"The pack '{pack.file}' on host '{host.name}' was changed after it was proven.",
                    next_step="Look who does that; then update anew.",
                )
            return Delivered(pack.file, pack)
        path = self._copy_for(server)
        if self._digest(host, run_as, path) != pack.sha256:
            self._stream(pack, host, run_as, path)
        return Delivered(path, pack)

    def remove(self) -> None:
        """Remove what this update made ready and delivered."""
        self._remove(self.parent, self.update)
        self._remove_copies(self.update)

    def remove_older(self) -> None:
        """Remove what other updates of the deployment made ready and delivered to the homes of this one."""
        self._remove(self.parent, "*", besides=self.update)
        self._remove_copies("*", besides=f"*.{_COPY}-{self.update}.zip*")

    def _require_space(self) -> None:
        needed, there = self._source().bytes_needed(), self.parent
        while not self._exists(there):
            there = str(PurePosixPath(there).parent)
        if self.host.free_bytes(there) < needed:
            raise SpaceError(
                f"To make the packs ready takes about {humanize.naturalsize(needed)} in '{self.parent}' on host "
                f"'{self.host.name}'; less is free.",
                next_step="Free space there, or set update.pack_directory to another file system.",
            )

    def _source(self) -> PackSource:
        target = Target(level=self.request.level, pack=self.request.pack, wait=self.request.wait)
        return SOURCES[self.request.method](self.host, self.settings, self.runtime.connection, target)

    def _prove(self, product: str, file: str) -> ReadyPack:
        """Look at a pack as it will be distributed. Raise UpdateError when it is not whole or another product's."""
        payload = {"action": "prove", "pack": file}
        proven = self.host.run_python("lifeboat.wso2.packfile", payload, run_as=self.settings.pack_run_as)
        problems = [f"not whole: {shown(proven['broken'])}"] if proven["broken"] else []
        identity = ProductIdentity()
        if not problems:
            identity = self._source().look(file).identity
            if product_of(identity) != product:
                problems.append(f"it is {product_of(identity)}")
        if problems:
            raise UpdateError(
                f"The pack '{file}' cannot be distributed; {'; '.join(problems)}.",
                next_step="Look at the pack; see whether its disk is full or broken.",
            )
        sizes = {"sha256": proven["sha256"], "size_bytes": proven["bytes"]}
        return ReadyPack(product=product, file=file, identity=identity, **sizes)

    def _read(self, product: str) -> ReadyPack | None:
        """Return the pack that is ready, if it still is there."""
        content = self.host.read_file(f"{self.place}/{product}.json", run_as=self.settings.pack_run_as)
        found = ReadyPack.model_validate_json(content) if content else None
        return found if found is not None and self._exists(found.file) else None

    def _make_private(self) -> None:
        others = self._run(["sh", "-c", _MAKE_PRIVATE, "sh", self.settings.pack_directory, self.parent]).stdout
        if others:
            raise PreflightError(
                f"Not only the account that makes packs ready may write to '{others.decode().splitlines()[0]}' on host "
                f"'{self.host.name}', so what lies there cannot be trusted.",
                next_step="Remove that directory, or set update.pack_directory to another.",
            )
        self._run(["mkdir", "-p", "-m", "0700", "--", self.place])

    def _where(self, server: str) -> tuple[Host, str | None]:
        settings = self.runtime.deployment.servers[server]
        return self.runtime.host(settings.host), settings.run_as

    def _copy_for(self, server: str) -> str:
        """Return the path of the copy for a server: beside the first home of its product, host and account."""
        settings, products = self.runtime.deployment.servers, {each.server: each.product for each in self.servers}
        key = (settings[server].host, settings[server].run_as, products[server])
        first = next(name for name in products if (settings[name].host, settings[name].run_as, products[name]) == key)
        return f"{self._real_home(first)}.{_COPY}-{self.update}.zip"

    def _real_home(self, server: str) -> str:
        host, run_as = self._where(server)
        home = self.runtime.deployment.servers[server].home
        return plan_directory(host, f"home/{server}", home, _COPY, run_as)[0].live

    def _stream(self, pack: ReadyPack, host: Host, run_as: str | None, path: str) -> None:
        log.info("Bringing %s to host %s as %s", pack.file, host.name, path)
        reading = Command(["cat", "--", pack.file], run_as=self.settings.pack_run_as)
        writing = Command(["sh", "-c", 'umask 077 && cat > "$1"', "sh", f"{path}.part"], run_as=run_as)
        with self.host.start(reading) as source, host.start(writing, stdin=PIPE, stdout=DEVNULL) as sink:
            with suppress(BrokenPipeError):  # the status of who went away tells why
                pump(source.stdout, sink.stdin)
                sink.stdin.close()
            for at, command, process in ((host, writing, sink), (self.host, reading, source)):
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

    def _remove_copies(self, update: str, besides: str = "") -> None:
        for each in self.servers:
            host, run_as = self._where(each.server)
            parent, _, name = self._real_home(each.server).rpartition("/")
            _remove(host, run_as, parent or "/", f"{_quoted(name)}.{_COPY}-{update}.zip*", besides)

    def _remove(self, directory: str, pattern: str, besides: str = "") -> None:
        if self._exists(directory):
            _remove(self.host, self.settings.pack_run_as, directory, pattern, besides)

    def _write(self, path: str, content: bytes) -> None:
        self.host.run(Command(["sh", "-c", _WRITE, "sh", path], run_as=self.settings.pack_run_as), input=content)

    def _exists(self, path: str) -> bool:
        return self.host.exists(path, run_as=self.settings.pack_run_as)

    def _run(self, argv: Sequence[str]) -> Completed:
        return self.host.run(Command(argv, run_as=self.settings.pack_run_as), timeout=None)


def delivered(runtime: Runtime, plan: UpdatePlan, server: str) -> Delivered | None:
    """Given a plan and a server, see to it that its pack is there; None if the method needs none."""
    packs = Packs.of(runtime, plan)
    return packs.deliver(server) if packs is not None else None


def remove_packs(runtime: Runtime, plan: UpdatePlan) -> None:
    """Remove the packs of an update that has succeeded; what cannot be removed fails nothing."""
    packs = Packs.of(runtime, plan)
    if packs is not None:
        try:
            packs.remove()
        except LifeboatError as error:
            log.warning("The packs of update %s are left: %s", plan.id, error)


def _remove(host: Host, run_as: str | None, directory: str, pattern: str, besides: str) -> None:
    kept = ["!", "-name", besides] if besides else []
    argv = ["find", directory, "-mindepth", "1", "-maxdepth", "1", "-name", pattern, *kept]
    host.run(Command([*argv, "-exec", "rm", "-rf", "--", "{}", "+"], run_as=run_as), timeout=None)


def _quoted(name: str) -> str:
    """Return a name as a pattern of `find` that means it alone."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in name)
