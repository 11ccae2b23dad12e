"""A database of RDS: a manual snapshot, which stays in AWS, and a document about it in the vault.

A drill restores the snapshot to a database of its own, with the settings of its source but small, holds what RDS tells
of it against what was captured, and runs the WSO2 checks in it where the file says which database server it is. It is
removed whatever happens; after a kill it is a leftover that expires.
"""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from lifeboat.aws.names import LONGEST_SNAPSHOT, Mark, rds_name
from lifeboat.aws.rds_restore import Endpoint, remove_database, restore_snapshot
from lifeboat.aws.rds_settings import TEMPORARY, Settings, over, read_settings
from lifeboat.aws.rds_snapshots import (
    Snapshot,
    bring_snapshot,
    find_snapshot,
    snapshot_of,
    take_snapshot,
)
from lifeboat.aws.rds_words import WORDS, Database
from lifeboat.aws.work import Work
from lifeboat.by_hand import Runbook
from lifeboat.deployment import Unit
from lifeboat.deployment_cloud import Place, RdsDatabase
from lifeboat.engines._cloud_unit import CloudUnit, RestoredInCloud
from lifeboat.engines._databases_elsewhere import databases_at
from lifeboat.engines.base import Capture, Restored
from lifeboat.errors import CloudMissingError, PreflightError
from lifeboat.manifest import MemberSnapshot, UnitSnapshot
from lifeboat.runtime import Runtime
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckResult, run_checks

_GIB = 1 << 30


