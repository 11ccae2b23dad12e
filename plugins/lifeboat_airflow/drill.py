"""Operators of a drill: pick restore points, drill each unit of them, record the evidence."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog

RESULT_KEY = "drill"


def lease_name(run: Any) -> str:
    """Given a run, return the name of its leases on the points that it drills."""
    return f"drill {run.run_id}"


def _named(point: str, site: str) -> str:
    """Given a point and perhaps another site, return what they are called."""
    return f"{point} at {site}" if site else point


def _point_and_site(item: Any) -> tuple[str, str]:
    return item["point"], item.get("site", "")


class PickPointsOperator(LifeboatOperator):
    """Picks what this run drills, and returns point, unit and runbook for each unit of each picked point.

    A point may be named. Otherwise a run stands for a stretch of time, (previous tick, tick] of the drills'
    schedule, and covers the undrilled points in it, newest first; so scheduled, asset and backfill runs mean
    the same; only a backfill is not bound to `drills_per_run`, since it is to prove every point of its range. A run
    by hand covers the newest undrilled point, or the newest one once more. Other sites are drilled from their own
    vaults: by a schedule the newest copy, by a backfill each one, by hand what is named.

    :param point: id of a restore point, or empty
    :param site: another site from whose vault it is drilled, or empty
    """

    template_fields = ("point", "site")

    def __init__(self, *, point: str = "", site: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point
        self.site = site

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.catalog.leases import USE
        from lifeboat.drill import require_copied
        from lifeboat.runbook import runbook_turns

        catalog = open_catalog()
        name = runtime.deployment.name
        picked = self._pick(catalog, runtime, context["dag_run"])
        if not picked:
            raise AirflowSkipException(f"No undrilled restore point of '{name}' falls to this run.")
        found = [(catalog.point(name, point), site) for point, site in picked]
        for state, site in found:
            if site:
                require_copied(state, site)
            catalog.lease(name, state.manifest.id, lease_name(context["dag_run"]), USE)
        self.log.info("Drilling %s", ", ".join(_named(state.manifest.id, site) for state, site in found))
        drills = catalog.drills(name)
        return [
            {"point": state.manifest.id, "unit": str(unit), "runbook": member, **({"site": site} if site else {})}
            for number, (state, site) in enumerate(found, drills)
            for unit, member in runbook_turns(state.manifest, number).items()
        ]

    def _pick(self, catalog: Any, runtime: Any, run: Any) -> list[tuple[str, str]]:
        """Return what is drilled: points, each with the other site from whose vault, or with an empty text."""
        from lifeboat.drill_selection import newest_at, pick_at_sites, pick_by_hand, pick_by_tick
        from lifeboat.replication import require_other_site

        deployment = runtime.deployment
        if self.site not in ("", deployment.home_site()):
            require_other_site(runtime, self.site)
            points = [self.point] if self.point else newest_at(catalog, deployment, self.site)
            return [(point, self.site) for point in points]
        if self.point or run.run_type.value == "manual":
            return [(point, "") for point in ([self.point] if self.point else pick_by_hand(catalog, deployment))]
        capped, tick = run.run_type.value != "backfill", run.logical_date or datetime.now(UTC)
        points = pick_by_tick(catalog, deployment, tick, capped=capped)
        return [*((point, "") for point in points), *pick_at_sites(catalog, deployment, tick, capped=capped)]


class DrillUnitOperator(LifeboatOperator):
    """Restores one unit of a restore point into scratch and proves it; red when a check is.

    :param point: id of the restore point
    :param unit: the unit, such as home/apim-cp-1
    :param runbook: the member of it that is brought back by its runbook, or empty
    :param site: the other site from whose vault it is restored, or empty
    """

    template_fields = ("point", "unit", "runbook", "site")
    ui_color: ClassVar[str] = "#bfe3cf"

    def __init__(self, *, point: str, unit: str, runbook: str = "", site: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point
        self.unit = unit
        self.runbook = runbook
        self.site = site

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.deployment import Unit
        from lifeboat.drill import drill_unit

        result = drill_unit(runtime, self.point, Unit.parse(self.unit), self.site or None, runbook=self.runbook)
        told = {"point": self.point, "site": self.site, "drill": result.model_dump(mode="json")}
        context["ti"].xcom_push(RESULT_KEY, told)
        failed = sorted({check.name for check in result.failed()})
        if failed:
            what = f"{self.unit} of {_named(self.point, self.site)}"
            raise AirflowFailException(f"{what}: {', '.join(failed)} failed; see the log above.")


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
        for point, site in dict.fromkeys(map(_point_and_site, self.picked)):
            its = [each["drill"] for each in results if _point_and_site(each) == (point, site)]
            drills = [UnitDrill.model_validate(each) for each in its]
            evidence = record_drill(runtime, catalog, point, drills, context["dag_run"].start_date, site or None)
            name = _named(point, site)
            log_table(lambda console, e=evidence: print_drill(e, runtime.deployment.objectives, console))
            recorded[name] = "passed" if evidence.passed else "failed" if evidence.conclusive else "incomplete"
            if not evidence.passed:
                red.append(f"{name} ({recorded[name]})")
        catalog.give_back(runtime.deployment.name, lease_name(context["dag_run"]))
        context["ti"].xcom_push("verdicts", recorded)
        if red:
            raise AirflowFailException(f"Not proven: {', '.join(red)}. The evidence is recorded.")
        return recorded
