"""Everything that a tree of files can hold comes back, whatever its names, kinds and modes are; on every host."""

import os
import pwd
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lifeboat.engines.base import Facts
from lifeboat.errors import CaptureError, ConfigurationError
from lifeboat.treewalk import Walk
from tests.support.engine_bench import Bench, red
from tests.support.engine_sources import HomeSource, TreeSource
from tests.support.toolbox import Toolbox

ACCOUNT = "nobody"
TreeBench = Callable[..., Bench]
DEEP = "/".join(["d" * 50] * 70)


@pytest.fixture
def tree_bench(place: Path, bench_for: Callable[..., Bench], toolbox: Toolbox) -> TreeBench:
    """Given the settings of a tree, give its bench; its root, `place`/root, is made if there is none."""

    def make(host: str = "worker", **settings: object) -> Bench:
        (place / "root").mkdir(exist_ok=True)
        document = {"business_data": {"documents": {"path": str(place / "root"), "host": host, **settings}}}
        return bench_for(TreeSource.unit, document)

    return make


def _entries(facts: Facts) -> dict[str, list]:
    return facts[str(TreeSource.unit)]["entries"]


def _fill(root: Path) -> None:
    """Make one of everything below a directory."""
    names = [
        "line\nbreak",
        "'",
        '"',
        "$HOME",
        "`id`",
        "\\",
        "*",
        "[x]",
        "-n",
        " ",
        "größer ✓",
        "\U0001d54e",
        "tab\t",
        "\x7f",
    ]
    for number, name in enumerate(names):
        (root / name).write_text(f"{number}")
    Path(os.fsdecode(os.fsencode(root) + b"/no \xff UTF-8")).write_text("bytes")
    Path(os.fsdecode(os.fsencode(root) + b"/link \xfe")).symlink_to("$HOME")
    (root / "directory\n").mkdir()
    (root / "directory\n" / "inside").write_text("inside")
    (root / "empty").mkdir(mode=0o1777)
    (root / "zero").touch(mode=0o400)
    (root / "original").write_text("two names")
    os.link(root / "original", root / "another name")
    with (root / "sparse").open("wb") as file:
        file.truncate(20 << 20)
        file.seek(10 << 20)
        file.write(b"in the middle")
    os.mkfifo(root / "fifo", 0o620)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    for name, mode in (("setuid", 0o4755), ("setgid", 0o2755), ("nothing", 0o000), ("write only", 0o200)):
        (root / name).write_text(name)
        os.chown(root / name, 4711, 4712)
        (root / name).chmod(mode)
    (root / "relative").symlink_to("directory\n/../zero")
    (root / "dangling").symlink_to("not there")
    (root / "absolute").symlink_to(root / "zero")
    (root / "to itself").symlink_to(".")
    (root / "in a circle").symlink_to("in a circle")
    os.lchown(root / "dangling", 4711, 4712)
    (root / DEEP).mkdir(parents=True)
    (root / DEEP / "deep").write_text("deep")


def test_everything_comes_back(tree_bench: TreeBench, place: Path, host: str) -> None:
    bench = tree_bench(host)
    _fill(place / "root")
    snapshot = bench.capture()
    with bench.restored(snapshot) as restored:
        assert red([*restored.checks, *bench.compare(bench.facts(snapshot), restored.prove())]) == {}
        twin = next(bench.scratch.glob("drill-*/tree"))
        assert _listing(twin) == _listing(place / "root") - {b"socket"}
        assert [status for path, status in _statuses(twin)] == [s for _, s in _statuses(place / "root")]
        assert (twin / "sparse").read_bytes() == (place / "root/sparse").read_bytes()
        assert (twin / DEEP / "deep").read_text() == "deep"
        assert (twin / "line\nbreak").read_text() == "0"
    assert len(_entries(bench.facts(snapshot))) > 100


def _listing(root: Path) -> set[bytes]:
    done = subprocess.run(["find", ".", "-printf", "%P\\0"], cwd=root, check=True, capture_output=True)
    return set(done.stdout.split(b"\0"))


def _statuses(root: Path) -> list[tuple[bytes, tuple[int, int, int, int]]]:
    """Return the type, mode, owner, group and size of every path but the sockets, which nobody restores."""
    found = []
    for name in sorted(_listing(root)):
        status = os.lstat(os.fsencode(root) + b"/" + name)
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        if not stat.S_ISSOCK(status.st_mode):
            found.append((name, (status.st_mode, status.st_uid, status.st_gid, size)))
    return found


