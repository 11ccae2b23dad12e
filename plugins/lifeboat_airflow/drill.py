"""Operators of a drill: pick restore points, drill each unit of them, record the evidence."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog

RESULT_KEY = "drill"


def lease_name(run: Any) -> str:
    """Given a run, return the name of its leases on the points that it drills."""
    return f"drill {run.run_id}"


class PickPointsOperator(LifeboatOperator):
    """Picks what this run drills, and returns point, unit and runbook for each unit of each picked point.

    A point may be named. Otherwise a run stands for a stretch of time, (previous tick, tick] of the drills'
    schedule, and covers the undrilled points in it, newest first; so scheduled, asset and backfill runs mean
    the same; only a backfill is not bound to `drills_per_run`, since it is to prove every point of its range. A run
    by hand covers the newest undrilled point, or the newest one once more.

    :param point: id of a restore point, or empty
    """

    template_fields = ("point",)

    def __init__(self, *, point: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.catalog.leases import USE
        from lifeboat.runbook import runbook_turns

        catalog = open_catalog()
        name = runtime.deployment.name
        picked = [self.point] if self.point else self._pick(catalog, runtime.deployment, context["dag_run"])
        if not picked:
            raise AirflowSkipException(f"No undrilled restore point of '{name}' falls to this run.")
        states = [catalog.point(name, point) for point in picked]
        for state in states:
            catalog.lease(name, state.manifest.id, lease_name(context["dag_run"]), USE)
        self.log.info("Drilling %s", ", ".join(state.manifest.id for state in states))
        drills = catalog.drills(name)
        return [
            {"point": state.manifest.id, "unit": str(unit), "runbook": member}
            for number, state in enumerate(states, drills)
            for unit, member in runbook_turns(state.manifest, number).items()
        ]

    def _pick(self, catalog: Any, deployment: Any, run: Any) -> list[str]:
        from lifeboat.drill_selection import pick_by_hand, pick_by_tick

        if run.run_type.value == "manual":
            return pick_by_hand(catalog, deployment)
        capped = run.run_type.value != "backfill"
        return pick_by_tick(catalog, deployment, run.logical_date or datetime.now(UTC), capped=capped)


class DrillUnitOperator(LifeboatOperator):
    """Restores one unit of a restore point into scratch and proves it; red when a check is.

    :param point: id of the restore point
    :param unit: the unit, such as home/apim-cp-1
    :param runbook: the member of it that is brought back by its runbook, or empty
    """

    template_fields = ("point", "unit", "runbook")
    ui_color: ClassVar[str] = "#bfe3cf"

    def __init__(self, *, point: str, unit: str, runbook: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point
        self.unit = unit
        self.runbook = runbook

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.deployment import Unit
        from lifeboat.drill import drill_unit

        result = drill_unit(runtime, self.point, Unit.parse(self.unit), runbook=self.runbook)
        context["ti"].xcom_push(RESULT_KEY, {"point": self.point, "drill": result.model_dump(mode="json")})
        failed = sorted({check.name for check in result.failed()})
        if failed:
            raise AirflowFailException(f"{self.unit} of {self.point}: {', '.join(failed)} failed; see the log above.")


class RecordDrillOperator(LifeboatOperator):
    """Writes the evidence of each drilled point into the vault, then into the catalog; red unless all passed.

    :param picked: the points and units that were drilled
    :param drill_task: id of the mapped task that drilled them
    """

    template_fields = ("picked",)
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, picked: Any, drill_task: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.picked = picked
        self.drill_task = drill_task

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.drill import record_drill
        from lifeboat.manifest import UnitDrill
        from lifeboat.report import print_drill

        if not self.picked:
            raise AirflowSkipException("No restore point was picked.")
        # Without the indexes, Airflow gives a single result as itself instead of a list of one.
        indexes = range(len(self.picked))
        pulled = context["ti"].xcom_pull(task_ids=self.drill_task, key=RESULT_KEY, map_indexes=indexes)
        results = [item for item in pulled if item]
        catalog, red, recorded = open_catalog(), [], {}
        for point in dict.fromkeys(item["point"] for item in self.picked):
            drills = [UnitDrill.model_validate(item["drill"]) for item in results if item["point"] == point]
            evidence = record_drill(runtime, catalog, point, drills, context["dag_run"].start_date)
            log_table(lambda console, e=evidence: print_drill(e, runtime.deployment.objectives, console))
            recorded[point] = "passed" if evidence.passed else "failed" if evidence.conclusive else "incomplete"
            if not evidence.passed:
                red.append(f"{point} ({recorded[point]})")
        catalog.give_back(runtime.deployment.name, lease_name(context["dag_run"]))
        context["ti"].xcom_push("verdicts", recorded)
        if red:
            raise AirflowFailException(f"Not proven: {', '.join(red)}. The evidence is recorded.")
        return recorded
