"""What is read of a copied point, and what is said when it is not what was captured."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Any

import pytest

from lifeboat.errors import VaultBusyError, VaultDamagedError
from lifeboat.manifest import Address, Manifest, sha256
from lifeboat.replica_verify import Reading, Verifying
from lifeboat.vault import Snapshot
from tests.support.points import made_up_point

FACTS = json.dumps({}).encode()
DUMP = b"a dump" * 1000
TREE = b"all files of a tree"


class Contents:
    """A vault of which only the contents matter, by snapshot."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes | Exception] = {"facts": FACTS, "dump": DUMP, "tree": TREE}
        self.poured: list[tuple[str, str]] = []

    def read(self, snapshot: str, path: str) -> bytes:
        return self._content(snapshot)

    def pour(self, snapshot: str, path: str, drain: Callable[[IO[bytes]], Any]) -> Any:
        self.poured.append((snapshot, path))
        return drain(io.BytesIO(self._content(snapshot)))

    def _content(self, snapshot: str) -> bytes:
        found = self.contents[snapshot]
        if isinstance(found, Exception):
            raise found
        return found


def copied_point() -> tuple[Manifest, list[Snapshot]]:
    """Return a point of a dump and a tree, and the listing of it."""
    made = made_up_point(datetime(2026, 3, 1, tzinfo=UTC)).manifest
    (unit,) = made.units
    (member,) = unit.members
    where = {
        name: Address(snapshot=name, tree=f"tree of {name}", path=f"/{name}") for name in ("facts", "dump", "tree")
    }
    members = (
        member.model_copy(update={"member": "dump", "address": where["dump"], "stream_sha256": sha256(DUMP)}),
        member.model_copy(update={"member": "tree", "address": where["tree"]}),
    )
    unit = unit.model_copy(update={"facts": where["facts"], "facts_sha256": sha256(FACTS), "members": members})
    tags = {"attempt": unit.attempt, "member": str(unit.unit), "kind": "facts"}
    listing = [Snapshot("facts", "tree of facts", made.sealed_at, tags)]
    for name in ("dump", "tree"):
        kept = {"attempt": unit.attempt, "member": name, "kind": "member"}
        listing.append(Snapshot(name, f"tree of {name}", made.sealed_at, kept))
    return made.model_copy(update={"units": (unit,)}), listing


def read(vault: Contents) -> Reading:
    return Verifying(vault).read(*copied_point())  # type: ignore[arg-type]


def test_a_dump_is_held_against_its_digest_and_a_tree_is_read_from_its_root_once() -> None:
    vault = Contents()
    verifying = Verifying(vault)  # type: ignore[arg-type]
    for _ in range(2):
        found = verifying.read(*copied_point())
        assert found == Reading(streams=1, trees=1, size_bytes=len(DUMP) + len(TREE))
    assert vault.poured == [("dump", "/dump"), ("tree", "/"), ("dump", "/dump")]


@pytest.mark.parametrize(
    ("name", "content", "failure"),
    [
        ("dump", DUMP[:-1] + b"!", "dump: its bytes are not those that were captured"),
        ("dump", DUMP[:-1], "dump: its bytes are not those that were captured"),
        ("dump", VaultDamagedError("a bad pack"), "dump: a bad pack"),
        ("tree", VaultDamagedError("a bad pack"), "tree: a bad pack"),
        ("facts", b"{ }", "tree/documents: The facts of tree/documents in the vault are not those that were sealed."),
    ],
)
def test_what_is_not_as_it_was_captured_is_named_and_all_else_is_read(
    name: str, content: bytes | Exception, failure: str
) -> None:
    vault = Contents()
    vault.contents[name] = content
    assert read(vault).failures == [failure]
    assert len(vault.poured) == 2


def test_what_the_site_does_not_list_with_the_sealed_tree_is_not_there() -> None:
    manifest, listing = copied_point()
    listing[1] = Snapshot("dump", "another tree", listing[1].time, listing[1].tags)
    found = Verifying(Contents()).read(manifest, listing)  # type: ignore[arg-type]
    assert found.failures == ["dump: the vault has no such snapshot with the sealed tree"]


def test_a_vault_that_cannot_be_read_now_says_nothing_about_the_point() -> None:
    vault = Contents()
    vault.contents["tree"] = VaultBusyError("the line is down")
    with pytest.raises(VaultBusyError):
        read(vault)
