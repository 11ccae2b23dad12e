"""Damage of every kind, planted where it would come from: in the vault's files, in a dump, in a restored tree.

`FaultyWriter` stands for a bug between capture and vault. The vault finds data by its content and the manifest is
signed, so such a bug shows only as data that is sound in itself and is not what the proof says. It takes a member's
data out of the vault, lets the test alter it, stores it again under the same tags, and seals a manifest, signed by the
true key, that points to the altered data but carries the proof of the original.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lifeboat.documents import list_point, read_manifest, write_manifest
from lifeboat.engines.base import Facts, load_facts
from lifeboat.manifest import Address, Manifest, MemberSnapshot, UnitSnapshot, canonical_json, sha256
from lifeboat.runtime import Runtime
from lifeboat.vault import Snapshot, Vault
from tests.support.miniature import VAULT_PASSWORD


def restic(vault: Path, *arguments: str, password: str = VAULT_PASSWORD) -> bytes:
    """Run restic on a vault of the tests, past Lifeboat, and return what it prints."""
    command = ["restic", "-r", str(vault), "--no-cache", *arguments]
    environment = {**os.environ, "RESTIC_PASSWORD": password}
    return subprocess.run(command, env=environment, check=True, capture_output=True).stdout


class FaultyWriter:
    """Rewrites members of one sealed point in its vault. Nothing is sealed before `seal`."""

    def __init__(self, runtime: Runtime, point: str) -> None:
        self.vault: Vault = runtime.vault(runtime.deployment.home_site())
        self._signer = runtime.signer()
        self._listing = list_point(self.vault, runtime.deployment.name, point)
        (self.old,) = (snapshot for snapshot in self._listing if snapshot.tags["kind"] == "manifest")
        self.manifest: Manifest = read_manifest(self.vault, self._signer, self.old).manifest

    def member(self, name: str) -> MemberSnapshot:
        (found,) = (member for member in self.manifest.members() if member.member == name)
        return found

    def read(self, name: str) -> bytes:
        """Return the stream of a member."""
        address = self.member(name).address
        return self.vault.read(address.snapshot, address.path)

    def write(self, name: str, content: bytes, *, digest: str | None = None) -> None:
        """Store another stream for a member, and name it, with its own stream digest or the one given."""
        member = self.member(name)
        stored = self.vault.backup_bytes(content, member.address.path, self._snapshot(member.address).tags)
        self._replace(
            name, self._address(stored.snapshot, member.address.path), stream_sha256=digest or sha256(content)
        )

    def alter_tree(self, name: str, directory: Path, alter: Callable[[Path], None]) -> None:
        """Restore a tree to `directory`, let `alter` change it there, and store it again."""
        address = self.member(name).address
        self.vault.restore_directory(address.snapshot, str(directory))
        alter(directory)
        stored = self.vault.backup_directory(str(directory), self._snapshot(address).tags)
        self._replace(name, self._address(stored.snapshot, address.path))

    def alter_facts(self, unit: UnitSnapshot, alter: Callable[[Facts], None], *, sign: bool = True) -> None:
        """Store altered facts of a unit; unless `sign`, the manifest keeps the digests of the old ones."""
        facts = load_facts(self.vault, unit)
        alter(facts)
        content = canonical_json(facts)
        stored = self.vault.backup_bytes(content, unit.facts.path, self._snapshot(unit.facts).tags)
        change: dict[str, Any] = {"facts": self._address(stored.snapshot, unit.facts.path)}
        if sign:
            change["facts_sha256"] = sha256(content)
            change["members"] = tuple(
                each.model_copy(
                    update={
                        "proof": each.proof.model_copy(update={"digest": sha256(canonical_json(facts[each.member]))})
                    }
                )
                for each in self.manifest.unit(unit.unit).members
            )
        self._change_units(lambda each: each.model_copy(update=change) if each.unit == unit.unit else each)

    def seal(self) -> None:
        """Put the altered manifest in the place of the true one."""
        restic(Path(self.vault.repository), "forget", self.old.id)
        write_manifest(self.vault, self._signer, self.manifest)

    def _snapshot(self, address: Address) -> Snapshot:
        (found,) = (snapshot for snapshot in self._listing if snapshot.id == address.snapshot)
        return found

    def _address(self, snapshot: str, path: str) -> Address:
        (found,) = (each for each in self.vault.snapshots({"point": self.manifest.id}) if each.id.startswith(snapshot))
        return Address(snapshot=found.id, tree=found.tree, path=path)

    def _replace(self, name: str, address: Address, **more: Any) -> None:
        def altered(member: MemberSnapshot) -> MemberSnapshot:
            return member.model_copy(update={"address": address, **more}) if member.member == name else member

        self._change_units(lambda unit: unit.model_copy(update={"members": tuple(map(altered, unit.members))}))

    def _change_units(self, change: Callable[[UnitSnapshot], UnitSnapshot]) -> None:
        self.manifest = self.manifest.model_copy(update={"units": tuple(map(change, self.manifest.units))})


def flip_byte(vault: Path, snapshot: str, path: str, password: str = VAULT_PASSWORD) -> Path:
    """Flip one bit in the middle of what the vault keeps of a snapshot's file, and return the pack that was changed."""
    return flip_byte_of_blob(vault, first_blob(vault, snapshot, path, password), password)


def flip_byte_of_blob(vault: Path, blob: str, password: str = VAULT_PASSWORD) -> Path:
    """Flip one bit in the middle of a blob, which may be a directory, and return the pack that was changed."""
    file, offset, length = place_of(vault, blob, password)
    flip_byte_at(file, offset + length // 2)
    return file


def place_of(vault: Path, blob: str, password: str = VAULT_PASSWORD) -> tuple[Path, int, int]:
    """Return the pack that a blob is in, and where in it."""
    for index in (vault / "index").iterdir():
        for pack in json.loads(restic(vault, "cat", "index", index.name, password=password))["packs"]:
            for each in pack["blobs"]:
                if each["id"] == blob:
                    return vault / "data" / pack["id"][:2] / pack["id"], each["offset"], each["length"]
    raise AssertionError(f"no index names blob {blob}")


def flip_byte_at(file: Path, offset: int) -> None:
    """Flip one bit of a file, which may be read-only."""
    content = bytearray(file.read_bytes())
    content[offset] ^= 1
    mode = file.stat().st_mode
    file.chmod(0o600)
    file.write_bytes(content)
    file.chmod(mode)


def first_blob(vault: Path, snapshot: str, path: str, password: str) -> str:
    """Follow the trees from a snapshot's root to a file, and return the first blob of its content."""
    tree = json.loads(restic(vault, "cat", "snapshot", snapshot, password=password))["tree"]
    *directories, name = path.strip("/").split("/")
    for directory in directories:
        tree = _node(vault, tree, directory, password)["subtree"]
    return str(_node(vault, tree, name, password)["content"][0])


def _node(vault: Path, tree: str, name: str, password: str) -> dict[str, Any]:
    (found,) = (
        node
        for node in json.loads(restic(vault, "cat", "blob", tree, password=password))["nodes"]
        if node["name"] == name
    )
    return dict(found)
