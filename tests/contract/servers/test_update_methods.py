"""The methods of updating a home, each with a tool that ends as WSO2 documents it."""

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from lifeboat.connections import Connection
from lifeboat.deployment import Server, UpdateSettings
from lifeboat.errors import ConflictError, PreflightError, UpdateError
from lifeboat.host import Host, LocalHost
from lifeboat.wso2.identity import ProductIdentity, UpdateKind, read_identity
from lifeboat.wso2.update_method import Target, UpdateMethod
from lifeboat.wso2.update_methods import update_method
from tests.support.patched_home import PatchedHome
from tests.support.wso2_server import make_home

PASSWORD, CONFLICT = "pa$$word 'of' \"updates\"", "repository/conf/log4j2.properties"


class Home:
    """A home with the update tools."""

    def __init__(self, directory: Path) -> None:
        self.root = make_home(directory / "home").home
        self.directory = directory
        PatchedHome(self.root).take([{"pack": True}])
        data = resources.files("lifeboat.sample").joinpath("data")
        for name, source in (("wso2update_linux", "wso2update.py"), ("update_linux", "update_in_place.py")):
            (self.root / "bin" / name).write_bytes(data.joinpath(source).read_bytes())
            (self.root / "bin" / name).chmod(0o755)
        (self.root / CONFLICT).write_text("of the installation\n")
        self.behave()

    def behave(self, **behaviour: Any) -> None:
        settings = {"password_sha256": hashlib.sha256(PASSWORD.encode()).hexdigest(), **behaviour}
        (self.root / "bin/sample-updates.json").write_text(json.dumps(settings))

    def method(self, name: str, host: Host | None = None, settings: dict[str, Any] | None = None, **target: Any) -> Any:
        known = {
            "connection": "wso2_updates",
            "backup_directory": str(self.directory / "backups"),
            "timeout": timedelta(seconds=20),
            "conflict_timeout": timedelta(seconds=20),
        }
        server = Server(type="apim-control-plane", home=str(self.root))
        login = Connection("wso2_updates", "generic", login="updates@example.org", password=PASSWORD)
        made = UpdateSettings.model_validate({**known, **(settings or {})})
        return update_method(name)(host or LocalHost(), "apim-cp-1", server, made, lambda _: login, Target(**target))

    def identity(self) -> ProductIdentity:
        def read(path: str) -> bytes | None:
            return (self.root / path).read_bytes() if (self.root / path).is_file() else None

        return read_identity(read, [f"updates/{path.name}" for path in (self.root / "updates").iterdir()])

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.root)): p.read_bytes() for p in sorted(self.root.rglob("*")) if p.is_file()}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    return Home(tmp_path)


def update(home: Home, method: UpdateMethod) -> list[str]:
    """Update, and return what is not as it should be."""
    before = home.identity()
    method.preflight(before)
    method.update(before)
    return method.unmet(before, home.identity())


def test_updates2_is_run_again_when_it_replaced_itself_and_the_level_is_read_from_its_files(home: Home) -> None:
    home.behave(self_update=True)
    assert update(home, home.method("updates2", level=7)) == []
    assert home.identity().update_level == 7
    (backup,) = (home.directory / "backups").iterdir()
    assert (backup / "bin/version.txt").is_file()
    home.behave(fail="wrong_level")
    assert update(home, home.method("updates2", level=8)) == ["update level 8 was wanted, and is 7"]


def test_updates2_lists_conflicts_and_reverts(home: Home) -> None:
    home.behave(conflicts=[CONFLICT])
    then = home.files()
    with pytest.raises(ConflictError, match=r"meets 1 conflicts, and the tool reverted") as caught:
        update(home, home.method("updates2", level=7))
    assert caught.value.conflicts == (CONFLICT,)
    assert home.files() == then


def test_updates2_says_when_even_its_revert_fails(home: Home) -> None:
    home.behave(conflicts=[CONFLICT])
    method = home.method("updates2", level=7)
    resolve: Callable[[], Any] = method._resolve

    def tampered() -> Any:
        (backup,) = (home.directory / "backups").iterdir()
        (backup / "somebody-was-here").write_text("")
        return resolve()

    method._resolve = tampered
    with pytest.raises(ConflictError, match=r"did not revert .*backup directory has been modified"):
        update(home, method)


