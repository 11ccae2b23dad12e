"""Packs that are made ready once and distributed: made, proven, delivered and removed, or no server is touched."""

import hashlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifeboat.errors import ConfigurationError, LifeboatError, PreflightError, SpaceError, UpdateError
from lifeboat.runtime import Runtime
from lifeboat.update import roll_out
from lifeboat.update_delivery import remove_packs
from lifeboat.update_documents import UpdateEvidence, UpdatePlan, UpdateRequest
from lifeboat.update_journal import Base, new_update_id
from lifeboat.update_plan import plan_update
from lifeboat.update_prepare import prepare
from tests.support.packs import GATEWAY_PRODUCT, PRODUCT, TIMESTAMP, WumAccount, reference_pack, tool_runs
from tests.support.patchable import CP_1, CP_2, GATEWAY, UPDATES_LOGIN, UPDATES_PASSWORD, Patchable, files, patchable
from tests.support.sshd import TestSshd
from tests.support.waiting import command_line, eventually, is_running

CONFLICT = "repository/conf/deployment.toml"


class World:
    """Three servers, the second one on a host over SSH, and what makes packs ready for them."""

    def __init__(self, made: Patchable, runtime: Runtime) -> None:
        made.runtime = runtime
        self.made, self.runtime = made, runtime
        self.packs = made.directory / "packs"

    def plan(self, *names: str, method: str = "distribute", **request: Any) -> UpdatePlan:
        asked = UpdateRequest(servers=names, reason="a test", method=method, **request)
        return plan_update(self.runtime, asked, new_update_id())

    def again(self, plan: UpdatePlan) -> UpdatePlan:
        """Plan again, as is done after an approval."""
        return plan_update(self.runtime, plan.request, plan.id)

    def roll_out(self, plan: UpdatePlan) -> list[UpdateEvidence]:
        point = self.made.point("pre_upgrade")
        base = Base(point.id, self.made.catalog.point("mini", point.id).manifest_sha256)
        return roll_out(self.runtime, self.made.catalog, plan, base, "a tester", ["a tester"])

    def files(self) -> dict[str, Any]:
        return {name: files(self.made.home(name).root) for name in (CP_1, CP_2, GATEWAY)}

    def levels(self) -> list[str | None]:
        configs = [self.made.home(name).root / "updates/config.json" for name in (CP_1, CP_2)]
        return [json.loads(config.read_text())["update-level"] if config.exists() else None for config in configs]

    def copies(self) -> list[str]:
        return sorted(path.name for path in self.made.directory.iterdir() if "lifeboat-pack" in path.name)

    def left(self) -> list[str]:
        """Return what lies in the directory where packs are made ready."""
        return sorted(path.name for path in (self.packs / "mini").glob("*/*"))


@pytest.fixture(scope="module")
def world(sshd: TestSshd) -> Iterator[World]:
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-distribute-"))
    with patchable(directory / "p", _two_hosts) as made, made.mini.runtime(there=sshd.connection()) as runtime:
        yield World(made, runtime)
    shutil.rmtree(directory)


def _two_hosts(document: dict[str, Any]) -> None:
    directory = Path(document["servers"][CP_1]["home"]).parent
    document["hosts"] = {"there": {"ssh": "there"}}
    document["servers"][CP_2]["host"] = "there"
    document["update"] = {
        "connection": "wso2_updates",
        "pack_directory": str(directory / "packs"),
        "timeout": "4s",
        "environment": {"PATH": f"{directory}/wum/bin:{os.environ['PATH']}", "HOME": f"{directory}/wum"},
    }


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"fail": "half"}, "failed with status 1: .*no space left on device"),
        ({"fail": "hang"}, "was ended: it was not done after 4s"),
        ({"fail": "wrong_level"}, "update level 7 was wanted, and is 0"),
        ({"fail": "corrupt_jar"}, "cannot be distributed; not whole: .*jar"),
        ({"fail": "leaves_backup"}, "the tool left a backup, which nobody asked for, in /"),
        ({"conflicts": [CONFLICT]}, "meets 1 conflicts, and nobody was to be waited for: repository/conf"),
        ({"password_sha256": "another one's"}, "failed with status 1: Authentication failed"),
    ],
)
def test_what_cannot_be_made_ready_touches_no_server(
    world: World, tmp_path: Path, behaviour: dict[str, Any], said: str
) -> None:
    then, pack = world.files(), reference_pack(tmp_path / "reference", **behaviour)
    original = pack.read_bytes()
    plan = world.plan(CP_1, level=7, pack=str(pack))
    with pytest.raises(UpdateError, match=rf"(?s)No pack of {PRODUCT} was made ready, and no server.*{said}") as caught:
        prepare(world.runtime, plan)
    assert "Then update anew" in caught.value.next_step
    assert UPDATES_PASSWORD not in str(caught.value)
    assert world.files() == then
    assert world.copies() == []
    assert pack.read_bytes() == original


