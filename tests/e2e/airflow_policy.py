"""What the tests' Airflow does besides, by a cluster policy: tasks work twice, and arguments are written down.

Twice: as when a worker ends after the work and before it has reported that. Lifeboat's operators run again right after
they succeeded, and hand on what the second time returned, as a retry would. The tests that look at what the runs have
made look at the work of both, so they say whether doing it twice does harm.

Arguments: those of every program that Lifeboat starts within tasks, however short it lives.
"""

import json
from dataclasses import dataclass
from pathlib import Path

#: The deployments whose runs do everything twice, and DAGs of others that do.
TWICE = ("before", "lost.site_recovery", "main", "returning", "tidy", "twin", "updating", "watched")

_POLICY = '''
"""A cluster policy of the tests: see tests/e2e/airflow_policy.py."""

import functools
import json


def task_policy(task):
    from lifeboat.processes import Process
    from lifeboat_airflow.base import LifeboatOperator
    from lifeboat_airflow.recovery import ChooseTasksOperator, GoAheadOperator
    from lifeboat_airflow.site_recovery import GoAheadAtSiteOperator
    from lifeboat_airflow.update import AskOrGoOnOperator

    if not hasattr(LifeboatOperator.execute, "once"):
        LifeboatOperator.execute = twice(LifeboatOperator.execute)
        # A branch ends by an exception that skips others.
        for operator in (GoAheadOperator, GoAheadAtSiteOperator, ChooseTasksOperator, AskOrGoOnOperator):
            operator.choose_branch = twice(operator.choose_branch)
    if not hasattr(Process.__init__, "unseen"):
        Process.__init__ = seen(Process.__init__)


def twice(execute):
    @functools.wraps(execute)
    def both(self, context):
        result = execute(self, context)
        instance = context["ti"]
        if {{instance.dag_id, instance.dag_id.partition(".")[0]}} & {{*{deployments}}}:
            self.log.info("Once more, as after a worker that ended before it could report")
            result = execute(self, context)
            line = {{"dag": instance.dag_id, "task": instance.task_id, "run": instance.run_id}}
            write({tally!r}, line)
        return result

    both.once = execute
    return both


def seen(start):
    @functools.wraps(start)
    def started(self, argv, **options):
        write({arguments!r}, [str(word) for word in argv])
        start(self, argv, **options)

    started.unseen = start
    return started


def write(file, what):
    with open(file, "a") as lines:
        lines.write(json.dumps(what) + "\\n")
'''


@dataclass(frozen=True)
class AirflowPolicy:
    """The policy of an Airflow of the tests, and what it has written down in a directory."""

    directory: Path

    @property
    def _tally(self) -> Path:
        return self.directory / "twice.jsonl"

    @property
    def _arguments(self) -> Path:
        return self.directory / "arguments.jsonl"

    def fit(self, airflow_home: Path) -> None:
        """Give an Airflow the policy, before it starts."""
        for file in (self._tally, self._arguments):
            file.touch(mode=0o600)
        policy = airflow_home / "config/airflow_local_settings.py"
        policy.parent.mkdir(exist_ok=True)
        text = _POLICY.format(deployments=TWICE, tally=str(self._tally), arguments=str(self._arguments))
        policy.write_text(text)

    def done_twice(self) -> list[tuple[str, str]]:
        """Return the DAG and the task of each instance that did its work twice."""
        lines = map(json.loads, self._tally.read_text().splitlines())
        return [(line["dag"], line["task"]) for line in lines]

    def arguments(self) -> list[list[str]]:
        """Return the arguments of each program that tasks have started."""
        return [json.loads(line) for line in self._arguments.read_text().splitlines()]
