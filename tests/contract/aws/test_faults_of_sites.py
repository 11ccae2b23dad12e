"""Every request by which a site's recovery or rehearsal changes something in AWS meets every fault once.

Each run ends well, or with an error that says what to do and with evidence that names what stands; the same command
again brings it to its end; nothing is made twice, and what was made is gone in the end. What stands here are databases
and machines of moto's, which answer nobody: what asks them is in `test_site_recovery`. `killed` requests are carried
out and nobody hears of it.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lifeboat.capture import capture_unit, open_point, seal_point
from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from lifeboat.errors import LifeboatError, RecoveryError, UnreachableError
from lifeboat.recovery_journal import new_recovery_id
from lifeboat.replication import replicate
from lifeboat.runtime import Runtime
from lifeboat.site_recovery import begin, give_up
from lifeboat.site_recovery_documents import SiteRecoveryEvidence, SiteRecoveryJournal, SiteRequest
from lifeboat.site_recovery_plan import plan_site_recovery
from lifeboat.site_recovery_run import carry_out, switch_back
from tests.contract.aws.test_points import in_cloud
from tests.support.cloud_sites import CloudSites
from tests.support.fake_cloud import OTHER, FakeCloud, Fault, Killed
from tests.support.small_deployment import NAME

SITE = "other"
PUBLIC, BEFORE = "am.example.org", "192.0.2.7"
#: The site's copies, and those with what a recovery makes.
COPIES, MADE = ["snapshot", "image"], ["snapshot", "database", "image", "machine", "volume", "volume"]
#: What a request meets; botocore makes up for the first.
FAULTS: tuple[Fault, ...] = ("lost", "killed", "down", "denied")

Step = Callable[[], SiteRecoveryEvidence]


@dataclass
class Case:
    """A recovery or a rehearsal whose journal is written, at a site in which nothing stands."""

    fake: FakeCloud
    sites: CloudSites
    zone: str
    journal: SiteRecoveryJournal

    def steps(self, runtime: Runtime) -> list[Step]:
        """Return what people do one after another; whatever failed they do again."""
        catalog, plan = self.sites.catalog(), self.journal.plan
        everything: list[Step] = [partial(carry_out, runtime, catalog, self.journal)]
        if not plan.rehearsal:
            everything += [
                partial(switch_back, runtime, catalog, SITE, plan.id, "a tester"),
                partial(give_up, runtime, catalog, self.journal, "a tester"),
            ]
        return everything

    def look(self) -> tuple[list[str], list[str]]:
        """Return what is in the site's region, by kind, and where the public name leads."""
        route53 = self.fake.client("route53")
        listed = route53.list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        leads = [value["Value"] for each in listed if each["Type"] == "A" for value in each["ResourceRecords"]]
        return in_cloud(self.fake, OTHER), leads

    def address(self) -> list[str]:
        """Return the address of each machine that runs at the site."""
        filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        found = self.fake.client("ec2", OTHER).describe_instances(Filters=filters)["Reservations"]
        return [each["PrivateIpAddress"] for reservation in found for each in reservation["Instances"]]

    def wanted(self, step: int) -> tuple[list[str], list[str]]:
        """Return how it must look after a step that ended well."""
        if self.journal.plan.rehearsal or step == 2:
            return COPIES, [BEFORE]
        return MADE, self.address() if step == 0 else [BEFORE]

    def told(self) -> SiteRecoveryEvidence:
        """Return the newest evidence."""
        found = self.sites.catalog().site_recoveries(NAME)[-1]
        assert isinstance(found, SiteRecoveryEvidence)
        return found