def test_what_stands_in_the_way_is_told_before_anything_is_made(world: World, tmp_path: Path) -> None:
    pack = reference_pack(tmp_path / "reference")
    ahead = tmp_path / "ahead"
    shutil.unpack_archive(pack, ahead)
    (ahead / PRODUCT / "updates/config.json").write_text(json.dumps({"update-level": "8"}))
    bare = tmp_path / "bare"
    shutil.copytree(ahead, bare, ignore=shutil.ignore_patterns("wso2update_linux"))
    servers, broken = (CP_1,), tmp_path / "broken.zip"
    broken.write_bytes(pack.read_bytes()[:-3000])
    asked: list[tuple[tuple[str, ...], dict[str, Any], type[LifeboatError], str]] = [
        (servers, {}, PreflightError, "needs the path of the reference pack"),
        (servers, {"pack": "/nowhere.zip"}, PreflightError, "no pack that can be read.*No such file"),
        (servers, {"pack": str(broken)}, PreflightError, "no pack that can be read"),
        ((CP_1, GATEWAY), {"pack": str(pack)}, PreflightError, "is wso2am-acp-4.5.0; the servers.*wso2am-universal-gw"),
        (servers, {"pack": str(bare / PRODUCT)}, PreflightError, "has no update tool, bin/wso2update_linux"),
        (servers, {"pack": str(ahead / PRODUCT), "level": 7}, PreflightError, "is at level 8, which is beyond level 7"),
        (servers, {"method": "wum", "level": 7}, ConfigurationError, "WUM knows no update levels"),
        (servers, {"method": "wum"}, PreflightError, "WUM is not on the PATH"),
    ]
    for names, request, error, said in asked:
        with pytest.raises(error, match=f"(?s){said}"):
            world.plan(*names, **request)


def test_a_directory_that_others_may_write_to_is_refused(world: World, tmp_path: Path) -> None:
    plan = world.plan(CP_1, level=7, pack=str(reference_pack(tmp_path / "reference")))
    (world.packs / "mini").mkdir(parents=True, exist_ok=True)
    (world.packs / "mini").chmod(0o777)
    with pytest.raises(PreflightError, match="cannot be trusted"):
        prepare(world.runtime, plan)
    (world.packs / "mini").chmod(0o700)


def test_one_pack_is_updated_once_and_brought_to_each_host(world: World, tmp_path: Path) -> None:
    pack = reference_pack(tmp_path / "reference", fail="half")
    plan = world.plan(CP_1, CP_2, level=7, pack=str(pack))
    with pytest.raises(UpdateError, match="was made ready"):
        prepare(world.runtime, plan)
    (failed,) = world.left()
    reference_pack(tmp_path / "reference", self_update=True)
    original, gateway = pack.read_bytes(), world.files()[GATEWAY]
    assert [(each.product, each.source) for each in plan.packs] == [(PRODUCT, f"{pack}, which is at level 0")]
    (ready,) = prepare(world.runtime, plan)
    runs = tool_runs(pack)
    assert runs == ["--no-backup --level 7"] * 2  # the first time it replaced itself
    assert len(world.left()) == 2
    assert failed not in world.left()
    (copy,) = world.copies()
    assert copy == f"{CP_2}.lifeboat-pack-{plan.id}.zip"
    delivered = world.made.directory / copy
    assert delivered.stat().st_mode & 0o777 == 0o600
    there = delivered.stat().st_ino
    assert prepare(world.runtime, plan) == [ready]
    assert delivered.stat().st_ino == there
    delivered.write_bytes(delivered.read_bytes()[:-1] + b"?")
    assert prepare(world.runtime, plan) == [ready]
    assert hashlib.sha256(delivered.read_bytes()).hexdigest() == ready.sha256
    assert world.again(plan) == plan
    evidence = world.roll_out(plan)
    assert world.levels() == ["7", "7"]
    assert tool_runs(pack) == runs
    assert {each.pack for each in evidence} == {str(ready)}
    assert pack.read_bytes() == original
    assert world.copies() == world.left() == []
    assert world.files()[GATEWAY] == gateway
    with pytest.raises(UpdateError, match=r"would not update server 'apim-cp-1': the update level was 7, and is 7"):
        prepare(world.runtime, world.plan(CP_1, pack=str(_at_level_7(pack))))


def test_a_killed_preparation_is_made_anew_whatever_its_tool_still_does(world: World, tmp_path: Path) -> None:
    pack = reference_pack(tmp_path / "reference", fail="hang")
    plan = world.plan(CP_1, level=9, pack=str(pack))
    child = os.fork()
    if child == 0:
        try:
            prepare(world.runtime, plan)
        finally:
            os._exit(1)
    assert eventually(lambda: tool_runs(pack))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left = _tools_at_work(world)
    assert left
    reference_pack(tmp_path / "reference")
    (ready,) = prepare(world.runtime, plan)
    assert ready.identity.update_level == 9
    assert tool_runs(pack) == ["--no-backup --level 9"]
    for tool in left:
        os.kill(tool, signal.SIGKILL)
    remove_packs(world.runtime, plan)
    assert world.left() == []