class RdsEngine(CloudUnit):
    """Captures one DB instance or Aurora cluster."""

    kind = "rds"
    algorithm: ClassVar[str] = "rds-snapshot/1"

    @property
    def rds(self) -> RdsDatabase:
        settings = self.settings
        assert isinstance(settings, RdsDatabase)
        return settings

    def live(self) -> Database:
        """Return the database that is captured."""
        return Database(self.rds.kind, self.rds.identifier, self.cloud().region)

    def identity(self) -> dict[str, str]:
        return {"identifier": self.rds.identifier, "kind": self.rds.kind}

    def preflight(self) -> dict[str, str]:
        found = self.live().require(self.cloud())
        return {found["Engine"]: found["EngineVersion"]}

    def capture(self, capture: Capture) -> UnitSnapshot:
        tools, cloud, database = self.preflight(), self.cloud(), self.live()
        settings = read_settings(cloud, database)
        mark = self.backup_mark(capture.point.id)
        taken = self.finish(cloud, take_snapshot(cloud, database, self._name(capture.point.id), mark))
        found = find_snapshot(cloud, taken.kind, taken.id, taken.region) or {}
        checks: list[CheckResult] = []
        if self.rds.database_server:  # so that a drill knows what was wrong already
            with databases_at(self.runtime, self.rds.database_server, None) as databases:
                checks = run_checks(databases)
        document = {
            "account": taken.account,
            "region": taken.region,
            "snapshot": taken.document(),
            "settings": settings.model_dump(mode="json"),
        }
        return self.store(capture, document, taken.id, _facts(settings), found["SnapshotCreateTime"], tools, checks)

    def _name(self, point: str) -> str:
        return rds_name(self.runtime.deployment.name, point, str(self.unit), longest=LONGEST_SNAPSHOT)

    def copy_to(self, snapshot: UnitSnapshot, vault: Vault, site: str) -> None:
        document = self.document(snapshot, vault)
        taken, home, there = Snapshot(**document["snapshot"]), self.cloud(), self.cloud(site)
        if there.region == taken.region and there.account() == taken.account:
            return
        mark, settings = self.backup_mark(document["point"]), self.runtime.deployment.sites[site]
        keys = {"kms_key": settings.kms_key, "transit_key": settings.transit_kms_key}
        self.finish(there, bring_snapshot(home, there, taken, taken.id, mark, **keys))

    @contextmanager
    def restore(self, snapshot: UnitSnapshot, vault: Vault, scratch: Path) -> Iterator[Restored]:
        document, cloud = self.document(snapshot, vault), self.cloud(self.at_site)
        if self.snapshot_here(document) is None:
            yield self.lost(f"snapshot {document['snapshot']['id']}")
            return
        mark = self.drill_mark(document)
        name = rds_name("drill", self.runtime.deployment.name, document["point"], str(self.unit), self.at_site)
        try:
            endpoint = self.finish(cloud, self.bring_back(document, name, mark, TEMPORARY))
            yield self.look_at(document, endpoint)
        finally:
            self.finish(cloud, remove_database(cloud, Database(self.rds.kind, name, cloud.region), mark))

    def snapshot_here(self, document: Mapping[str, Any]) -> Snapshot | None:
        """Given the document of a capture, return its snapshot in the account of the site, or None if there is none."""
        taken, cloud = Snapshot(**document["snapshot"]), self.cloud(self.at_site)
        found = find_snapshot(cloud, taken.kind, taken.id, cloud.region)
        return None if found is None else snapshot_of(taken.kind, cloud.region, found)

    def require_snapshot(self, document: Mapping[str, Any]) -> Snapshot:
        """Return the same. Raise CloudMissingError if there is none."""
        found = self.snapshot_here(document)
        if found is None:
            raise CloudMissingError(
                f"{self.unit}: snapshot {document['snapshot']['id']} is not in the account of site '{self.at_site}'.",
                next_step="Take another restore point; AWS's trail tells who removed it.",
            )
        return found

    def wanted(self, document: Mapping[str, Any], instead: Place = Place()) -> Settings:  # noqa: B008 (it is frozen)
        """Return the settings that a restored database gets at the site: its source's, or what the deployment file says
        for the site, or what is given here."""
        settings = Settings.model_validate(document["settings"])
        return over(instead, over(self.rds.places.get(self.at_site, Place()), settings))

    def bring_back(self, document: Mapping[str, Any], name: str, mark: Mark, instead: Place) -> Work[Endpoint]:
        """Restore the snapshot at the site as a database of this name. Raise CloudMissingError if it is not there."""
        source, cloud = self.require_snapshot(document), self.cloud(self.at_site)
        return (yield from restore_snapshot(cloud, source, name, self.wanted(document, instead), mark))

    def look_at(self, document: Mapping[str, Any], endpoint: Endpoint) -> RestoredInCloud:
        """Return what was restored there, to be proven and checked."""
        cloud, server = self.cloud(self.at_site), self.rds.database_server
        facts = _facts(read_settings(cloud, endpoint.database))
        look = partial(databases_at, self.runtime, server, (endpoint.host, endpoint.port)) if server else None
        return RestoredInCloud(str(self.unit), facts, document["settings"]["allocated_gib"] * _GIB, look)

    def runbook(self, member: MemberSnapshot, facts: dict[str, Any], suffix: str) -> Runbook:
        region, words = shlex.quote(member.details["region"]), WORDS[self.rds.kind]
        snapshot, kind = shlex.quote(str(member.proof.summary["name"])), words.noun.lower().replace(" ", "-")
        restore = {
            "instance": f"aws rds restore-db-instance-from-db-snapshot --db-snapshot-identifier {snapshot}",
            "cluster": f"aws rds restore-db-cluster-from-snapshot --snapshot-identifier {snapshot} "
            f"--engine {shlex.quote(facts['engine'])}",
        }[self.rds.kind]
        steps = (
            f"REGION=${{REGION:-{region}}}\n"
            f'{restore} --region "$REGION" --{kind}-identifier "$TARGET"\n'
            f'aws rds wait {kind}-available --region "$REGION" --{kind}-identifier "$TARGET"\n'
        )
        in_place = (
            "It has default groups, no standby and no backups: the settings of its source are in /cloud.json of this\n"
            "member. Give it those with `aws rds modify-db-…`, and a cluster its instances with `create-db-instance`.\n"
        )
        target = f"{self.rds.identifier}-{suffix}"
        return Runbook(member.member, ("aws",), "TARGET", target, member.size_bytes, steps, in_place)


def require_automated_backups(runtime: Runtime, unit: Unit) -> None:
    """Raise PreflightError when a database has no automated backups, as WSO2's own templates leave it: then there is no
    way back to a time between two restore points. That it would be deleted without a last snapshot (DeletionPolicy:
    Delete) is in the template alone; AWS tells nobody."""
    engine = RdsEngine(runtime, unit)
    if not engine.live().require(engine.cloud()).get("BackupRetentionPeriod"):
        raise PreflightError(
            f"{unit}: {engine.live()} has no automated backups (BackupRetentionPeriod is 0).",
            next_step="Set it to 7 days or more. WSO2's CloudFormation templates have 0, and DeletionPolicy: Delete, "
            "which no API tells: look into yours.",
        )


def _facts(settings: Settings) -> dict[str, Any]:
    """Return what a restored database must have in common with its source, wherever it is."""
    return {
        "engine": settings.engine,
        "major_version": _major(settings),
        "allocated_gib": settings.allocated_gib,
        "kind": settings.kind,
    }


def _major(settings: Settings) -> str:
    """Return what no restore changes of a version; a minor one that AWS no longer offers it replaces by a newer one."""
    return ".".join(settings.engine_version.split(".")[: 1 if "postgres" in settings.engine else 2])


ENGINE = RdsEngine
