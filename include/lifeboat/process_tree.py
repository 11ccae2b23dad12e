"""The children of a process, and theirs: what must end with it."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Relative:
    """A process by its number and start, which tell it from a later one with the same number."""

    pid: int
    parent: int = field(compare=False)
    started: str

    @property
    def living(self) -> bool:
        """Whether it still runs."""
        return _read(Path("/proc") / str(self.pid)) == self


def descendants(pid: int) -> list[Relative]:
    """Given a process's number, return its running children, their children and so on; parents come first."""
    children: dict[int, list[Relative]] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        if relative := _read(directory):
            children.setdefault(relative.parent, []).append(relative)
    found = list(children.get(pid, []))
    for relative in found:
        found.extend(children.get(relative.pid, []))
    return found


def is_running(pid: int) -> bool:
    """Given a process's number, return whether it runs; one that only waits for its parent to ask does not."""
    return _read(Path("/proc") / str(pid)) is not None


def _read(directory: Path) -> Relative | None:
    """Given a process's directory in /proc, return the process, or None if it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        # pid (name, which may hold spaces and parentheses) state parent … start in the 22nd place
        fields = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
        if fields[0] not in {"Z", "X"}:
            return Relative(int(directory.name), int(fields[1]), fields[19])
    return None
