"""Restore points with RDS databases and EC2 machines: captured, copied to another region, drilled there, and gone."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifeboat.aws.account import cloud_of
from lifeboat.aws.cloud import tags_of
from lifeboat.aws.points import leftovers_of_site, remove_from_clouds
from lifeboat.break_glass import BareRuntime, break_glass
from lifeboat.capture import capture_unit, make_point, open_point, seal_point
from lifeboat.deployment import Unit
from lifeboat.drill import drill_point, drill_unit
from lifeboat.engines._databases_elsewhere import databases_at
from lifeboat.manifest import Check
from lifeboat.preflight import world_problems
from lifeboat.replication import replicate
from lifeboat.runbook import scripts
from lifeboat.sample.ports import free_port
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.upkeep_documents import Removed
from tests.contract.aws.conftest import make_instance
from tests.support.cloud_sites import CloudSites
from tests.support.command_line import lifeboat_here
from tests.support.engine_sources import connection_to
from tests.support.fake_cloud import HOME, OTHER, FakeCloud, Killed
from tests.support.miniature import DATABASES, make_databases
from tests.support.quick_vault import PASSWORD
from tests.support.small_deployment import NAME

RDS, CLUSTER, IMAGE = (Unit.parse(each) for each in ("rds/apim", "rds/shared", "image/gw"))


@pytest.fixture
def sites(
    fake: FakeCloud,
    database: object,
    cluster: object,
    machine: str,
    key: str,
    empty_vaults: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> CloudSites:
    """The deployment, whose waits take no time."""

    def without_waiting(*arguments: Any) -> Any:
        cloud = cloud_of(*arguments)
        cloud.clock, session = fake.clock.clock, cloud.new_session
        cloud.new_session = lambda: fake.watched(session())
        return cloud

    monkeypatch.setattr("lifeboat.aws.sites.cloud_of", without_waiting)
    return CloudSites.in_cloud(tmp_path / "sites", empty_vaults, key, machine)


def in_cloud(fake: FakeCloud, region: str) -> list[str]:
    """Return what carries a mark of Lifeboat's in a region, by its kind."""
    rds, ec2 = fake.client("rds", region), fake.client("ec2", region)
    lists = {
        "snapshot": rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"],
        "cluster snapshot": rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"],
        "database": [*rds.describe_db_instances()["DBInstances"], *rds.describe_db_clusters()["DBClusters"]],
        "image": ec2.describe_images(Owners=["self"])["Images"],
        "machine": [each["Instances"][0] for each in ec2.describe_instances()["Reservations"]],
        "volume": ec2.describe_volumes()["Volumes"],
    }
    return [
        kind
        for kind, things in lists.items()
        for each in things
        if "lifeboat:run" in tags_of(each.get("TagList") or each.get("Tags"))
        and (each.get("State") or {}) != {"Code": 48, "Name": "terminated"}
    ]


KEPT = ["snapshot", "cluster snapshot", "image"]


def red(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: check.detail for check in checks if check.outcome == "failed"}


