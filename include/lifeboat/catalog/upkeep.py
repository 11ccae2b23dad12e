"""The records of housekeeping in the catalog."""

from collections.abc import Sequence

from sqlalchemy import delete, select

from lifeboat.catalog.models import Upkeep
from lifeboat.catalog.sessions import Sessions
from lifeboat.manifest import read_document, to_json
from lifeboat.upkeep_documents import KEPT_RECORDS, UpkeepRecord


class UpkeepRecords(Sessions):
    """What housekeeping did, as the vault's documents tell it."""

    def upkeep(self, deployment: str) -> list[UpkeepRecord]:
        """Given a deployment, return the records of its housekeeping, newest first."""
        with self._session() as session:
            rows = session.scalars(
                select(Upkeep.document).where(Upkeep.deployment == deployment).order_by(Upkeep.finished_at.desc())
            ).all()
        return [read_document(UpkeepRecord, row, "A record of housekeeping") for row in rows]

    def add_upkeep(self, records: Sequence[UpkeepRecord]) -> None:
        """Keep records; keeping them again changes nothing. Only the newest stay, as in the vault."""
        with self._session(writing=True) as session:
            for record in records:
                session.merge(
                    Upkeep(
                        id=record.id,
                        deployment=record.deployment,
                        finished_at=record.finished_at,
                        passed=record.passed,
                        document=to_json(record).decode(),
                    )
                )
            session.flush()
            for deployment in {record.deployment for record in records}:
                kept = select(Upkeep.id).where(Upkeep.deployment == deployment)
                kept = kept.order_by(Upkeep.finished_at.desc()).limit(KEPT_RECORDS)
                old = Upkeep.id.not_in(kept.scalar_subquery())
                session.execute(
                    delete(Upkeep).where(Upkeep.deployment == deployment, old),
                    execution_options={"synchronize_session": False},
                )
