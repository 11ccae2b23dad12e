"""Packs that are made ready once for all servers of an update: made, proven, and removed.

They lie in `update.pack_directory` of the host of packs, below the deployment and the update's id. A document beside
each, written last, says that it is ready: so a repeated task finds it, and the tool runs once.
"""

import logging
import os
import uuid
from collections.abc import Sequence
from pathlib import PurePosixPath

import humanize

from lifeboat.errors import ConfigurationError, PreflightError, SpaceError, UpdateError
from lifeboat.host import Command, Completed, Host
from lifeboat.manifest import Document
from lifeboat.patches import update_level
from lifeboat.runtime import Runtime
from lifeboat.text import shown
from lifeboat.update_documents import PlannedPack, ServerUpdate, UpdatePlan, UpdateRequest
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.pack_source import PackSource, product_of
from lifeboat.wso2.update_method import Target
from lifeboat.wso2.update_methods import SOURCES

log = logging.getLogger(__name__)

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
        queue = hosts[self.settings.pack_host].queue if self.settings.pack_host in hosts else None
        if queue not in (None, os.environ.get("LIFEBOAT_QUEUE")):
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
        except (UpdateError, PreflightError) as error:
            raise UpdateError(
                f"No pack of {product} was made ready, and no server was touched: {error.message}",
                next_step=f"{error.next_step} Then update anew; what was made so far goes with that: '{work}'.",
            ) from error
        self._write(f"{self.place}/{product}.json", made.model_dump_json().encode())
        log.info("Ready: %s", made)
        return made

    def remove(self) -> None:
        """Remove what this update made ready."""
        self._remove(self.parent, self.update)

    def remove_older(self) -> None:
        """Remove what other updates of the deployment made ready."""
        self._remove(self.parent, "*", besides=self.update)

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

    def _remove(self, directory: str, pattern: str, besides: str = "") -> None:
        if self._exists(directory):
            remove_entries(self.host, self.settings.pack_run_as, directory, pattern, besides)

    def _write(self, path: str, content: bytes) -> None:
        self.host.run(Command(["sh", "-c", _WRITE, "sh", path], run_as=self.settings.pack_run_as), input=content)

    def _exists(self, path: str) -> bool:
        return self.host.exists(path, run_as=self.settings.pack_run_as)

    def _run(self, argv: Sequence[str]) -> Completed:
        return self.host.run(Command(argv, run_as=self.settings.pack_run_as), timeout=None)


def remove_entries(host: Host, run_as: str | None, directory: str, pattern: str, besides: str = "") -> None:
    """Remove what lies in a directory and has a name of this pattern of `find`, but not the other."""
    kept = ["!", "-name", besides] if besides else []
    argv = ["find", directory, "-mindepth", "1", "-maxdepth", "1", "-name", pattern, *kept]
    host.run(Command([*argv, "-exec", "rm", "-rf", "--", "{}", "+"], run_as=run_as), timeout=None)