@pytest.fixture
def sites(
    fake: FakeCloud,
    database: object,
    machine: str,
    key: str,
    empty_vaults: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> CloudSites:
    """Two sites whose waits take no time, with nothing behind their databases and machines."""
    monkeypatch.setattr("lifeboat.aws.sites.cloud_of", lambda _, region: fake.cloud(region))
    monkeypatch.setattr("lifeboat.site_recovery_run.prove_database", lambda *_: [])
    monkeypatch.setattr("lifeboat.site_recovery_run.wait_for_machine", lambda *_: None)
    monkeypatch.setattr("lifeboat.site_recovery_run._SIDE_BY_SIDE", 1)  # so that requests have their numbers
    return CloudSites.in_cloud(tmp_path / "sites", empty_vaults, key, machine)


def lead_home(fake: FakeCloud, zone: str) -> None:
    """Let the public name lead to the home site."""
    content = {"Name": PUBLIC, "Type": "A", "TTL": 300, "ResourceRecords": [{"Value": BEFORE}]}
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": content}]}
    fake.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)


def copied_point(sites: CloudSites) -> str:
    """Make a restore point of the database and the machine, and return its id once it is whole at the other site."""
    catalog, units = sites.catalog(), [Unit.parse("rds/apim"), Unit.parse("image/gw")]
    with sites.runtime() as runtime:
        point = open_point(runtime.deployment, "system_backup", units=units)
        signed = seal_point(runtime, point, [capture_unit(runtime, point, unit) for unit in units])
        catalog.add_point(signed)
        assert replicate(runtime, catalog, SITE).passed
    return signed.manifest.id


def let_take_over(sites: CloudSites, zone: str, *switches: dict[str, Any]) -> None:
    """Let the deployment file say how the other site takes over; after the record it switches these."""
    server = {"engine": "postgres", "connection": "main_db", "databases": {"shared_db": {"role": "shared"}}}
    sites.units |= {
        "rds": {"apim": {"identifier": "apim", "database_server": "main-db"}},
        "database_servers": {"main-db": server},
        "servers": {"cp": {"type": "apim-control-plane", "home": "/srv/cp"}},
    }
    for name, kind in {"main_db": "postgres", "other_db": "postgres", "other_cp": "ssh"}.items():
        sites.more_connections[name] = Connection(name, kind, host="nowhere.invalid", port=1, login="x", password="y")
    machine = {"bindings": ["cp"], "image": "gw", "launch": {"template": "keeping"}}
    record = {"kind": "record", "zone": zone, "name": PUBLIC, "type": "A", "machines": ["cp"]}
    bindings = {
        "cp": {"stands_in_for": "cp", "connection": "other_cp", "path": "/srv/cp"},
        "db": {"stands_in_for": "main-db", "connection": "other_db"},
    }
    takeover = {"databases": {"apim": {}}, "machines": {"cp": machine}, "switch": [record, *switches]}
    sites.set_sites(**{SITE: {"takeover": takeover, "bindings": bindings}})


@pytest.fixture
def begun(fake: FakeCloud, sites: CloudSites, zone: str, keeping_template: str) -> Callable[..., Case]:
    """Return what begins a recovery or a rehearsal, after whose switch of the record others may come."""
    lead_home(fake, zone)
    point = copied_point(sites)

    def begin_one(rehearsal: bool, *switches: dict[str, Any]) -> Case:
        let_take_over(sites, zone, *switches)
        asked, catalog = SiteRequest(point=point, unproven=True, rehearsal=rehearsal), sites.catalog()
        with sites.runtime() as runtime:
            plan = plan_site_recovery(runtime, catalog, SITE, asked, new_recovery_id())
            return Case(fake, sites, zone, begin(runtime, catalog, plan, "a tester"))

    return begin_one


