"""A pg_dump that stops in the middle when a test wants it: so a capture can be met at work."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import command_lines, environment_of, parent_of
from tests.e2e.runs import eventually

_SCRIPT = """#!/usr/bin/env bash
# Airflow tells every child of a task which DAG it works for.
set -o pipefail
hold={directory}/holds/$AIRFLOW_CTX_DAG_ID
if [[ -n ${{AIRFLOW_CTX_DAG_ID:-}} && -e $hold && " $* " == *" --format=custom "* ]]; then
    {program} "$@" | {{
        head -c 20000
        touch {directory}/reached/"$AIRFLOW_CTX_DAG_ID"
        while [[ -e $hold ]]; do sleep 0.1; done
        cat
    }}
    exit
fi
exec {program} "$@"
"""


class SlowDump:
    """The newest installed PostgreSQL's programs, with such a pg_dump among them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._programs = max(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: int(path.parent.name))
        for name in ("bin", "holds", "reached"):
            (directory / name).mkdir(parents=True)
        for program in self._programs.iterdir():
            (directory / "bin" / program.name).symlink_to(program)
        script = directory / "bin/pg_dump"
        script.unlink()
        script.write_text(_SCRIPT.format(directory=directory, program=self._programs / "pg_dump"))
        script.chmod(0o755)

    def environment(self) -> dict[str, str]:
        """Return what lets Lifeboat use these programs."""
        return {f"LIFEBOAT_POSTGRES_{self._programs.parent.name}": str(self.directory / "bin")}

    @contextmanager
    def held(self, dag_id: str) -> Iterator[None]:
        """Let the dumps of a DAG's tasks stop in the middle for as long as the block lasts."""
        hold, reached = self.directory / "holds" / dag_id, self.directory / "reached" / dag_id
        reached.unlink(missing_ok=True)
        hold.touch()
        try:
            yield
        finally:
            hold.unlink(missing_ok=True)

    def wait_until_reached(self, dag_id: str) -> None:
        """Return when a dump of a DAG's task has given some of its data and stands still."""
        eventually((self.directory / "reached" / dag_id).exists, f"a dump of {dag_id} in the middle of its work")

    def task_of(self, dag_id: str) -> int:
        """Return the id of the task's process for which a dump of a DAG stands still."""
        dumps = self.processes(dag_id)
        (task,) = {parent_of(pid) for pid in dumps} - dumps
        return task

    def processes(self, dag_id: str) -> set[int]:
        """Return the ids of the processes of a DAG's dumps."""
        return {
            pid
            for pid, text in command_lines().items()
            if str(self.directory) in text and environment_of(pid).get("AIRFLOW_CTX_DAG_ID") == dag_id
        }
