"""A deployment and a catalog with made-up restore points, drills and housekeeping, for tests of what watches them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from lifeboat.catalog import Catalog
from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_deployment
from lifeboat.documents import SignedManifest
from lifeboat.manifest import Outcome, sha256, to_json
from lifeboat.objectives import Finding, evaluate, gather
from lifeboat.upkeep_documents import UpkeepRecord, VaultCheck
from tests.support.deployments import SAMPLE
from tests.support.points import made_up_drill, made_up_point

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Watched:
    """The sample deployment, with an RPO of a day, an RTO of two hours and drills every week, at noon."""

    def __init__(self, directory: Path) -> None:
        self.catalog = Catalog(URL.create("sqlite", database=str(directory / "catalog.db")))
        self.deployment: Deployment = load_deployment(SAMPLE)

    def allow(self, **objectives: Any) -> None:
        changed = self.deployment.objectives.model_copy(update=objectives)
        self.deployment = self.deployment.model_copy(update={"objectives": changed})

    def told_by(self, *connections: str, **settings: Any) -> None:
        changed = self.deployment.notifications.model_copy(update={"connections": list(connections), **settings})
        self.deployment = self.deployment.model_copy(update={"notifications": changed})

    def point(self, age: timedelta, drill: Outcome | None = None, **changes: Any) -> SignedManifest:
        """Keep a point whose data is so old, perhaps with a drill of it an hour and a minute later."""
        sealed_at = NOW - age + timedelta(minutes=1)
        manifest = made_up_point(sealed_at).manifest.model_copy(update=changes)
        point = SignedManifest(manifest=manifest, sha256=sha256(to_json(manifest)))
        self.catalog.add_point(point)
        if drill:
            self.catalog.add_evidence(made_up_drill(point, drill))
        return point

    def upkeep(self, age: timedelta, size: int | None = None, *, passed: bool | None = None) -> None:
        """Keep the record of a housekeeping run so long ago, which measured the vault and perhaps checked a part."""
        time = NOW - age
        check = VaultCheck(
            part=3, of=7, passed=bool(passed), checked_at=time, detail="" if passed else "pack 5e1f is bad"
        )
        record = UpkeepRecord(
            deployment="sample",
            site="main",
            started_at=time,
            finished_at=time,
            size_after=size,
            checks=() if passed is None else (check,),
        )
        self.catalog.add_upkeep([record])

    def findings(self, now: datetime = NOW) -> dict[str, Finding]:
        found = evaluate(self.deployment, gather(self.catalog, self.deployment, now), now)
        return {finding.name: finding for finding in found}

    def states(self, now: datetime = NOW) -> dict[str, str]:
        return {name: finding.state for name, finding in self.findings(now).items()}
