"""What protects a vault on S3, what is noticed when somebody takes that away, and what brings the vault back."""

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lifeboat.connections import Connection
from lifeboat.documents import MANIFEST_PATH, read_documents
from lifeboat.drill import drill_point
from lifeboat.errors import ConfigurationError, VaultError
from lifeboat.housekeeping import housekeep
from lifeboat.immutability import extend, require_locked
from lifeboat.manifest import MANIFEST_SCHEMA, Manifest, to_json
from lifeboat.replication import replicate
from lifeboat.signing import Signer, new_private_key
from lifeboat.upkeep_documents import Retained, UpkeepRecord, read_upkeep
from lifeboat.vault_recovery import plan_vault
from tests.support.command_line import lifeboat_here
from tests.support.locked_vault import BUCKET, PREFIX, Account, Locked, policies_enforced
from tests.support.small_deployment import NAME

DAY = timedelta(days=1)


def retain(locked: Locked) -> UpkeepRecord:
    with locked.runtime() as runtime:
        return housekeep(runtime, locked.catalog(), ["retain"])


def require(locked: Locked) -> None:
    with locked.runtime() as runtime:
        require_locked(runtime, "main")


def suspend(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


def shorten_the_default(s3: Any) -> None:
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 3}}
    s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def remove_the_rule(s3: Any) -> None:
    s3.delete_bucket_lifecycle(Bucket=BUCKET)


def let_all_expire(s3: Any) -> None:
    rule = {"ID": "thief", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [*rules, rule]})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (suspend, "versioning of bucket 'vaults' is suspended"),
        (shorten_the_default, "new objects in bucket 'vaults' are retained for 3 days of COMPLIANCE, not 30 days"),
        (remove_the_rule, "no lifecycle rule of bucket 'vaults' removes noncurrent versions"),
        (let_all_expire, "lifecycle rule 'thief' of bucket 'vaults' deletes what the vault uses"),
    ],
)
def test_a_bucket_that_does_not_protect_is_told_and_set_right(
    bare: Locked, change: Callable[[Any], None], told: str
) -> None:
    require(bare)
    change(bare.s3)

    with pytest.raises(ConfigurationError, match=told) as caught:
        require(bare)
    assert "lifeboat vault init" in caught.value.next_step
    recorded: list[Retained] = []
    with bare.runtime() as runtime, pytest.raises(VaultError, match=told):
        extend(runtime, [], "main", recorded)
    assert [told in finding for finding in recorded[0].findings] == [True]

    with bare.runtime() as runtime:
        runtime.s3_vault("main").set_up("COMPLIANCE", 30)
    if change is let_all_expire:  # somebody else's rule stays: people decide about it
        assert len(bare.s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]) == 2
    else:
        require(bare)


def test_everything_is_locked_each_night_and_never_for_less(locked: Locked) -> None:
    locked.point()
    versions = locked.versions()
    first = retain(locked)
    assert first.passed, first
    (told,) = first.retained
    assert (told.objects, told.complete) == (len(versions), True)
    longest = versions[0]
    much_later = (datetime.now(UTC) + 90 * DAY).replace(microsecond=0)
    lock(locked, longest, much_later)
    one = next(each for each in versions if "/data/" in each["Key"])
    lock(locked, one, datetime.now(UTC) + DAY)  # moto lets it be shortened, AWS does not

    second = retain(locked)

    assert not second.passed
    assert second.retained[0].findings == (f"the lock of 1 objects was shortened, such as {one['Key']}",)
    assert "the lock of 1 objects was shortened" in second.errors[0]
    locks = {each["VersionId"]: locked.lock_of(each) for each in versions}
    assert locks[longest["VersionId"]] == much_later
    assert min(locks.values()) >= told.until
    assert retain(locked).passed
    with locked.runtime() as runtime:
        records, refused = read_upkeep(runtime.vault("main"), runtime.signer(), NAME)
    assert (len(records), refused) == (3, [])


def test_what_is_overwritten_is_told(locked: Locked) -> None:
    locked.point()
    assert retain(locked).passed
    key = next(each["Key"] for each in locked.versions() if "/data/" in each["Key"])
    locked.s3.put_object(Bucket=BUCKET, Key=key, Body=b"overwritten by a thief")
    assert retain(locked).retained[0].findings == (
        f"1 objects were overwritten, which restic never does, such as {key}",
    )