@pytest.mark.parametrize("name", ["updates2", "in_place"])
def test_a_person_resolves_conflicts_and_it_goes_on(home: Home, name: str) -> None:
    home.behave(conflicts=[CONFLICT])
    conflict = home.root / CONFLICT

    def resolve() -> None:
        helper = Path(f"{conflict}.{'new' if name == 'updates2' else 'updated'}")
        deadline = time.monotonic() + 60
        while not helper.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        Path(f"{conflict}.final").write_text("merged by a person\n")

    person = threading.Thread(target=resolve)
    person.start()
    assert update(home, home.method(name, wait=True)) == []
    person.join()
    assert conflict.read_text() == "merged by a person\n"
    assert list(conflict.parent.glob("log4j2*")) == [conflict]


def test_nobody_resolves_conflicts_in_time(home: Home) -> None:
    home.behave(conflicts=[CONFLICT])
    method = home.method("updates2", settings={"conflict_timeout": timedelta(seconds=1)}, wait=True)
    with pytest.raises(ConflictError, match="nobody resolved them in time"):
        update(home, method)
    with pytest.raises(ConflictError, match="an earlier update left them unresolved"):
        method.preflight(home.identity())


@pytest.mark.parametrize(("name", "said"), [("updates2", "Authentication failed"), ("in_place", "Invalid credentials")])
def test_the_password_is_in_no_command_line_and_no_log(
    home: Home, caplog: pytest.LogCaptureFixture, name: str, said: str
) -> None:
    tool = home.root / "bin" / ("wso2update_linux" if name == "updates2" else "update_linux")
    seen = home.directory / "seen"
    spy = f"def main() -> None:\n    Path({str(seen)!r}).write_text(Path('/proc/self/cmdline').read_text())\n"
    tool.write_text(tool.read_text().replace("def main() -> None:\n", spy + "    print(os.environ)\n"))
    with caplog.at_level("DEBUG"):
        assert update(home, home.method(name)) == []
        home.behave(password_sha256="of another one")
        with pytest.raises(UpdateError, match=said) as caught:
            home.method(name, level=9).update(home.identity())
    assert "--" in seen.read_text()
    assert "ended with status 1" in caplog.text
    for text in (seen.read_text(), caplog.text, str(caught.value)):
        assert PASSWORD not in text


def test_a_tool_that_hangs_is_ended(home: Home) -> None:
    home.behave(fail="hang")
    with pytest.raises(UpdateError, match="was ended: it was not done after 2s"):
        update(home, home.method("updates2", settings={"timeout": timedelta(seconds=2)}))


def test_hotfixes_are_reverted_first(home: Home) -> None:
    hotfixes = ["wso2am-acp-4.5.0.5-a-hf-1.zip", "wso2am-acp-4.5.0.5-b-hf-2.zip"]
    (home.root / "updates/config.json").write_text(json.dumps({"update-level": "5", "hotfixes": hotfixes}))
    method = home.method("updates2", level=7)
    assert method.preflight(home.identity()) == [f"apim-cp-1: hotfixes are reverted first: {', '.join(hotfixes)}"]
    assert update(home, method) == []
    assert home.identity().hotfixes == []


def test_backups_inside_the_home_are_refused(home: Home) -> None:
    method = home.method("updates2", settings={"backup_directory": str(home.root / "backup")})
    with pytest.raises(PreflightError, match="is inside the home"):
        method.preflight(home.identity())


def test_the_in_place_tool_gets_its_password_on_a_terminal(home: Home) -> None:
    home.behave(self_update=True, timestamp=1602089309903)
    assert update(home, home.method("in_place")) == []
    assert "timestamp: 1602089309903" in (home.root / "updates/config.yaml").read_text()


