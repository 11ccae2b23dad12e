"""Every task does its work twice: as when a worker ends after the work and before it has reported that.

An Airflow of the tests gets a cluster policy that lets Lifeboat's operators run again right after they succeeded, and
hands on what the second time returned, as a retry would. The tests that look at what the runs have made look at the
work of both, so they say whether doing it twice does harm; what was done twice is written down.
"""

import json
from dataclasses import dataclass
from pathlib import Path

#: The deployments whose runs do everything twice.
DEPLOYMENTS = ("before", "main", "returning", "updating")

_POLICY = '''
"""A cluster policy of the tests: see tests/e2e/twice.py."""

import functools
import json


def task_policy(task):
    from lifeboat_airflow.base import LifeboatOperator
    from lifeboat_airflow.recovery import ChooseTasksOperator, GoAheadOperator
    from lifeboat_airflow.update import AskOrGoOnOperator

    for operator in (LifeboatOperator, GoAheadOperator, ChooseTasksOperator, AskOrGoOnOperator):
        if not hasattr(operator.execute, "once"):
            operator.execute = twice(operator.execute)


def twice(execute):
    @functools.wraps(execute)
    def both(self, context):
        result = execute(self, context)
        instance = context["ti"]
        if instance.dag_id.partition(".")[0] in {deployments}:
            self.log.info("Once more, as after a worker that ended before it could report")
            result = execute(self, context)
            line = {{"dag": instance.dag_id, "task": instance.task_id, "run": instance.run_id}}
            with open({tally!r}, "a") as tally:
                tally.write(json.dumps(line) + "\\n")
        return result

    both.once = execute
    return both
'''


@dataclass(frozen=True)
class Twice:
    """Lets the tasks of an Airflow run twice, and knows which did."""

    directory: Path

    @property
    def _tally(self) -> Path:
        return self.directory / "twice.jsonl"

    def fit(self, airflow_home: Path) -> None:
        """Give an Airflow the policy, before it starts."""
        self._tally.touch(mode=0o666)
        policy = airflow_home / "config/airflow_local_settings.py"
        policy.parent.mkdir(exist_ok=True)
        policy.write_text(_POLICY.format(deployments=DEPLOYMENTS, tally=str(self._tally)))

    def done(self) -> list[tuple[str, str]]:
        """Return the DAG and the task of each instance that did its work twice."""
        lines = map(json.loads, self._tally.read_text().splitlines())
        return [(line["dag"], line["task"]) for line in lines]
