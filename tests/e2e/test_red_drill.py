"""Damage on the vault's disk turns the drill red, and the point before stays the last known good."""

import random
import re
from pathlib import Path

import pytest

from lifeboat.documents import read_all
from lifeboat.drill import drill_point
from tests.e2e.runs import Run
from tests.e2e.world import World


@pytest.fixture(scope="module")
def points(world: World) -> tuple[str, str]:
    """A restore point that was proven, and a newer one whose data in the vault was damaged afterwards."""
    documents = world.directory / "documents-of-damaged"
    (documents / "orders").mkdir(parents=True)
    (documents / "orders/0001.txt").write_text("one bolt\n")
    good = world.make_point("damaged").id
    with world.runtime("damaged") as runtime:
        assert drill_point(runtime, world.catalog, good).passed
    before = _packs(world)
    (documents / "scan.pdf").write_bytes(random.Random(1).randbytes(300_000))
    damaged = world.make_point("damaged").id
    _flip_a_byte(max(_packs(world) - before, key=lambda file: file.stat().st_size))
    return good, damaged


@pytest.fixture(scope="module")
def drill(world: World, points: tuple[str, str]) -> Run:
    return world.trigger("damaged.restore_drill").wait("failed")


def test_the_drill_is_red_at_once_and_names_the_check(points: tuple[str, str], drill: Run) -> None:
    name = f"drill tree/documents of {points[1]}"
    assert drill.states() == {"pick": "success", name: "failed", "record": "failed"}
    assert {task["try_number"] for task in drill.tasks().values()} == {1}
    log = drill.log(name)
    assert "error failed  member-readable " in log
    assert "holds damaged data" in log
    assert re.search("member-readable, (runbook, )?tree-files", log)
    assert f"Not proven: {points[1]} (failed)" in drill.log("record")
    assert "member-readable" in drill.log("record")


def test_the_failure_is_evidence_and_the_older_point_is_the_last_known_good(
    world: World, points: tuple[str, str], drill: Run
) -> None:
    good, damaged = points
    with world.runtime("damaged") as runtime:
        _, evidence, refused = read_all(runtime.vault("main"), runtime.signer(), "damaged")
    assert refused == []
    assert {document.point: document.passed for document in evidence} == {good: True, damaged: False}
    assert world.verdict("damaged", damaged) == "failed"
    last = world.catalog.last_known_good("damaged")
    assert last is not None
    assert last.manifest.id == good


def _packs(world: World) -> set[Path]:
    return {file for file in (world.vault_directory("damaged") / "data").rglob("*") if file.is_file()}


def _flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
