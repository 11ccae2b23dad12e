"""The patches of a home as part of its proof: read on its host, compared by drills, and known at any time later."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lifeboat.deployment import Unit
from lifeboat.engines.home import HomeEngine
from lifeboat.wso2.check_model import Status
from lifeboat.wso2.patches import Action, inventory, next_start
from tests.support.engine_bench import Bench, red
from tests.support.patched_home import PatchedHome, jar
from tests.support.toolbox import Toolbox

UNIT = Unit(kind="home", name="apim-cp-1")
SECRET = "0123456789abcdef-token"
IDENTITY = {
    "bin/version.txt": "WSO2 API Manager v4.5.0\n",
    "bin/wso2carbon-version.txt": "WSO2 Carbon Framework v4.10.42\n",
    "updates/product.txt": "wso2am-acp-4.5.0",
    "updates/config.json": json.dumps({"update-level": "3", "service": {"access-token": SECRET}}),
}
STEPS = [
    {"pack": True},
    {"put": {"patches/patch0001/a_1.0.0.jar": "first", "patches/patch0002/new_1.0.0.jar": "second"}},
    {"start": True},
]
MARKERS = {"carbon": "repository/conf/deployment.toml", "relocated": "conf/deployment.toml"}


def make_home(place: Path, layout: str = "carbon") -> PatchedHome:
    home = PatchedHome(place / "root", layout)
    home.take(STEPS)
    for name, text in {**IDENTITY, MARKERS[layout]: "[server]\n"}.items():
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return home


@pytest.fixture
def home(place: Path) -> PatchedHome:
    return make_home(place)


@pytest.fixture
def bench(home: PatchedHome, host: str, bench_for: Callable[..., Bench]) -> Bench:
    return bench_of(home, bench_for, host)


def bench_of(home: PatchedHome, bench_for: Callable[..., Bench], host: str, **settings: object) -> Bench:
    server = {"type": "apim-control-plane", "home": str(home.root), "host": host, **settings}
    return bench_for(UNIT, {"servers": {UNIT.name: server}})


def test_a_restore_point_tells_product_and_patches_without_being_restored(bench: Bench, home: PatchedHome) -> None:
    snapshot = bench.capture()
    (member,) = snapshot.members
    identity = member.details["identity"]
    assert (identity["product"], identity["version"], identity["update_level"]) == ("wso2am-acp", "4.5.0", 3)
    assert (identity["carbon_kernel"], identity["update_kind"]) == ("4.10.42", "updates2")
    assert identity["patches"] == ["patch0001", "patch0002"]
    assert member.proof.summary["patches"] == 2
    found = inventory(bench.facts(snapshot)[str(UNIT)]["patches"])
    assert found == home.inventory()
    assert next_start(found).action is Action.NOTHING
    engine = bench.engine
    assert isinstance(engine, HomeEngine)
    live, live_identity = engine.read_patches()
    assert (live, live_identity.model_dump(mode="json")) == (found, identity)


def test_traps_and_secrets_are_told_at_the_capture_and_no_secret_is_shown(bench: Bench) -> None:
    snapshot = bench.capture()
    (check,) = snapshot.checks
    assert (check.name, check.status) == ("patches-agree", Status.FAILED)
    assert check.violation_keys == ["mixed-with-updates: patch0000, patch0001, patch0002"]
    said = "\n".join(snapshot.warnings)
    assert "update level 3: an update changes plugins themselves" in said
    assert "updates/config.json holds secrets in clear text (service.access-token)" in said
    assert SECRET not in snapshot.model_dump_json()


@pytest.mark.parametrize("layout", ["carbon", "relocated"])
def test_both_layouts(place: Path, bench_for: Callable[..., Bench], layout: str) -> None:
    home = make_home(place, layout)
    bench = bench_of(home, bench_for, "worker")
    snapshot = bench.capture()
    assert inventory(bench.facts(snapshot)[str(UNIT)]["patches"]) == home.inventory()
    assert red(bench.drill(snapshot)) == {}


def test_links_out_of_the_home_are_compared_as_links(place: Path, bench_for: Callable[..., Bench], host: str) -> None:
    home = make_home(place)
    outside = place / "outside"
    outside.mkdir()
    (home.path("patches/patch0001/a_1.0.0.jar")).rename(outside / "a_1.0.0.jar")
    home.take([{"remove": ["patches/patch0001"]}, {"link": {"patches/patch0001": str(outside)}}])
    home.take([{"link": {"plugins/linked_1.0.0.jar": str(outside / "a_1.0.0.jar")}}])
    patches = "repository/components/patches/patch0001"
    links = [patches, "repository/components/plugins/linked_1.0.0.jar"]
    bench = bench_of(home, bench_for, host, external_links=links)
    snapshot = bench.capture()
    assert any("patch0001 leads out of the home" in warning for warning in snapshot.warnings)
    captured = bench.facts(snapshot)
    (outside / "a_1.0.0.jar").write_bytes(b"changed, and not part of the home")
    checks = bench.drill(snapshot, captured)
    assert red(checks) == {}
    assert "patch-inventory" in {check.name for check in checks if check.outcome == "passed"}


def test_what_is_not_captured_is_not_in_the_inventory(home: PatchedHome, bench_for: Callable[..., Bench]) -> None:
    bench = bench_of(home, bench_for, "worker", exclude=["repository/components/patches/patch0000/**"])
    snapshot = bench.capture()
    found = inventory(bench.facts(snapshot)[str(UNIT)]["patches"])
    assert found is not None
    assert found.baseline == {}
    assert red(bench.drill(snapshot)) == {}


def test_plugins_that_keep_changing_are_named_and_not_compared(
    home: PatchedHome, bench_for: Callable[..., Bench], toolbox: Toolbox
) -> None:
    bench = bench_of(home, bench_for, "worker")
    bundle = home.plugins / "b_1.0.0.jar"
    toolbox.put(
        "restic",
        f"""
case "$*" in
"backup --json . "*) {{real}} "$@"; status=$?; date +%N >> '{bundle}'; exit $status ;;
esac
exec {{real}} "$@"
""",
    )
    snapshot = bench.capture()
    assert any("patches or plugins kept changing" in warning for warning in snapshot.warnings)
    outcomes = {check.name: check.outcome for check in bench.drill(snapshot)}
    assert outcomes["patch-inventory"] == "skipped"
    assert "failed" not in outcomes.values()


def test_names_that_are_no_text_are_told_in_text(place: Path, bench_for: Callable[..., Bench], host: str) -> None:
    home = make_home(place)
    patch = os.fsencode(home.path("patches")) + b"/patch0003-\xff"
    os.mkdir(patch)
    with open(patch + b"/\xfe\x1b_1.0.0.jar", "wb") as file:
        file.write(jar("odd_1.0.0.jar", "odd"))
    bench = bench_of(home, bench_for, host)
    snapshot = bench.capture()
    assert snapshot.members[0].details["identity"]["patches"][-1] == "patch0003-\\xff"
    assert any("patch0003-\\xff counts as a patch" in warning for warning in snapshot.warnings)
    assert red(bench.drill(snapshot)) == {}