def test_traffic_goes_back_without_the_site_and_past_a_switch_that_fails(
    begun: Callable[..., Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, working = tmp_path / "told", tmp_path / "working"
    back = ["/bin/sh", "-c", f'echo "$LIFEBOAT_ADDRESSES" >> {told}; test -e {working}']
    case = begun(False, {"kind": "command", "run": ["/bin/true"], "back": back})
    vault, away = case.sites.vault_directory(SITE), case.sites.directory / "away"
    with case.sites.runtime() as runtime:
        recover, give_back, give_all_up = case.steps(runtime)
        recover()
        assert case.look() == case.wanted(0)
        with pytest.raises(RecoveryError, match=r"Not switched back: run /bin/true: .*\. Switched back: record"):
            give_back()
        assert (case.look(), case.told().succeeded) == (case.wanted(1), False)
        with pytest.raises(RecoveryError, match="the traffic was not brought back"):
            give_all_up()
        working.touch()
        vault.rename(away)
        with monkeypatch.context() as without_site:
            unreachable = UnreachableError("the region is away", next_step="Wait.")
            without_site.setattr("lifeboat.site_recovery_run.made_by", raising(unreachable))
            with pytest.raises(RecoveryError, match=r"The traffic is back \(run /bin/true.*\), and that could not be"):
                give_back()
        assert told.read_text().splitlines()[-1] == "{}"
        away.rename(vault)
        assert (give_back().succeeded, give_all_up().succeeded, case.look()) == (True, True, case.wanted(2))


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("rehearsal", [True, False], ids=["rehearsal", "recovery"])
def test_every_change_survives_every_fault(begun: Callable[..., Case], rehearsal: bool) -> None:
    case = begun(rehearsal)
    case.fake.clock.sleep(100)  # what is there is not new
    # Between the looks of those who wait: at one of them, rounding would decide how many there are.
    case.fake.unseen, case.fake.slow = 19, 60
    vault, kept = case.sites.vault_directory(SITE), case.sites.directory / "kept"
    shutil.copytree(vault, kept)
    began = len(case.fake.asked)
    assert run_through(case) == []
    asked = case.fake.asked[began:]
    places = [number for number, each in enumerate(asked) if not each.startswith(("Describe", "List", "Get"))]
    changes = {"RestoreDBInstanceFromDBSnapshot", "RunInstances", "ModifyDBInstance"}
    changes |= {"TerminateInstances", "DeleteVolume", "DeleteDBInstance"} | (
        set() if rehearsal else {"ChangeResourceRecordSets"}
    )
    assert {asked[number] for number in places} == changes
    unclear = []
    for number in places:
        for fault in FAULTS:
            shutil.rmtree(vault)
            shutil.copytree(kept, vault)
            at = len(case.fake.asked) + number
            found = run_through(case, at, fault)
            assert case.fake.asked[at] == asked[number]
            unclear += [f"{fault} at {number}, {asked[number]}: {each}" for each in found]
    assert unclear == []


def run_through(case: Case, at: int | None = None, fault: Fault = "lost") -> list[str]:
    """Do all steps, each again that fails; the request of this number meets a fault. Return what was not as it must
    be."""
    wrong = []
    with case.sites.runtime() as runtime:
        for step, do in enumerate(case.steps(runtime)):
            told = None
            if at is None:
                do()
            else:
                with case.fake.failing_at(at - len(case.fake.asked), fault):
                    told = attempt(do)
            if told is not None:
                wrong += [f"step {step}: {each}" for each in not_clear(case, told, fault)]
                do()
            if case.look() != case.wanted(step):
                wrong.append(f"after step {step}: {case.look()}")
    return wrong


def attempt(do: Step) -> BaseException | SiteRecoveryEvidence | None:
    """Do something; return why it failed, or None."""
    try:
        told = do()
    except (LifeboatError, Killed) as error:
        return error
    return None if told.succeeded else told


def not_clear(case: Case, told: Any, fault: Fault) -> Iterator[str]:
    """Yield what a person does not get to know after a failure."""
    if fault == "lost":
        yield f"it is not made up for: {told}"
    if isinstance(told, Killed):
        return
    if isinstance(told, LifeboatError) and not told.next_step:
        yield f"{told} has no next step"
    evidence = case.told()
    if evidence.succeeded or not evidence.error:
        yield f"the evidence says that it went well: {evidence.action}"
    things = case.look()[0]
    alone = "machine" not in things  # otherwise they go with it
    standing = [each for each in things if each in ("database", "machine") or (each == "volume" and alone)]
    if len(evidence.stands) < len(standing):
        yield f"of {standing} the evidence names {list(evidence.stands)}"