def test_a_pack_takes_the_place_of_the_home_and_keeps_what_is_the_installations(home: Home) -> None:
    mine = ("components/lib/driver.jar", "deployment/server/webapps/mine.war", "resources/security/wso2carbon.jks")
    for name in (*mine, "deployment/server/webapps/api.war", "deployment/server/webapps/api/index.html"):
        (home.root / "repository" / name).parent.mkdir(parents=True, exist_ok=True)
        (home.root / "repository" / name).write_text("of the installation")
    pack = home.directory / "packs/wso2am-acp-4.5.0"
    shutil.copytree(home.root, pack, ignore=shutil.ignore_patterns("lib", "webapps"))
    (pack / "updates/config.json").write_text(json.dumps({"update-level": "12"}))
    (pack / "repository/deployment/server/webapps").mkdir(parents=True)
    for name in ("conf/deployment.toml", "resources/security/wso2carbon.jks", "deployment/server/webapps/api.war"):
        (pack / "repository" / name).write_text("of the pack")
    archive = shutil.make_archive(str(home.directory / "new"), "zip", pack.parent, pack.name)
    then, toml = home.files(), (home.root / "repository/conf/deployment.toml").read_text()
    with pytest.raises(UpdateError, match="update level 13 was wanted, and is 12"):
        update(home, home.method("pack", level=13, pack=archive))
    broken = home.directory / "broken.zip"
    broken.write_bytes(Path(archive).read_bytes()[:-3000])
    with pytest.raises(UpdateError, match="No home could be made of the pack"):
        update(home, home.method("pack", pack=str(broken)))
    assert home.files() == then
    assert update(home, home.method("pack", level=12, pack=archive)) == []
    assert (home.root / "repository/conf/deployment.toml").read_text() == toml
    assert {(home.root / "repository" / name).read_text() for name in mine} == {"of the installation"}
    webapps = home.root / "repository/deployment/server/webapps"
    assert (webapps / "api.war").read_text() == "of the pack"
    assert not (webapps / "api/index.html").exists()
    assert (home.root / "bin/api-cp.sh").stat().st_mode & 0o777 == 0o755
    old = Home.__new__(Home)
    old.root = home.directory / "home.before-update-0"
    assert old.files() == then


def test_a_pack_of_wum_must_be_newer_and_of_the_same_product_and_version(home: Home) -> None:
    method = home.method("wum")
    before = ProductIdentity(product="wso2am", version="3.0.0", update_kind=UpdateKind.WUM, wum_timestamp=5)
    newer = before.model_copy(update={"wum_timestamp": 6})
    assert method.unmet(before, newer) == []
    assert method.unmet(before.model_copy(update={"wum_timestamp": None}), newer) == []
    assert method.unmet(newer, newer) == ["WUM's timestamp was 6, and is 6"]
    assert method.unmet(before, newer.model_copy(update={"version": "3.1.0"})) == ["version was 3.0.0, and is 3.1.0"]
    updated = before.model_copy(update={"update_kind": UpdateKind.UPDATES_2, "update_level": 4})
    assert method.unmet(updated, newer) == ["the update level was 4, and is None"]


def test_a_pack_keeps_modes_and_links(home: Home) -> None:
    (home.root / "bin/link.sh").symlink_to("api-cp.sh")
    pack, copy = home.directory / "made.zip", home.directory / "copy"
    make = {"action": "make", "directory": str(home.root), "pack": str(pack), "top": "wso2am-acp-4.5.0"}
    LocalHost().run_python("lifeboat.wso2.packfile", make)
    unpack = {"pack": str(pack), "home": "", "beside": str(copy), "kept": [], "added": []}
    LocalHost().run_python("lifeboat.wso2.packbeside", unpack)
    assert (copy / "bin/link.sh").readlink() == Path("api-cp.sh")
    there = {path.relative_to(copy): path.stat().st_mode for path in copy.rglob("*")}
    assert there == {path.relative_to(home.root): path.stat().st_mode for path in home.root.rglob("*")}


def test_a_script_of_ones_own_is_run_again_when_it_asks_for_that(home: Home) -> None:
    program = (
        "import json, os, sys; home = os.environ['LIFEBOAT_HOME']; first = home + '/updates/first'\n"
        "if not os.path.exists(first): open(first, 'w'); sys.exit(2)\n"
        "level = os.environ['LIFEBOAT_TARGET_LEVEL']\n"
        "open(home + '/updates/config.json', 'w').write(json.dumps({'update-level': level}))"
    )
    assert update(home, home.method("script", settings={"script": ["python3", "-c", program]}, level=3)) == []
    with pytest.raises(UpdateError, match="failed with status 5"):
        update(home, home.method("script", settings={"script": ["sh", "-c", "exit 5"]}, level=4))
