"""Runs runbooks as a person does on a machine without Lifeboat: named programs, an empty home, the environment."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """How a script ended."""

    status: int
    stdout: str
    stderr: str


def named_tools(script: str) -> list[str]:
    """Return the programs that a script says it runs."""
    (line,) = re.findall(r"^# It runs these programs and no others: (.*)\.$", script, re.M)
    return line.split(", ")


def clean_root(directory: Path, tools: Sequence[str], search: str) -> tuple[Path, Path]:
    """Make a directory with links to these programs alone, and an empty home beside it."""
    links, home = directory / "bin", directory / "home"
    links.mkdir(parents=True)
    home.mkdir()
    for tool in tools:
        found = shutil.which(tool, path=search)
        assert found, f"{tool} is not on this machine"
        (links / tool).symlink_to(found)
    return links, home


def run_script(script: str, links: Path, home: Path, environment: Mapping[str, str]) -> Ran:
    """Run a script by `env -i` with nothing in its environment but what is given."""
    file = home / "script.sh"
    file.write_text(script, encoding="utf-8", errors="surrogateescape")
    assignments = [f"{name}={value}" for name, value in {"PATH": str(links), "HOME": str(home), **environment}.items()]
    done = subprocess.run(
        ["/usr/bin/env", "-i", *assignments, "sh", str(file)],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    file.unlink()
    return Ran(done.returncode, done.stdout, done.stderr)