def _tools_at_work(world: World) -> list[int]:
    processes = [int(directory.name) for directory in Path("/proc").glob("[0-9]*")]
    tool = f"{world.packs}/".encode()
    return [
        pid for pid in processes if is_running(pid) and any(tool in word for word in command_line(pid).split(b"\0"))
    ]


def test_packs_that_are_made_ready_on_another_host_come_here(world: World, tmp_path: Path) -> None:
    deployment = world.runtime.deployment
    settings = deployment.update.model_copy(update={"pack_host": "there", "channel": "security"})
    pack = reference_pack(tmp_path / "reference")
    with Runtime(deployment.model_copy(update={"update": settings}), world.runtime.connection) as runtime:
        request = UpdateRequest(servers=(CP_1, CP_2), method="distribute", level=8, pack=str(pack))
        plan = plan_update(runtime, request, new_update_id())
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SpaceError, match="The new home of server 'apim-cp-"):
            patch.setattr("lifeboat.update_delivery._PACKS", 10**12)
            prepare(runtime, plan)
        assert world.copies() == []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lifeboat.update_delivery.pump", lambda source, sink: sink.write(source.read()[:-1]))
            with pytest.raises(UpdateError, match=r"did not arrive on host 'worker' as it was sent"):
                prepare(runtime, plan)
        assert [name.rpartition(".")[2] for name in world.copies()] == ["part"]
        (ready,) = prepare(runtime, plan)
    assert plan.packs[0].host == "there"
    assert tool_runs(pack) == ["--no-backup --level 8 --channel security"]
    (copy,) = world.copies()
    assert copy == f"{CP_1}.lifeboat-pack-{plan.id}.zip"
    assert hashlib.sha256((world.made.directory / copy).read_bytes()).hexdigest() == ready.sha256
    later = world.plan(CP_1, CP_2, level=9, pack=str(pack))
    prepare(world.runtime, later)
    assert world.copies() == [f"{CP_2}.lifeboat-pack-{later.id}.zip"]  # what an update left goes with the next
    remove_packs(world.runtime, later)
    assert world.copies() == world.left() == []


def _at_level_7(pack: Path) -> Path:
    """Return a reference pack for which there is nothing newer than level 7."""
    return reference_pack(pack.parent.parent / "newest", latest=7)


def test_wum_makes_the_pack_of_those_who_still_have_it(world: World, tmp_path: Path) -> None:
    account = WumAccount(world.made.directory / "wum")
    with pytest.raises(PreflightError, match=rf"(?s)WUM has no pack of {GATEWAY_PRODUCT}.*not available in your local"):
        world.plan(GATEWAY, method="wum")
    pack = reference_pack(tmp_path / "reference", GATEWAY_PRODUCT)
    account.add(pack)
    then, plan = files(world.made.home(GATEWAY).root), world.plan(GATEWAY, method="wum")
    for behaviour, said in (
        ({"password_sha256": "another one's"}, "WUM's login failed with status 1.*Invalid credentials"),
        ({"fail": "half"}, f"`wum update {GATEWAY_PRODUCT}` failed with status 1.*no space left on device"),
        ({"fail": "hang"}, "`wum update` on host 'worker' was ended: it was not done after 4s"),
        ({"fail": "corrupt_jar"}, "cannot be distributed; not whole: .*jar"),
        ({"fail": "other_version"}, "cannot be distributed; it is wso2am-universal-gw-9.9.9"),
    ):
        account.start_anew(pack, **behaviour)
        with pytest.raises(UpdateError, match=f"(?s){said}") as caught:
            prepare(world.runtime, plan)
        assert UPDATES_PASSWORD not in str(caught.value)
    with pytest.raises(PreflightError, match=f"WUM's newest pack of {GATEWAY_PRODUCT} .* is wso2am-universal-gw-9.9.9"):
        world.plan(GATEWAY, method="wum")
    account.start_anew(pack, fail="silent")
    with pytest.raises(UpdateError, match="would not update server 'apim-gw-1': the update level was 0, and is 0"):
        prepare(world.runtime, plan)
    assert files(world.made.home(GATEWAY).root) == then
    account.start_anew(pack)
    plan = world.plan(GATEWAY, method="wum")
    prepare(world.runtime, plan)
    assert world.again(plan) == plan
    (evidence,) = world.roll_out(plan)
    assert evidence.level_after == f"wum {TIMESTAMP}"
    assert f"{GATEWAY_PRODUCT}, wum {TIMESTAMP}" in evidence.pack
    assert account.newest(GATEWAY_PRODUCT).exists()  # what is WUM's stays with WUM
    with pytest.raises(UpdateError, match=f"WUM's timestamp was {TIMESTAMP}, and is {TIMESTAMP}"):
        prepare(world.runtime, world.plan(GATEWAY, method="wum"))
    said = account.calls()
    assert f"init -u {UPDATES_LOGIN}" in said
    assert UPDATES_PASSWORD not in "".join(said)
