"""The inventory of Carbon's patches, against what the server's own code makes of the same home."""

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifeboat.wso2.patch_traps import patch_warnings
from lifeboat.wso2.patches import Action, next_start
from tests.support.patched_home import PatchedHome

SITUATIONS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "data/carbon-patches.yaml").read_text())


@pytest.fixture(params=["carbon", "relocated"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> PatchedHome:
    return PatchedHome(tmp_path / "home", request.param)


def judged(home: PatchedHome) -> dict[str, Any]:
    found = home.inventory()
    return {"action": str(next_start(found).action), "traps": [each.trap for each in patch_warnings(found)]}


def without_snapshot(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [step for step in steps if "snapshot" not in step]


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=list(SITUATIONS))
def test_situation(home: PatchedHome, situation: dict[str, Any]) -> None:
    *steps, start = without_snapshot(situation["steps"])
    assert start == {"start": True}
    home.take(steps)
    assert judged(home) == situation["before"]
    predicted = next_start(home.inventory())
    home.take([start])
    assert all(any(text in line for line in home.log) for text in situation["log"]), home.log
    if not situation["log"]:
        assert [line for line in home.log if not line.startswith("INFO")] == []
    assert judged(home) == situation["after"]
    if situation["running"] is None:
        assert predicted.plugins is None
    else:
        assert home.running() == situation["running"]
        assert predicted.plugins == home.md5()


BUNDLES = ("a_1.0.0.jar", "b_1.0.0.jar", "new_1.0.0.jar")
DIRECTORIES = ("patch0001", "patch0002", "patch0010", "patch0001.bak", "patch9999", "patch10000")


def random_step(choose: random.Random, home: PatchedHome) -> dict[str, Any]:
    """One thing that people do to a home, or a start."""
    word, bundle, directory = choose.choice("xyz"), choose.choice(BUNDLES), choose.choice(DIRECTORIES)
    pack = f"servicepacks/servicepack000{choose.randrange(3)}"
    there = [path for path in home.path("patches").glob("*") if path.is_dir()]
    steps: list[dict[str, Any]] = [
        {"put": {f"patches/{directory}/{bundle}": word}},
        {"put": {f"patches/{directory}/{bundle}": word}},
        {"put": {f"plugins/{bundle}": word}},
        {"put": {f"{pack}/lib/{bundle}": word, f"{pack}/servicepack_patches.txt": f"{directory}\npatch0001\n"}},
        {"put_as": {f"patches/{directory}/{bundle.replace('_', '-')}": [bundle, word]}},
        {"start": True},
        {"start": True},
    ]
    if there:
        gone = choose.choice(there)
        steps.append({"remove": [f"patches/{gone.name}"]})
        steps += [{"remove": [f"patches/{gone.name}/{jar.name}"]} for jar in sorted(gone.glob("*.jar"))[:1]]
    if home.path("servicepacks").is_dir() and any(home.path("servicepacks").iterdir()):
        steps.append({"remove": [f"servicepacks/{min(home.path('servicepacks').iterdir()).name}"]})
    return choose.choice(steps)


@pytest.mark.parametrize("seed", range(12))
def test_every_start_of_a_random_life_is_foretold(tmp_path: Path, seed: int) -> None:
    home, choose = PatchedHome(tmp_path / "home"), random.Random(seed)
    home.take([{"pack": True}])
    for _ in range(25):
        home.take([random_step(choose, home)])
        found = home.inventory()
        foretold = next_start(found)
        if any(each.trap == "doubled-bundle" for each in patch_warnings(found)):
            continue  # chance decides
        home.take([{"start": True}])
        failed = any("SEVERE" in line for line in home.log)
        applied = "INFO Patch changes detected" in home.log
        assert failed == (foretold.action is Action.FAIL), (foretold, home.log)
        assert applied == (foretold.action not in {Action.FAIL, Action.NOTHING}), (foretold, home.log)
        assert foretold.plugins == home.md5(), (foretold, home.log)
