"""Damage planted in the vault itself: flipped bytes, lost snapshots, forged documents."""

import base64
import json

import pytest

from lifeboat.connections import Connection
from lifeboat.documents import EVIDENCE_PATH, MANIFEST_PATH, write_manifest
from lifeboat.engines.base import Facts
from lifeboat.manifest import MANIFEST_SCHEMA
from lifeboat.signing import Signer, new_private_key
from tests.contract.usecases.conftest import Damaged
from tests.support.miniature import HOME, TREE
from tests.support.planting import flip_byte, restic

JAR = "repository/components/plugins/org.example_1.0.0.jar"


def test_flipped_byte_in_a_file(damaged: Damaged) -> None:
    flip_byte(damaged.mini.vault_directory, damaged.address(str(HOME)).snapshot, JAR)
    drill = damaged.drill(HOME)
    assert {"member-readable", "tree-files"} <= {check.name for check in drill.failed()}
    assert not damaged.record(drill).passed


def test_flipped_byte_in_the_facts(damaged: Damaged) -> None:
    facts = damaged.proven.new.manifest.unit(HOME).facts
    flip_byte(damaged.mini.vault_directory, facts.snapshot, facts.path)
    damaged.assert_red(HOME, "facts-readable")


def test_flipped_byte_in_the_manifest(damaged: Damaged) -> None:
    flip_byte(damaged.mini.vault_directory, damaged.document("manifest").id, MANIFEST_PATH)
    damaged.assert_red(HOME, "manifest-readable")


@pytest.mark.parametrize("what", ["member", "facts"])
def test_forgotten_snapshot(damaged: Damaged, what: str) -> None:
    unit = damaged.proven.new.manifest.unit(TREE)
    address = unit.facts if what == "facts" else unit.members[0].address
    restic(damaged.mini.vault_directory, "forget", address.snapshot)
    (red,) = damaged.assert_red(TREE, "member-address").failed()
    assert ("of the facts" in red.detail) == (what == "facts")


def test_forgotten_manifest(damaged: Damaged) -> None:
    restic(damaged.mini.vault_directory, "forget", damaged.document("manifest").id)
    damaged.assert_red(TREE, "manifest-readable")


def test_facts_altered(damaged: Damaged) -> None:
    """The facts of the altered data, stored under the old ones' tags, without the key that signs their digest."""

    def alter(facts: Facts) -> None:
        facts[str(TREE)]["entries"].popitem()

    writer = damaged.writer()
    writer.alter_facts(writer.manifest.unit(TREE), alter, sign=False)
    writer.seal()
    damaged.assert_red(TREE, "facts-readable")


def forge(damaged: Damaged, envelope: bytes) -> None:
    """Put an envelope into the place of the new point's manifest."""
    old = damaged.document("manifest")
    restic(damaged.mini.vault_directory, "forget", old.id)
    damaged.vault.backup_bytes(envelope, MANIFEST_PATH, old.tags)


def envelope_of(damaged: Damaged) -> dict:
    return json.loads(damaged.vault.read(damaged.document("manifest").id, MANIFEST_PATH))


def test_manifest_signed_by_another_key(damaged: Damaged) -> None:
    thief = Signer.from_connection(Connection("thief", password=new_private_key()))
    forge(damaged, thief.seal(MANIFEST_SCHEMA, base64.b64decode(envelope_of(damaged)["payload"])))
    damaged.assert_red(TREE, "manifest-signature")


def test_manifest_altered_after_it_was_signed(damaged: Damaged) -> None:
    envelope = envelope_of(damaged)
    payload = base64.b64decode(envelope["payload"])
    assert payload.count(b"the newer one") == 1
    envelope["payload"] = base64.b64encode(payload.replace(b"the newer one", b"the forged one")).decode()
    forge(damaged, json.dumps(envelope).encode())
    damaged.assert_red(TREE, "manifest-signature")


def test_signed_manifest_of_another_point(damaged: Damaged) -> None:
    """An old, genuine manifest under the tags of the new point would roll the deployment back unseen."""
    (old,) = damaged.vault.snapshots({"kind": "manifest", "point": damaged.proven.old.manifest.id})
    forge(damaged, damaged.vault.read(old.id, MANIFEST_PATH))
    damaged.assert_red(TREE, "manifest-signature")


def test_signed_evidence_in_the_place_of_a_manifest(damaged: Damaged) -> None:
    (evidence,) = damaged.vault.snapshots({"kind": "evidence", "point": damaged.proven.old.manifest.id})
    forge(damaged, damaged.vault.read(evidence.id, EVIDENCE_PATH))
    damaged.assert_red(TREE, "manifest-signature")


def test_no_envelope_at_all(damaged: Damaged) -> None:
    forge(damaged, b"{}")
    damaged.assert_red(TREE, "manifest-signature")


def test_forged_manifest_beside_the_true_one_is_passed_over(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    """Who can write to the vault can add to it, but neither replace a restore point nor make it unusable."""
    thief = Signer.from_connection(Connection("thief", password=new_private_key()))
    tags = damaged.document("manifest").tags
    genuine = json.dumps(envelope_of(damaged)).encode()
    forge(damaged, thief.seal(MANIFEST_SCHEMA, b"{}"))
    damaged.vault.backup_bytes(genuine, MANIFEST_PATH, tags)
    drill = damaged.drill(TREE)
    assert drill.failed() == []
    assert damaged.record(drill).passed
    assert "is not signed by a trusted key" in caplog.text


def test_a_key_of_before_a_rotation_is_trusted_when_it_is_listed(damaged: Damaged) -> None:
    old_key = damaged.runtime.signer().public_key
    rotated = Connection("mini_signing", password=new_private_key())
    document = damaged.mini.document()
    document["trusted_keys"] = [old_key]
    damaged.mini.write_file(document)
    with damaged.mini.runtime(mini_signing=rotated) as runtime:
        damaged.runtime = runtime
        assert damaged.drill(TREE).failed() == []
    damaged.mini.write_file()
    with damaged.mini.runtime(mini_signing=rotated) as runtime:
        damaged.runtime = runtime
        (red,) = damaged.drill(TREE).failed()
    assert red.name == "manifest-signature"


def test_second_sealing_of_a_point_does_not_count(damaged: Damaged) -> None:
    """Two runs that seal at the same moment write two genuine manifests: the first one counts for everybody."""
    genuine = damaged.proven.new.manifest
    later = genuine.model_copy(update={"reason": "sealed a second time"})
    write_manifest(damaged.vault, damaged.runtime.signer(), later)
    drill = damaged.drill(TREE)
    assert drill.failed() == []
    assert damaged.record(drill).manifest_sha256 == damaged.proven.new.sha256
