"""The operator that looks at a deployment's objectives and tells people what changed."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog
from lifeboat_airflow.notices import send_by_airflow


class WatchObjectivesOperator(LifeboatOperator):
    """Logs what became of each objective and tells people of each breach and each end of one; red when some message
    was not taken, which the next run sends again. A breach itself is no failure of this task."""

    ui_color: ClassVar[str] = "#f0d9d9"

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.alerts import tell_findings
        from lifeboat.objectives import evaluate, gather
        from lifeboat.objectives_report import print_findings

        deployment, catalog, now = runtime.deployment, open_catalog(), datetime.now(UTC)
        findings = evaluate(deployment, gather(catalog, deployment, now), now)
        log_table(lambda console: print_findings(deployment.name, findings, console))
        errors = tell_findings(catalog, deployment, findings, now, send_by_airflow)
        if errors:
            raise AirflowFailException("\n".join(map(str, errors)))
        return {finding.name: finding.state for finding in findings}
