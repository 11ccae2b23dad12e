"""A site that is lost, and another one that takes over; first it rehearses that. All of it is real but the cloud's own
requests."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from lifeboat.aws.clock import Clock
from lifeboat.aws.leftovers import clear, find_leftovers
from lifeboat.aws.sites import cloud_of_site
from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.deployment_file import load_deployment
from lifeboat.drill import drill_point
from lifeboat.errors import (
    CloudMissingError,
    ConfigurationError,
    LifeboatError,
    PuppetError,
    RecoveryError,
    UnreachableError,
)
from lifeboat.preflight import world_problems
from lifeboat.recovery_journal import interrupted, new_recovery_id, refuse_other_recovery
from lifeboat.replication import replicate
from lifeboat.retention_uses import journals as needed
from lifeboat.retention_uses import uses_by_journals
from lifeboat.runtime import Runtime
from lifeboat.site_recovery import begin, give_up, journals, refuse_other
from lifeboat.site_recovery_documents import SiteRecoveryEvidence, SiteRecoveryPlan, SiteRequest
from lifeboat.site_recovery_plan import plan_site_recovery, refuse_changed
from lifeboat.site_recovery_report import print_site_recoveries
from lifeboat.site_recovery_run import carry_out, switch_back
from tests.support.cloud_server import environment_of
from tests.support.command_line import clean_environment, lifeboat_here
from tests.support.fake_cloud import OTHER
from tests.support.takeover import BEFORE, SERVER, SITE, TOML, TakeoverSites
from tests.support.waiting import eventually

NAME = "lost"


class Lost(TakeoverSites):
    """The deployment with a catalog, and a restore point that is good at the other site."""

    def runtime(self) -> Runtime:
        return Runtime(load_deployment(self.write(self.deployments)), self.connections().__getitem__)

    @property
    def deployments(self) -> Path:
        return self.directory / "deployments"

    def catalog(self) -> Catalog:
        return Catalog(URL.create("sqlite", database=str(self.directory / "catalog.db")))

    def environment(self) -> dict[str, str]:
        own = {"LIFEBOAT_DEPLOYMENTS": str(self.deployments), "LIFEBOAT_CATALOG": str(self.directory / "catalog.db")}
        return {**own, **environment_of(*self.connections().values())}

    def lose(self) -> None:
        self.deployments.mkdir()
        catalog = self.catalog()
        with self.runtime() as runtime:
            signed = make_point(runtime, "system_backup")
            catalog.add_point(signed)
            assert replicate(runtime, catalog, SITE).passed
            drilled = drill_point(runtime, catalog, signed.manifest.id, site=SITE)
            assert drilled.passed, [each for unit in drilled.units for each in unit.checks if each.outcome == "failed"]
        self.tenants_then = self.tenants()
        with self.connect(self.endpoint["Port"]) as connection:
            connection.execute("UPDATE um_tenant SET um_domain_name = 'later.example'")
        self.cloud.client("s3", "us-east-1").put_bucket_policy(
            Bucket="vault-main", Policy='{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}'
        )

    def plan(self, **request: Any) -> SiteRecoveryPlan:
        with self.runtime() as runtime:
            asked = SiteRequest.model_validate({"reason": "the region is away", **request})
            return plan_site_recovery(runtime, self.catalog(), SITE, asked, new_recovery_id())

    def carry_out(self, plan: SiteRecoveryPlan) -> SiteRecoveryEvidence:
        """Begin, or go on."""
        with self.runtime() as runtime:
            return carry_out(runtime, self.catalog(), begin(runtime, self.catalog(), plan, "a tester"))

    def give_up(self, plan: SiteRecoveryPlan) -> SiteRecoveryEvidence:
        with self.runtime() as runtime, runtime.at(SITE) as there:
            (journal,) = journals(there, plan.id)
            return give_up(runtime, self.catalog(), journal, "a tester")

    def evidence(self) -> list[SiteRecoveryEvidence]:
        return [each for each in self.catalog().site_recoveries(NAME) if isinstance(each, SiteRecoveryEvidence)]


@pytest.fixture(scope="module")
def of_module() -> Iterator[Lost]:
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-takeover-"))
    directory.chmod(0o711)
    made = Lost(directory, NAME)
    try:
        made.lose()
        yield made
    finally:
        made.stop()
        shutil.rmtree(directory)


@pytest.fixture
def lost(of_module: Lost) -> Iterator[Lost]:
    """The same, with nothing at the other site, before and after."""
    yield of_module
    of_module.clean()
    of_module.takeover, of_module.contents = {}, "snapshot"
    of_module.point_to(BEFORE)
    of_module.switched.unlink(missing_ok=True)
    assert of_module.made() == {}


def restored_port(lost: Lost) -> int:
    (found,) = lost.cloud.client("rds", OTHER).describe_db_instances()["DBInstances"]
    port: int = found["Endpoint"]["Port"]
    return port


def test_a_rehearsal_builds_everything_measures_and_leaves_nothing(lost: Lost) -> None:
    plan = lost.plan(rehearsal=True)
    assert (plan.hourly_cost, plan.servers, plan.units) == (0.5, (SERVER,), (f"home/{SERVER}",))
    assert "it comes with snapshot" in plan.left[0]
    assert plan.switches == ()
    evidence = lost.carry_out(plan)
    assert (evidence.succeeded, evidence.action, evidence.error) == (True, "rehearse", "")
    assert list(evidence.seconds) == ["make", "check databases", "Puppet", "members", "take down"]
    passed = {check.name for check in evidence.checks if check.outcome == "passed"}
    assert {"cloud-restored", "database-answers", "registry-seeded", "puppet", "tree-content"} <= passed
    assert evidence.servers[SERVER].startswith("healthy by ")
    assert (evidence.stands, len(evidence.removed)) == ({}, 2)
    assert (lost.made(), lost.points_to(), lost.switched.exists()) == ({}, [BEFORE], False)
    text = (lost.there.home / TOML).read_text()
    assert "cp.west.example" not in text  # that name may lead to what is live
    assert lost.there.processes() == []
    with lost.runtime() as runtime, runtime.at(SITE) as there:
        assert interrupted(there) == []
    later = lost.plan()
    assert later.expected_by == f"rehearsal {plan.id}"
    assert later.expected_seconds == {name: took for name, took in evidence.seconds.items() if name != "take down"}
    with lost.runtime() as runtime, pytest.raises(RecoveryError, match="was a rehearsal"):
        switch_back(runtime, lost.catalog(), SITE, plan.id, "a tester")


def test_a_site_takes_over_gives_the_traffic_back_and_is_given_up(lost: Lost) -> None:
    options = ("--confirm", NAME, "--reason", "flood")
    ended = lifeboat_here(lost.environment(), "site", "recover", NAME, SITE, *options)
    assert ended.status == 0, ended.stdout + ended.stderr
    (plan, evidence) = (lost.catalog().site_recoveries(NAME)[-2].plan, lost.evidence()[-1])  # type: ignore[union-attr]
    assert evidence.succeeded
    assert {tags["lifeboat:purpose"] for tags in lost.made().values()} == {"recovery"}
    address = evidence.stands["cp"].partition(" at ")[2]
    assert lost.points_to() == [address]
    assert lost.switched.read_text().startswith(f'over {{"shared": "127.0.0.1", "cp": "{address}"}}')
    port = restored_port(lost)
    assert lost.tenants(port) == lost.tenants_then
    text = (lost.there.home / TOML).read_text()
    assert f"127.0.0.1:{port}/shared_db" in text
    assert 'hostname = "cp.west.example"' in text
    assert lost.there.processes()

    before = (lost.there.home / TOML).stat().st_ino
    again = lost.carry_out(plan)
    assert (lost.there.home / TOML).stat().st_ino == before
    assert "not run again" in {check.name: check.detail for check in again.checks}["puppet"]
    assert (again.succeeded, restored_port(lost), len(lost.made())) == (True, port, 2)

    with pytest.raises(RecoveryError, match="is not removed: traffic leads to it: record"):
        lost.give_up(plan)
    with lost.runtime() as runtime:
        back = switch_back(runtime, lost.catalog(), SITE, plan.id, "a tester")
    assert back.succeeded
    assert lost.points_to() == [BEFORE]
    assert lost.switched.read_text().splitlines()[-1] == "back"
    assert plan.id in needed(lost.catalog(), NAME)
    ended = lifeboat_here(lost.environment(), "site", "give-up", NAME, SITE, plan.id, "--confirm", NAME)
    assert ended.status == 0, ended.stdout + ended.stderr
    assert plan.id not in needed(lost.catalog(), NAME)
    assert lost.evidence()[-1].action == "give-up"
    with pytest.raises(RecoveryError, match="was given up"):
        lost.carry_out(plan)
    listed = lifeboat_here(lost.environment(), "site", "list", NAME).stdout
    assert [what in listed for what in ("begun", "recover", "switch-back", "give-up")] == [True] * 4


def test_contents_from_the_vault_are_proven_row_by_row(lost: Lost) -> None:
    lost.contents = "vault"
    plan = lost.plan(rehearsal=True)
    assert set(plan.units) == {"database/main-db", f"home/{SERVER}"}
    evidence = lost.carry_out(plan)
    assert evidence.succeeded, evidence.error
    assert "table-content" in {check.name for check in evidence.checks if check.outcome == "passed"}


def test_a_failed_recovery_stands_and_goes_on(lost: Lost) -> None:
    working = lost.puppet
    lost.puppet = lost.node.settings("file { '/no/such/directory/file': content => 'x' }", configuration=None)
    plan = lost.plan()
    with pytest.raises(PuppetError) as caught:
        lost.carry_out(plan)
    stands = lost.made()
    assert len(stands) == 2
    assert all(name in caught.value.next_step for name in stands)
    assert f"--resume {plan.id}" in caught.value.next_step
    assert lost.points_to() == [BEFORE]
    with lost.runtime() as runtime:
        uses = uses_by_journals(lost.catalog(), runtime.deployment)
        assert uses[plan.point] == f"recovery {plan.id} of site {SITE}, which is neither finished nor given up"
    with pytest.raises(RecoveryError, match="neither finished nor given up"):
        lost.carry_out(lost.plan())
    lost.puppet = working
    lost.write(lost.deployments)
    resume = ("--resume", plan.id, "--confirm", NAME)
    ended = lifeboat_here(lost.environment(), "site", "recover", NAME, SITE, *resume)
    assert ended.status == 0, ended.stdout + ended.stderr
    assert lost.made() == stands
    assert lost.points_to() != [BEFORE]
    with lost.runtime() as runtime:
        switch_back(runtime, lost.catalog(), SITE, plan.id, "a tester")
    assert lost.give_up(plan).succeeded


def test_what_is_given_up_in_the_middle_stands_in_nobodys_way(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: Any) -> None:
        raise UnreachableError("the line is cut", next_step="Wait.")

    plan = lost.plan()
    with monkeypatch.context() as changed:
        changed.setattr("lifeboat.site_recovery.recover", cut)
        with pytest.raises(UnreachableError, match="the line is cut"):
            lost.carry_out(plan)
    with lost.runtime() as runtime, runtime.at(SITE) as there:
        assert [each.recovery for each in interrupted(there)] == [plan.id]
        with pytest.raises(RecoveryError, match=f"lifeboat site recover {NAME} {SITE} --resume {plan.id}"):
            refuse_other_recovery(there)
        assert lost.give_up(plan).succeeded
        assert interrupted(there) == []
        refuse_other(there, "")


def test_an_interrupted_rehearsal_is_taken_down_and_recorded(lost: Lost) -> None:
    lost.write(lost.deployments)
    command = [sys.executable, "-m", "lifeboat.cli", "site", "recover", NAME, SITE, "--rehearse", "--confirm", NAME]
    own = {"env": clean_environment(lost.environment()), "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **own) as process:  # type: ignore[call-overload]
        assert eventually(lambda: len(lost.made()) == 2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Nothing of the rehearsal is left in AWS." in said
    assert lost.made() == {}
    told = lost.evidence()[-1]
    assert (told.action, told.error, told.stands) == ("rehearse", "interrupted", {})


def test_a_killed_rehearsal_stands_in_nobodys_way_and_goes_when_it_has_expired(lost: Lost) -> None:
    lost.write(lost.deployments)
    command = [sys.executable, "-m", "lifeboat.cli", "site", "recover", NAME, SITE, "--rehearse", "--confirm", NAME]
    with subprocess.Popen(command, env=clean_environment(lost.environment()), stdout=subprocess.DEVNULL) as process:
        assert eventually(lambda: len(lost.made()) == 2)
        process.kill()
    assert {tags["lifeboat:purpose"] for tags in lost.made().values()} == {"rehearsal"}
    with lost.runtime() as runtime, runtime.at(SITE) as there:
        refuse_other(there, "")
        cloud = cloud_of_site(there, SITE)
        assert find_leftovers(cloud, [OTHER], deployment=NAME) == []
        cloud.clock = Clock(now=lambda: datetime.now(UTC) + timedelta(days=2))
        left = find_leftovers(cloud, [OTHER], deployment=NAME)
        assert len(left) == 2
        assert clear(cloud, left).failed == ()


def test_what_stands_in_the_way_is_said_before_anything_is_made(lost: Lost) -> None:
    plan = lost.plan()
    lost.takeover = {"machines": {}, "switch": []}
    with pytest.raises(RecoveryError, match=f"would touch what stands at site 'west' already: home/{SERVER}"):
        lost.plan(rehearsal=True)
    with (
        lost.runtime() as runtime,
        pytest.raises(RecoveryError, match=r"changed while it waited .*: machines, switches"),
    ):
        refuse_changed(runtime, lost.catalog(), plan)
    with lost.runtime() as runtime, pytest.raises(ConfigurationError, match="does not say how site 'main' takes over"):
        plan_site_recovery(runtime, lost.catalog(), "main", SiteRequest(), new_recovery_id())
    lost.takeover = {"switch": [{"kind": "command", "run": ["no-such-program"]}]}
    with pytest.raises(LifeboatError, match="no program 'no-such-program'"):
        lost.plan()
    with lost.runtime() as runtime:
        assert "no program 'no-such-program'" in str(list(map(str, world_problems(runtime))))
    lost.takeover = {}
    image = lost.cloud.client("ec2", OTHER).describe_images(Owners=["self"])["Images"][0]["ImageId"]
    lost.cloud.client("ec2", OTHER).deregister_image(ImageId=image)
    with pytest.raises(CloudMissingError, match=r"image/cp: image .* is not whole in the account of site 'west'"):
        lost.plan()
    print_site_recoveries(lost.catalog().site_recoveries(NAME))
