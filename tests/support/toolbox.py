"""The programs that a capture finds on its PATH, some of them broken as a test wants it."""

import os
import shutil
import sys
from pathlib import Path

#: The programs that Python packages bring, and those of the machine.
_SEARCHED = [os.path.dirname(sys.executable), *os.environ["PATH"].split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

#: Ends itself by SIGKILL while the real one works, which a limit makes slow. The killer must hold no pipe.
KILLED_RESTIC = """
case " $* " in
*" backup "*)
    (sleep 0.6; kill -KILL $$) </dev/null >/dev/null 2>&1 &
    exec {real} --limit-upload=1 "$@" ;;
esac
exec {real} "$@"
"""
#: Tells its version as the real one does, and is killed when a part of the dump is out.
KILLED_DUMP = """
case " $* " in
*" --version "* | *" --schema-only "*) exec {real} "$@" ;;
esac
{real} "$@" | head -c 100000
kill -KILL $$
"""
#: Stops in the middle of the dump, with all its locks held, until there is a file `go` beside `paused`.
PAUSED_DUMP = """
case " $* " in
*" --version "* | *" --schema-only "*) exec {real} "$@" ;;
esac
{real} "$@" | (head -c 1000; cd $(dirname "$0"); touch paused; until [ -e go ]; do sleep 0.05; done; cat)
"""
OLD_RESTIC = "echo 'restic 0.9.6 compiled with go1.13.4 on linux/amd64'\n"
OLD_DUMP = "echo 'pg_dump (PostgreSQL) 11.22'\n"


class Toolbox:
    """A directory on the PATH, here and behind the tests' sshd, that a test may put programs into.

    `home` is the home directory for caches. `gate` is what sshd runs instead of each command, so that both hold
    there as well.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home"
        self._path_file = directory / "path"
        self._tools = directory / "tools"
        self._tools.mkdir(parents=True)
        self.home.mkdir()
        self.reset()

    @property
    def gate(self) -> str:
        return f'HOME={self.home} PATH=$(cat {self._path_file}) exec sh -c "$SSH_ORIGINAL_COMMAND"'

    @property
    def path(self) -> str:
        """The PATH that is in effect."""
        return self._path_file.read_text()

    def reset(self) -> None:
        """Take everything out again."""
        shutil.rmtree(self._tools)
        self._tools.mkdir()
        self._path_file.write_text(":".join([str(self._tools), *_SEARCHED]))

    def put(self, name: str, script: str) -> Path:
        """Put a script in the place of a program; {real} in it becomes the real one. Return the directory."""
        real = shutil.which(name, path=":".join(_SEARCHED)) or name
        return self.put_beside(self._tools, name, script, real)

    def put_beside(self, directory: Path, name: str, script: str, real: str) -> Path:
        """Write a script that stands for the program `real`."""
        path = directory / name
        path.write_text("#!/bin/bash\nset -o pipefail\n" + script.replace("{real}", real))
        path.chmod(0o755)
        return directory

    def hide(self, name: str) -> None:
        """Let a program be found nowhere."""
        directory = self.directory / f"all-but-{name}"
        if not directory.exists():
            programs: dict[str, Path] = {}
            for searched in reversed(_SEARCHED):
                programs |= {program.name: program for program in Path(searched).glob("*")}
            del programs[name]
            directory.mkdir()
            for each, program in programs.items():
                (directory / each).symlink_to(program)
        self._path_file.write_text(str(directory))

    def postgresql_with(self, real: Path, name: str, script: str) -> Path:
        """Given the directory of PostgreSQL's tools, return one with a script in the place of a tool."""
        directory = self._tools / "postgresql"
        directory.mkdir(exist_ok=True)
        for program in real.iterdir():
            if program.name != name:
                (directory / program.name).symlink_to(program)
        return self.put_beside(directory, name, script, str(real / name))
