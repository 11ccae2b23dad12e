"""MariaDB's own tools, chosen by the server's release series."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from lifeboat.errors import ToolError
from lifeboat.host import Command, LocalHost

#: Where programs lie below an installation.
_PLACES = ("bin", "sbin", "scripts")
#: The server lies where only root's PATH looks.
_SYSTEM = ("/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin")

_VERSION = re.compile(r"(?:Distrib|Ver|from) (\d+)\.(\d+)\.(\d+)-MariaDB", re.I)


@dataclass(frozen=True)
class Tool:
    """One program with its version."""

    path: str
    series: tuple[int, int]
    version: str


def dump_tool(series: tuple[int, int]) -> Tool:
    """Given a server's release series, return the mariadb-dump for it: of the same series, or of a newer one.

    Raise ToolError when there is none: an older one does not know all that the server holds.
    """
    return _find("mariadb-dump", series, same=False)


def client(series: tuple[int, int]) -> Tool:
    """Given a series, return the client `mariadb` that loads its dumps. Raise ToolError when there is none."""
    return _find("mariadb", series, same=False)


def server(series: tuple[int, int]) -> Tool:
    """Given a series, return its server program. Raise ToolError unless there is one of the very same series:
    digests are compared within one."""
    return _find("mariadbd", series, same=True)


def installer(program: Tool) -> str:
    """Given a server program, return the mariadb-install-db of the same installation. Raise ToolError without."""
    beside = os.path.dirname(os.path.dirname(program.path))
    for place in _PLACES:
        path = f"{beside}/{place}/mariadb-install-db"
        if os.access(path, os.X_OK):
            return path
    raise ToolError(
        f"There is no mariadb-install-db beside {program.path}.",
        next_step="Install the whole server (Debian: mariadb-server), where drills restore to.",
    )


def _find(name: str, series: tuple[int, int], *, same: bool) -> Tool:
    wanted = ".".join(map(str, series))
    found = []
    for path in _candidates(name, series):
        tool = tool_version(path)
        if tool.series == series or (tool.series > series and not same):
            return tool
        found.append(f"{path} is of {tool.version}")
    seen = f" ({'; '.join(found)})" if found else ""
    raise ToolError(
        f"There is no {name} of MariaDB {wanted}{'' if same else ' or newer'} on this worker{seen}.",
        next_step=f"Install it (Debian: mariadb-{'server' if same else 'client'}), or set {_variable(series)} to the "
        "directory of an installation, the one that holds its bin.",
    )


def _variable(series: tuple[int, int]) -> str:
    return f"LIFEBOAT_MARIADB_{series[0]}_{series[1]}"


def _candidates(name: str, series: tuple[int, int]) -> Iterator[str]:
    """Yield where a program may be. What the variable names is the only place when it is set."""
    named = os.environ.get(_variable(series))
    if named:
        paths = [f"{named}/{place}/{name}" for place in _PLACES]
    else:
        on_path = shutil.which(name)
        paths = ([on_path] if on_path else []) + [f"{place}/{name}" for place in _SYSTEM]
    seen = set()
    for path in paths:
        real = os.path.realpath(path)
        if os.access(path, os.X_OK) and real not in seen:
            seen.add(real)
            yield path


def tool_version(path: str) -> Tool:
    """Given the path of a program, return it with its version. Raise ToolError for what is not MariaDB's."""
    text = LocalHost().run(Command([path, "--no-defaults", "--version"])).stdout.decode(errors="replace").strip()
    match = _VERSION.search(text)
    if match is None:
        raise ToolError(
            f"'{path}' is not MariaDB's, or does not tell its version: {text}",
            next_step="Install MariaDB's own tools (Debian: mariadb-client); MySQL's do not know its servers.",
        )
    return Tool(path, (int(match[1]), int(match[2])), ".".join(match.groups()))