def test_a_root_that_is_a_link(tree_bench: TreeBench, place: Path, host: str) -> None:
    """What is excluded must stay so: restic sees the directory under its other name."""
    (place / "real [name]").mkdir()
    (place / "real [name]" / "kept").write_text("kept")
    (place / "real [name]" / "excluded").write_text("excluded")
    (place / "real [name]" / "link").symlink_to(place / "root/kept")
    (place / "root").symlink_to(place / "real [name]")
    bench = tree_bench(host, exclude=["excluded"])
    snapshot = bench.capture()
    assert _entries(bench.facts(snapshot)).keys() == {".", "kept", "link"}
    assert red(bench.drill(snapshot)) == {}


GLOBS = {
    "a": {"a", "a/x", "a/b", "a/b/x"},
    "a/**": {"a/x", "a/b", "a/b/x"},
    "a/*": {"a/x", "a/b", "a/b/x"},
    "**/x": {"x", "a/x", "a/b/x"},
    "a/**/x": {"a/x", "a/b/x"},
    "*.log": {"top.log"},
    "**/*.log": {"top.log", "logs/below.log"},
    "?": {"a", "x", "a/x", "a/b", "a/b/x"},
    "[x]": {"[x]"},
    "back\\slash": {"back\\slash"},
    "$HOME": {"$HOME"},
    "ends with a space ": {"ends with a space "},
    "line\nbreak": {"line\nbreak"},
    "!x": {"!x"},
    "#x": {"#x"},
    "größer*": {"größer ✓"},
    "not there": set(),
}


def test_excluded_globs(tree_bench: TreeBench, place: Path, host: str) -> None:
    """The walk and restic must agree on each to the letter. Each is for a directory of its own, `0`, `1` and so on."""
    plain = {name for names in GLOBS.values() for name in names} - {"a", "a/b"}
    for number in range(len(GLOBS)):
        for name in plain:
            path = place / "root" / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    bench = tree_bench(host, exclude=[f"{number}/{glob}" for number, glob in enumerate(GLOBS)])
    snapshot = bench.capture()
    found = _entries(bench.facts(snapshot)).keys()
    for number, (glob, excluded) in enumerate(GLOBS.items()):
        below = {path.removeprefix(f"{number}/") for path in found if path.startswith(f"{number}/")}
        assert below == {"a", "a/b", "logs", *plain} - excluded, glob
    assert red(bench.drill(snapshot)) == {}


def test_another_account_reads_the_tree(tree_bench: TreeBench, place: Path, host: str) -> None:
    """It has no right on the vault, and no home directory for caches."""
    bench = tree_bench(host, run_as=ACCOUNT)
    (place / "vault").chmod(0o700)
    (place / "root/secret").write_text("secret")
    for path in (place / "root", place / "root/secret"):
        os.chown(path, pwd.getpwnam(ACCOUNT).pw_uid, -1)
        path.chmod(path.stat().st_mode & 0o700)
    assert red(bench.drill(bench.capture())) == {}


def test_what_another_account_cannot_read_is_named(tree_bench: TreeBench, place: Path, host: str) -> None:
    bench = tree_bench(host, run_as=ACCOUNT)
    (place / "root").chmod(0o755)
    (place / "root/shut\n").mkdir(mode=0o700)
    (place / "root/readable").write_text("readable")
    (place / "root/secret").touch(mode=0o600)
    with pytest.raises(CaptureError, match="2 paths below") as caught:
        bench.capture()
    assert "secret: Permission denied" in str(caught.value)
    assert "shut\\n: Permission denied" in str(caught.value)
    assert "run_as" in caught.value.next_step
    assert bench.vault.snapshots({}) == []


def test_times_are_no_difference(tree_bench: TreeBench, place: Path) -> None:
    bench = tree_bench()
    (place / "root/file").write_text("content")
    before = bench.facts(bench.capture())
    os.utime(place / "root/file", (0, 0))
    assert bench.facts(bench.capture()) == before


# Links that lead out


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "/not/there", "inside/../../outside/file"])
def test_a_link_that_leads_out_is_refused(tree_bench: TreeBench, place: Path, target: str) -> None:
    bench = tree_bench()
    (place / "root/inside").mkdir()
    (place / "root/way out\n").symlink_to(target)
    with pytest.raises(CaptureError, match=r"  way out\\n -> /") as caught:
        bench.capture()
    assert "external_links" in caught.value.next_step
    assert bench.vault.snapshots({}) == []


