"""Whoever has the writer's password and account adds to an append-only vault, and does no harm to what is sealed.

The vault is served as for a host over SSH, by `rclone serve restic --append-only`. Deleting, overwriting, shadowing and
forging are tried by restic and by plain HTTP.
"""

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lifeboat.connections import Connection
from lifeboat.documents import MANIFEST_PATH, read_all
from lifeboat.drill import drill_point
from lifeboat.errors import VaultDamagedError
from lifeboat.manifest import MANIFEST_SCHEMA, Manifest, to_json
from lifeboat.signing import Signer, new_private_key
from lifeboat.vault import Vault
from lifeboat.vault_tunnel import Served, serve
from tests.contract.usecases.conftest import Damaged
from tests.support.miniature import VAULT_PASSWORD
from tests.support.planting import restic
from tests.support.served import request

KINDS = ("data", "index", "snapshots", "keys")


class Thief:
    """What a stolen writer credential can do to a served vault."""

    def __init__(self, served: Served, vault_directory: Path) -> None:
        self._served = served
        self._directory = vault_directory
        self.vault = Vault(served.url(served.port), VAULT_PASSWORD, name="the stolen vault")

    def restic(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "RESTIC_REPOSITORY": self.vault.repository, "RESTIC_PASSWORD": VAULT_PASSWORD}
        # restic tries for minutes what is refused; a thief who waits gets no further.
        command = ["timeout", "--signal=INT", "15", "restic", "--no-cache", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def request(self, method: str, path: str, content: bytes | None = None) -> int:
        """Make a request to the served vault, and return the status of its answer."""
        return request(self._served, method, path, content)

    def add_rubbish(self, kind: str) -> str:
        """Add a file of a kind that nobody can read, under the name that its content asks for, and return that."""
        rubbish = os.urandom(500)
        name = hashlib.sha256(rubbish).hexdigest()
        assert self.request("POST", f"{kind}/{name}", rubbish) == 200
        return name

    def names(self) -> list[str]:
        """Return how the files of the vault are addressed."""
        found = [
            f"{kind}/{path.name}" for kind in KINDS for path in (self._directory / kind).rglob("*") if path.is_file()
        ]
        return [*found, "config"]


@pytest.fixture
def thief(damaged: Damaged) -> Iterator[Thief]:
    with serve(str(damaged.mini.vault_directory), {}) as served:
        yield Thief(served, damaged.mini.vault_directory)


def files(damaged: Damaged) -> dict[str, str]:
    """Return the digest of each file of the vault but the locks."""
    root = damaged.mini.vault_directory
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and "locks" not in path.parts
    }


def assert_sealed_points_are_safe(damaged: Damaged, before: dict[str, str]) -> None:
    """Every file is as it was, the newest genuine point is the one that was sealed, and it is restored and proven."""
    assert before.items() <= files(damaged).items()
    manifests, evidence, _ = read_all(damaged.vault, damaged.runtime.signer(), "mini")
    assert {signed.manifest.id for signed in manifests} == {damaged.point, damaged.proven.old.manifest.id}
    damaged.catalog.rebuild("mini", manifests, evidence)
    assert drill_point(damaged.runtime, damaged.catalog, damaged.point).passed
    good = damaged.catalog.last_known_good("mini")
    assert good is not None
    assert good.manifest.id == damaged.point


def test_nothing_is_deleted_or_overwritten(damaged: Damaged, thief: Thief) -> None:
    before = files(damaged)
    listed = [snapshot.id for snapshot in damaged.vault.snapshots({})]
    assert thief.restic("forget", *listed, "--prune").returncode != 0
    assert thief.restic(
        "key", "remove", "--", next(iter((damaged.mini.vault_directory / "keys").iterdir())).name
    ).returncode
    names = thief.names()
    assert len(names) > 20
    for name in names:
        assert thief.request("DELETE", name) >= 400
        assert thief.request("POST", name, b"overwritten by a thief") >= 400
    assert thief.request("DELETE", "") >= 400
    assert_sealed_points_are_safe(damaged, before)


def test_a_forged_newest_point_is_refused(damaged: Damaged, thief: Thief) -> None:
    before = files(damaged)
    now = datetime.now(UTC) + timedelta(hours=1)
    document = damaged.proven.new.manifest.model_dump(mode="json", by_alias=True)
    document |= {"id": f"{now:%Y%m%dT%H%M%SZ}-f0f0f0f0", "sealed_at": now.isoformat()}
    forged = to_json(Manifest.model_validate(document))
    key = Signer.from_connection(Connection("thief", "generic", password=new_private_key()))
    unsigned = json.dumps(
        {"payloadType": MANIFEST_SCHEMA, "payload": base64.b64encode(forged).decode(), "signatures": []}
    )
    for envelope in (key.seal(MANIFEST_SCHEMA, forged), unsigned.encode()):
        tags = {"kind": "manifest", "deployment": "mini", "point": document["id"], "type": "system_backup"}
        thief.vault.backup_bytes(envelope, MANIFEST_PATH, tags)
    # ... and one that stands under the id of a sealed point
    tags = {"kind": "manifest", "deployment": "mini", "point": damaged.point, "type": "system_backup"}
    thief.vault.backup_bytes(key.seal(MANIFEST_SCHEMA, forged), MANIFEST_PATH, tags)
    assert_sealed_points_are_safe(damaged, before)
    _, _, refused = read_all(damaged.vault, damaged.runtime.signer(), "mini")
    assert len([each for each in refused if "not signed by a trusted key" in each]) == 3


@pytest.mark.parametrize("kind", ["data", "snapshots", "locks"])
def test_rubbish_that_was_added_is_passed_over(damaged: Damaged, thief: Thief, kind: str) -> None:
    before = files(damaged)
    thief.add_rubbish(kind)
    assert_sealed_points_are_safe(damaged, before)


def test_rubbish_among_the_keys_is_named_and_moved_away(damaged: Damaged, thief: Thief) -> None:
    """restic opens the vault no more once a file that is no key comes before the key; nothing is lost."""
    before, rubbish = files(damaged), []
    with pytest.raises(VaultDamagedError, match="A file below keys/ is no key") as caught:
        for _ in range(100):
            rubbish.append(thief.add_rubbish("keys"))
            damaged.vault.snapshots({})
    assert "move the one that is not away" in caught.value.next_step
    for name in rubbish:
        (damaged.mini.vault_directory / "keys" / name).unlink()
    assert_sealed_points_are_safe(damaged, before)


def test_a_rubbish_index_is_noticed_and_made_anew(damaged: Damaged, thief: Thief) -> None:
    """restic reads nothing until the housekeeper has the index made anew; nothing is lost."""
    before = {path: digest for path, digest in files(damaged).items() if not path.startswith("index/")}
    manifest, name = damaged.document("manifest"), thief.add_rubbish("index")
    with pytest.raises(VaultDamagedError, match="lost data, or holds damaged data") as caught:
        damaged.vault.read(manifest.id, MANIFEST_PATH)
    assert "restic rebuild-index" in caught.value.next_step
    restic(damaged.mini.vault_directory, "rebuild-index")
    assert not (damaged.mini.vault_directory / "index" / name).exists()
    assert_sealed_points_are_safe(damaged, before)
