"""A systemctl for machines without systemd: it shows, starts and stops units of type forking as the real one does."""

from pathlib import Path

_PROGRAM = """#!/bin/bash
units={units}
words=()
for word in "$@"; do [[ $word == --* ]] || words+=("$word"); done
verb=${{words[0]}} unit=$units/${{words[1]}}
echo "$*" >>"$units/calls"
line() {{ sed -n "s/^$1=//p" "$unit"; }}
case $verb in
show)
    [ -f "$unit" ] && echo LoadState=loaded || echo LoadState=not-found
    echo "ActiveState=$(cat "$unit.active" 2>/dev/null || echo inactive)" ;;
cat)
    [ -f "$unit" ] || {{ echo "No files found for ${{words[1]}}." >&2; exit 1; }}
    echo "# $unit"; cat "$unit" ;;
start)
    [ "$(cat "$unit.active" 2>/dev/null)" = active ] && exit 0
    setsid $(line ExecStart) </dev/null >/dev/null 2>&1 ||
        {{ echo "Job for ${{words[1]}} failed because the control process exited with error code." >&2; exit 1; }}
    echo active >"$unit.active" ;;
stop)
    [ "$(cat "$unit.active" 2>/dev/null)" = active ] && $(line ExecStop) >/dev/null 2>&1
    echo inactive >"$unit.active" ;;
esac
"""


class FakeSystemd:
    """Units in a directory, whose `bin` has the systemctl."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir(parents=True)
        program = self.bin / "systemctl"
        program.write_text(_PROGRAM.format(units=directory))
        program.chmod(0o755)

    def install(self, name: str, script: Path, more: str = "") -> Path:
        """Write a unit that runs a start script, and return its file."""
        file = self.directory / name
        file.write_text(
            f"[Unit]\n# -Dsetup is not for a unit\n[Service]\nType=forking\nExecStart={script} start\n"
            f"ExecStop={script} stop\n{more}\n"
        )
        return file

    def set_active(self, name: str, state: str) -> None:
        """Let systemd believe something of a unit."""
        (self.directory / f"{name}.active").write_text(f"{state}\n")

    def calls(self) -> list[str]:
        """Return the calls that changed something."""
        lines = (self.directory / "calls").read_text().splitlines()
        return [line for line in lines if " start " in line or " stop " in line]
