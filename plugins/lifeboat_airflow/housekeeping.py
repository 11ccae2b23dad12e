"""Operators of housekeeping: each part of it, and the record of all."""

from typing import Any, ClassVar

from airflow.sdk.exceptions import AirflowFailException

from lifeboat_airflow.base import LifeboatOperator, log_table, open_catalog

#: The parts in their order, as lifeboat.housekeeping has them; importing that takes long, and DAGs are parsed often.
PARTS = ("locks", "retention", "orphans", "swapped_out", "prune", "check")
RESULT = "result"
#: In the state of a task, which outlives its tries: what earlier tries have removed.
REMOVED = "removed"


class HousekeepingOperator(LifeboatOperator):
    """Does one part of housekeeping; red when it failed. What it did is left for the record in any case.

    :param part: name of the part, such as retention
    :param site: the site whose vault it is about; the home site if none is given
    """

    ui_color: ClassVar[str] = "#bfe3cf"

    def __init__(self, *, part: str, site: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.part = part
        self.site = site

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.housekeeping import run_part
        from lifeboat.upkeep_documents import Removed

        result, state = run_part(runtime, open_catalog(), self.part, self.site), context["task_state_store"]
        earlier = tuple(map(Removed.model_validate, state.get(REMOVED, [])))
        result = result.model_copy(update={"removed": (*earlier, *result.removed)})
        if result.removed:
            state.set(REMOVED, [each.model_dump(mode="json") for each in result.removed])
        for removed in result.removed:
            self.log.info("Removed %s %s: %s", removed.kind, removed.name, removed.why)
        for reason in result.held_back:
            self.log.warning("No restore point is deleted now: %s", reason)
        for note in result.left:
            self.log.warning("Left: %s", note)
        for repair in result.repairs:
            self.log.warning("Repaired: %s", repair.sentence())
        for kept in result.retained:
            self.log.info("Site %s: %d objects are kept until %s", kept.site, kept.objects, kept.until)
        context["ti"].xcom_push(RESULT, result.model_dump(mode="json"))
        if result.error:
            raise AirflowFailException(result.error)


class RecordHousekeepingOperator(LifeboatOperator):
    """Writes what all parts of a run did into the vault and the catalog, and shows it; red when a part failed.

    :param parts: ids of the parts' tasks
    """

    ui_color: ClassVar[str] = "#f0e2b6"

    def __init__(self, *, parts: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parts = tuple(parts)

    def run(self, runtime: Any, context: Any) -> Any:
        from lifeboat.housekeeping import PartResult, record_run
        from lifeboat.upkeep_report import print_upkeep

        instance, run = context["ti"], context["dag_run"]
        pulled = {part: instance.xcom_pull(task_ids=part, key=RESULT) for part in self.parts}
        results = [PartResult.model_validate(found) for found in pulled.values() if found]
        lost = [part for part, found in pulled.items() if not found]
        record = record_run(runtime, open_catalog(), run.start_date, results, lost)
        log_table(lambda console: print_upkeep(record, console))
        if not record.passed:
            raise AirflowFailException(
                f"Housekeeping failed; it is recorded, and the next run goes on. {' '.join(record.errors)}"
            )
        return record.id
