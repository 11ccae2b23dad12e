"""The processes of this machine, as /proc shows them."""

from contextlib import suppress
from pathlib import Path


def command_lines() -> dict[int, str]:
    """Return the command line of every process that has one, by process id."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if text := (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip():
                found[int(entry.name)] = text
    return found


def parent_of(pid: int) -> int:
    """Return the id of a process's parent."""
    # "pid (name) state parent ...": the name may hold blanks and brackets.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment with which a process was started, or nothing if it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
        return dict(line.split("=", 1) for line in lines if "=" in line)
    return {}