def test_a_point_is_whole_in_both_regions_and_proven_in_each(
    fake: FakeCloud, sites: CloudSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.slow = 300
    with sites.runtime() as runtime:
        catalog = sites.catalog()
        signed = make_point(runtime, "system_backup")
        catalog.add_point(signed)
        assert in_cloud(fake, HOME) == KEPT
        assert (in_cloud(fake, OTHER), fake.clock.passed > 300) == ([], True)
        point = signed.manifest
        assert {str(each.unit) for each in point.units} == {"tree/documents", str(RDS), str(CLUSTER), str(IMAGE)}
        copied = replicate(runtime, catalog, "other")
        assert (copied.error, copied.failures, copied.whole) == ("", (), 1)
        assert in_cloud(fake, OTHER) == KEPT
        again = replicate(runtime, catalog, "other", again=True)
        assert (again.error, again.failures) == ("", ())
        for site in ("main", "other"):
            evidence = drill_point(runtime, catalog, point.id, site=site)
            assert evidence.passed, [red(drill.checks) for drill in evidence.units]
        assert in_cloud(fake, HOME) == in_cloud(fake, OTHER) == KEPT
        made = ("CreateDBSnapshot", "CopyDBSnapshot", "CreateImage", "CopyImage", "CopyDBClusterSnapshot")
        assert [fake.asked.count(each) for each in made] == [1] * 5
        printed = scripts(runtime, point, "main")
        monkeypatch.setenv("RESTIC_PASSWORD", PASSWORD)
        with break_glass(str(sites.vault_directory("main")), None, []) as opened:
            opened.read()
            bare = BareRuntime(point, opened)
            assert scripts(bare, point, "vault").keys() == printed.keys() == {each.member for each in point.members()}
        image = fake.client("ec2").describe_images(Owners=["self"])["Images"][0]["Name"]
        assert f"Name=name,Values={image}" in printed[str(IMAGE)]
        assert f"--db-snapshot-identifier {point.unit(RDS).members[0].proof.summary['name']}" in printed[str(RDS)]


def test_a_second_attempt_uses_the_snapshot_of_the_first(fake: FakeCloud, sites: CloudSites) -> None:
    with sites.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup", units=[RDS])
        first, second = (capture_unit(runtime, point, RDS) for _ in range(2))
        assert first.attempt != second.attempt
        sealed = seal_point(runtime, point, [second])
        assert (sealed.manifest.unit(RDS).instant, in_cloud(fake, HOME)) == (first.instant, ["snapshot"])


def test_what_is_gone_or_other_in_the_cloud_is_red(fake: FakeCloud, sites: CloudSites) -> None:
    with sites.runtime() as runtime:
        point = make_point(runtime, "system_backup", units=[RDS, IMAGE]).manifest
        name = point.unit(RDS).members[0].proof.summary["name"]
        rds, ec2 = fake.client("rds"), fake.client("ec2")
        rds.delete_db_snapshot(DBSnapshotIdentifier=name)
        ec2.deregister_image(ImageId=ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"])
        assert (
            "is not in the account of site 'main'" in red(drill_unit(runtime, point.id, RDS).checks)["cloud-restored"]
        )
        assert "cloud-restored" in red(drill_unit(runtime, point.id, IMAGE).checks)
        make_instance(fake, "other", AllocatedStorage=99)
        rds.create_db_snapshot(DBInstanceIdentifier="other", DBSnapshotIdentifier=name)
        assert "allocated_gib" in red(drill_unit(runtime, point.id, RDS).checks)["cloud-restored"]
        assert in_cloud(fake, HOME) == []


def test_a_point_without_its_copy_in_the_region_is_not_whole_there(fake: FakeCloud, sites: CloudSites) -> None:
    with sites.runtime() as runtime:
        catalog = sites.catalog()
        catalog.add_point(make_point(runtime, "system_backup", units=[RDS]))
    sites.set_sites(other={"kms_key": None})
    with sites.runtime() as runtime:
        copied = replicate(runtime, catalog, "other")
        assert copied.whole == 0
        assert "is encrypted, and no key of us-east-1 is given" in copied.failures[0]
        assert runtime.vault("other").snapshots({"kind": "manifest"}) == []


def test_a_killed_drill_leaves_what_expires_and_is_removed(fake: FakeCloud, sites: CloudSites) -> None:
    with sites.runtime() as runtime:
        point = make_point(runtime, "system_backup", units=[RDS]).manifest
        with fake.failing_at(_restoring(fake, sites, point.id), "killed"), pytest.raises(Killed):
            drill_unit(runtime, point.id, RDS)
        assert in_cloud(fake, HOME) == ["snapshot", "database"]
        assert leftovers_of_site(runtime, "main")[1] == []
        fake.clock.sleep(25 * 3600)
        environment = sites.environment()
        shown = lifeboat_here(environment, "aws", "leftovers", NAME).stdout
        assert "Site main: DB instance lifeboat-drill-" in shown
        assert "Site other (us-east-1): nothing is left." in shown
        assert "removed 1 of 1" in lifeboat_here(environment, "aws", "leftovers", NAME, "--remove").stdout
        assert in_cloud(fake, HOME) == ["snapshot"]


def _restoring(fake: FakeCloud, sites: CloudSites, point: str) -> int:
    """Return the number of the request of a drill that makes the database."""
    begun = len(fake.asked)
    with sites.runtime() as runtime:
        drill_unit(runtime, point, RDS)
    return fake.asked[begun:].index("RestoreDBInstanceFromDBSnapshot")


def test_what_a_point_kept_goes_when_the_vault_has_nothing_of_it(fake: FakeCloud, sites: CloudSites) -> None:
    with sites.runtime() as runtime:
        old = datetime.now(UTC) - timedelta(days=90)
        for run_after, units in ((old, [RDS, IMAGE]), (old + timedelta(days=1), [RDS])):
            point = open_point(runtime.deployment, "system_backup", run_after=run_after, seed="x", units=units)
            last = seal_point(runtime, point, [capture_unit(runtime, point, unit) for unit in units])
        assert leftovers_of_site(runtime, "main")[1] == []
        first = {each.tags["point"] for each in runtime.vault("main").snapshots({})} - {last.manifest.id}
        vault = runtime.housekeeper("main")
        vault.forget([each.id for each in vault.snapshots({"point": first.pop()})])
        removed: list[Removed] = []
        remove_from_clouds(runtime, removed, [])
        assert sorted(each.why.endswith("is gone") for each in removed) == [True, True]
        assert in_cloud(fake, HOME) == ["snapshot"]
        vault.forget([each.id for each in vault.snapshots({})])
        assert leftovers_of_site(runtime, "main")[1] == []  # an empty vault may be the wrong one


def test_databases_without_automated_backups_are_told(
    fake: FakeCloud, sites: CloudSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)  # no Airflow is asked for its pools
    make_instance(fake, "bare", BackupRetentionPeriod=0)
    with sites.change_unit("rds", "apim", identifier="bare") as runtime:
        problems = [problem.message for problem in world_problems(runtime)]
    assert problems == [
        "rds/apim: DB instance bare in eu-west-1 has no automated backups (BackupRetentionPeriod is 0)."
    ]


@pytest.fixture(scope="module")
def postgres() -> Iterator[SamplePostgres]:
    """What a restored database of RDS is, for want of one: a PostgreSQL with WSO2's tables."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-rds-"))
    directory.chmod(0o711)
    server = SamplePostgres(directory / "postgres")
    server.start()
    make_databases(server)
    yield server
    server.stop()
    shutil.rmtree(directory)


def test_a_drill_looks_into_the_restored_databases_where_it_reaches_them(
    sites: CloudSites, postgres: SamplePostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = {name: {"role": role} for name, role in DATABASES.items()}
    sites.units["database_servers"] = {
        "main-db": {"engine": "postgres", "connection": "bench_postgres", "databases": databases}
    }
    account = connection_to(postgres)
    monkeypatch.setattr(sites, "more_connections", {account.id: account})
    asked: list[Any] = []

    def at(runtime: Any, server: str, address: Any) -> Any:
        asked.append(address)
        return databases_at(runtime, server, there[0] if address else None)

    monkeypatch.setattr("lifeboat.engines.rds.databases_at", at)
    with sites.change_unit("rds", "apim", database_server="main-db") as runtime:
        point = make_point(runtime, "system_backup", units=[RDS]).manifest
        there = [(account.host, account.port)]
        looked = drill_unit(runtime, point.id, RDS).checks
        there = [("127.0.0.1", free_port())]
        not_reached = drill_unit(runtime, point.id, RDS).checks
    assert len({check.name for check in looked if check.verdict == "health" and check.outcome == "passed"}) > 5
    assert red(looked) == red(not_reached) == {}
    assert [(c.name, c.outcome) for c in not_reached if c.verdict == "health"] == [("database-answers", "skipped")]
    assert asked[0] is None
    assert asked[1][0].endswith(".rds.amazonaws.com")