def lock(locked: Locked, version: dict[str, Any], until: datetime) -> None:
    retention = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    locked.s3.put_object_retention(
        Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"], Retention=retention
    )


def forge_a_point(locked: Locked, true: Manifest) -> None:
    """Put a newer point into the vault, signed by another key."""
    now = datetime.now(UTC) + timedelta(hours=1)
    document = true.model_dump(mode="json", by_alias=True)
    document |= {"id": f"{now:%Y%m%dT%H%M%SZ}-f0f0f0f0", "sealed_at": now.isoformat()}
    key = Signer.from_connection(Connection("thief", "generic", password=new_private_key()))
    forged = to_json(Manifest.model_validate(document))
    unsigned = {"payloadType": MANIFEST_SCHEMA, "payload": base64.b64encode(forged).decode(), "signatures": []}
    with locked.runtime() as runtime:
        for envelope in (key.seal(MANIFEST_SCHEMA, forged), json.dumps(unsigned).encode()):
            tags = {"kind": "manifest", "deployment": NAME, "point": document["id"], "type": "system_backup"}
            runtime.vault("main").backup_bytes(envelope, MANIFEST_PATH, tags)


def test_after_a_theft_every_sealed_point_is_restored_and_proven(locked: Locked) -> None:
    """The thief may do all that the storage lets anybody do: delete, overwrite, shadow, forge."""
    signed = [locked.point(drilled=True)]
    assert retain(locked).passed
    (locked.directory / "documents/a").write_text("the second")
    signed.append(locked.point())  # locked by the bucket's default alone
    forge_a_point(locked, signed[1].manifest)
    versions = locked.versions()
    for each in versions:
        with pytest.raises(ClientError, match="AccessDenied"):
            locked.s3.delete_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])
    for number, each in enumerate(versions):
        if number % 3:
            locked.s3.put_object(Bucket=BUCKET, Key=each["Key"], Body=b"overwritten by a thief")
        if number % 3 < 2:
            locked.s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    rubbish = [f"{PREFIX}/keys/{number:064x}" for number in (0, 1)]
    for key in rubbish:
        locked.s3.put_object(Bucket=BUCKET, Key=key, Body=os.urandom(300))
    with locked.runtime() as runtime, pytest.raises(VaultError):
        runtime.vault("main").snapshots({})

    shown = lifeboat_here(locked.environment(), "vault", "recover", NAME, "--dry-run")
    assert (shown.status, f"{len(versions)} files come back, 2 go aside" in shown.stdout) == (0, True), shown.stdout
    done = lifeboat_here(locked.environment(), "vault", "recover", NAME, "--confirm", NAME)

    assert done.status == 0, done.stdout + done.stderr
    ids = sorted(each.manifest.id for each in signed)
    with locked.runtime() as runtime:
        catalog = locked.catalog()
        found = read_documents(runtime.vault("main"), runtime.signer(), NAME)
        assert sorted(found.manifests, key=lambda each: each.manifest.sealed_at) == signed
        assert len([each for each in found.refused if "not signed by a trusted key" in each]) == 2
        assert all(drill_point(runtime, catalog, each).passed for each in ids)
        assert runtime.housekeeper("main").check(1, 1) == ""
    newest = catalog.upkeep(NAME)[0].brought_back[0]
    assert (sorted(newest.points), newest.objects, sorted(newest.hidden)) == (ids, len(versions), rubbish)
    assert retain(locked).passed
    again = lifeboat_here(locked.environment(), "vault", "recover", NAME, "--dry-run")
    assert "0 files come back, 0 go aside" in again.stdout


