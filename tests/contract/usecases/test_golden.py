"""Golden vaults: what an earlier version sealed, this one reads, restores byte for byte, and proves."""

import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lifeboat.break_glass import BareRuntime, break_glass
from lifeboat.connections import environment_variable
from lifeboat.deployment import Unit
from lifeboat.documents import find_manifest
from lifeboat.drill import drill_unit
from tests.golden.make import NAME, PASSWORD, describe
from tests.support.command_line import lifeboat_here

GOLDEN = Path(__file__).parents[2] / "golden"
NAMES = sorted(file.stem for file in GOLDEN.glob("*.json"))
UNITS = ("database/postgres", "database/mariadb", "database/sqlite", "tree/tree")


@dataclass
class Golden:
    """A golden vault, unpacked, and what must come back of it."""

    directory: Path
    told: dict[str, Any]

    @property
    def vault(self) -> str:
        return str(self.directory / "vault")

    @property
    def key(self) -> str:
        return str(self.told["public_key"])


def test_there_are_golden_vaults() -> None:
    assert "vault-0.1" in NAMES


@pytest.fixture(scope="module", params=NAMES)
def golden(request: pytest.FixtureRequest) -> Iterator[Golden]:
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-golden-"))
    directory.chmod(0o711)  # the drill's PostgreSQL must get into its scratch place
    with tarfile.open(GOLDEN / f"{request.param}.tar.gz") as archive:
        archive.extractall(directory, filter="data")
    yield Golden(directory, json.loads((GOLDEN / f"{request.param}.json").read_text(encoding="utf-8")))
    shutil.rmtree(directory)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch, golden: Golden) -> None:
    monkeypatch.setenv("RESTIC_PASSWORD", PASSWORD)
    monkeypatch.setenv("XDG_CACHE_HOME", str(golden.directory / "cache"))


def test_its_documents_are_read_and_their_signatures_hold(golden: Golden) -> None:
    with break_glass(golden.vault, NAME, [golden.key]) as opened:
        opened.read()
        assert opened.refused == []
        (state,) = opened.catalog.points(NAME)
        assert (state.manifest.id, state.verdict) == (golden.told["point"], "good")
        assert state.drill is not None
        assert state.drill.id == golden.told["evidence"]
        assert {m.member: m.proof.digest for m in state.manifest.members()} == golden.told["proofs"]


def test_every_member_comes_back_byte_for_byte(golden: Golden, tmp_path: Path) -> None:
    environment = {"RESTIC_PASSWORD": PASSWORD, "XDG_CACHE_HOME": str(golden.directory / "cache")}
    for number, member in enumerate(golden.told["proofs"]):
        into = tmp_path / str(number)
        arguments = ["--vault", golden.vault, "--trusted-key", golden.key, "--member", member, "--into", str(into)]
        ended = lifeboat_here(environment, "restore", *arguments)
        assert ended.status == 0, ended.stderr
        if member.startswith("tree/"):
            assert describe(into) == golden.told["tree"]
        else:
            (file,) = into.iterdir()
            assert hashlib.sha256(file.read_bytes()).hexdigest() == golden.told["streams"][member]


@pytest.mark.parametrize("unit", UNITS)
def test_a_drill_proves_it(golden: Golden, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BareRuntime, "signer", BareRuntime.verifier)  # a drill of a unit only verifies
    for name in ("postgres", "sqlite"):  # it asks for their type alone
        monkeypatch.setenv(environment_variable(name), f"{name}://nowhere/")
    monkeypatch.setenv(environment_variable("mariadb"), "mysql://nowhere/")
    with break_glass(golden.vault, NAME, [golden.key]) as opened:
        signed = find_manifest(opened.vault, opened.verifier, NAME, golden.told["point"])
        assert signed is not None
        with BareRuntime(signed.manifest, opened) as runtime:
            drill = drill_unit(runtime, golden.told["point"], Unit.parse(unit))
    assert [f"{check.name}: {check.detail}" for check in drill.failed()] == []
    passed = {check.name for check in drill.checks if check.outcome == "passed"}
    assert passed >= ({"tree-content"} if unit.startswith("tree/") else {"table-content", "schema-objects"})
