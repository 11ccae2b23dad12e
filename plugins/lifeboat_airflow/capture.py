"""Operators that make a restore point: open, capture each unit, seal."""

from typing import Any, ClassVar, NoReturn

from airflow.sdk.exceptions import AirflowSkipException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog


class OpenPointOperator(LifeboatOperator):
    """Opens a restore point; its identity comes from the run, so that clearing this task means the same point.

    :param kind: kind of the point, such as system_backup
    :param reason: why it is made, for the manifest
    :param labels: what else the manifest says of it, such as the target level; empty ones are left out
    """

    template_fields = ("reason", "labels")

    def __init__(self, *, kind: str, reason: str = "", labels: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.reason = reason
        self.labels = labels or {}

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.capture import open_point, refuse_sealed

        run = context["dag_run"]
        seed = f"{run.dag_id} {run.run_id}"
        point = open_point(
            runtime.deployment,
            self.kind,
            run_after=run.run_after,
            seed=seed,
            reason=self.reason,
            labels={name: label for name, label in self.labels.items() if label},
        )
        refuse_sealed(runtime, point)
        self.log.info("Opened restore point %s; captures may join until %s", point.id, point.expires_at())
        return point.model_dump(mode="json")


class OpenBackupOperator(OpenPointOperator):
    """Opens the restore point of a backup. In a backfill, which stands for a past period, it opens none: it says
    which point covers the period and is skipped with all tasks after it, or fails when no point does."""

    def run(self, runtime: Any, context: Any) -> Any:
        run = context["dag_run"]
        if run.run_type.value == "backfill":
            self._skip_past_period(runtime, context["ti"], run.logical_date)
        return super().run(runtime, context)

    def _skip_past_period(self, runtime: Any, instance: Any, tick: Any) -> NoReturn:
        from lifeboat.catalog.last_good import described
        from lifeboat.past_period import point_of_period

        state = point_of_period(open_catalog(), runtime.deployment, tick)
        instance.xcom_push("covered_by", {"point": state.manifest.id, "verdict": state.verdict})
        found = f"Nothing is captured for a past period; {described(state)} covers it."
        self.log.info(found)
        raise AirflowSkipException(found)


class CaptureUnitOperator(LifeboatOperator):
    """Captures one unit for an open restore point, on the worker whose queue it is sent to.

    :param point: the open restore point, as OpenPointOperator returned it
    :param unit: the unit, such as database/main-db
    """

    template_fields = ("point", "unit")
    ui_color: ClassVar[str] = "#bfe3cf"

    def __init__(self, *, point: Any, unit: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point
        self.unit = unit

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.capture import capture_unit
        from lifeboat.deployment import Unit
        from lifeboat.manifest import OpenPoint

        point = OpenPoint.model_validate(self.point)
        return capture_unit(runtime, point, Unit.parse(self.unit)).model_dump(mode="json")


class SealPointOperator(LifeboatOperator):
    """Seals a restore point: the signed manifest goes into the vault, then the point into the catalog. Before an
    update its log shows the patches of all servers as well.

    :param point: the open restore point
    :param snapshots: what the captures returned, a list per capture task
    """

    template_fields = ("point", "snapshots")
    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, point: Any, snapshots: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point
        self.snapshots = snapshots

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.capture import seal_point
        from lifeboat.manifest import OpenPoint, UnitSnapshot
        from lifeboat.patches import patches_at
        from lifeboat.report import print_patches, print_point

        point = OpenPoint.model_validate(self.point)
        snapshots = [UnitSnapshot.model_validate(item) for item in self.captured()]
        signed = seal_point(runtime, point, snapshots)
        open_catalog().add_point(signed)
        log_table(lambda console: print_point(signed.manifest, console))
        if point.kind == "pre_upgrade":
            title = f"Patches of {point.deployment} at restore point {point.id}"
            servers = patches_at(runtime, signed.manifest)
            log_table(lambda console: print_patches(servers, title, console))
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"point": signed.manifest.id, "manifest_sha256": signed.sha256}
        return signed.manifest.id

    def captured(self) -> list[Any]:
        """Return what the captures returned."""
        return [snapshot for group in self.snapshots for snapshot in group]
