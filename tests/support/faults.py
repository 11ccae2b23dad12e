"""Every call to the outside, made to fail once: programs, sessions with databases, the catalog.

A *site* is what Lifeboat calls and by which of its functions: two dumps by the same lines are one site. A call fails in
one of two ways: nothing is done, or, if it is one that changes something, all is done and the answer is lost. Programs
are killed, since what they say by their exit status may be a verdict.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import psycopg
import pytest

from lifeboat.catalog import Catalog
from lifeboat.errors import LifeboatError, UnreachableError
from lifeboat.processes import Process

Way = Literal["not done", "answer lost"]
WAYS: tuple[Way, ...] = ("not done", "answer lost")
Site = tuple[str, ...]

#: Programs that only look; of restic's commands these do more.
_READING = {"test", "cat", "stat", "df", "find", "id", "uname", "pg_dump", "pg_dumpall", "restic"}
_CHANGING = {"restic backup", "restic restore", "restic forget", "restic prune", "restic unlock"}
#: So many of the calling functions tell sites of a kind from each other; not those that call everything for others.
_CALLERS = {"program": 3, "sql": 2, "catalog": 2}
_ON_BEHALF = {"host", "vault", "processes", "together", "database"}

_LIFEBOAT = str(Path(sys.modules["lifeboat"].__file__ or "").parent)
_NOT_DONE = ["sh", "-c", 'echo "an injected fault" >&2; kill -KILL $$']
_ANSWER_LOST = ["sh", "-c", '"$@"; echo "an injected fault, after the work" >&2; kill -KILL $$', "sh"]
_SQL_GONE = "server closed the connection unexpectedly (an injected fault)"


@dataclass
class Faults:
    """Watches all calls to the outside, and lets the first one at one site fail."""

    #: The sites that operations under a sweep were seen to have, in their order.
    sites: dict[Site, None] = field(default_factory=dict)
    looking: bool = False
    _site: Site | None = None
    _way: Way = "not done"
    hit: bool = False

    @contextmanager
    def at(self, site: Site, way: Way) -> Iterator[None]:
        """Let the first call at a site fail while the block lasts."""
        self._site, self._way, self.hit = site, way, False
        try:
            yield
        finally:
            self._site = None

    def strikes(self, kind: str, what: str) -> Way | None:
        """Return how a call fails, if it does."""
        site = (kind, what, *itertools.islice(_callers(sys._getframe(1)), _CALLERS[kind]))
        if self.looking:
            self.sites.setdefault(site)
        if site != self._site or self.hit:
            return None
        self.hit = True
        return self._way


def ways(site: Site) -> tuple[Way, ...]:
    """Return how the calls at a site can fail."""
    kind, what, *_ = site
    if kind == "program":
        changing = what in _CHANGING or what.split()[0] not in _READING
    else:
        changing = (kind, what) == ("catalog", "write")
    return WAYS if changing else WAYS[:1]


def watch_everything(patch: pytest.MonkeyPatch) -> Faults:
    """Return what watches all calls to the outside until the patch is undone."""
    faults = Faults()
    patch.setattr(Process, "__init__", _of_programs(faults, Process.__init__))
    patch.setattr(psycopg, "connect", _of_sql(faults, "connect", psycopg.connect))
    patch.setattr(psycopg.Connection, "execute", _of_sql(faults, "execute", psycopg.Connection.execute))
    patch.setattr(Catalog, "_session", _of_catalog(faults, Catalog._session))
    return faults


def _of_programs(faults: Faults, start: Callable[..., None]) -> Callable[..., None]:
    def started(self: Process, argv: Any, **options: Any) -> None:
        words = [Path(argv[0]).name, *(word for word in argv[1:2] if word.isalpha())]
        way = faults.strikes("program", " ".join(words))
        if way is not None:
            options["name"] = options.get("name") or argv[0]
            argv = _NOT_DONE if way == "not done" else [*_ANSWER_LOST, *argv]
        start(self, argv, **options)

    return started


def _of_sql(faults: Faults, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        way = faults.strikes("sql", name)
        if way == "not done":
            if name == "execute":
                arguments[0].close()
            raise psycopg.OperationalError(_SQL_GONE)
        return call(*arguments, **options)

    return called


def _of_catalog(faults: Faults, session: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def opened(self: Catalog, *, writing: bool = False) -> Iterator[Any]:
        way = faults.strikes("catalog", "write" if writing else "read")
        error = UnreachableError("The catalog cannot be used (an injected fault).", next_step="Try again.")
        if way == "not done":
            raise error
        with session(self, writing=writing) as result:
            yield result
        if way == "answer lost":
            raise error

    return opened


def _callers(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_LIFEBOAT) and Path(code.co_filename).stem not in _ON_BEHALF:
            yield f"{Path(code.co_filename).stem}.{code.co_qualname}"
        frame = frame.f_back


@dataclass
class Sweep:
    """What came of the faults of one operation: how many sites there are, and how each fault ended."""

    name: str
    sites: int = 0
    refused: int = 0
    made_up_for: int = 0
    not_met: int = 0
    unclear: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.sites} calls to the outside; {self.refused} faults ended with a clear error, "
            f"{self.made_up_for} were made up for, {self.not_met} met no call any more"
        )


def sweep(
    faults: Faults, name: str, operation: Callable[[], Any], look: Callable[[], Any], again: Callable[[], Any] = tuple
) -> Sweep:
    """Let every call of an operation that no earlier sweep has met fail once in each way, and try it again right after.

    `look` raises AssertionError when anything is not as it must be after a fault; `again` makes ready for the next try
    what a success has used up. In the end the operation ends well. What is not an error of Lifeboat with a next step
    is unclear.
    """
    result, before = Sweep(name), set(faults.sites)
    faults.looking = True
    operation()
    faults.looking = False
    sites = [site for site in faults.sites if site not in before]
    again()
    result.sites = len(sites)
    for site in sites:
        for way in ways(site):
            fault = f"{way}: {' < '.join(site)}"
            try:
                with faults.at(site, way):
                    operation()
            except LifeboatError as error:
                result.refused += 1
                if not faults.hit or not error.next_step:
                    result.unclear.append(f"{fault}\n    {type(error).__name__}: {error}")
            except Exception as error:  # whatever it is, nobody has explained it
                result.unclear.append(f"{fault}\n    {type(error).__name__}: {error}")
            else:
                result.made_up_for += faults.hit
                result.not_met += not faults.hit
                again()
            try:
                look()
            except AssertionError as error:
                result.unclear.append(f"{fault}\n    afterwards: {error}")
    operation()
    return result
