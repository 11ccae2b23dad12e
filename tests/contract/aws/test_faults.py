"""Every request of every operation meets every fault once.

Each run ends well or with an error that says what to do; a second run without faults ends well; and in the end there is
one of each thing, with its mark. `killed` requests are carried out and nobody hears of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto.ec2.models import ec2_backends
from moto.rds.models import rds_backends

from lifeboat.aws.cloud import Cloud
from lifeboat.aws.ec2_images import copy_image, remove_image, take_image
from lifeboat.aws.ec2_instances import launch, terminate
from lifeboat.aws.leftovers import clear, find_made
from lifeboat.aws.names import Mark
from lifeboat.aws.rds_restore import promote_replica, remove_database, restore_snapshot, restore_to_time
from lifeboat.aws.rds_settings import TEMPORARY, over, read_settings
from lifeboat.aws.rds_snapshots import copy_snapshot, remove_snapshot, share_snapshot, take_snapshot
from lifeboat.aws.rds_words import Database
from lifeboat.aws.switch import read_record, set_record
from lifeboat.aws.work import finish
from lifeboat.deployment_cloud import Launch, Place
from lifeboat.errors import LifeboatError
from tests.contract.aws.conftest import ANY_IMAGE
from tests.support.fake_cloud import HOME, OTHER, FakeCloud, Fault, Killed

#: What botocore or Lifeboat make up for by themselves, at any request.
MADE_UP_FOR: tuple[Fault, ...] = ("throttled", "lost", "expired")
#: The others end as one of these do.
SWEPT: tuple[Fault, ...] = (*MADE_UP_FOR, "killed", "down", "denied")

ACCOUNT = "123456789012"
INSTANCE, CLUSTER = Database("instance", "apim", HOME), Database("cluster", "shared", HOME)


@dataclass(frozen=True)
class World:
    """What the operations of one sweep share."""

    fake: FakeCloud
    cloud: Cloud
    key: str
    machine: str
    template: str


def backup_of(source: Database) -> Callable[[World, str], None]:
    """Return the whole way of a database into another region."""

    def operation(world: World, run: str) -> None:
        cloud, mark = world.cloud, Mark("prod", run, "backup")
        snapshot = finish(cloud, take_snapshot(cloud, source, run, mark))
        share_snapshot(cloud, snapshot, "111122223333")
        finish(cloud, copy_snapshot(cloud, snapshot, OTHER, run, mark, kms_key=world.key))

    return operation


def instance_drill(world: World, run: str) -> None:
    cloud, mark = world.cloud, Mark("prod", run, "drill")
    settings = over(TEMPORARY, read_settings(cloud, INSTANCE))
    snapshot = finish(cloud, take_snapshot(cloud, INSTANCE, run, mark))
    finish(cloud, restore_snapshot(cloud, snapshot, f"{run}-restored", settings, mark))
    finish(cloud, restore_to_time(cloud, INSTANCE, None, f"{run}-as-of", settings, mark))


def drilled_and_gone(world: World, run: str) -> None:
    cloud, mark = world.cloud, Mark("prod", run, "drill")
    snapshot = finish(cloud, take_snapshot(cloud, CLUSTER, f"{run}-source", mark))
    settings = over(TEMPORARY, read_settings(cloud, CLUSTER))
    try:
        finish(cloud, restore_snapshot(cloud, snapshot, f"{run}-restored", settings, mark))
    finally:
        finish(cloud, remove_database(cloud, Database("cluster", f"{run}-restored", HOME), mark))
    finish(cloud, remove_snapshot(cloud, snapshot))


def rehearsed_and_taken_down(world: World, run: str) -> None:
    cloud, mark = world.cloud, Mark("prod", run, "rehearsal")
    source = finish(cloud, take_snapshot(cloud, INSTANCE, run, Mark("prod", run, "backup")))
    settings = over(Place(deletion_protection=False), read_settings(cloud, INSTANCE))
    try:
        finish(cloud, restore_snapshot(cloud, source, f"{run}-rehearsed", settings, mark))
        finish(cloud, launch(cloud, ANY_IMAGE, HOME, f"{run}-cp", Launch(template=world.template), mark))
    finally:
        cleared = clear(cloud, find_made(cloud, HOME, "prod", run))
    for _, error in cleared.failed:
        raise error


def image(world: World, run: str) -> None:
    cloud, mark = world.cloud, Mark("prod", run, "recovery")
    made = finish(cloud, take_image(cloud, world.machine, HOME, run, mark, reboot=False))
    copied = finish(cloud, copy_image(cloud, made, OTHER, run, mark, kms_key=world.key))
    finish(cloud, launch(cloud, copied.id, OTHER, run, Launch(instance_type="m5.large"), mark))


def image_and_gone(world: World, run: str) -> None:
    cloud, mark = world.cloud, Mark("prod", run, "drill")
    made = finish(cloud, take_image(cloud, world.machine, HOME, run, mark, reboot=False))
    started = finish(cloud, launch(cloud, made.id, HOME, run, Launch(template=world.template), mark))
    finish(cloud, terminate(cloud, started.id, HOME, mark))
    finish(cloud, remove_image(cloud, made.id, HOME))


def made_of(run: str) -> list[tuple[str, str]]:
    """Return everything in both regions that carries the mark of a run, by kind and region."""
    return sorted((kind, region) for kind, region, _ in _all_of(run))


def forget(run: str) -> None:
    """Take everything of a run out of the fake cloud, since all its lists are read again and again."""
    for kind, region, name in list(_all_of(run)):
        del _things(region)[kind][name]
    for region in (HOME, OTHER):
        reservations = ec2_backends[ACCOUNT][region].reservations
        for name, each in list(reservations.items()):
            if any(tag["value"] == run for machine in each.instances for tag in machine.get_tags()):
                del reservations[name]


def _all_of(run: str) -> Iterator[tuple[str, str, str]]:
    for region in (HOME, OTHER):
        for kind, things in _things(region).items():
            for name, each in things.items():
                if run in _tag_values(each) and _counts(each):
                    yield kind, region, name


def _things(region: str) -> dict[str, dict[str, Any]]:
    rds, ec2 = rds_backends[ACCOUNT][region], ec2_backends[ACCOUNT][region]
    return {
        "snapshot": rds.database_snapshots,
        "cluster snapshot": rds.cluster_snapshots,
        "database": rds.databases,
        "cluster": rds.clusters,
        "image": ec2.amis,
        "disk": ec2.snapshots,
        "machine": {each.id: each for each in ec2.all_instances()},
        "volume": ec2.volumes,
    }


def _tag_values(thing: Any) -> set[str]:
    return {tag.get("Value") or tag.get("value") for tag in thing.get_tags()}


def _counts(thing: Any) -> bool:
    """Return whether it is one that somebody made and nobody removed: RDS makes automated snapshots of its own."""
    state = getattr(getattr(thing, "_state", None), "name", "")
    return getattr(thing, "snapshot_type", "manual") == "manual" and state != "terminated"


OPERATIONS: dict[str, tuple[Callable[[World, str], None], list[tuple[str, str]]]] = {
    "instance_backup": (backup_of(INSTANCE), [("snapshot", HOME), ("snapshot", OTHER)]),
    "cluster_backup": (backup_of(CLUSTER), [("cluster snapshot", HOME), ("cluster snapshot", OTHER)]),
    "instance_drill": (instance_drill, [("database", HOME)] * 2 + [("snapshot", HOME)]),
    "cluster_drilled_and_gone": (drilled_and_gone, []),
    "rehearsed_and_taken_down": (rehearsed_and_taken_down, [("snapshot", HOME)]),
    "image": (
        image,
        [("disk", HOME), ("disk", OTHER), ("image", HOME), ("image", OTHER), ("machine", OTHER), ("volume", OTHER)],
    ),
    "image_and_gone": (image_and_gone, []),
}


@pytest.fixture
def world(
    fake: FakeCloud,
    cloud: Cloud,
    key: str,
    machine: str,
    keeping_template: str,
    database: Database,
    cluster: Database,
) -> World:
    return World(fake, cloud, key, machine, keeping_template)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_fault_at_every_request_is_made_up_for_or_told(world: World, name: str) -> None:
    operation, wanted = OPERATIONS[name]
    begun = len(world.fake.asked)
    operation(world, "run-x")
    requests = len(world.fake.asked) - begun
    assert made_of("run-x") == sorted(wanted)
    sites = list(_sites(world.fake.asked[begun : begun + requests]))
    assert len(sites) >= 2 * len(SWEPT)
    unclear = []
    for number, fault in sites:
        site, run = f"{fault} at {number}, {world.fake.asked[begun + number]}", f"run-{fault.split()[0]}-{number}"
        with world.fake.failing_at(number, fault):
            told = _told(operation, world, run)
        if told is not None and fault in MADE_UP_FOR:
            unclear.append(f"{site}: {told}")
        if isinstance(told, LifeboatError) and not told.next_step:
            unclear.append(f"{site} has no next step: {told}")
        operation(world, run)
        if made_of(run) != sorted(wanted):
            unclear.append(f"{site}: {made_of(run)}")
        forget(run)
    assert unclear == []


def _sites(asked: list[str]) -> Iterator[tuple[int, Fault]]:
    """Given the requests of an operation, yield those that are to fail, and how: each that changes something in every
    way; of those that only look the first of a name, since it matters little at which of them a run ends."""
    for number, operation in enumerate(asked):
        if not operation.startswith(("Describe", "List", "Get")):
            yield from ((number, fault) for fault in SWEPT)
        elif operation not in asked[:number]:
            yield from ((number, fault) for fault in SWEPT if fault in ("down", "expired", "denied"))


def _told(operation: Callable[[World, str], None], world: World, run: str) -> BaseException | None:
    try:
        operation(world, run)
    except (LifeboatError, Killed) as error:
        return error
    return None


@pytest.mark.parametrize("fault", SWEPT)
def test_a_promotion_and_a_switch_survive_every_fault(world: World, zone: str, fault: Fault) -> None:
    fake, cloud = world.fake, world.cloud

    def operation(world: World, run: str) -> None:
        finish(cloud, promote_replica(cloud, Database("instance", run, HOME), backup_retention_days=3))
        record = read_record(cloud, zone, f"{run}.example.org", "CNAME")
        finish(cloud, set_record(cloud, record.pointing_to([f"{run}.elsewhere"])))

    for number in range(9):
        run = f"run-{number}"
        rds = fake.client("rds")
        rds.create_db_instance_read_replica(DBInstanceIdentifier=run, SourceDBInstanceIdentifier="apim")
        with fake.failing_at(number, fault):
            told = _told(operation, world, run)
        assert told is None or fault not in MADE_UP_FOR, f"{fault} at {number}: {told}"
        operation(world, run)
        assert read_settings(cloud, Database("instance", run, HOME)).backup_retention_days == 3
        content = read_record(cloud, zone, f"{run}.example.org", "CNAME").content or {}
        assert content["ResourceRecords"] == [{"Value": f"{run}.elsewhere"}]


def test_a_double_would_be_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter("abc")
    monkeypatch.setattr("lifeboat.aws.ec2_instances.client_token", lambda *parts: next(tokens))
    mark = Mark("prod", "run-x", "recovery")
    how = Launch(instance_type="m5.large")
    for name in ("one", "another"):
        finish(world.cloud, launch(world.cloud, ANY_IMAGE, HOME, name, how, mark))
    assert made_of("run-x") == [("machine", HOME)] * 2 + [("volume", HOME)] * 2
