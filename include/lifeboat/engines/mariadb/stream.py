"""One dump of all databases, for accounts that may not hold up commits: taken apart into a stream for each database,
and its rows counted and hashed on the way.

Such a dump is of one instant, but nothing else can be made to see the same one. So the proof of the rows is taken
from the stream itself, one statement a row, and computed again in a drill from a dump of what was restored. It shows
that everything that was dumped came back. That the dump has all that was live, it cannot show.
"""

import hashlib
import queue
import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from lifeboat.engines._dumps import failed
from lifeboat.engines.mariadb.access import Access
from lifeboat.engines.mariadb.dumping import dump_command
from lifeboat.engines.mariadb.tools import Tool
from lifeboat.errors import CaptureError
from lifeboat.host import LocalHost
from lifeboat.processes import Process

KIND = "dump-rows"

_DATABASE = re.compile(rb"^-- Current Database: `(.*)`\n$", re.S)
_TABLE = re.compile(rb"^-- Dumping data for table `(.*)`\n$", re.S)
_TABLE_END = re.compile(rb"^/\*!40000 ALTER TABLE `.*` ENABLE KEYS \*/;\n$", re.S)
#: mariadb-dump ends with this and what follows it.
_FOOTER = b"/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n"
_QUEUED = 64
_CHUNK = 1 << 20
_WAIT_SECONDS = 0.5


class RowSums:
    """Counts and hashes the rows of a dump that has one statement a row, line by line."""

    def __init__(self) -> None:
        self.tables: dict[str, tuple[int, int]] = {}
        self._table: str | None = None

    def line(self, line: bytes) -> None:
        """Take one line of the dump into account."""
        if self._table is None:
            if found := _TABLE.match(line):
                self._table = found[1].replace(b"``", b"`").decode()
                self.tables[self._table] = (0, 0)
        elif line.startswith(b"INSERT INTO `"):
            rows, total = self.tables[self._table]
            digest = hashlib.blake2b(line, digest_size=8).digest()
            self.tables[self._table] = (rows + 1, total + int.from_bytes(digest, "big"))
        elif _TABLE_END.match(line):
            self._table = None

    def facts(self) -> dict[str, list[Any]]:
        """Return every table's row count and the sum of its rows' hashes."""
        return {name: [rows, str(total)] for name, (rows, total) in sorted(self.tables.items())}


class SplitDump:
    """The streams of a dump of several databases, one for each: each is a whole dump of its own."""

    def __init__(self, databases: Iterable[str], refuse: Callable[[], None]) -> None:
        self.sums = {name: RowSums() for name in databases}
        self._queues: dict[str, queue.Queue[bytes]] = {name: queue.Queue(_QUEUED) for name in self.sums}
        self._buffers = {name: bytearray() for name in self.sums}
        self._refuse = refuse

    def split(self, head: bytes, process: Process) -> None:
        """Read the dump to its end. Raise CaptureError when it has a database that nobody asked for, and what
        `refuse` raises when something else failed."""
        current = list(self.sums)
        for line in _lines(head, process.stdout):
            if found := _DATABASE.match(line):
                current = [self._known(found[1].replace(b"``", b"`").decode())]
            elif line == _FOOTER:
                current = list(self.sums)
            for name in current:
                self.sums[name].line(line)
                self._add(name, line)

    def end(self) -> None:
        """Let every stream end: the dump is whole."""
        for name in self.sums:
            self._flush(name)
            self._put(name, b"")

    def pour(self, database: str, sink: IO[bytes], observe: Callable[[bytes], object]) -> None:
        """Write the stream of a database to a sink, until its end."""
        while chunk := self._next(database):
            observe(chunk)
            sink.write(chunk)
        sink.flush()

    def _known(self, name: str) -> str:
        if name not in self.sums:
            raise CaptureError(
                f"The dump holds database '{name}', which was not asked for.",
                next_step="Look whether a routine or comment writes lines like those of a dump.",
            )
        return name

    def _add(self, name: str, line: bytes) -> None:
        buffer = self._buffers[name]
        buffer += line
        if len(buffer) >= _CHUNK:
            self._flush(name)

    def _flush(self, name: str) -> None:
        if self._buffers[name]:
            self._put(name, bytes(self._buffers[name]))
            self._buffers[name].clear()

    def _put(self, name: str, chunk: bytes) -> None:
        while True:
            self._refuse()
            try:
                return self._queues[name].put(chunk, timeout=_WAIT_SECONDS)
            except queue.Full:
                continue

    def _next(self, name: str) -> bytes:
        while True:
            self._refuse()
            try:
                return self._queues[name].get(timeout=_WAIT_SECONDS)
            except queue.Empty:
                continue


def _lines(head: bytes, rest: IO[bytes]) -> Iterator[bytes]:
    """Given what has been read of a stream, and the stream, yield its lines."""
    *whole, begun = head.splitlines(keepends=True) if head else [b""]
    yield from whole
    if not begun.endswith(b"\n"):
        begun += rest.readline()
    if begun:
        yield begun
    yield from rest


def restored_rows(tool: Tool, access: Access, database: str, *, history: bool) -> dict[str, list[Any]]:
    """Given a restored database, return the facts of its rows from a dump like the one at capture."""
    command = dump_command(tool, access, [database], history=history, rows=True)
    sums = RowSums()
    with LocalHost().start(command) as process:
        for line in process.stdout:
            sums.line(line)
        status = process.wait()
    if status != 0:
        raise failed(f"The dump of restored database '{database}'", command, process, status)
    return sums.facts()
