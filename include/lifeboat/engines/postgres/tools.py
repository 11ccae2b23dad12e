"""PostgreSQL's own tools, chosen by the server's major version."""

import glob
import os
import re
import shutil

from lifeboat.errors import ToolError
from lifeboat.host import Command, LocalHost

#: Where distributions put the tools of one major version.
_DIRECTORIES = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/opt/homebrew/opt/postgresql@{major}/bin",
)


def tools_directory(major: int, *needed: str) -> str:
    """Given a server's major version and program names, return the directory of those programs.

    LIFEBOAT_POSTGRES_<major> names it; else the distribution's places and the PATH are searched. Only tools
    of the same major version count: an older pg_dump refuses a newer server, and digests are compared within
    one version. Raise ToolError, naming what to install, when there are none.
    """
    for directory in _candidates(major):
        if all(os.access(f"{directory}/{name}", os.X_OK) for name in needed):
            _refuse_other_major(f"{directory}/{needed[0]}", major)
            return directory
    raise ToolError(
        f"The tools of PostgreSQL {major} ({', '.join(needed)}) are not installed on this worker.",
        next_step=f"Install them (Debian: postgresql-{major}, or postgresql-client-{major} for pg_dump alone), "
        f"or set LIFEBOAT_POSTGRES_{major} to the directory that holds them.",
    )


def _refuse_other_major(program: str, major: int) -> None:
    found, text = tool_version(program)
    if found != major:
        raise ToolError(
            f"'{program}' is of PostgreSQL {text}, but the server is of PostgreSQL {major}.",
            next_step=f"Set LIFEBOAT_POSTGRES_{major} to a directory with the tools of PostgreSQL {major}.",
        )


def _candidates(major: int) -> list[str]:
    named = os.environ.get(f"LIFEBOAT_POSTGRES_{major}")
    if named:
        return [named]
    found = [place for pattern in _DIRECTORIES for place in glob.glob(pattern.format(major=major))]
    on_path = shutil.which("pg_dump")
    if on_path and tool_version(on_path)[0] == major:
        found.append(os.path.dirname(os.path.realpath(on_path)))
    return found


def tool_version(program: str) -> tuple[int, str]:
    """Given the path of a PostgreSQL program, return its major version and its whole version text."""
    text = LocalHost().run(Command([program, "--version"])).stdout.decode().strip()
    match = re.search(r"\) (\d+)", text)
    if match is None:
        raise ToolError(f"'{program}' does not tell its version: {text}", next_step="Reinstall PostgreSQL's tools.")
    return int(match[1]), text.split(") ", 1)[1].split()[0]