def test_a_link_that_is_known_may_lead_out(tree_bench: TreeBench, place: Path) -> None:
    bench = tree_bench(external_links=["a/way out"])
    (place / "root/a").mkdir()
    (place / "root/a/way out").symlink_to("/etc/passwd")
    snapshot = bench.capture()
    assert _entries(bench.facts(snapshot))["a/way out"][6] == "/etc/passwd"
    assert red(bench.drill(snapshot)) == {}


def test_a_link_may_lead_to_what_is_captured_elsewhere(place: Path, bench_for: Callable[..., Bench]) -> None:
    """Here to a home whose path in the deployment file is a link itself."""
    (place / "root").mkdir()
    (place / "home-4.5.0/lib").mkdir(parents=True)
    (place / "home").symlink_to("home-4.5.0")
    (place / "root/to the home").symlink_to(place / "home/lib")
    home = {"type": "apim-gateway", "home": str(place / "home")}
    data = {"path": str(place / "root")}
    bench = bench_for(TreeSource.unit, {"servers": {"gw": home}, "business_data": {TreeSource.unit.name: data}})
    assert red(bench.drill(bench.capture())) == {}


def test_a_link_may_not_lead_to_another_host_s_home(place: Path, bench_for: Callable[..., Bench]) -> None:
    (place / "root").mkdir()
    (place / "home").mkdir()
    (place / "root/to the home").symlink_to(place / "home")
    servers = {"gw": {"type": "apim-gateway", "home": str(place / "home"), "host": "other"}}
    data = {TreeSource.unit.name: {"path": str(place / "root")}}
    bench = bench_for(TreeSource.unit, {"servers": servers, "business_data": data, "hosts": {"other": {"queue": "q"}}})
    with pytest.raises(CaptureError, match="lead out"):
        bench.capture()


def test_a_link_that_this_restic_cannot_store_is_refused(tree_bench: TreeBench, place: Path, toolbox: Toolbox) -> None:
    bench = tree_bench()
    os.symlink(b"no \xff UTF-8", os.fsencode(place / "root/link"))
    toolbox.put("restic", 'case $1 in version) echo "restic 0.14.0 compiled";; *) exec {real} "$@";; esac\n')
    with pytest.raises(CaptureError, match=r"(?s)restic 0.14.0 would change the targets .*  link") as caught:
        bench.capture()
    assert "restic 0.16" in caught.value.next_step


# Walks


def test_the_host_s_locale_does_not_matter(tree_bench: TreeBench, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = tree_bench()
    (place / "root/größer ✓").write_text("1")
    with monkeypatch.context() as other:
        for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
            other.setenv(name, value)
        snapshot = bench.capture()
    assert "größer ✓" in _entries(bench.facts(snapshot))
    assert red(bench.drill(snapshot)) == {}


def test_the_walker_needs_nothing_but_python(tmp_path: Path) -> None:
    source = Path(sys.modules[Walk.__module__].__file__ or "").read_text()
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


# Homes


def test_a_home_of_unknown_layout_is_refused(place: Path, bench_for: Callable[..., Bench], host: str) -> None:
    source = HomeSource(place, lambda: pytest.fail("a home needs no database"))
    (source.root / "repository/conf/deployment.toml").unlink()
    bench = bench_for(source.unit, source.document(host))
    for refuse in (bench.engine.preflight, bench.capture):
        with pytest.raises(ConfigurationError, match=f"home/apim-cp-1: '{source.root}' .*no known WSO2 product"):
            refuse()


def test_what_a_home_leaves_out_and_tells(place: Path, bench_for: Callable[..., Bench]) -> None:
    source = HomeSource(place, lambda: pytest.fail("a home needs no database"))
    source.write("repository/database/WSO2CARBON_DB.mv.db", b"an open H2 database")
    source.write("repository/resources/conf/templates/repository/conf/axis2/axis2.xml.j2", b"template")
    source.write("repository/conf/axis2/axis2.xml", b"rendered")
    bench = bench_for(source.unit, source.document("worker"))
    snapshot = bench.capture()
    facts = bench.facts(snapshot)[str(source.unit)]
    assert not {"wso2carbon.pid", "repository/logs/wso2carbon.log", "tmp/unpacked"} & facts["entries"].keys()
    assert {"tmp", "repository/logs", "repository/database"} < facts["entries"].keys()
    assert facts["entries"]["repository/conf/axis2/axis2.xml"][1] == "generated"
    assert facts["entries"]["repository/conf/deployment.toml"][1] == "compared"
    assert snapshot.members[0].proof.summary["product"] == "wso2am-acp 4.5.0"
    assert any("repository/database/WSO2CARBON_DB" in warning for warning in snapshot.warnings)
    assert red(bench.drill(snapshot)) == {}
