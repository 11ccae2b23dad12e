"""Tables for people: nothing is cut, and names are shown as they are."""

import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from lifeboat.catalog import PointState
from lifeboat.deployment import Objectives, Unit
from lifeboat.manifest import Check, UnitDrill
from lifeboat.patches import ServerPatches, since
from lifeboat.report import print_drill, print_patches, print_point, print_points, print_since
from lifeboat.wso2.identity import ProductIdentity
from tests.support.patched_home import PatchedHome
from tests.support.points import made_up_drill, made_up_point

POINT = made_up_point(datetime(2026, 3, 1, 12, tzinfo=UTC))
TREE = Unit.parse("tree/documents")
#: A file name that looks like markup and like an emoji, and that rich would otherwise refuse or change.
ODD = "株式会社/draft [/red] [bold]x :warning:"


def check(name: str, outcome: str, member: str = "tree/documents", detail: str = "") -> Check:
    return Check.model_validate(
        {"name": name, "verdict": "fidelity", "outcome": outcome, "member": member, "detail": detail}
    )


def printed(function, *arguments: object, width: int = 200) -> str:
    text = StringIO()
    function(*arguments, Console(file=text, width=width))
    return text.getvalue()


def drill_with(*checks: Check):
    unit = UnitDrill(unit=TREE, host_name="here", restore_seconds=1.0, seconds=2.0, restored_bytes=3, checks=checks)
    return made_up_drill(POINT, "failed").model_copy(update={"units": (unit,)})


def test_names_are_shown_as_they_are() -> None:
    text = printed(print_drill, drill_with(check("tree-files", "failed", detail=f"1 missing: {ODD}")), Objectives())
    assert f"1 missing: {ODD}" in text
    unit = POINT.manifest.units[0]
    manifest = POINT.manifest.model_copy(update={"units": (unit.model_copy(update={"warnings": (ODD,)}),)})
    assert f"Note {ODD}" in printed(print_point, manifest)


def test_checks_of_one_name_share_a_row_unless_they_failed() -> None:
    checks = [check("tree-files", "passed", member=f"tree/{name}") for name in "abc"]
    red = [check("tree-content", "failed", member=f"tree/{name}", detail=f"1 changed: {name}") for name in "ab"]
    text = printed(print_drill, drill_with(*checks, *red), Objectives())
    assert text.count("tree-files") == 1
    assert "3 members" in text
    assert text.count("tree-content") == 2
    assert "1 changed: a" in text
    assert "1 changed: b" in text


@pytest.mark.parametrize(
    ("drill", "word"),
    [
        (made_up_drill(POINT), "passed"),
        (made_up_drill(POINT, "failed"), "failed"),
        (made_up_drill(POINT, complete=False), "incomplete"),
        (made_up_drill(POINT, "failed", complete=False), "failed"),
    ],
)
def test_a_drill_ends_with_its_verdict(drill, word: str) -> None:
    text = printed(print_drill, drill, Objectives())
    assert f"Drill {word}: fidelity {drill.fidelity}, health skipped" in text
    assert ("without a result: tree/documents" in text) is not drill.complete
    assert "RTO 60.0 s (objective 4h)" in text


@pytest.mark.parametrize("width", [80, 120, 200])
def test_ids_are_whole_at_every_width(width: int) -> None:
    states = [PointState(POINT.manifest, POINT.sha256, None)]
    text = printed(print_points, states, None, width=width)
    assert f" {POINT.manifest.id} " in text
    assert " unproven " in text
    assert "…" not in text
    assert "Last known good: none; run a drill" in text
    assert f"Last known good: {POINT.manifest.id}" in printed(print_points, states, states[0], width=width)


def test_what_goes_into_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_point(POINT.manifest)
    print_drill(drill_with(check("a-check-with-a-long-name-of-its-own", "passed")), Objectives())
    text = capsys.readouterr().out
    assert "…" not in text
    assert "a-check-with-a-long-name-of-its-own" in text


def test_names_of_patches_are_shown_as_they_are(tmp_path: Path) -> None:
    home = PatchedHome(tmp_path / "home")
    odd = "patch0001 [bold] 株式会社 :warning:"
    home.take([{"pack": True}, {"put": {f"patches/{odd}/a_1.0.0.jar": "first"}}, {"start": True}])
    found = home.inventory()
    servers = [ServerPatches(name, "gateway", ProductIdentity(patches=[odd]), found) for name in ("gw-1", "gw-2")]
    text = printed(print_patches, servers, "Patches")
    assert f"│ patches      │ {odd}" in text
    assert f"{odd} counts as a patch" in re.sub(r"\s*│\n│\s*│\s*│\s*", " ", text)
    assert "Drift" not in text
    assert printed(print_since, since(servers, servers), "20260301") == "Nothing changed since 20260301.\n"
