"""The operator of replication: one task for each site that restore points are copied to."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog


class ReplicateOperator(LifeboatOperator):
    """Brings a site's vault the restore points that it lacks, and reads them there; red when one is not whole there.

    A backfill stands for a past period: the points of that time are read again at the site, and what is lacking of
    them is copied. So does a run by hand with the point that it names, or with all if it says `again`.

    :param site: the site to copy to
    :param point: id of a restore point, or empty
    :param again: whether what is known to be whole there is read again
    """

    template_fields = ("point", "again")
    ui_color: ClassVar[str] = "#bfe3cf"

    def __init__(self, *, site: str, point: str = "", again: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.site = site
        self.point = point
        self.again = again

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.replication import replicate
        from lifeboat.replication_report import print_replication

        catalog = open_catalog()
        points, again = self._chosen(runtime.deployment, catalog, context["dag_run"])
        result = replicate(runtime, catalog, self.site, points, again=again)
        log_table(lambda console: print_replication(result, console))
        if result.error:
            raise (AirflowFailException if result.permanent else AirflowException)(result.error)
        if result.failures:
            raise AirflowFailException(f"Not whole at site {self.site}: {'; '.join(result.failures)}")
        return {"whole": result.whole, "copied": [each.point for each in result.replicas]}

    def _chosen(self, deployment: Any, catalog: Any, run: Any) -> tuple[list[str] | None, bool]:
        """Return the points that this run is about, or None for all, and whether those are read that are whole."""
        from lifeboat.replication import points_of_tick

        if run.run_type.value == "backfill":
            points = points_of_tick(catalog, deployment, run.logical_date or datetime.now(UTC))
            if not points:
                raise AirflowSkipException(f"No restore point of '{deployment.name}' falls to this run.")
            return points, True
        if self.point:
            return [catalog.point(deployment.name, self.point).manifest.id], True
        return None, self.again == "True"