def test_what_is_overwritten_is_repaired_from_another_site_as_well(locked: Locked, empty_vault: Path) -> None:
    shutil.copytree(empty_vault, locked.directory / "other")
    other = {"repository": str(locked.directory / "other"), "writer": "small_writer"}
    sites = {**locked.settings["sites"], "other": {"vault": other, "scratch": str(locked.directory / "scratch-other")}}
    locked.settings = {**locked.settings, "sites": sites}
    locked.write(locked.document())
    point = locked.point().manifest.id
    with locked.runtime() as runtime:
        assert replicate(runtime, locked.catalog(), "other").passed
        key = max((each for each in locked.versions() if "/data/" in each["Key"]), key=lambda each: each["Size"])["Key"]
        content = locked.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        locked.s3.put_object(Bucket=BUCKET, Key=key, Body=bytes(len(content)))  # a shorter one restic reads for long
        record = housekeep(runtime, locked.catalog(), ["check"])
        assert record.passed, record
        assert (record.repairs[0].points, record.repairs[0].sources) == ((point,), ("other",))
        assert record.repairs[0].packs == (key.rpartition("/")[2],)
        assert drill_point(runtime, locked.catalog(), point).passed
    assert retain(locked).passed


def test_the_genuine_version_is_told_by_its_content_and_a_time_says_what_was_there(bare: Locked) -> None:
    name = hashlib.sha256(b"genuine").hexdigest()
    key, gone = f"{PREFIX}/data/{name[:2]}/{name}", f"{PREFIX}/data/00/gone"
    for content in (b"rubbish", b"genuine", b"more rubbish"):  # as when a listing does not tell the order
        bare.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    bare.s3.put_object(Bucket=BUCKET, Key=gone, Body=b"pruned")
    bare.s3.delete_object(Bucket=BUCKET, Key=gone)
    with bare.runtime() as runtime:
        bucket = runtime.s3_vault("main")
        plan = plan_vault(bucket, datetime.now(UTC) + DAY)
        assert [(each.key, bucket.read(each)) for each in plan.back] == [(key, b"genuine")]
        before = plan_vault(bucket, datetime.now(UTC) - DAY)
    assert sorted(each.key for each in before.back) == sorted([key, gone])


def test_the_policies_let_each_account_do_its_work_and_no_more(locked: Locked) -> None:
    assert locked.storage
    writer = locked.storage.account("writer", locked.repository, "writer")
    keeper = locked.storage.account("keeper", locked.repository, "housekeeper")
    printed = lifeboat_here(locked.environment(), "vault", "policy", NAME, "writer")
    assert json.loads(printed.stdout)["Statement"][-1]["Effect"] == "Deny"
    locked.accounts = {"small_writer": writer, "small_housekeeper": keeper}
    with policies_enforced():
        point = locked.point(drilled=True).manifest.id
        (version,) = [each for each in _all(locked, keeper) if each["Key"].endswith("/config")]
        assert _refused(locked, writer, version) == ["delete_object", "delete_version", "list", "suspend", "elsewhere"]
        assert _refused(locked, keeper, version) == ["delete_version", "suspend", "elsewhere"]
        assert retain(locked).passed
        with locked.runtime() as runtime:
            vault = runtime.housekeeper("main")
            vault.forget([each.id for each in vault.snapshots({"point": point})])
            vault.prune("1G", DAY)
            assert vault.snapshots({"point": point}) == []


def _all(locked: Locked, account: Account) -> list[dict[str, Any]]:
    assert locked.storage
    client = account.client("s3", locked.storage.port)
    return list(client.list_object_versions(Bucket=BUCKET, Prefix=f"{PREFIX}/")["Versions"])


def _refused(locked: Locked, account: Account, version: dict[str, Any]) -> list[str]:
    """Return what an account may not do to a file of the vault. What is deleted first is an object of its own."""
    assert locked.storage
    client = account.client("s3", locked.storage.port)
    extra = f"{PREFIX}/data/extra"
    client.put_object(Bucket=BUCKET, Key=extra, Body=b"added")
    tries: dict[str, Callable[[], Any]] = {
        "delete_object": lambda: client.delete_object(Bucket=BUCKET, Key=extra),
        "delete_version": lambda: client.delete_object(
            Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"]
        ),
        "list": lambda: client.list_object_versions(Bucket=BUCKET),
        "suspend": lambda: suspend(client),
        "elsewhere": lambda: client.put_object(Bucket=BUCKET, Key="other/file", Body=b"1"),
    }
    refused = []
    for name, attempt in tries.items():
        try:
            attempt()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            refused.append(name)
    return refused
